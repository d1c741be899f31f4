//! A key as the commands that build it again: the content of a rewritten append file.

use bytes::Bytes;

use super::{Entry, Stream, StreamId, Value};
use crate::wire::{encode_command, format_double};

/// Elements per command: long enough to be compact, short enough for the limits of a request.
const ELEMENTS: usize = 64;

/// Appends the commands for one key.
pub(crate) fn dump_entry(key: &Bytes, entry: &Entry, out: &mut Vec<u8>) {
    match &entry.value {
        Value::String(text) => encode_command(out, &[b"SET", key, text]),
        Value::List(list) => in_pieces(out, b"RPUSH", key, list.iter()),
        Value::Hash(hash) => {
            in_pieces(
                out,
                b"HSET",
                key,
                hash.iter().flat_map(|(field, value)| [field, value]),
            );
        }
        Value::Set(set) => in_pieces(out, b"SADD", key, set.iter()),
        Value::SortedSet(set) => {
            let members = set
                .iter()
                .flat_map(|(member, score)| [format_double(score.value()).into(), member.clone()]);
            in_pieces(out, b"ZADD", key, members);
        }
        Value::Stream(stream) => dump_stream(out, key, stream),
    }
    if let Some(deadline) = entry.expires_at {
        encode_command(out, &[b"PEXPIREAT", key, deadline.to_string().as_bytes()]);
    }
}

fn in_pieces<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    name: &[u8],
    key: &[u8],
    elements: impl Iterator<Item = T>,
) {
    let elements: Vec<T> = elements.collect();
    for piece in elements.chunks(ELEMENTS) {
        let mut args = vec![name, key];
        args.extend(piece.iter().map(AsRef::as_ref));
        encode_command(out, &args);
    }
}

/// An empty stream still has its last id: an entry that is trimmed at once creates it.
fn dump_stream(out: &mut Vec<u8>, key: &[u8], stream: &Stream) {
    for (id, fields) in stream.range(StreamId::MIN..=StreamId::MAX) {
        let id = id.to_string();
        let mut args: Vec<&[u8]> = vec![b"XADD", key, id.as_bytes()];
        args.extend(fields.iter().map(AsRef::<[u8]>::as_ref));
        encode_command(out, &args);
    }
    let last_id = stream.last_id().to_string();
    if stream.len() == 0 {
        encode_command(out, &[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
    }
    encode_command(out, &[b"XSETID", key, last_id.as_bytes()]);
}
