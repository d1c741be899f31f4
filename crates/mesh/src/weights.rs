//! Weighted choice, as Envoy draws it.

/// Entries with their shares.
///
/// Istio: a single entry ignores its weight; among several, those of weight 0 are dropped. Envoy:
/// one uniform draw modulo the sum of the weights, per request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighted<T> {
    entries: Vec<T>,
    /// Running sums of the weights; the last is the total.
    sums: Vec<u64>,
}

/// Several entries without any weight between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("total destination weight = 0")]
pub struct ZeroTotal;

impl<T> Weighted<T> {
    /// The only entry there is.
    pub fn single(entry: T) -> Self {
        Self {
            entries: vec![entry],
            sums: vec![1],
        }
    }

    /// Entries with their weights as written.
    ///
    /// # Errors
    ///
    /// The weights of several entries sum to nothing, or there is no entry.
    pub fn new(weighted: Vec<(T, u32)>) -> Result<Self, ZeroTotal> {
        if weighted.len() == 1 {
            return weighted
                .into_iter()
                .next()
                .map(|(entry, _)| Self::single(entry))
                .ok_or(ZeroTotal);
        }
        let mut total = 0;
        let (mut entries, mut sums) = (Vec::new(), Vec::new());
        for (entry, weight) in weighted.into_iter().filter(|(_, weight)| *weight > 0) {
            total += u64::from(weight);
            entries.push(entry);
            sums.push(total);
        }
        if total == 0 {
            Err(ZeroTotal)
        } else {
            Ok(Self { entries, sums })
        }
    }

    /// The entry of a uniformly random number.
    pub fn pick(&self, random: u64) -> &T {
        if let [only] = self.entries.as_slice() {
            return only;
        }
        let drawn = random % self.sums[self.sums.len() - 1];
        &self.entries[self.sums.partition_point(|sum| *sum <= drawn)]
    }

    /// The entries with their weights; a single one weighs 1.
    pub fn iter(&self) -> impl Iterator<Item = (&T, u64)> {
        let before = std::iter::once(0).chain(self.sums.iter().copied());
        let weights = self
            .sums
            .iter()
            .zip(before)
            .map(|(sum, before)| sum - before);
        self.entries.iter().zip(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each entry is picked when every number below `draws` comes up once.
    fn counts(weights: &[(&'static str, u32)], draws: u64) -> Vec<(&'static str, u64)> {
        let weighted = Weighted::new(weights.to_vec()).unwrap();
        let of = |name: &str| {
            (0..draws)
                .filter(|random| *weighted.pick(*random) == name)
                .count()
        };
        weights
            .iter()
            .map(|(name, _)| (*name, of(name) as u64))
            .collect()
    }

    #[test]
    fn shares_are_exact_over_a_full_round_of_numbers() {
        // Rows 1 to 5: weights, and the expected counts among 2,000 evenly spread draws.
        type Row = (&'static [(&'static str, u32)], [u64; 2]);
        let rows: [Row; 4] = [
            (&[("a", 70), ("b", 30)], [1400, 600]),
            (&[("a", 1), ("b", 1)], [1000, 1000]),
            (&[("a", 150), ("b", 50)], [1500, 500]),
            (&[("a", 100), ("b", 0)], [2000, 0]),
        ];
        for (weights, [a, b]) in rows {
            assert_eq!(counts(weights, 2000), [("a", a), ("b", b)], "{weights:?}");
        }
    }

    #[test]
    fn a_weight_of_zero_is_never_drawn() {
        assert_eq!(
            counts(&[("a", 0), ("b", 1), ("c", 0)], 1000),
            [("a", 0), ("b", 1000), ("c", 0)]
        );
    }

    #[test]
    fn a_single_entry_ignores_its_weight() {
        let weighted = Weighted::new(vec![("a", 0)]).unwrap();
        assert!((0..100).all(|random| *weighted.pick(random) == "a"));
    }

    #[test]
    fn several_entries_without_weight_are_no_route() {
        assert_eq!(Weighted::new(vec![("a", 0), ("b", 0)]), Err(ZeroTotal));
        assert_eq!(Weighted::<()>::new(vec![]), Err(ZeroTotal));
    }

    #[test]
    fn the_largest_weights_do_not_overflow() {
        let weighted = Weighted::new(vec![("a", u32::MAX), ("b", u32::MAX)]).unwrap();
        assert_eq!(*weighted.pick(u64::from(u32::MAX) - 1), "a");
        assert_eq!(*weighted.pick(u64::from(u32::MAX)), "b");
        assert_eq!(
            weighted.iter().map(|(_, weight)| weight).sum::<u64>(),
            2 * u64::from(u32::MAX)
        );
    }
}
