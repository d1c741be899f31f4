//! Reading of arguments.

use bytes::Bytes;

use super::Refusal;
use crate::wire::{parse_double, parse_integer};

/// The optional arguments of a command, read from left to right.
pub(super) struct Options<'a>(std::slice::Iter<'a, Bytes>);

impl<'a> Options<'a> {
    pub(super) fn new(args: &'a [Bytes]) -> Self {
        Self(args.iter())
    }

    /// The next word in upper case, empty if it is too long to be a keyword.
    pub(super) fn keyword(&mut self) -> Option<Keyword> {
        self.0.next().map(|word| Keyword::of(word))
    }

    /// The value that belongs to the keyword just read.
    pub(super) fn value(&mut self) -> Result<&'a Bytes, Refusal> {
        self.0.next().ok_or(Refusal::Syntax)
    }

    pub(super) fn integer(&mut self) -> Result<i64, Refusal> {
        integer(self.value()?)
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [Bytes] {
        self.0.as_slice()
    }

    /// The next word in upper case, left in its place.
    pub(super) fn peek(&self) -> Option<Keyword> {
        self.rest().first().map(|word| Keyword::of(word))
    }
}

/// A word in upper case, compared without allocation.
pub(super) struct Keyword([u8; 16], usize);

impl Keyword {
    pub(super) fn of(word: &[u8]) -> Self {
        let mut upper = [0; 16];
        let length = if word.len() <= upper.len() {
            word.len()
        } else {
            0
        };
        upper[..length].copy_from_slice(&word[..length]);
        upper.make_ascii_uppercase();
        Self(upper, length)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0[..self.1]).unwrap_or("")
    }
}

pub(super) fn integer(text: &[u8]) -> Result<i64, Refusal> {
    parse_integer(text).ok_or(Refusal::NotAnInteger)
}

/// A count that may be zero, as `LPOP` takes it.
pub(super) fn positive(text: &[u8]) -> Result<usize, Refusal> {
    parse_integer(text)
        .and_then(|count| usize::try_from(count).ok())
        .ok_or(Refusal::NotPositive)
}

pub(super) fn double(text: &[u8]) -> Result<f64, Refusal> {
    parse_double(text).ok_or(Refusal::NotADouble)
}

/// Start and end, counted from the end when negative, as a range of a sequence of `length`.
pub(super) fn window(start: i64, end: i64, length: usize) -> std::ops::Range<usize> {
    let length = length as i64;
    let absolute = |index: i64| {
        if index < 0 {
            index.saturating_add(length)
        } else {
            index
        }
    };
    let start = absolute(start).clamp(0, length);
    let end = absolute(end).saturating_add(1).clamp(start, length);
    start as usize..end as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_clamped() {
        for (start, end, expected) in [
            (0, -1, 0..5),
            (-2, -1, 3..5),
            (1, 2, 1..3),
            (3, 1, 3..3),
            (-100, 100, 0..5),
            (5, 9, 5..5),
            (i64::MIN, i64::MAX, 0..5),
            (0, -6, 0..0),
        ] {
            assert_eq!(window(start, end, 5), expected, "{start} {end}");
        }
    }

    #[test]
    fn a_word_too_long_for_a_keyword_is_none() {
        assert_eq!(Keyword::of(b"with").as_str(), "WITH");
        assert_eq!(Keyword::of(&[b'x'; 17]).as_str(), "");
    }
}
