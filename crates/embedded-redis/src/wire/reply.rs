use bytes::{BufMut, Bytes, BytesMut};

use super::format_double;

/// Which version of RESP a connection speaks; `HELLO` changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

/// One answer, independent of the protocol version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Simple(&'static str),
    /// An error line, its code first (`ERR …`, `WRONGTYPE …`).
    Error(String),
    Integer(i64),
    Bulk(Bytes),
    Double(f64),
    Nil,
    /// The nil of a reply that would otherwise be an array; RESP2 tells the two apart.
    NilArray,
    Array(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
    Set(Vec<Reply>),
    /// Members with their scores: pairs in RESP3, one flat list in RESP2.
    Scored(Vec<(Bytes, f64)>),
    /// Plain text for people; a bulk string in RESP2.
    Text(String),
}

impl Reply {
    pub(crate) const OK: Self = Self::Simple("OK");

    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        Self::Bulk(text.into())
    }

    pub(crate) fn count(count: usize) -> Self {
        Self::Integer(count as i64)
    }

    pub(crate) fn flag(flag: bool) -> Self {
        Self::Integer(flag.into())
    }

    pub(crate) fn bulks<'a>(items: impl IntoIterator<Item = &'a Bytes>) -> Self {
        Self::Array(items.into_iter().cloned().map(Self::Bulk).collect())
    }

    /// Appends the reply to `out`.
    pub(crate) fn encode(&self, protocol: Protocol, out: &mut BytesMut) {
        let resp3 = protocol == Protocol::Resp3;
        match self {
            Self::Simple(text) => line(out, b'+', text.as_bytes()),
            Self::Error(text) => error_line(out, text),
            Self::Integer(value) => line(out, b':', value.to_string().as_bytes()),
            Self::Bulk(bytes) => bulk(out, b'$', &[bytes]),
            Self::Double(value) => double(out, *value, resp3),
            Self::Nil | Self::NilArray if resp3 => line(out, b'_', b""),
            Self::Nil => line(out, b'$', b"-1"),
            Self::NilArray => line(out, b'*', b"-1"),
            Self::Array(items) => sequence(out, b'*', items, protocol),
            Self::Set(items) => sequence(out, if resp3 { b'~' } else { b'*' }, items, protocol),
            Self::Map(entries) => map(out, entries, protocol),
            Self::Scored(members) => scored(out, members, resp3),
            Self::Text(text) if resp3 => bulk(out, b'=', &[b"txt:", text.as_bytes()]),
            Self::Text(text) => bulk(out, b'$', &[text.as_bytes()]),
        }
    }
}

fn line(out: &mut BytesMut, kind: u8, text: &[u8]) {
    out.put_u8(kind);
    out.put_slice(text);
    out.put_slice(b"\r\n");
}

/// An error quotes what the peer sent, and a line break in it would begin a reply of its own.
fn error_line(out: &mut BytesMut, text: &str) {
    line(out, b'-', text.replace(['\r', '\n'], " ").as_bytes());
}

fn length(out: &mut BytesMut, kind: u8, length: usize) {
    line(out, kind, length.to_string().as_bytes());
}

fn bulk(out: &mut BytesMut, kind: u8, parts: &[&[u8]]) {
    length(out, kind, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.put_slice(part);
    }
    out.put_slice(b"\r\n");
}

fn double(out: &mut BytesMut, value: f64, resp3: bool) {
    let text = format_double(value);
    if resp3 {
        line(out, b',', text.as_bytes())
    } else {
        bulk(out, b'$', &[text.as_bytes()])
    }
}

fn sequence(out: &mut BytesMut, kind: u8, items: &[Reply], protocol: Protocol) {
    length(out, kind, items.len());
    for item in items {
        item.encode(protocol, out);
    }
}

fn map(out: &mut BytesMut, entries: &[(Reply, Reply)], protocol: Protocol) {
    match protocol {
        Protocol::Resp3 => length(out, b'%', entries.len()),
        Protocol::Resp2 => length(out, b'*', entries.len() * 2),
    }
    for (key, value) in entries {
        key.encode(protocol, out);
        value.encode(protocol, out);
    }
}

fn scored(out: &mut BytesMut, members: &[(Bytes, f64)], resp3: bool) {
    length(
        out,
        b'*',
        if resp3 {
            members.len()
        } else {
            members.len() * 2
        },
    );
    for (member, score) in members {
        if resp3 {
            length(out, b'*', 2);
        }
        bulk(out, b'$', &[member]);
        double(out, *score, resp3);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redis_protocol::{resp2, resp3};

    use super::*;

    fn encoded(reply: &Reply, protocol: Protocol) -> BytesMut {
        let mut out = BytesMut::new();
        reply.encode(protocol, &mut out);
        out
    }

    #[test]
    fn each_version_has_its_own_spelling() {
        let pair = || (Reply::text("a"), Reply::Integer(1));
        let rows = [
            (Reply::OK, "+OK\r\n", "+OK\r\n"),
            (Reply::Nil, "$-1\r\n", "_\r\n"),
            (Reply::NilArray, "*-1\r\n", "_\r\n"),
            (Reply::Double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (
                Reply::Map(vec![pair()]),
                "*2\r\n$1\r\na\r\n:1\r\n",
                "%1\r\n$1\r\na\r\n:1\r\n",
            ),
            (
                Reply::Set(vec![Reply::OK]),
                "*1\r\n+OK\r\n",
                "~1\r\n+OK\r\n",
            ),
            (Reply::Text("hi".into()), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
            (
                Reply::Scored(vec![(Bytes::from_static(b"m"), 2.0)]),
                "*2\r\n$1\r\nm\r\n$1\r\n2\r\n",
                "*1\r\n*2\r\n$1\r\nm\r\n,2\r\n",
            ),
        ];
        for (reply, two, three) in rows {
            assert_eq!(encoded(&reply, Protocol::Resp2), two, "{reply:?}");
            assert_eq!(encoded(&reply, Protocol::Resp3), three, "{reply:?}");
        }
    }

    #[test]
    fn an_error_stays_one_line() {
        let reply = Reply::Error("ERR unknown 'a\r\n+OK'".into());
        assert_eq!(
            encoded(&reply, Protocol::Resp2),
            "-ERR unknown 'a  +OK'\r\n"
        );
    }

    fn any_reply() -> impl Strategy<Value = Reply> {
        let leaf = prop_oneof![
            Just(Reply::OK),
            "ERR [a-z ]{0,9}".prop_map(Reply::Error),
            any::<i64>().prop_map(Reply::Integer),
            prop::collection::vec(any::<u8>(), 0..30).prop_map(|b| Reply::Bulk(b.into())),
            any::<i32>().prop_map(|n| Reply::Double(f64::from(n) / 8.0)),
            Just(Reply::Nil),
            "[a-z\r\n]{0,20}".prop_map(Reply::Text),
        ];
        leaf.prop_recursive(3, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Reply::Array),
                prop::collection::vec(
                    ("[a-z]{1,4}".prop_map(|k| Reply::Bulk(k.into())), inner),
                    0..6
                )
                .prop_map(Reply::Map),
            ]
        })
    }

    proptest! {
        /// The decoder is another project's: it must find exactly one frame.
        #[test]
        fn every_reply_is_one_whole_frame(reply in any_reply()) {
            let two = encoded(&reply, Protocol::Resp2).freeze();
            let (_, length) = resp2::decode::decode_bytes(&two).unwrap().unwrap();
            prop_assert_eq!(length, two.len());
            let three = encoded(&reply, Protocol::Resp3).freeze();
            let (_, length) = resp3::decode::complete::decode_bytes(&three).unwrap().unwrap();
            prop_assert_eq!(length, three.len());
        }
    }
}
