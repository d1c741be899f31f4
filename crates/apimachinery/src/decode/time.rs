//! Times, as Go reads RFC 3339, and the words it refuses others with.

/// The layout of times in whole seconds; a fraction may follow.
pub(super) const SECONDS: &str = "2006-01-02T15:04:05Z07:00";
/// The layout of times in microseconds.
pub(super) const MICRO: &str = "2006-01-02T15:04:05.000000Z07:00";

/// A piece of a time: its name in the layout, its length, and its range with its name.
type Piece = (&'static str, usize, Option<(&'static str, u32, u32)>);

const PIECES: [Piece; 11] = [
    ("2006", 4, None),
    ("-", 1, None),
    ("01", 2, Some(("month", 1, 12))),
    ("-", 1, None),
    ("02", 2, Some(("day", 1, 31))),
    ("T", 1, None),
    ("15", 2, Some(("hour", 0, 23))),
    (":", 1, None),
    ("04", 2, Some(("minute", 0, 59))),
    (":", 1, None),
    ("05", 2, Some(("second", 0, 59))),
];

/// Checks that the text is a time of this layout.
pub(super) fn check(text: &str, layout: &str) -> Result<(), String> {
    let unparsed = |rest: &str, piece: &str| {
        format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {piece:?}")
    };
    let out_of_range = |what: &str| format!("parsing time {text:?}: {what} out of range");
    let (mut rest, mut date) = (text, Vec::with_capacity(3));
    for (piece, length, range) in PIECES {
        let found = rest.get(..length).filter(|found| fits(found, piece));
        let found = found.ok_or_else(|| unparsed(rest, piece))?;
        let number = found.parse::<u32>().unwrap_or_default();
        if let Some((what, min, max)) = range
            && !(min..=max).contains(&number)
        {
            return Err(out_of_range(what));
        }
        date.push(number);
        rest = &rest[length..];
    }
    rest = after_fraction(rest, layout == MICRO).ok_or_else(|| unparsed(rest, ".000000"))?;
    rest = after_zone(rest).ok_or_else(|| unparsed(rest, "Z07:00"))?;
    if !rest.is_empty() {
        return Err(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    if date[4] > days(date[0], date[2]) {
        return Err(out_of_range("day"));
    }
    Ok(())
}

/// Checks that the text is a Go duration such as `1m30s`.
pub(super) fn check_duration(text: &str) -> Result<(), String> {
    const UNITS: [&str; 8] = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
    let invalid = || format!("time: invalid duration {text:?}");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut rest = unsigned;
    while !rest.is_empty() && unsigned != "0" {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let unit = rest.trim_start_matches(is_number);
        let length = unit.find(is_number).unwrap_or(unit.len());
        if unit.len() == rest.len() || !UNITS.contains(&&unit[..length]) {
            return Err(invalid());
        }
        rest = &unit[length..];
    }
    (!unsigned.is_empty()).then_some(()).ok_or_else(invalid)
}

/// Whether a text stands for a piece: digits for a number, else itself.
fn fits(found: &str, piece: &str) -> bool {
    if piece.starts_with(|c: char| c.is_ascii_digit()) {
        found.bytes().all(|byte| byte.is_ascii_digit())
    } else {
        found == piece
    }
}

/// What follows the fraction of a second: six digits, or as many as there are.
fn after_fraction(text: &str, six: bool) -> Option<&str> {
    let Some(digits) = text.strip_prefix('.') else {
        return (!six).then_some(text);
    };
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let length = digits.len() - rest.len();
    (if six { length == 6 } else { length > 0 }).then_some(rest)
}

/// What follows the zone: `Z`, or hours and minutes with a sign.
fn after_zone(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some(rest);
    }
    let (zone, rest) = (text.get(..6)?, &text[6..]);
    let hours = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = hours.split_once(':')?;
    (fits(hours, "07") && fits(minutes, "00") && hours.len() == 2).then_some(rest)
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_the_layout_pass() {
        for text in [
            "2026-11-21T06:29:49Z",
            "2024-02-29T23:59:59+09:00",
            "2026-11-21T06:29:49.123Z",
        ] {
            assert_eq!(check(text, SECONDS), Ok(()), "{text}");
        }
        assert_eq!(check("2026-11-21T06:29:49.123456Z", MICRO), Ok(()));
    }

    #[test]
    fn the_piece_that_does_not_fit_is_named() {
        for (text, why) in [
            (
                "x",
                r#"parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006""#,
            ),
            (
                "2026-11-21",
                r#"parsing time "2026-11-21" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T""#,
            ),
            (
                "2026-13-21T06:29:49Z",
                r#"parsing time "2026-13-21T06:29:49Z": month out of range"#,
            ),
            (
                "2026-02-29T06:29:49Z",
                r#"parsing time "2026-02-29T06:29:49Z": day out of range"#,
            ),
            (
                "2026-02-28T06:29:49Zx",
                r#"parsing time "2026-02-28T06:29:49Zx": extra text: "x""#,
            ),
        ] {
            assert_eq!(check(text, SECONDS), Err(why.to_owned()));
        }
        assert!(check("2026-11-21T06:29:49Z", MICRO).is_err());
    }

    #[test]
    fn durations_need_units() {
        for text in ["0", "1m30s", "-1.5h", "10µs"] {
            assert_eq!(check_duration(text), Ok(()), "{text}");
        }
        for text in ["", "1", "s", "1x", "-"] {
            assert!(check_duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "[0-9TZ:.+é-]{0,28}") {
            let _ = (check(&text, SECONDS), check(&text, MICRO), check_duration(&text));
        }
    }
}
