//! Numbers as Redis reads and writes them.

/// A decimal `i64` in its only canonical form: no plus sign, no leading zero, no space.
pub(crate) fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    canonical.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

/// A double, `inf` and exponents included; not a number is not a value.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

/// The shortest text that reads back as the same double, with an exponent where C would use one.
pub(crate) fn format_double(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_infinite() || magnitude == 0.0 || (1e-4..1e17).contains(&magnitude) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').expect("{:e} writes an exponent");
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_are_canonical() {
        for (text, value) in [
            ("0", Some(0)),
            ("-7", Some(-7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-0", None),
            ("007", None),
            ("+1", None),
            (" 1", None),
            ("1.0", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn doubles_are_short_and_use_exponents_like_c() {
        for (value, text) in [
            (0.0, "0"),
            (3.0, "3"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1e20, "1e+20"),
            (1.25e-7, "1.25e-07"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_double(value), text);
        }
        assert_eq!(parse_double(b"nan"), None);
        assert_eq!(parse_double(b"+inf"), Some(f64::INFINITY));
    }

    proptest! {
        #[test]
        fn a_double_survives_its_text(value in any::<f64>().prop_filter("a number", |v| !v.is_nan())) {
            prop_assert_eq!(parse_double(format_double(value).as_bytes()), Some(value));
        }
    }
}
