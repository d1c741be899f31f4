use bytes::Bytes;

use super::options::integer;
use super::{Command, Keys, Outcome, Read, Refusal, Write};
use crate::db::{Entry, Now};
use crate::wire::Reply;

pub(super) const COMMANDS: &[Command] = &[
    Command::read("ttl", 2, Keys::First, |call| {
        Ok(time_to_live(call, |ms| (ms + 500) / 1000))
    }),
    Command::read("pttl", 2, Keys::First, |call| {
        Ok(time_to_live(call, |ms| ms))
    }),
    Command::write("expire", -3, Keys::First, |call| expire(call, 1000, true)),
    Command::write("pexpire", -3, Keys::First, |call| expire(call, 1, true)),
    Command::write("expireat", -3, Keys::First, |call| {
        expire(call, 1000, false)
    }),
    Command::write("pexpireat", -3, Keys::First, |call| expire(call, 1, false)),
    Command::write("persist", 2, Keys::First, persist),
];

fn time_to_live(call: &Read<'_>, unit: fn(u64) -> u64) -> Reply {
    Reply::Integer(match call.db.get(&call.args[0]) {
        None => -2,
        Some(Entry {
            expires_at: None, ..
        }) => -1,
        Some(Entry {
            expires_at: Some(deadline),
            ..
        }) => unit(deadline.saturating_sub(call.now.millis())) as i64,
    })
}

/// `EXPIRE` and its kin: `scale` milliseconds per unit, counted from now if `relative`.
fn expire(call: &mut Write<'_>, scale: i64, relative: bool) -> Outcome {
    let deadline = deadline_after(integer(&call.args[1])?, scale, relative, call.now)
        .ok_or(Refusal::ExpireTime(call.name))?;
    let condition = Condition::read(&call.args[2..])?;
    let key = &call.args[0];
    let Some(current) = call.db.get(key).map(|entry| entry.expires_at) else {
        return Ok(Reply::flag(false));
    };
    if !condition.allows(current, deadline) {
        return Ok(Reply::flag(false));
    }
    if deadline <= call.now.millis() {
        call.db.remove(key);
        call.log(&[b"DEL", key]);
    } else {
        call.db.set_deadline(key, Some(deadline));
        call.log(&[b"PEXPIREAT", key, deadline.to_string().as_bytes()]);
    }
    Ok(Reply::flag(true))
}

/// Milliseconds since 1970; a moment before that is as past as 1970 itself.
fn deadline_after(amount: i64, scale: i64, relative: bool, now: Now) -> Option<u64> {
    let base = if relative { now.millis() as i64 } else { 0 };
    let deadline = amount.checked_mul(scale)?.checked_add(base)?;
    Some(deadline.max(0) as u64)
}

/// When `EXPIRE` may act; each is a condition on the deadline that the key has.
#[derive(Default)]
struct Condition {
    if_none: bool,
    if_any: bool,
    if_later: bool,
    if_earlier: bool,
}

impl Condition {
    fn read(args: &[Bytes]) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for word in args {
            match word.to_ascii_uppercase().as_slice() {
                b"NX" => read.if_none = true,
                b"XX" => read.if_any = true,
                b"GT" => read.if_later = true,
                b"LT" => read.if_earlier = true,
                _ => return Err(unsupported_option(word)),
            }
        }
        if read.if_none && (read.if_any || read.if_later || read.if_earlier) {
            return Err(Refusal::other(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if read.if_later && read.if_earlier {
            return Err(Refusal::other(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(read)
    }

    /// A key without a deadline lives for ever, which is later than any deadline.
    fn allows(&self, current: Option<u64>, new: u64) -> bool {
        !(self.if_none && current.is_some()
            || self.if_any && current.is_none()
            || self.if_later && current.is_none_or(|current| new <= current)
            || self.if_earlier && current.is_some_and(|current| new >= current))
    }
}

fn unsupported_option(word: &[u8]) -> Refusal {
    let word = String::from_utf8_lossy(&word[..word.len().min(64)]);
    Refusal::Other(format!("ERR Unsupported option {word}").into())
}

fn persist(call: &mut Write<'_>) -> Outcome {
    let key = &call.args[0];
    let volatile = call
        .db
        .get(key)
        .is_some_and(|entry| entry.expires_at.is_some());
    if volatile {
        call.db.set_deadline(key, None);
        call.log_as_given();
    }
    Ok(Reply::flag(volatile))
}
