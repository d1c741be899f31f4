//! Amounts of resources: `100m`, `64Mi`, `1e3`.

use crate::quantity::DECIMAL;

/// What a text that is none is answered with.
pub(super) const MALFORMED: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const UNKNOWN_SUFFIX: &str = "unable to parse quantity's suffix";
const NO_NUMBER: &str = "unable to parse numeric part of quantity";

/// Suffixes of powers of 1024, by their exponent.
const BINARY: [(&str, u32); 6] = [
    ("Ki", 1),
    ("Mi", 2),
    ("Gi", 3),
    ("Ti", 4),
    ("Pi", 5),
    ("Ei", 6),
];
/// Kubernetes: nothing finer is kept.
const FINEST: i32 = -9;

#[derive(Clone, Copy)]
enum Suffix {
    Decimal(i32),
    Exponent(i32),
    Binary(u32),
}

/// The text as a real server writes it: the largest suffix that leaves no fraction.
pub(super) fn canonical(text: &str) -> Result<String, &'static str> {
    let (number, suffix) = split(text)?;
    let suffix = interpret(suffix)?;
    let (digits, scale) = scaled(number)?;
    // What does not fit is far beyond what any resource has; it stays as it was written.
    let Some(digits) = digits else {
        return Ok(text.to_owned());
    };
    let written = match suffix {
        Suffix::Decimal(exponent) => decimal(digits, exponent - scale, si),
        Suffix::Exponent(exponent) => decimal(digits, exponent.saturating_sub(scale), scientific),
        Suffix::Binary(power) => binary(digits, scale, power),
    };
    Ok(written.unwrap_or_else(|| text.to_owned()))
}

/// The number and its suffix.
fn split(text: &str) -> Result<(&str, &str), &'static str> {
    let sign = usize::from(text.starts_with(['+', '-']));
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let length = text[sign..].find(|c| !is_number(c));
    let (number, suffix) = text.split_at(length.map_or(text.len(), |length| sign + length));
    let letters = suffix.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
    let digits = letters.strip_prefix(['+', '-']).unwrap_or(letters);
    if text.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MALFORMED);
    }
    Ok((number, suffix))
}

fn interpret(suffix: &str) -> Result<Suffix, &'static str> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Ok(Suffix::Decimal(*exponent));
    }
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Ok(Suffix::Binary(*power));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(UNKNOWN_SUFFIX)?;
    let exponent = exponent.parse().map_err(|_| UNKNOWN_SUFFIX)?;
    Ok(Suffix::Exponent(exponent))
}

/// The digits of a number without its point, and how many stood after the point.
fn scaled(number: &str) -> Result<(Option<i128>, i32), &'static str> {
    let unsigned = number.trim_start_matches(['+', '-']);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty() && number != unsigned) {
        return Err(NO_NUMBER);
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("0{whole}{fraction}").parse::<i128>().ok();
    let digits = digits.map(|it| if number.starts_with('-') { -it } else { it });
    let scale = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    Ok((digits, scale))
}

/// `digits × 10^exponent` with the exponent a multiple of three.
fn decimal(
    mut digits: i128,
    mut exponent: i32,
    suffix: fn(i32) -> Option<String>,
) -> Option<String> {
    if digits == 0 {
        return Some("0".into());
    }
    while exponent < FINEST {
        digits = ceil(digits, 10);
        exponent += 1;
    }
    while digits % 10 == 0 {
        digits /= 10;
        exponent += 1;
    }
    while exponent % 3 != 0 {
        digits = digits.checked_mul(10)?;
        exponent -= 1;
    }
    // Beyond the largest suffix the number itself grows.
    while suffix(exponent).is_none() {
        digits = digits.checked_mul(1000)?;
        exponent -= 3;
    }
    Some(format!("{digits}{}", suffix(exponent)?))
}

fn si(exponent: i32) -> Option<String> {
    let named = DECIMAL.iter().find(|(_, known)| *known == exponent);
    named.map(|(name, _)| (*name).to_owned())
}

fn scientific(exponent: i32) -> Option<String> {
    Some(match exponent {
        0 => String::new(),
        exponent => format!("e{exponent}"),
    })
}

/// `digits / 10^scale × 1024^power`, whole.
fn binary(digits: i128, scale: i32, power: u32) -> Option<String> {
    let factor = 1024_i128.checked_pow(power)?;
    let divisor = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
    let mut value = ceil(digits.checked_mul(factor)?, divisor);
    // Kubernetes: small amounts need no suffix.
    if value.abs() < 1024 {
        return Some(value.to_string());
    }
    let mut steps = 0;
    while value % 1024 == 0 && steps < BINARY.len() {
        value /= 1024;
        steps += 1;
    }
    let suffix = steps.checked_sub(1).map_or("", |at| BINARY[at].0);
    Some(format!("{value}{suffix}"))
}

/// Division away from zero, as amounts are rounded.
fn ceil(value: i128, divisor: i128) -> i128 {
    let (whole, rest) = (value / divisor, value % divisor);
    if rest == 0 {
        whole
    } else {
        whole + value.signum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_written_with_the_largest_suffix_that_leaves_no_fraction() {
        for (text, written) in [
            ("0", "0"),
            ("0Mi", "0"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("2000", "2k"),
            ("100k", "100k"),
            ("1e3", "1e3"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("-1.50", "-1500m"),
            ("+1", "1"),
            ("100M", "100M"),
            ("0.0000000001", "1n"),
            ("1000E", "1000E"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(written), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_told_apart() {
        for (text, why) in [
            ("", MALFORMED),
            ("lots", MALFORMED),
            ("1x", MALFORMED),
            ("10 Mi", MALFORMED),
            ("1mm", UNKNOWN_SUFFIX),
            ("1.2.3", NO_NUMBER),
        ] {
            assert_eq!(canonical(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_written_form_is_its_own(text in r"[+-]?[0-9.]{0,12}(m|u|n|k|M|Ki|Gi|Ei|e[0-9]{1,3}|E-?[0-9]{1,9})?") {
            if let Ok(written) = canonical(&text) {
                prop_assert_eq!(canonical(&written), Ok(written.clone()), "{}", text);
            }
        }
    }
}
