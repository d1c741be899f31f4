use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use super::{inline, parse_integer};

/// The longest argument, in bytes; also the longest string that `APPEND` may build.
pub(crate) const MAX_BULK_BYTES: usize = 16 * 1024 * 1024;

/// The longest header line (`*3`, `$16`) and inline request, in bytes, as in Redis.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// One request: the command's name and its arguments, never empty.
///
/// Each argument owns its bytes, so that a stored value does not keep a whole read buffer alive.
pub(crate) type Request = Vec<Bytes>;

/// What a peer sent that is not a request. The connection ends after the error reply, because
/// nobody knows where the next request would begin.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ProtocolError {
    #[error("Protocol error: invalid multibulk length")]
    ArrayLength,
    #[error("Protocol error: invalid bulk length")]
    BulkLength,
    #[error("Protocol error: expected '$', got '{}'", .0.escape_ascii())]
    NotABulk(u8),
    #[error("Protocol error: argument without its line end")]
    NoLineEnd,
    #[error("Protocol error: request larger than {0} bytes")]
    RequestTooLarge(usize),
    #[error("Protocol error: too big mbulk count string")]
    HeaderTooLong,
    #[error("Protocol error: too big inline request")]
    InlineTooLong,
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
}

/// What one request may hold at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLimits {
    pub(crate) elements: usize,
    pub(crate) bulk_bytes: usize,
    /// All arguments of one request together.
    pub(crate) request_bytes: usize,
}

impl RequestLimits {
    /// For a peer that may use the store.
    pub(crate) const OPEN: Self = Self {
        elements: 64 * 1024,
        bulk_bytes: MAX_BULK_BYTES,
        request_bytes: 64 * 1024 * 1024,
    };

    /// For a peer that still owes the password (Redis: 10 arguments of 16 KiB).
    pub(crate) const BEFORE_AUTH: Self = Self {
        elements: 10,
        bulk_bytes: 16 * 1024,
        request_bytes: 160 * 1024,
    };

    /// For the append file, whose frames have a length of their own.
    pub(crate) const NONE: Self = Self {
        elements: i32::MAX as usize,
        bulk_bytes: u32::MAX as usize,
        request_bytes: u32::MAX as usize,
    };
}

/// Cuts requests out of a byte stream; what was read of an unfinished one is never read again.
#[derive(Debug, Default)]
pub(crate) struct RequestParser {
    args: Vec<Bytes>,
    bytes: usize,
    /// Arguments still to come; zero between requests.
    missing: usize,
    /// Length of the argument whose header has been read.
    bulk: Option<usize>,
}

impl RequestParser {
    /// The next whole request of `input`, or `None` until more bytes arrive. Empty requests (a
    /// blank line, `*0`) are skipped, as in Redis.
    pub(crate) fn next(
        &mut self,
        input: &mut BytesMut,
        limits: RequestLimits,
    ) -> Result<Option<Request>, ProtocolError> {
        loop {
            let progress = match input.first() {
                None => return Ok(None),
                Some(_) if self.missing > 0 => self.argument(input, limits)?,
                Some(b'*') => self.array_header(input, limits)?,
                Some(_) => self.inline(input, limits)?,
            };
            if !progress {
                return Ok(None);
            }
            if self.missing == 0 && !self.args.is_empty() {
                self.bytes = 0;
                return Ok(Some(std::mem::take(&mut self.args)));
            }
        }
    }

    /// True between two requests: an end of the stream here loses nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.missing == 0
    }

    fn array_header(
        &mut self,
        input: &mut BytesMut,
        limits: RequestLimits,
    ) -> Result<bool, ProtocolError> {
        let Some(line) = take_line(input).ok_or(ProtocolError::HeaderTooLong)? else {
            return Ok(false);
        };
        let length = parse_integer(&line[1..]).ok_or(ProtocolError::ArrayLength)?;
        if length > limits.elements as i64 {
            return Err(ProtocolError::ArrayLength);
        }
        self.missing = length.max(0) as usize;
        // The peer only announces: memory follows the bytes that really come.
        self.args.reserve(self.missing.min(64));
        Ok(true)
    }

    fn argument(
        &mut self,
        input: &mut BytesMut,
        limits: RequestLimits,
    ) -> Result<bool, ProtocolError> {
        let Some(length) = self.bulk_length(input, limits)? else {
            return Ok(false);
        };
        if input.len() < length + 2 {
            return Ok(false);
        }
        if &input[length..length + 2] != b"\r\n" {
            return Err(ProtocolError::NoLineEnd);
        }
        self.args.push(Bytes::copy_from_slice(&input[..length]));
        input.advance(length + 2);
        self.bulk = None;
        self.missing -= 1;
        Ok(true)
    }

    fn bulk_length(
        &mut self,
        input: &mut BytesMut,
        limits: RequestLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.bulk.is_some() {
            return Ok(self.bulk);
        }
        if input[0] != b'$' {
            return Err(ProtocolError::NotABulk(input[0]));
        }
        let Some(line) = take_line(input).ok_or(ProtocolError::HeaderTooLong)? else {
            return Ok(None);
        };
        let length = parse_integer(&line[1..])
            .and_then(|length| usize::try_from(length).ok())
            .filter(|&length| length <= limits.bulk_bytes)
            .ok_or(ProtocolError::BulkLength)?;
        self.bytes += length;
        if self.bytes > limits.request_bytes {
            return Err(ProtocolError::RequestTooLarge(limits.request_bytes));
        }
        self.bulk = Some(length);
        Ok(self.bulk)
    }

    fn inline(
        &mut self,
        input: &mut BytesMut,
        limits: RequestLimits,
    ) -> Result<bool, ProtocolError> {
        let Some(line) = take_line(input).ok_or(ProtocolError::InlineTooLong)? else {
            return Ok(false);
        };
        self.args = inline::split(&line).ok_or(ProtocolError::UnbalancedQuotes)?;
        if self.args.len() > limits.elements {
            return Err(ProtocolError::ArrayLength);
        }
        Ok(true)
    }
}

/// Takes a line without its end; `Some(None)` while it is incomplete, `None` when it is too long.
fn take_line(input: &mut BytesMut) -> Option<Option<BytesMut>> {
    let window = &input[..input.len().min(MAX_LINE_BYTES)];
    let Some(end) = window.iter().position(|&byte| byte == b'\n') else {
        return (window.len() < MAX_LINE_BYTES).then_some(None);
    };
    let mut line = input.split_to(end + 1);
    line.truncate(end);
    if line.last() == Some(&b'\r') {
        line.truncate(end - 1);
    }
    Some(Some(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redis_protocol::resp2::{encode::extend_encode, types::BytesFrame};

    use super::*;

    fn parse_all(bytes: &[u8]) -> Result<Vec<Request>, ProtocolError> {
        let mut input = BytesMut::from(bytes);
        let mut parser = RequestParser::default();
        let mut requests = Vec::new();
        while let Some(request) = parser.next(&mut input, RequestLimits::OPEN)? {
            requests.push(request);
        }
        Ok(requests)
    }

    fn words(text: &str) -> Request {
        text.split(' ')
            .map(|word| Bytes::copy_from_slice(word.as_bytes()))
            .collect()
    }

    #[test]
    fn arrays_and_inline_lines_may_be_mixed() {
        let bytes = b"PING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n\r\n*0\r\n*-1\r\nECHO 'a b'\n";
        let mut expected = vec![words("PING"), words("GET a"), words("ECHO x")];
        expected[2][1] = Bytes::from_static(b"a b");
        assert_eq!(parse_all(bytes).unwrap(), expected);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (bytes, error) in [
            (&b"*x\r\n"[..], ProtocolError::ArrayLength),
            (b"*65537\r\n", ProtocolError::ArrayLength),
            (b"*1\r\n:1\r\n", ProtocolError::NotABulk(b':')),
            (b"*1\r\n*1\r\n", ProtocolError::NotABulk(b'*')),
            (b"*1\r\n$-1\r\n", ProtocolError::BulkLength),
            (b"*1\r\n$16777217\r\n", ProtocolError::BulkLength),
            (b"*1\r\n$1\r\nabc", ProtocolError::NoLineEnd),
            (b"SET a \"b\r\n", ProtocolError::UnbalancedQuotes),
        ] {
            assert_eq!(
                parse_all(bytes).unwrap_err(),
                error,
                "{}",
                bytes.escape_ascii()
            );
        }
        assert_eq!(
            parse_all(&[b'a'; MAX_LINE_BYTES]).unwrap_err(),
            ProtocolError::InlineTooLong
        );
    }

    #[test]
    fn the_arguments_of_one_request_are_limited_together() {
        let limits = RequestLimits {
            elements: 9,
            bulk_bytes: 4,
            request_bytes: 6,
        };
        let mut input = BytesMut::from(&b"*2\r\n$4\r\nECHO\r\n$3\r\n"[..]);
        let error = RequestParser::default()
            .next(&mut input, limits)
            .unwrap_err();
        assert_eq!(error, ProtocolError::RequestTooLarge(6));
    }

    proptest! {
        #[test]
        fn any_bytes_are_requests_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_all(&bytes);
        }

        #[test]
        fn almost_requests_never_panic(text in "[*$:\\-0-9a\"'\\\\x\r\n ]{0,80}") {
            let _ = parse_all(text.as_bytes());
        }

        /// The encoder is another project's; the stream arrives in pieces of any size.
        #[test]
        fn a_request_is_read_back_however_the_stream_is_cut(
            requests in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..6), 1..4),
            piece in 1..50_usize,
        ) {
            let mut bytes = BytesMut::new();
            for request in &requests {
                let bulk = |arg: &Vec<u8>| BytesFrame::BulkString(arg.clone().into());
                let frame = BytesFrame::Array(request.iter().map(bulk).collect());
                extend_encode(&mut bytes, &frame, false).unwrap();
            }
            let (mut input, mut parser, mut read) = (BytesMut::new(), RequestParser::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                input.extend_from_slice(piece);
                while let Some(request) = parser.next(&mut input, RequestLimits::OPEN).unwrap() {
                    read.push(request.iter().map(|arg| arg.to_vec()).collect::<Vec<_>>());
                }
            }
            prop_assert_eq!(read, requests);
            prop_assert!(parser.is_idle() && input.is_empty());
        }
    }
}
