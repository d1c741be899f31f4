use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use bytes::Bytes;

/// An entry's id, `<milliseconds>-<sequence>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId {
    pub(crate) millis: u64,
    pub(crate) sequence: u64,
}

impl StreamId {
    pub(crate) const MIN: Self = Self {
        millis: 0,
        sequence: 0,
    };
    pub(crate) const MAX: Self = Self {
        millis: u64::MAX,
        sequence: u64::MAX,
    };

    /// Reads `5-1`, or `5` with the given sequence.
    pub(crate) fn parse(text: &[u8], missing_sequence: u64) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (millis, sequence) = match text.split_once('-') {
            Some((millis, sequence)) => (millis, number(sequence)?),
            None => (text, missing_sequence),
        };
        Some(Self {
            millis: number(millis)?,
            sequence,
        })
    }

    pub(crate) fn next(self) -> Option<Self> {
        match self.sequence.checked_add(1) {
            Some(sequence) => Some(Self { sequence, ..self }),
            None => Some(Self {
                millis: self.millis.checked_add(1)?,
                sequence: 0,
            }),
        }
    }

    pub(crate) fn previous(self) -> Option<Self> {
        match self.sequence.checked_sub(1) {
            Some(sequence) => Some(Self { sequence, ..self }),
            None => Some(Self {
                millis: self.millis.checked_sub(1)?,
                sequence: u64::MAX,
            }),
        }
    }
}

/// Digits alone: the standard parser would also take a plus sign.
fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

/// Entries in the order of their ids. The last id outlives its entry, so that no id comes twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stream {
    entries: BTreeMap<StreamId, Vec<Bytes>>,
    last_id: StreamId,
}

impl Stream {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn last_id(&self) -> StreamId {
        self.last_id
    }

    pub(crate) fn set_last_id(&mut self, id: StreamId) {
        self.last_id = id;
    }

    /// The id that `*` stands for: the clock's, or just after the last one if the clock is behind.
    pub(crate) fn next_id(&self, now_millis: u64) -> Option<StreamId> {
        let id = StreamId {
            millis: now_millis,
            sequence: 0,
        };
        if id > self.last_id {
            Some(id)
        } else {
            self.last_id.next()
        }
    }

    /// The id that `<millis>-*` stands for.
    pub(crate) fn next_id_in(&self, millis: u64) -> Option<StreamId> {
        let first = StreamId {
            millis,
            sequence: 0,
        };
        match self.last_id.millis == millis {
            true => Some(StreamId {
                millis,
                sequence: self.last_id.sequence.checked_add(1)?,
            }),
            false => Some(first),
        }
    }

    /// Appends an entry of alternating fields and values; the id must be above the last one.
    pub(crate) fn append(&mut self, id: StreamId, fields: Vec<Bytes>) {
        debug_assert!(id > self.last_id, "the command checks ids");
        self.entries.insert(id, fields);
        self.last_id = id;
    }

    pub(crate) fn remove(&mut self, id: StreamId) -> bool {
        self.entries.remove(&id).is_some()
    }

    /// Keeps the newest `length` entries; returns how many went.
    pub(crate) fn keep_newest(&mut self, length: usize) -> usize {
        let surplus = self.len().saturating_sub(length);
        for _ in 0..surplus {
            self.entries.pop_first();
        }
        surplus
    }

    /// Removes entries older than `id`; returns how many went.
    pub(crate) fn keep_from(&mut self, id: StreamId) -> usize {
        let kept = self.entries.split_off(&id);
        std::mem::replace(&mut self.entries, kept).len()
    }

    pub(crate) fn range(
        &self,
        ids: RangeInclusive<StreamId>,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Vec<Bytes>)> {
        // The tree panics on an upside-down range.
        let range = (ids.start() <= ids.end()).then(|| self.entries.range(ids));
        range
            .into_iter()
            .flatten()
            .map(|(id, fields)| (*id, fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(millis: u64, sequence: u64) -> StreamId {
        StreamId { millis, sequence }
    }

    #[test]
    fn ids_are_read_strictly() {
        for (text, expected) in [
            ("5", Some(id(5, 9))),
            ("5-1", Some(id(5, 1))),
            ("-", None),
            ("5-", None),
            ("+5-1", None),
            ("5-1-1", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(StreamId::parse(text.as_bytes(), 9), expected, "{text}");
        }
    }

    #[test]
    fn ids_carry_over_at_the_end_of_a_millisecond() {
        assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
        assert_eq!(id(2, 0).previous(), Some(id(1, u64::MAX)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn a_clock_that_steps_back_never_repeats_an_id() {
        let mut stream = Stream::default();
        stream.append(id(100, 3), vec![]);
        assert_eq!(stream.next_id(100), Some(id(100, 4)));
        assert_eq!(stream.next_id(50), Some(id(100, 4)));
        assert_eq!(stream.next_id(101), Some(id(101, 0)));
    }

    #[test]
    fn trimming_takes_the_oldest() {
        let mut stream = Stream::default();
        (1..=9).for_each(|n| stream.append(id(n, 0), vec![]));
        assert_eq!(stream.keep_newest(6), 3);
        assert_eq!(stream.keep_from(id(6, 0)), 2);
        let left: Vec<_> = stream
            .range(StreamId::MIN..=StreamId::MAX)
            .map(|(id, _)| id.millis)
            .collect();
        assert_eq!(left, [6, 7, 8, 9]);
        assert_eq!(stream.range(id(9, 0)..=id(1, 0)).count(), 0);
    }
}
