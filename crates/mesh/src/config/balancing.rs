//! How a host is chosen.

/// How a host is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Balancing {
    /// The less busy of two random hosts.
    #[default]
    LeastRequest,
    /// In turn.
    RoundRobin,
    /// A random host.
    Random,
    /// By the hash of a request, on a ring; a random host for one without.
    RingHash {
        /// Places on the ring, at least.
        minimum: u64,
    },
    /// By the hash of a request, in a table; a random host for one without.
    Maglev(TableSize),
}

/// How many places a table of Maglev has: a prime, so that every host's sequence meets them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSize(u32);

impl Balancing {
    /// Whether a request's hash says which host it belongs to.
    pub fn hashes(self) -> bool {
        matches!(self, Self::RingHash { .. } | Self::Maglev(_))
    }
}

impl TableSize {
    /// Istio: a table must be smaller than this.
    pub const LIMIT: u64 = 5_000_011;

    /// A size, if it is one.
    pub fn new(size: u64) -> Option<Self> {
        let small = u32::try_from(size).ok();
        let fits = |size: &u32| u64::from(*size) < Self::LIMIT && is_prime(*size);
        small.filter(fits).map(Self)
    }

    /// As a number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for TableSize {
    /// Envoy's.
    fn default() -> Self {
        Self(65_537)
    }
}

/// Whether only 1 and itself divide a number; 1 itself has no such divisor.
pub fn is_prime(number: u32) -> bool {
    let mut factors = 2..=number.isqrt();
    number > 1 && factors.all(|factor| !number.is_multiple_of(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_prime_number_of_places_below_the_limit() {
        let sizes = [0, 1, 2, 3, 4, 9, 1009, 1011, 65_537, 4_999_999, 5_000_011];
        let known: Vec<u64> = sizes
            .into_iter()
            .filter(|size| TableSize::new(*size).is_some())
            .collect();
        assert_eq!(known, [2, 3, 1009, 65_537, 4_999_999]);
        assert_eq!(TableSize::new(65_537), Some(TableSize::default()));
    }
}
