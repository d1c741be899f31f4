use super::{Command, Keys, Outcome, Read, Write};
use crate::db::Set;
use crate::wire::Reply;

pub(super) const COMMANDS: &[Command] = &[
    Command::write("sadd", -3, Keys::First, add),
    Command::write("srem", -3, Keys::First, remove),
    Command::read("smembers", 2, Keys::First, members),
    Command::read("sismember", 3, Keys::First, contains),
    Command::read("scard", 2, Keys::First, length),
];

fn add(call: &mut Write<'_>) -> Outcome {
    let set = call.db.edit_or_create::<Set>(&call.args[0])?;
    let added = call.args[1..]
        .iter()
        .filter(|member| set.insert((*member).clone()))
        .count();
    if added > 0 {
        call.log_as_given();
    }
    Ok(Reply::count(added))
}

fn remove(call: &mut Write<'_>) -> Outcome {
    let Some(set) = call.db.edit::<Set>(&call.args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let removed = call.args[1..]
        .iter()
        .filter(|member| set.remove(*member))
        .count();
    if removed > 0 {
        call.db.remove_if_vacant(&call.args[0]);
        call.log_as_given();
    }
    Ok(Reply::count(removed))
}

fn members(call: &Read<'_>) -> Outcome {
    let members = call.db.view::<Set>(&call.args[0])?.into_iter().flatten();
    Ok(Reply::Set(members.cloned().map(Reply::Bulk).collect()))
}

fn contains(call: &Read<'_>) -> Outcome {
    let set = call.db.view::<Set>(&call.args[0])?;
    Ok(Reply::flag(
        set.is_some_and(|set| set.contains(&call.args[1])),
    ))
}

fn length(call: &Read<'_>) -> Outcome {
    Ok(Reply::count(
        call.db.view::<Set>(&call.args[0])?.map_or(0, Set::len),
    ))
}
