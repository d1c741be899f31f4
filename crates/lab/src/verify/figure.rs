//! One counted figure, and whether it fits the share that a rule promises.

use std::fmt;
use std::ops::RangeInclusive;

use binomial::band;

/// So many of so many, where a rule says so many percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What was counted.
    pub what: String,
    /// How many were.
    pub found: u32,
    /// Of how many.
    pub of: u32,
    /// What the rule says.
    pub percent: u32,
}

impl Figure {
    /// The counts that fit.
    pub fn band(&self) -> RangeInclusive<u32> {
        band(self.of, f64::from(self.percent) / 100.0)
    }

    /// Whether it is worth a line: what never happens and should not is judged and not told.
    pub fn is_told(&self) -> bool {
        self.percent > 0 || !self.fits()
    }

    /// Whether this one does.
    pub fn fits(&self) -> bool {
        self.band().contains(&self.found)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let band = self.band();
        let (what, found, of, percent) = (&self.what, self.found, self.of, self.percent);
        let judged = if self.fits() { "" } else { ", DOES NOT FIT" };
        let (low, high) = (band.start(), band.end());
        write!(
            f,
            "{what} {found} of {of} ({percent} %: {low} to {high}{judged})"
        )
    }
}

/// The lines of figures.
pub fn told(figures: &[Figure]) -> Vec<String> {
    let told = figures.iter().filter(|it| it.is_told());
    told.map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_tells_its_band_and_whether_it_fits() {
        let figure = |found| Figure {
            what: "aborted".to_owned(),
            found,
            of: 100,
            percent: 0,
        };
        assert_eq!(figure(0).to_string(), "aborted 0 of 100 (0 %: 0 to 0)");
        assert!(!figure(1).fits());
        assert!(figure(1).to_string().ends_with("0 to 0, DOES NOT FIT)"));
    }
}
