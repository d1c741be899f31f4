//! The wire format, RESP2 and RESP3: requests in, replies out.
//!
//! A server reads only one shape of RESP, a flat array of bulk strings (or an inline line), from
//! peers it does not trust. A general decoder recurses as deep as the peer likes and starts over
//! with every packet, so [`RequestParser`] reads just that shape, incrementally, under limits.
//! Replies keep what a general frame type loses: the order of a map's keys, and RESP2's two nils.

mod inline;
mod number;
mod reply;
mod request;

pub(crate) use number::{format_double, parse_double, parse_integer};
pub(crate) use reply::{Protocol, Reply};
pub(crate) use request::{MAX_BULK_BYTES, Request, RequestLimits, RequestParser};

/// Appends one command as RESP array of bulk strings, the form of requests and of the append file.
pub(crate) fn encode_command(out: &mut Vec<u8>, args: &[&[u8]]) {
    length_line(out, b'*', args.len());
    for arg in args {
        length_line(out, b'$', arg.len());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

fn length_line(out: &mut Vec<u8>, kind: u8, length: usize) {
    out.push(kind);
    out.extend_from_slice(length.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}
