use bytes::Bytes;

use super::options::{integer, positive, window};
use super::{Command, Keys, Outcome, Read, Refusal, Write};
use crate::db::List;
use crate::wire::Reply;

pub(super) const COMMANDS: &[Command] = &[
    Command::write("lpush", -3, Keys::First, |call| push(call, End::Left)),
    Command::write("rpush", -3, Keys::First, |call| push(call, End::Right)),
    Command::write("lpop", -2, Keys::First, |call| pop(call, End::Left)),
    Command::write("rpop", -2, Keys::First, |call| pop(call, End::Right)),
    Command::write("lrem", 4, Keys::First, remove),
    Command::write("ltrim", 4, Keys::First, trim),
    Command::read("lrange", 4, Keys::First, range),
    Command::read("lindex", 3, Keys::First, index),
    Command::read("llen", 2, Keys::First, length),
];

#[derive(Clone, Copy)]
enum End {
    Left,
    Right,
}

fn push(call: &mut Write<'_>, end: End) -> Outcome {
    let list = call.db.edit_or_create::<List>(&call.args[0])?;
    for element in &call.args[1..] {
        match end {
            End::Left => list.push_front(element.clone()),
            End::Right => list.push_back(element.clone()),
        }
    }
    let length = list.len();
    call.log_as_given();
    Ok(Reply::count(length))
}

fn pop(call: &mut Write<'_>, end: End) -> Outcome {
    if call.args.len() > 2 {
        return Err(Refusal::Arity(call.name.into()));
    }
    let count = call.args.get(1).map(|count| positive(count)).transpose()?;
    let Some(list) = call.db.edit::<List>(&call.args[0])? else {
        return Ok(if count.is_some() {
            Reply::NilArray
        } else {
            Reply::Nil
        });
    };
    let popped = take(list, end, count.unwrap_or(1));
    if !popped.is_empty() {
        call.db.remove_if_vacant(&call.args[0]);
        call.log_as_given();
    }
    Ok(match (count, popped.into_iter()) {
        (Some(_), popped) => Reply::Array(popped.map(Reply::Bulk).collect()),
        (None, mut popped) => popped.next().map_or(Reply::Nil, Reply::Bulk),
    })
}

fn take(list: &mut List, end: End, count: usize) -> Vec<Bytes> {
    let count = count.min(list.len());
    match end {
        End::Left => list.drain(..count).collect(),
        End::Right => list.drain(list.len() - count..).rev().collect(),
    }
}

/// `LREM`: the first `count` matches from the left, from the right if negative, all if zero.
fn remove(call: &mut Write<'_>) -> Outcome {
    let (key, count, element) = (&call.args[0], integer(&call.args[1])?, &call.args[2]);
    let Some(list) = call.db.edit::<List>(key)? else {
        return Ok(Reply::Integer(0));
    };
    let matches = list.iter().filter(|other| *other == element).count();
    let limit = if count == 0 {
        usize::MAX
    } else {
        count.unsigned_abs() as usize
    };
    let removed = matches.min(limit);
    // From the right, the first ones stay.
    let mut spared = if count < 0 { matches - removed } else { 0 };
    let mut left = removed;
    list.retain(|other| {
        if other != element || left == 0 {
            return true;
        }
        if spared > 0 {
            spared -= 1;
            return true;
        }
        left -= 1;
        false
    });
    if removed > 0 {
        call.db.remove_if_vacant(key);
        call.log_as_given();
    }
    Ok(Reply::count(removed))
}

fn trim(call: &mut Write<'_>) -> Outcome {
    let (start, end) = (integer(&call.args[1])?, integer(&call.args[2])?);
    let Some(list) = call.db.edit::<List>(&call.args[0])? else {
        return Ok(Reply::OK);
    };
    let kept = window(start, end, list.len());
    if kept.len() < list.len() {
        list.truncate(kept.end);
        list.drain(..kept.start);
        call.db.remove_if_vacant(&call.args[0]);
        call.log_as_given();
    }
    Ok(Reply::OK)
}

fn range(call: &Read<'_>) -> Outcome {
    let (start, end) = (integer(&call.args[1])?, integer(&call.args[2])?);
    let list = call.db.view::<List>(&call.args[0])?;
    Ok(list.map_or(Reply::Array(vec![]), |list| {
        Reply::bulks(list.range(window(start, end, list.len())))
    }))
}

fn index(call: &Read<'_>) -> Outcome {
    let index = integer(&call.args[1])?;
    let element = call.db.view::<List>(&call.args[0])?.and_then(|list| {
        let from_end = || list.len().checked_sub(index.unsigned_abs() as usize);
        list.get(if index < 0 {
            from_end()?
        } else {
            index as usize
        })
    });
    Ok(element.map_or(Reply::Nil, |element| Reply::Bulk(element.clone())))
}

fn length(call: &Read<'_>) -> Outcome {
    Ok(Reply::count(
        call.db.view::<List>(&call.args[0])?.map_or(0, List::len),
    ))
}
