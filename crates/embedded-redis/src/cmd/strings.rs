use bytes::Bytes;

use super::options::{Options, integer};
use super::{Command, Keys, Outcome, Read, Refusal, Write};
use crate::db::{Entry, Kind, Now, Value};
use crate::wire::{MAX_BULK_BYTES, Reply};

pub(super) const COMMANDS: &[Command] = &[
    Command::read("get", 2, Keys::First, get),
    Command::write("set", -3, Keys::First, set),
    Command::write("setnx", 3, Keys::First, setnx),
    Command::read("mget", -2, Keys::All, mget),
    Command::write("mset", -3, Keys::Alternate, mset),
    Command::write("msetnx", -3, Keys::Alternate, msetnx),
    Command::read("strlen", 2, Keys::First, strlen),
    Command::write("append", 3, Keys::First, append),
    Command::write("incr", 2, Keys::First, |call| add(call, 1)),
    Command::write("decr", 2, Keys::First, |call| add(call, -1)),
    Command::write("incrby", 3, Keys::First, |call| {
        add(call, integer(&call.args[1])?)
    }),
    Command::write("decrby", 3, Keys::First, decrby),
];

fn get(call: &Read<'_>) -> Outcome {
    let text = call.db.view::<Bytes>(&call.args[0])?;
    Ok(text.map_or(Reply::Nil, |text| Reply::Bulk(text.clone())))
}

/// The options of `SET`.
#[derive(Default)]
struct SetOptions {
    only: Option<Only>,
    lifetime: Lifetime,
    get: bool,
}

#[derive(PartialEq)]
enum Only {
    IfAbsent,
    IfPresent,
}

#[derive(Default, PartialEq)]
enum Lifetime {
    #[default]
    Forever,
    Keep,
    /// Milliseconds since 1970.
    Until(u64),
}

impl SetOptions {
    fn read(args: &[Bytes], now: Now) -> Result<Self, Refusal> {
        let (mut read, mut options) = (Self::default(), Options::new(args));
        while let Some(keyword) = options.keyword() {
            let word = keyword.as_str();
            match word {
                "NX" | "XX" => {
                    let only = if word == "NX" {
                        Only::IfAbsent
                    } else {
                        Only::IfPresent
                    };
                    if read.only.as_ref().is_some_and(|earlier| *earlier != only) {
                        return Err(Refusal::Syntax);
                    }
                    read.only = Some(only);
                }
                "GET" => read.get = true,
                "KEEPTTL" if read.lifetime == Lifetime::Forever => read.lifetime = Lifetime::Keep,
                "EX" | "PX" | "EXAT" | "PXAT" if read.lifetime == Lifetime::Forever => {
                    let deadline = deadline(word, options.integer()?, now);
                    read.lifetime = Lifetime::Until(deadline.ok_or(Refusal::ExpireTime("set"))?);
                }
                _ => return Err(Refusal::Syntax),
            }
        }
        Ok(read)
    }

    fn allow(&self, exists: bool) -> bool {
        match self.only {
            None => true,
            Some(Only::IfAbsent) => !exists,
            Some(Only::IfPresent) => exists,
        }
    }
}

/// The moment meant by `EX 10`, `PXAT 1767225600000` and the like; a time of zero or less is none.
fn deadline(unit: &str, amount: i64, now: Now) -> Option<u64> {
    let amount = u64::try_from(amount).ok().filter(|&amount| amount > 0)?;
    let millis = if unit.starts_with('E') {
        amount.checked_mul(1000)?
    } else {
        amount
    };
    let base = if unit.ends_with("AT") {
        0
    } else {
        now.millis()
    };
    millis
        .checked_add(base)
        .filter(|&at| i64::try_from(at).is_ok())
}

fn set(call: &mut Write<'_>) -> Outcome {
    let (key, text) = (&call.args[0], &call.args[1]);
    let options = SetOptions::read(&call.args[2..], call.now)?;
    let old = match options.get {
        true => call
            .db
            .view::<Bytes>(key)?
            .map_or(Reply::Nil, |old| Reply::Bulk(old.clone())),
        false => Reply::Nil,
    };
    if !options.allow(call.db.contains(key)) {
        return Ok(old);
    }
    let value = Value::String(text.clone());
    match options.lifetime {
        Lifetime::Forever => {
            call.db.put(key, value);
            call.log(&[b"SET", key, text]);
        }
        Lifetime::Keep => {
            call.db.replace(key, value);
            call.log(&[b"SET", key, text, b"KEEPTTL"]);
        }
        Lifetime::Until(deadline) => {
            call.db.put_entry(
                key,
                Entry {
                    value,
                    expires_at: Some(deadline),
                },
            );
            call.log(&[b"SET", key, text, b"PXAT", deadline.to_string().as_bytes()]);
        }
    }
    Ok(if options.get { old } else { Reply::OK })
}

fn setnx(call: &mut Write<'_>) -> Outcome {
    let absent = !call.db.contains(&call.args[0]);
    if absent {
        call.db
            .put(&call.args[0], call.args[1].clone().into_value());
        call.log_as_given();
    }
    Ok(Reply::flag(absent))
}

fn mget(call: &Read<'_>) -> Outcome {
    let one = |key| match call.db.view::<Bytes>(key) {
        Ok(Some(text)) => Reply::Bulk(text.clone()),
        _ => Reply::Nil,
    };
    Ok(Reply::Array(call.args.iter().map(one).collect()))
}

fn mset(call: &mut Write<'_>) -> Outcome {
    put_pairs(call)?;
    Ok(Reply::OK)
}

fn msetnx(call: &mut Write<'_>) -> Outcome {
    let absent = !call.args.iter().step_by(2).any(|key| call.db.contains(key));
    if absent || !call.args.len().is_multiple_of(2) {
        put_pairs(call)?;
    }
    Ok(Reply::flag(absent))
}

fn put_pairs(call: &mut Write<'_>) -> Result<(), Refusal> {
    if !call.args.len().is_multiple_of(2) {
        return Err(Refusal::Arity(call.name.into()));
    }
    for pair in call.args.chunks_exact(2) {
        call.db.put(&pair[0], pair[1].clone().into_value());
    }
    call.log_as_given();
    Ok(())
}

fn strlen(call: &Read<'_>) -> Outcome {
    let text = call.db.view::<Bytes>(&call.args[0])?;
    Ok(Reply::count(text.map_or(0, Bytes::len)))
}

fn append(call: &mut Write<'_>) -> Outcome {
    let (key, more) = (&call.args[0], &call.args[1]);
    let old = call.db.view::<Bytes>(key)?.cloned().unwrap_or_default();
    if old.len() + more.len() > MAX_BULK_BYTES {
        return Err(Refusal::other(
            "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ));
    }
    let text = [old, more.clone()].concat();
    let length = text.len();
    call.db.replace(key, Value::String(text.into()));
    call.log_as_given();
    Ok(Reply::count(length))
}

fn decrby(call: &mut Write<'_>) -> Outcome {
    let decrement = integer(&call.args[1])?;
    let increment = decrement.checked_neg();
    add(
        call,
        increment.ok_or(Refusal::other("ERR decrement would overflow"))?,
    )
}

fn add(call: &mut Write<'_>, increment: i64) -> Outcome {
    let key = &call.args[0];
    let old = call
        .db
        .view::<Bytes>(key)?
        .map_or(Ok(0), |text| integer(text))?;
    let sum = old.checked_add(increment).ok_or(Refusal::Overflow)?;
    call.db.replace(key, Value::String(sum.to_string().into()));
    call.log_as_given();
    Ok(Reply::Integer(sum))
}
