//! Amounts of resources: `100m`, `64Mi`, `1.5`.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

/// Suffixes with their power: of two for binary ones, of ten for decimal ones.
const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];
pub(crate) const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
/// The smallest unit counted.
const SCALE: i32 = 9;
const ONE: i128 = 10_i128.pow(SCALE as u32);
/// No amount is larger: what fits 63 bits, as in Kubernetes.
const MAX: i128 = i64::MAX as i128 * ONE;

/// An amount, exact to a billionth, that remembers how it was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    billionths: i128,
    binary: bool,
}

impl Quantity {
    /// A whole number of things.
    pub fn count(number: usize) -> Self {
        Self {
            billionths: i128::try_from(number).unwrap_or(MAX / ONE).min(MAX / ONE) * ONE,
            binary: false,
        }
    }

    /// So many thousandths, written in powers of two or of ten.
    pub fn of_thousandths(number: i64, binary: bool) -> Self {
        Self::new(i128::from(number) * (ONE / 1_000), binary)
    }

    /// Reads an amount; none where the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
            let billionths = decimal(number, SCALE)?.checked_mul(1 << power)?;
            return Some(Self::new(billionths, true));
        }
        let power = match DECIMAL.iter().find(|(name, _)| *name == suffix) {
            Some((_, power)) => *power,
            None => suffix
                .strip_prefix(['e', 'E'])?
                .parse()
                .ok()
                .filter(|it| (-30..=30).contains(it))?,
        };
        Some(Self::new(decimal(number, SCALE + power)?, false))
    }

    /// In thousandths, rounded up; nothing for less than nothing.
    pub fn thousandths(self) -> u64 {
        self.in_units_of(ONE / 1_000)
    }

    /// In whole units, rounded up; nothing for less than nothing.
    pub fn units(self) -> u64 {
        self.in_units_of(ONE)
    }

    fn in_units_of(self, unit: i128) -> u64 {
        let whole = self
            .billionths
            .max(0)
            .unsigned_abs()
            .div_ceil(unit.unsigned_abs());
        u64::try_from(whole).unwrap_or(u64::MAX)
    }

    /// Whether it is less than nothing.
    pub fn is_negative(self) -> bool {
        self.billionths < 0
    }

    fn new(billionths: i128, binary: bool) -> Self {
        Self {
            billionths: billionths.clamp(-MAX, MAX),
            binary,
        }
    }
}

/// A plain decimal number times ten to the power, rounded up as Kubernetes does.
fn decimal(number: &str, power: i32) -> Option<i128> {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 30 || !all.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let value: i128 = all.parse().ok()?;
    let shift = power - i32::try_from(fraction.len()).ok()?;
    let factor = 10_i128.checked_pow(shift.unsigned_abs());
    let scaled = match factor {
        Some(factor) if shift >= 0 => value.checked_mul(factor)?,
        Some(factor) => value / factor + i128::from(value % factor != 0),
        None if shift >= 0 && value != 0 => return None,
        None => 0,
    };
    Some(sign * scaled)
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.billionths == other.billionths
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.billionths.cmp(&other.billionths)
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let binary = if self.billionths == 0 {
            other.binary
        } else {
            self.binary
        };
        Self::new(self.billionths.saturating_add(other.billionths), binary)
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(
            self.billionths.saturating_sub(other.billionths),
            self.binary,
        )
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// The canonical form: the largest suffix that leaves a whole number.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.billionths;
        if self.binary && amount % ONE == 0 && (amount / ONE).abs() >= 1024 {
            let whole = amount / ONE;
            let fits = BINARY
                .iter()
                .rev()
                .find(|(_, power)| whole % (1_i128 << power) == 0);
            return match fits {
                Some((suffix, power)) => write!(f, "{}{suffix}", whole >> power),
                None => write!(f, "{whole}"),
            };
        }
        let unit = |power: i32| 10_i128.pow(u32::try_from(power + SCALE).unwrap_or(0));
        let fits = DECIMAL
            .iter()
            .rev()
            .find(|(_, power)| amount % unit(*power) == 0);
        match fits {
            Some((suffix, power)) if amount != 0 => write!(f, "{}{suffix}", amount / unit(*power)),
            _ => f.write_str("0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_rounded_up_to_what_is_asked_for() {
        for (text, thousandths, units) in [
            ("500m", 500, 1),
            ("1500u", 2, 1),
            ("128Mi", 134_217_728_000, 134_217_728),
            ("-1", 0, 0),
        ] {
            let amount = Quantity::parse(text).unwrap();
            let found = (amount.thousandths(), amount.units());
            assert_eq!(found, (thousandths, units), "{text}");
        }
    }

    #[test]
    fn amounts_are_written_canonically() {
        for (text, canonical) in [
            ("1", "1"),
            ("0", "0"),
            ("1000m", "1"),
            ("1.5", "1500m"),
            ("100m", "100m"),
            ("1024Mi", "1Gi"),
            ("512", "512"),
            ("0.5Gi", "512Mi"),
            ("2000", "2k"),
            ("1e3", "1k"),
            ("-1", "-1"),
            ("1.5Gi", "1536Mi"),
        ] {
            assert_eq!(
                Quantity::parse(text).unwrap().to_string(),
                canonical,
                "{text}"
            );
        }
        for text in ["", "x", "1x", "1.2.3", "--1", "1 Mi", "e3", "1e99"] {
            assert!(Quantity::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn amounts_compare_and_add_across_suffixes() {
        let of = |text| Quantity::parse(text).unwrap();
        assert!(of("1Gi") > of("1G") && of("1000m") == of("1"));
        assert_eq!((of("500m") + of("1")).to_string(), "1500m");
        assert_eq!(
            [of("64Mi"), of("64Mi")]
                .into_iter()
                .sum::<Quantity>()
                .to_string(),
            "128Mi"
        );
        assert_eq!(Quantity::count(3).to_string(), "3");
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_writing_reads_back(text in "[-+]?[0-9.]{0,12}(|m|u|n|k|M|Ki|Gi|Ei|E|e[0-9]{1,2})") {
            if let Some(amount) = Quantity::parse(&text) {
                prop_assert_eq!(Quantity::parse(&amount.to_string()), Some(amount));
            }
        }
    }
}
