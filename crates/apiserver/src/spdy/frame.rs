//! Frames and their bytes. Pure.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::headers::{EmptyBlocks, Headers, Inflater};

/// Bytes before a frame's payload.
const HEAD: usize = 8;
/// Largest payload accepted: clients copy in pages of 32 KiB.
const MAX_PAYLOAD: usize = 1024 * 1024;
/// The version in the first two bytes of a control frame, with the control bit.
const CONTROL: u16 = 0x8003;
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const FIN: u8 = 1;
/// `CANCEL`: the stream is not wanted any more.
const CANCEL: u32 = 5;

/// What a client of these protocols sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Frame {
    /// A new stream.
    Open {
        id: u32,
        headers: Headers,
        fin: bool,
    },
    /// Bytes of a stream.
    Data { id: u32, bytes: Bytes, fin: bool },
    /// The end of a stream, both ways.
    Reset { id: u32 },
    /// To be sent back.
    Ping { id: u32 },
    /// The client opens no more streams.
    GoAway,
}

/// Bytes that are no SPDY, or more than is accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Violation(pub(super) &'static str);

/// Makes frames of bytes, wherever these are cut.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: BytesMut,
    inflater: Inflater,
}

/// Makes bytes of frames.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    blocks: EmptyBlocks,
}

impl Decoder {
    /// Takes more bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; none where bytes are missing. Frames without a meaning here (settings,
    /// window updates) are skipped.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Violation> {
        while let Some((head, payload)) = self.take()? {
            if let Some(frame) = self.frame(head, payload)? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn take(&mut self) -> Result<Option<(u64, Bytes)>, Violation> {
        let Some(head) = self.buffer.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let length = usize::from(head[5]) << 16 | usize::from(head[6]) << 8 | usize::from(head[7]);
        if length > MAX_PAYLOAD {
            return Err(Violation("a frame is too large"));
        }
        if self.buffer.len() < HEAD + length {
            self.buffer.reserve(HEAD + length - self.buffer.len());
            return Ok(None);
        }
        let head = self.buffer.get_u64();
        Ok(Some((head, self.buffer.split_to(length).freeze())))
    }

    fn frame(&mut self, head: u64, payload: Bytes) -> Result<Option<Frame>, Violation> {
        let [a, b, c, d, flags, ..] = head.to_be_bytes();
        let fin = flags & FIN != 0;
        let first = u16::from_be_bytes([a, b]);
        if first & 0x8000 == 0 {
            let id = u32::from_be_bytes([a, b, c, d]);
            return Ok(Some(Frame::Data {
                id,
                bytes: payload,
                fin,
            }));
        }
        if first != CONTROL {
            return Err(Violation("a frame is not of SPDY/3"));
        }
        self.control(u16::from_be_bytes([c, d]), fin, &payload)
    }

    fn control(
        &mut self,
        kind: u16,
        fin: bool,
        payload: &[u8],
    ) -> Result<Option<Frame>, Violation> {
        let short = Violation("a control frame is too short");
        let id = || -> Result<u32, Violation> {
            let id = payload.first_chunk::<4>().ok_or(short)?;
            Ok(u32::from_be_bytes(*id) & 0x7fff_ffff)
        };
        Ok(Some(match kind {
            SYN_STREAM => {
                // After the id: the associated stream, priority and slot.
                let block = payload.get(10..).ok_or(short)?;
                let headers = self.inflater.headers(block)?;
                Frame::Open {
                    id: id()?,
                    headers,
                    fin,
                }
            }
            RST_STREAM => Frame::Reset { id: id()? },
            // A ping's id is a whole u32.
            PING => Frame::Ping {
                id: u32::from_be_bytes(*payload.first_chunk::<4>().ok_or(short)?),
            },
            GOAWAY => Frame::GoAway,
            _ => return Ok(None),
        }))
    }
}

impl Encoder {
    /// The answer to [`Frame::Open`].
    pub(super) fn reply(&mut self, id: u32) -> Bytes {
        let block = self.blocks.next();
        let mut frame = control(SYN_REPLY, 4 + block.len());
        frame.put_u32(id);
        frame.put_slice(block);
        frame.freeze()
    }
}

/// Bytes of a stream, at most 16 MiB at once; `fin` says that they are the last.
pub(super) fn data(id: u32, bytes: &[u8], fin: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEAD + bytes.len());
    frame.put_u32(id & 0x7fff_ffff);
    frame.put_u8(if fin { FIN } else { 0 });
    put_length(&mut frame, bytes.len());
    frame.put_slice(bytes);
    frame.freeze()
}

/// The end of a stream that is not wanted.
pub(super) fn reset(id: u32) -> Bytes {
    let mut frame = control(RST_STREAM, 8);
    frame.put_u32(id);
    frame.put_u32(CANCEL);
    frame.freeze()
}

/// The answer to [`Frame::Ping`].
pub(super) fn pong(id: u32) -> Bytes {
    let mut frame = control(PING, 4);
    frame.put_u32(id);
    frame.freeze()
}

fn control(kind: u16, length: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(HEAD + length);
    frame.put_u16(CONTROL);
    frame.put_u16(kind);
    frame.put_u8(0);
    put_length(&mut frame, length);
    frame
}

fn put_length(frame: &mut BytesMut, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    frame.put_slice(&length.to_be_bytes()[1..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::headers::tests::Deflater;
    use super::*;

    /// A client's bytes of a frame.
    fn bytes_of(frame: &Frame, deflater: &mut Deflater) -> Vec<u8> {
        match frame {
            Frame::Data { id, bytes, fin } => data(*id, bytes, *fin).to_vec(),
            Frame::Reset { id } => reset(*id).to_vec(),
            Frame::Ping { id } => pong(*id).to_vec(),
            Frame::GoAway => [&control(GOAWAY, 8)[..], &[0; 8]].concat(),
            Frame::Open { id, headers, fin } => {
                let block = deflater.block(headers);
                let mut frame = control(SYN_STREAM, 10 + block.len());
                frame[4] = u8::from(*fin);
                frame.put_u32(*id);
                frame.put_slice(&[0; 6]);
                frame.put_slice(&block);
                frame.to_vec()
            }
        }
    }

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let id = 1_u32..0x7fff_ffff;
        let headers = proptest::collection::vec(("[a-z]{1,9}", "[ -~]{0,20}"), 0..4);
        let frame = prop_oneof![
            (id.clone(), headers, any::<bool>()).prop_map(|(id, headers, fin)| Frame::Open {
                id,
                headers,
                fin
            }),
            (id.clone(), any::<Vec<u8>>(), any::<bool>()).prop_map(|(id, bytes, fin)| {
                Frame::Data {
                    id,
                    bytes: bytes.into(),
                    fin,
                }
            }),
            id.clone().prop_map(|id| Frame::Reset { id }),
            any::<u32>().prop_map(|id| Frame::Ping { id }),
            Just(Frame::GoAway),
        ];
        proptest::collection::vec(frame, 0..6)
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_wherever_the_bytes_are_cut(
            frames in frames(), page in 1_usize..40,
        ) {
            let mut deflater = Deflater::new();
            let bytes: Vec<u8> =
                frames.iter().flat_map(|frame| bytes_of(frame, &mut deflater)).collect();
            let (mut decoder, mut found) = (Decoder::default(), Vec::new());
            for page in bytes.chunks(page) {
                decoder.feed(page);
                while let Some(frame) = decoder.next().unwrap() {
                    found.push(frame);
                }
            }
            prop_assert_eq!(found, frames);
        }

        #[test]
        fn any_bytes_are_frames_or_a_violation(bytes: Vec<u8>) {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }
    }

    #[test]
    fn a_frame_that_promises_too_much_is_refused_before_it_is_there() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0, 0, 0, 1, 0, 0xff, 0xff, 0xff]);
        assert!(decoder.next().is_err());
    }

    #[test]
    fn settings_and_window_updates_are_skipped() {
        let mut decoder = Decoder::default();
        for kind in [4, 9] {
            decoder.feed(&[0x80, 3, 0, kind, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1]);
        }
        decoder.feed(&pong(7));
        assert_eq!(decoder.next(), Ok(Some(Frame::Ping { id: 7 })));
    }
}
