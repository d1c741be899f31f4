//! Durations as Go writes them: `5s`, `1.5ms`, `1h10m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A duration of a rule, `fixedDelay: 3s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub Duration);

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no duration, write a number with a unit (h, m, s, ms, us, ns), for example 3s or 500ms"
)]
pub struct DurationError(pub String);

/// Units and their length in nanoseconds; longer names first, so that `ms` is not read as `m`.
const UNITS: [(&str, f64); 7] = [
    ("ms", 1e6),
    ("us", 1e3),
    ("µs", 1e3),
    ("ns", 1.0),
    ("h", 3.6e12),
    ("m", 6e10),
    ("s", 1e9),
];

impl std::str::FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || DurationError(text.to_owned());
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut nanos = 0.0;
        while !rest.is_empty() {
            let (part, tail) = component(rest).ok_or_else(invalid)?;
            nanos += part;
            rest = tail;
        }
        // Go: a duration is a signed 64-bit count of nanoseconds.
        if nanos > i64::MAX as f64 {
            return Err(invalid());
        }
        Ok(Self(Duration::from_nanos(nanos.round() as u64)))
    }
}

/// One number with its unit, in nanoseconds, and what follows it.
fn component(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(end);
    let (unit, length) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
    Some((number.parse::<f64>().ok()? * length, &rest[unit.len()..]))
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        let rows = [
            ("3s", 3_000_000_000),
            ("500ms", 500_000_000),
            ("1.5ms", 1_500_000),
            ("100us", 100_000),
            ("1h10m", 4_200_000_000_000),
            ("1m0.5s", 60_500_000_000),
            ("0s", 0),
            ("7ns", 7),
        ];
        for (text, nanos) in rows {
            assert_eq!(
                text.parse(),
                Ok(GoDuration(Duration::from_nanos(nanos))),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "5",
            "soon",
            "-1s",
            "s",
            "1d",
            "1s2",
            ".",
            ".s",
            "1 s",
            "1e3s",
            "99999999999h",
        ] {
            assert!(text.parse::<GoDuration>().is_err(), "{text:?}");
        }
    }
}
