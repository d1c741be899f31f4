use bytes::Bytes;

use super::options::integer;
use super::streams::stream_id;
use super::{Command, Keys, Outcome, Read, Refusal};
use crate::db::{Stream, StreamId};
use crate::wire::Reply;

pub(super) const COMMANDS: &[Command] = &[
    Command::read("xrange", -4, Keys::First, |call| {
        range(call, Direction::Forward)
    }),
    Command::read("xrevrange", -4, Keys::First, |call| {
        range(call, Direction::Backward)
    }),
];

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Forward,
    Backward,
}

fn range(call: &Read<'_>, direction: Direction) -> Outcome {
    let backward = direction == Direction::Backward;
    let (start, end) = if backward { (2, 1) } else { (1, 2) };
    let (start, end) = (
        lower_bound(&call.args[start])?,
        upper_bound(&call.args[end])?,
    );
    let count = match &call.args[3..] {
        [] => usize::MAX,
        [keyword, count] if keyword.eq_ignore_ascii_case(b"COUNT") => {
            integer(count)?.max(0) as usize
        }
        _ => return Err(Refusal::Syntax),
    };
    let Some(stream) = call.db.view::<Stream>(&call.args[0])? else {
        return Ok(Reply::Array(vec![]));
    };
    if count == 0 {
        return Ok(Reply::NilArray);
    }
    let range = stream.range(start..=end);
    Ok(Reply::Array(match direction {
        Direction::Forward => range.take(count).map(entry).collect(),
        Direction::Backward => range.rev().take(count).map(entry).collect(),
    }))
}

fn entry((id, fields): (StreamId, &Vec<Bytes>)) -> Reply {
    Reply::Array(vec![Reply::text(id.to_string()), Reply::bulks(fields)])
}

fn lower_bound(text: &[u8]) -> Result<StreamId, Refusal> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        [b'(', text @ ..] => stream_id(text, 0)?
            .next()
            .ok_or(Refusal::other("ERR invalid start ID for the interval")),
        _ => stream_id(text, 0),
    }
}

fn upper_bound(text: &[u8]) -> Result<StreamId, Refusal> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        [b'(', text @ ..] => stream_id(text, u64::MAX)?
            .previous()
            .ok_or(Refusal::other("ERR invalid end ID for the interval")),
        _ => stream_id(text, u64::MAX),
    }
}
