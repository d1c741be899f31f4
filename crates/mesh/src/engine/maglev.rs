//! Consistent hashing: hosts in a table (Envoy: `maglev`, after Google's paper of that name).

use xxhash_rust::xxh64::xxh64;

use super::members::Share;
use crate::config::TableSize;

/// A host for every remainder of a hash.
#[derive(Debug, Clone)]
pub(super) struct Maglev(Vec<u32>);

/// A place that no host has taken.
const FREE: u32 = u32::MAX;

/// The order in which a host takes free places.
struct Sequence {
    host: u32,
    part: f64,
    /// The part at which it takes its next place.
    due: f64,
    offset: u64,
    skip: u64,
    next: u64,
}

impl Maglev {
    /// A table for these hosts.
    ///
    /// Envoy: the hosts take places by turns, in the order of their keys; the heaviest one in every
    /// round, others when the rounds so far add up to a place of theirs.
    pub(super) fn new(shares: &[Share<'_>], size: TableSize) -> Self {
        let most = shares.iter().map(|share| share.part).fold(0.0, f64::max);
        let mut shares = shares.to_vec();
        shares.sort_unstable_by_key(|share| share.key);
        let sequence = |share: &Share<'_>| Sequence::new(share, size);
        let mut sequences: Vec<Sequence> = shares.iter().map(sequence).collect();
        if sequences.is_empty() {
            return Self(Vec::new());
        }
        let mut table = vec![FREE; size.get() as usize];
        let mut free = table.len();
        let mut round = 0.0;
        while free > 0 {
            round += 1.0;
            for sequence in &mut sequences {
                if free > 0 && round * sequence.part >= sequence.due {
                    sequence.due += most;
                    sequence.take_place(&mut table);
                    free -= 1;
                }
            }
        }
        Self(table)
    }

    /// The host for a hash; a further attempt looks at a place far off.
    pub(super) fn pick(&self, hash: u64, attempt: u32) -> Option<usize> {
        let hash = match u64::from(attempt) {
            0 => hash,
            attempt => hash ^ (u64::MAX - attempt + 1),
        };
        let place = hash.checked_rem(self.0.len() as u64)?;
        // The remainder is below a usize, so it fits.
        Some(self.0[place as usize] as usize)
    }
}

impl Sequence {
    fn new(share: &Share<'_>, size: TableSize) -> Self {
        let (key, size) = (share.key.as_bytes(), u64::from(size.get()));
        Self {
            // No cluster has so many hosts.
            host: u32::try_from(share.host).unwrap_or(FREE - 1),
            part: share.part,
            due: 0.0,
            offset: xxh64(key, 0) % size,
            skip: xxh64(key, 1) % (size - 1) + 1,
            next: 0,
        }
    }

    /// Takes the first place of its sequence that is free; one is, as the size is prime.
    fn take_place(&mut self, table: &mut [u32]) {
        loop {
            let place = (self.offset + self.skip * self.next) % table.len() as u64;
            self.next += 1;
            let place = &mut table[place as usize];
            if *place == FREE {
                *place = self.host;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hashing::digest;
    use super::*;

    const KEYS: [&str; 3] = ["10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"];

    fn table(parts: &[f64], size: u64) -> Maglev {
        let share = |(host, part): (usize, &f64)| Share {
            host,
            key: KEYS[host],
            part: *part,
        };
        let shares: Vec<_> = parts.iter().enumerate().map(share).collect();
        Maglev::new(&shares, TableSize::new(size).unwrap())
    }

    fn places(table: &Maglev, host: usize) -> usize {
        table.0.iter().filter(|own| **own as usize == host).count()
    }

    #[test]
    fn hosts_share_the_table_by_weight_to_a_place() {
        let even = table(&[1.0 / 3.0; 3], 1009);
        assert_eq!([0, 1, 2].map(|host| places(&even, host)), [337, 336, 336]);
        let weighed = table(&[0.25, 0.75], 1009);
        assert_eq!([0, 1].map(|host| places(&weighed, host)), [253, 756]);
    }

    #[test]
    fn who_leaves_moves_few_hashes_of_others() {
        let (three, two) = (table(&[1.0 / 3.0; 3], 1009), table(&[0.5; 2], 1009));
        let others: Vec<u64> = (0..2_000_u64)
            .map(|number| digest(&number.to_le_bytes()))
            .filter(|hash| three.pick(*hash, 0) != Some(2))
            .collect();
        let stay = others
            .iter()
            .filter(|hash| three.pick(**hash, 0) == two.pick(**hash, 0))
            .count();
        assert!(
            others.len() > 1_200 && stay * 10 > others.len() * 8,
            "{stay}"
        );
    }

    #[test]
    fn a_further_attempt_looks_elsewhere_and_nobody_is_found_in_an_empty_table() {
        let table = table(&[0.5; 2], 1009);
        let picked: std::collections::BTreeSet<_> =
            (0..20).map(|attempt| table.pick(5, attempt)).collect();
        assert_eq!(picked.len(), 2);
        let nobody = Maglev::new(&[], TableSize::default());
        assert_eq!(nobody.pick(5, 0), None);
    }

    #[test]
    fn a_table_of_two_places_has_an_end_too() {
        assert_eq!(table(&[1.0 / 3.0; 3], 2).0.len(), 2);
        assert_eq!(table(&[1e-9, 1.0 - 1e-9], 2).0.len(), 2);
    }
}
