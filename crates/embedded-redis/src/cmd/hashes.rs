use super::{Command, Keys, Outcome, Read, Refusal, Write};
use crate::db::Hash;
use crate::wire::Reply;

pub(super) const COMMANDS: &[Command] = &[
    Command::write("hset", -4, Keys::First, set),
    Command::write("hdel", -3, Keys::First, delete),
    Command::read("hget", 3, Keys::First, get),
    Command::read("hgetall", 2, Keys::First, get_all),
    Command::read("hlen", 2, Keys::First, length),
];

fn set(call: &mut Write<'_>) -> Outcome {
    let pairs = &call.args[1..];
    if !pairs.len().is_multiple_of(2) {
        return Err(Refusal::Arity(call.name.into()));
    }
    let hash = call.db.edit_or_create::<Hash>(&call.args[0])?;
    let pairs = pairs.chunks_exact(2);
    let added = pairs
        .filter(|pair| hash.insert(pair[0].clone(), pair[1].clone()).is_none())
        .count();
    call.log_as_given();
    Ok(Reply::count(added))
}

fn delete(call: &mut Write<'_>) -> Outcome {
    let Some(hash) = call.db.edit::<Hash>(&call.args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let removed = call.args[1..]
        .iter()
        .filter(|field| hash.remove(*field).is_some())
        .count();
    if removed > 0 {
        call.db.remove_if_vacant(&call.args[0]);
        call.log_as_given();
    }
    Ok(Reply::count(removed))
}

fn get(call: &Read<'_>) -> Outcome {
    let value = call
        .db
        .view::<Hash>(&call.args[0])?
        .and_then(|hash| hash.get(&call.args[1]));
    Ok(value.map_or(Reply::Nil, |value| Reply::Bulk(value.clone())))
}

fn get_all(call: &Read<'_>) -> Outcome {
    let entries = call.db.view::<Hash>(&call.args[0])?.into_iter().flatten();
    let pair = |(field, value): (&bytes::Bytes, &bytes::Bytes)| {
        (Reply::Bulk(field.clone()), Reply::Bulk(value.clone()))
    };
    Ok(Reply::Map(entries.map(pair).collect()))
}

fn length(call: &Read<'_>) -> Outcome {
    Ok(Reply::count(
        call.db.view::<Hash>(&call.args[0])?.map_or(0, Hash::len),
    ))
}
