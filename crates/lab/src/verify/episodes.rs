//! Failures of one pod, told apart by the times in which nobody asked it.

use std::time::Duration;

/// A pod that is in is asked more often.
const APART: Duration = Duration::from_secs(10);

/// Failures that followed closely on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The first of them.
    pub begin: Duration,
    /// The last of them.
    pub end: Duration,
    /// How many there were.
    pub failures: u32,
}

/// Episodes of failures, whose times are in order.
pub fn episodes(failures: &[Duration]) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    for &at in failures {
        match episodes.last_mut() {
            Some(last) if at - last.end < APART => {
                last.end = at;
                last.failures += 1;
            }
            _ => episodes.push(Episode {
                begin: at,
                end: at,
                failures: 1,
            }),
        }
    }
    episodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_silence_begins_a_new_episode() {
        let times = [1, 2, 40, 41, 42, 110].map(Duration::from_secs);
        let found = episodes(&times);
        let counts: Vec<_> = found.iter().map(|it| it.failures).collect();
        assert_eq!(counts, [2, 3, 1]);
        assert_eq!(found[1].begin - found[0].end, Duration::from_secs(38));
        assert_eq!(episodes(&[]), []);
    }
}
