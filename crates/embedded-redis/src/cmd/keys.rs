use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;

use super::options::Options;
use super::{Command, Keys, Outcome, Read, Refusal, Write};
use crate::db::Entry;
use crate::glob;
use crate::wire::Reply;

pub(super) const COMMANDS: &[Command] = &[
    Command::write("del", -2, Keys::All, del),
    Command::write("unlink", -2, Keys::All, del),
    Command::read("exists", -2, Keys::All, exists),
    Command::read("type", 2, Keys::First, type_of),
    Command::write("rename", 3, Keys::FirstTwo, rename),
    Command::read("scan", -2, Keys::None, scan),
    Command::read("keys", 2, Keys::None, keys),
    Command::read("randomkey", 1, Keys::None, random_key),
    Command::read("dbsize", 1, Keys::None, |call| {
        Ok(Reply::count(call.db.len()))
    }),
    Command::write("flushdb", -1, Keys::None, flush),
    Command::write("flushall", -1, Keys::None, flush),
];

fn del(call: &mut Write<'_>) -> Outcome {
    let removed = call
        .args
        .iter()
        .filter(|key| call.db.remove(key).is_some())
        .count();
    if removed > 0 {
        call.log_as_given();
    }
    Ok(Reply::count(removed))
}

fn exists(call: &Read<'_>) -> Outcome {
    Ok(Reply::count(
        call.args.iter().filter(|key| call.db.contains(key)).count(),
    ))
}

fn type_of(call: &Read<'_>) -> Outcome {
    let entry = call.db.get(&call.args[0]);
    Ok(Reply::Simple(
        entry.map_or("none", |entry| entry.value.type_name()),
    ))
}

fn rename(call: &mut Write<'_>) -> Outcome {
    let (from, to) = (&call.args[0], &call.args[1]);
    let entry = call
        .db
        .remove(from)
        .ok_or(Refusal::other("ERR no such key"))?;
    call.db.put_entry(to, entry);
    call.log_as_given();
    Ok(Reply::OK)
}

/// What `SCAN` looks for.
#[derive(Default)]
struct Filter<'a> {
    pattern: Option<&'a Bytes>,
    type_name: Option<&'a Bytes>,
}

impl Filter<'_> {
    fn accepts(&self, key: &Bytes, entry: &Entry) -> bool {
        let type_name = entry.value.type_name().as_bytes();
        self.pattern
            .is_none_or(|pattern| glob::matches(pattern, key))
            && self
                .type_name
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(type_name))
    }
}

fn scan(call: &Read<'_>) -> Outcome {
    let cursor = std::str::from_utf8(&call.args[0])
        .ok()
        .and_then(|cursor| cursor.parse().ok());
    let cursor = cursor.ok_or(Refusal::other("ERR invalid cursor"))?;
    let (mut filter, mut count) = (Filter::default(), 10);
    let mut options = Options::new(&call.args[1..]);
    while let Some(keyword) = options.keyword() {
        match keyword.as_str() {
            "MATCH" => filter.pattern = Some(options.value()?),
            "TYPE" => filter.type_name = Some(options.value()?),
            "COUNT" => count = options.integer()?,
            _ => return Err(Refusal::Syntax),
        }
    }
    if count < 1 {
        return Err(Refusal::Syntax);
    }
    let (next, page) = call.db.scan(cursor, count as usize);
    let found = page
        .into_iter()
        .filter(|(key, entry)| !entry.is_expired(call.now) && filter.accepts(key, entry));
    Ok(Reply::Array(vec![
        Reply::text(next.to_string()),
        Reply::bulks(found.map(|(key, _)| key)),
    ]))
}

fn keys(call: &Read<'_>) -> Outcome {
    let found = call
        .db
        .iter()
        .filter(|(key, entry)| !entry.is_expired(call.now) && glob::matches(&call.args[0], key));
    Ok(Reply::bulks(found.map(|(key, _)| key)))
}

/// Chance comes from the clock that the caller passed, so that a test can repeat it.
fn random_key(call: &Read<'_>) -> Outcome {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(call.now.micros());
    let key = call.db.key_at(hasher.finish(), call.now);
    Ok(key.map_or(Reply::Nil, |key| Reply::Bulk(key.clone())))
}

fn flush(call: &mut Write<'_>) -> Outcome {
    let mut options = Options::new(call.args);
    match (
        options.keyword().as_ref().map(|word| word.as_str()),
        options.rest(),
    ) {
        (None | Some("SYNC" | "ASYNC"), []) => {}
        _ => return Err(Refusal::Syntax),
    }
    if !call.db.is_empty() {
        call.db.clear();
        call.log(&[b"FLUSHALL"]);
    }
    Ok(Reply::OK)
}
