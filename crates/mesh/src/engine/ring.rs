//! Consistent hashing: hosts on a ring (Envoy: ketama).

use std::hash::{DefaultHasher, Hasher};

/// Envoy: a ring never has more places, however large it is asked to be.
const MOST: u64 = 8 * 1024 * 1024;

/// Places on a ring, each a host's; a host has as many as its weight asks for.
#[derive(Debug, Clone)]
pub(super) struct Ring(Vec<(u64, usize)>);

impl Ring {
    /// A ring of at least `minimum` places for entries with these keys and weights.
    pub(super) fn new(entries: &[(u64, u32)], minimum: u64) -> Self {
        let weight = |entry: &(u64, u32)| u64::from(entry.1.max(1));
        let total: u64 = entries.iter().map(weight).sum();
        let least = entries.iter().map(weight).min().unwrap_or(1);
        // Envoy: the lightest host has a whole number of places, and together they reach the minimum.
        let scale = minimum
            .min(MOST)
            .saturating_mul(least)
            .div_ceil(total.max(1));
        let mut places = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let count = scale.max(1).saturating_mul(weight(entry)) / least;
            places.extend((0..count.min(MOST)).map(|place| (place_of(entry.0, place), index)));
        }
        places.sort_unstable();
        Self(places)
    }

    /// The entry whose place comes next after a hash; a further attempt takes a place further on.
    pub(super) fn pick(&self, hash: u64, attempt: u32) -> usize {
        let next = self.0.partition_point(|(place, _)| *place < hash);
        let picked = next + attempt as usize;
        self.0
            .get(picked % self.0.len().max(1))
            .map_or(0, |(_, entry)| *entry)
    }
}

/// A number for bytes, the same as long as this program runs.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn place_of(key: u64, place: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(key);
    hasher.write_u64(place);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(ring: &Ring, entries: usize) -> Vec<usize> {
        let mut counts = vec![0; entries];
        for number in 0..10_000_u64 {
            counts[ring.pick(digest(&number.to_le_bytes()), 0)] += 1;
        }
        counts
    }

    #[test]
    fn every_hash_has_one_host_and_hosts_share_by_weight() {
        let ring = Ring::new(&[(1, 1), (2, 1), (3, 2)], 1024);
        assert_eq!(ring.0.len(), 1024);
        let shares = shares(&ring, 3);
        for (share, expected) in shares.iter().zip([2500, 2500, 5000]) {
            assert!(share.abs_diff(expected) < 600, "{shares:?}");
        }
        assert_eq!(ring.pick(77, 0), ring.pick(77, 0));
    }

    #[test]
    fn who_leaves_moves_few_hashes_of_others() {
        let three = Ring::new(&[(1, 1), (2, 1), (3, 1)], 1024);
        let two = Ring::new(&[(1, 1), (2, 1)], 1024);
        let stay = (0..2_000_u64)
            .map(|number| digest(&number.to_le_bytes()))
            .filter(|hash| three.pick(*hash, 0) < 2)
            .filter(|hash| three.pick(*hash, 0) == two.pick(*hash, 0))
            .count();
        // Two thirds were theirs.
        assert!(stay > 1_000, "{stay}");
    }

    #[test]
    fn a_further_attempt_goes_further_round() {
        let ring = Ring::new(&[(1, 1), (2, 1)], 64);
        let picked: std::collections::BTreeSet<usize> =
            (0..20).map(|attempt| ring.pick(5, attempt)).collect();
        assert_eq!(picked.len(), 2);
        assert_eq!(Ring::new(&[], 1024).pick(5, 3), 0);
        assert_eq!(ring.pick(u64::MAX, 0), ring.pick(0, 0), "it is a ring");
    }
}
