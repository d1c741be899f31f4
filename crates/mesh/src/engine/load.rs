//! How requests are shared among priorities, by how many hosts of each are healthy.

/// Envoy: a priority is as good as whole while 100/140 of its hosts are healthy (Istio: the default).
pub(super) const OVERPROVISIONING: usize = 140;

/// Hosts of one priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Census {
    pub(super) healthy: usize,
    pub(super) all: usize,
}

/// What one priority gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// Of all requests.
    pub(super) percent: u32,
    /// Too few are healthy: all hosts are asked.
    pub(super) panic: bool,
}

impl Census {
    /// Envoy: percent of what it must take that it can take.
    fn availability(self) -> u32 {
        let percent = (OVERPROVISIONING * self.healthy).checked_div(self.all);
        percent.map_or(0, |percent| percent.min(100) as u32)
    }

    fn is_in_panic(self, threshold: u32) -> bool {
        // An empty priority has 0 % healthy hosts.
        let all = self.all.max(1);
        100 * self.healthy < threshold as usize * all
    }
}

/// Shares for the priorities in order; they sum to 100 where there is a priority at all.
pub(super) fn loads(census: &[Census], panic_threshold: u32) -> Vec<Load> {
    let available: u32 = census.iter().map(|of| of.availability()).sum();
    let available = available.min(100);
    let mut loads: Vec<Load> = census
        .iter()
        .map(|of| Load {
            percent: 0,
            // Envoy: nobody panics while the priorities together can take everything.
            panic: available < 100 && of.is_in_panic(panic_threshold.min(100)),
        })
        .collect();
    if !loads.is_empty() && loads.iter().all(|load| load.panic) {
        by_number(census, &mut loads);
    } else {
        by_availability(census, available, &mut loads);
    }
    loads
}

/// Tries after which the priorities of the hosts tried so far are left (Istio).
const TRIES_BEFORE_LEAVING: usize = 2;

/// Shares for a retry after tries in these priorities; none where the usual ones hold.
///
/// Envoy, `previous_priorities`: after every second try the priorities seen since are left. Once no
/// other can take anything, all of them count again.
pub(super) fn elsewhere(census: &[Census], tried: &[usize]) -> Option<Vec<Load>> {
    let mut rest = census.to_vec();
    let available = |census: &[Census]| census.iter().map(|of| of.availability()).sum::<u32>();
    let rounds = tried.chunks_exact(TRIES_BEFORE_LEAVING);
    if rounds.len() == 0 || available(census) == 0 {
        return None;
    }
    for round in rounds {
        for priority in round {
            rest[*priority].healthy = 0;
        }
        if available(&rest) == 0 {
            rest = census.to_vec();
        }
    }
    let mut loads = vec![Load::default(); census.len()];
    by_availability(&rest, available(&rest).min(100), &mut loads);
    Some(loads)
}

/// Each priority what it can take, the first ones first.
fn by_availability(census: &[Census], available: u32, loads: &mut [Load]) {
    let mut rest = 100;
    for (load, of) in loads.iter_mut().zip(census) {
        // Where nothing is available nothing is shared out.
        let share = (of.availability() * 100).checked_div(available);
        load.percent = share.unwrap_or(0).min(rest);
        rest -= load.percent;
    }
    // Envoy: what rounding left, or everything where nobody is healthy, is for the first that can.
    let first = census
        .iter()
        .position(|of| of.availability() > 0)
        .unwrap_or(0);
    if let Some(load) = loads.get_mut(first) {
        load.percent += rest;
    }
}

/// Envoy, when every priority panics: by the number of hosts.
fn by_number(census: &[Census], loads: &mut [Load]) {
    let total: usize = census.iter().map(|of| of.all).sum();
    let mut rest = 100;
    for (load, of) in loads.iter_mut().zip(census) {
        load.percent = (100 * of.all).checked_div(total).unwrap_or(0) as u32;
        rest -= load.percent;
    }
    let first = census.iter().position(|of| of.all > 0).unwrap_or(0);
    if let Some(load) = loads.get_mut(first) {
        load.percent += rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percent of each priority, and whether it panics.
    fn check(census: &[(usize, usize)], threshold: u32, expected: &[(u32, bool)]) {
        let of: Vec<Census> = census
            .iter()
            .map(|(healthy, all)| Census {
                healthy: *healthy,
                all: *all,
            })
            .collect();
        let loads: Vec<_> = loads(&of, threshold)
            .iter()
            .map(|load| (load.percent, load.panic))
            .collect();
        assert_eq!(loads, expected, "{census:?} at {threshold}");
    }

    #[test]
    fn what_a_priority_cannot_take_spills_to_the_next() {
        // Measured: two local hosts and a remote one, with 0, 1 and 2 of the local ones away.
        check(&[(2, 2), (1, 1)], 0, &[(100, false), (0, false)]);
        check(&[(1, 2), (1, 1)], 0, &[(70, false), (30, false)]);
        check(&[(0, 2), (1, 1)], 0, &[(0, false), (100, false)]);
        // 5 of 7 are as good as all.
        check(&[(5, 7), (1, 1)], 0, &[(100, false), (0, false)]);
        check(&[(2, 3), (1, 1)], 0, &[(93, false), (7, false)]);
        check(
            &[(1, 2), (1, 4), (1, 1)],
            0,
            &[(70, false), (30, false), (0, false)],
        );
    }

    #[test]
    fn where_nobody_is_healthy_and_nobody_panics_the_first_has_it_all() {
        check(&[(0, 2), (0, 1)], 0, &[(100, false), (0, false)]);
        check(&[(0, 1)], 0, &[(100, false)]);
        check(&[], 30, &[]);
    }

    #[test]
    fn a_retry_leaves_the_priorities_of_every_two_tries() {
        let census = [(2, 2), (1, 1), (1, 1)].map(|(healthy, all)| Census { healthy, all });
        let percents = |tried: &[usize]| {
            let loads = elsewhere(&census, tried)?;
            Some(loads.iter().map(|load| load.percent).collect::<Vec<_>>())
        };
        let rows: [(&[usize], Option<Vec<u32>>); 7] = [
            (&[], None),
            (&[0], None),
            (&[0, 0], Some(vec![0, 100, 0])),
            (&[0, 0, 1], Some(vec![0, 100, 0])),
            (&[0, 0, 1, 1], Some(vec![0, 0, 100])),
            (&[0, 1], Some(vec![0, 0, 100])),
            // All were left: they count again.
            (&[0, 0, 1, 1, 2, 2], Some(vec![100, 0, 0])),
        ];
        for (tried, expected) in rows {
            assert_eq!(percents(tried), expected, "{tried:?}");
        }
        let nobody = [Census { healthy: 0, all: 2 }; 2];
        assert_eq!(elsewhere(&nobody, &[0, 0]), None);
    }

    #[test]
    fn too_few_healthy_hosts_are_a_panic() {
        // Measured: two hosts, one away: not at 50, but at 51.
        check(&[(1, 2)], 50, &[(100, false)]);
        check(&[(1, 2)], 51, &[(100, true)]);
        check(&[(0, 1)], 30, &[(100, true)]);
        check(&[(0, 2)], 30, &[(100, true)]);
        // As good as whole: no panic whatever the threshold.
        check(&[(5, 7)], 90, &[(100, false)]);
        check(&[(2, 3)], 90, &[(100, true)]);
    }

    #[test]
    fn priorities_panic_one_by_one_and_all_together_share_by_number() {
        // Together they can take everything.
        check(&[(1, 3), (1, 1)], 50, &[(46, false), (54, false)]);
        check(&[(1, 4), (1, 5)], 22, &[(56, false), (44, true)]);
        check(&[(0, 2), (0, 1)], 30, &[(67, true), (33, true)]);
    }
}
