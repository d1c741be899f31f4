//! Consistent hashing: hosts on a ring (Envoy: `ring_hash`, after ketama).

use xxhash_rust::xxh64::xxh64;

use super::members::Share;

/// A ring has no more places. Envoy refuses the cluster of a ring that is asked to have more.
const MOST: f64 = 8.0 * 1024.0 * 1024.0;

/// Places on a ring, each a host's; a host has as many as its part asks for.
#[derive(Debug, Clone)]
pub(super) struct Ring(Vec<(u64, usize)>);

impl Ring {
    /// A ring of at least `minimum` places for these hosts.
    ///
    /// Envoy: the lightest host has a whole number of places. Of the others the places are counted
    /// over all hosts together, so that what rounding takes from one the next one gets.
    pub(super) fn new(shares: &[Share<'_>], minimum: u64) -> Self {
        let least = shares.iter().map(|share| share.part).fold(1.0, f64::min);
        let scale = ((least * minimum.max(1) as f64).ceil() / least).min(MOST);
        let mut places: Vec<(u64, usize)> = Vec::new();
        let mut wanted = 0.0;
        for share in shares {
            wanted += scale * share.part;
            let mut number = 0;
            while (places.len() as f64) < wanted {
                places.push((place(share.key, number), share.host));
                number += 1;
            }
        }
        places.sort_unstable();
        Self(places)
    }

    /// The host whose place comes next after a hash; a further attempt takes a place further on.
    pub(super) fn pick(&self, hash: u64, attempt: u32) -> Option<usize> {
        let next = self.0.partition_point(|(place, _)| *place < hash);
        let picked = (next + attempt as usize).checked_rem(self.0.len())?;
        Some(self.0[picked].1)
    }
}

/// Envoy: where the place of this number of a host is.
fn place(key: &str, number: u64) -> u64 {
    xxh64(format!("{key}_{number}").as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use super::super::hashing::digest;
    use super::*;

    const KEYS: [&str; 3] = ["10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"];

    fn ring(parts: &[f64], minimum: u64) -> Ring {
        let share = |(host, part): (usize, &f64)| Share {
            host,
            key: KEYS[host],
            part: *part,
        };
        let shares: Vec<_> = parts.iter().enumerate().map(share).collect();
        Ring::new(&shares, minimum)
    }

    fn hashes(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(|number| digest(&number.to_le_bytes()))
    }

    #[test]
    fn every_hash_has_one_host_and_hosts_share_by_weight() {
        let ring = ring(&[0.25, 0.25, 0.5], 1024);
        assert_eq!(ring.0.len(), 1024);
        let mut counts = [0_u32; 3];
        for hash in hashes(10_000) {
            counts[ring.pick(hash, 0).unwrap()] += 1;
        }
        for (count, expected) in counts.iter().zip([2500, 2500, 5000]) {
            assert!(count.abs_diff(expected) < 600, "{counts:?}");
        }
    }

    #[test]
    fn the_lightest_host_has_whole_places_and_together_they_reach_the_minimum() {
        let places = |parts: &[f64], minimum| ring(parts, minimum).0.len();
        assert_eq!(places(&[1.0], 1024), 1024);
        assert_eq!(places(&[0.5, 0.5], 1023), 1024);
        assert_eq!(places(&[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], 1024), 1026);
        assert_eq!(places(&[0.001, 0.999], 5), 1000);
        assert_eq!(places(&[], 1024), 0);
    }

    #[test]
    fn who_leaves_moves_few_hashes_of_others() {
        let (three, two) = (ring(&[1.0 / 3.0; 3], 1024), ring(&[0.5; 2], 1024));
        let others: Vec<u64> = hashes(2_000)
            .filter(|hash| three.pick(*hash, 0) != Some(2))
            .collect();
        let stay = others
            .iter()
            .filter(|hash| three.pick(**hash, 0) == two.pick(**hash, 0))
            .count();
        assert!(
            others.len() > 1_200 && stay * 4 > others.len() * 3,
            "{stay}"
        );
    }

    #[test]
    fn a_further_attempt_goes_further_round() {
        let ring = ring(&[0.5; 2], 64);
        let picked: std::collections::BTreeSet<_> =
            (0..20).map(|attempt| ring.pick(5, attempt)).collect();
        assert_eq!(picked.len(), 2);
        assert_eq!(ring.pick(u64::MAX, 0), ring.pick(0, 0), "it is a ring");
        assert_eq!(Ring::new(&[], 1024).pick(5, 3), None);
    }
}
