//! The last events, for viewers who come back; bounded in number and in bytes.

use std::collections::VecDeque;

use super::frame::Frame;

/// Events kept: at one batch every 50 ms, half a minute.
const MOST_FRAMES: usize = 600;
/// Bytes kept, whatever their number.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The end of the sequence.
#[derive(Debug, Default)]
pub(super) struct Ring {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Ring {
    /// Adds the newest event.
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.bytes.len();
        self.frames.push_back(frame);
        while self.frames.len() > MOST_FRAMES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.frames.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes.len();
        }
    }

    /// The events after `seq`, up to `last`; none where one of them is gone, or `seq` never was.
    pub(super) fn after(&self, seq: u64, last: u64) -> Option<Vec<Frame>> {
        let missing = usize::try_from(last.checked_sub(seq)?).ok()?;
        let from = self.frames.len().checked_sub(missing)?;
        Some(self.frames.range(from..).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(frames: u64, bytes: usize) -> Ring {
        let mut ring = Ring::default();
        for seq in 1..=frames {
            let bytes = vec![b'x'; bytes].into();
            ring.push(Frame {
                answered: seq,
                bytes,
            });
        }
        ring
    }

    fn seqs(ring: &Ring, seq: u64, last: u64) -> Option<Vec<u64>> {
        let frames = ring.after(seq, last)?;
        Some(frames.iter().map(|frame| frame.answered).collect())
    }

    #[test]
    fn what_follows_an_event_is_replayed_in_order() {
        let ring = filled(5, 1);
        assert_eq!(seqs(&ring, 3, 5), Some(vec![4, 5]));
        assert_eq!(seqs(&ring, 0, 5), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(seqs(&ring, 5, 5), Some(vec![]));
    }

    #[test]
    fn an_event_that_never_was_is_not_replayed_from() {
        assert_eq!(seqs(&filled(5, 1), 6, 5), None);
    }

    #[test]
    fn events_pushed_out_are_gone_by_number_and_by_bytes() {
        let many = MOST_FRAMES as u64 + 10;
        assert_eq!(seqs(&filled(many, 1), 9, many), None);
        assert_eq!(
            seqs(&filled(many, 1), 10, many).map(|it| it.len()),
            Some(MOST_FRAMES)
        );
        let large = filled(5, MOST_BYTES / 2);
        assert_eq!(seqs(&large, 2, 5), None);
        assert_eq!(seqs(&large, 3, 5), Some(vec![4, 5]));
    }
}
