//! The exact binomial band: counts that a fair draw leaves once in a million.

use std::ops::RangeInclusive;

/// Chance that an honest count falls outside its band.
pub const RISK: f64 = 1e-6;

/// Counts of `n` draws with chance `p` that lie within the two-sided band at [`RISK`].
pub fn band(n: u32, p: f64) -> RangeInclusive<u32> {
    let tail = RISK / 2.0;
    let low = first_above(tail, 0..=n, n, p);
    let high = n - first_above(tail, 0..=n, n, 1.0 - p);
    low..=high
}

/// The smallest k whose lower tail P(X ≤ k) exceeds `tail`.
fn first_above(tail: f64, mut counts: RangeInclusive<u32>, n: u32, p: f64) -> u32 {
    let mut sum = 0.0;
    counts
        .find(|&k| {
            sum += chance(k, n, p);
            sum > tail
        })
        .unwrap_or(n)
}

/// P(X = k), by logarithms so that large n neither over- nor underflows.
fn chance(k: u32, n: u32, p: f64) -> f64 {
    if p <= 0.0 {
        return f64::from(u8::from(k == 0));
    }
    if p >= 1.0 {
        return f64::from(u8::from(k == n));
    }
    let ln_factorial = |x: u32| libm::lgamma(f64::from(x) + 1.0);
    let ways = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    (ways + f64::from(k) * p.ln() + f64::from(n - k) * (1.0 - p).ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_shares_have_no_slack() {
        assert_eq!(band(100, 0.0), 0..=0);
        assert_eq!(band(100, 1.0), 100..=100);
    }

    #[test]
    fn the_band_is_about_five_standard_deviations_wide() {
        // n = 10,000 and p = 0.7: one deviation is 45.8; 1e-6 two-sided is 4.89 of them.
        let band = band(10_000, 0.7);
        assert!((6_770..=6_780).contains(band.start()), "{band:?}");
        assert!((7_220..=7_230).contains(band.end()), "{band:?}");
    }

    #[test]
    fn a_small_sample_is_never_judged_harshly() {
        assert_eq!(band(10, 0.5), 0..=10);
    }
}
