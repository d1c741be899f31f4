//! Which host of a cluster takes the next request: priority → locality → host.

use std::time::Duration;

use super::group::{Group, Setting};
use super::load::{Census, Load, OVERPROVISIONING, elsewhere, loads};
use super::members::{Member, members};
use super::schedule::Schedule;
use super::warmup::Warmup;
use crate::config::{Balancing, Host, Policy};

/// Envoy's threshold, which Istio overwrites only where it writes rules of ejection.
const PANIC_THRESHOLD: u32 = 50;

/// What a choice depends on besides the state of the balancer.
pub(super) struct Chances<A, R> {
    /// Requests in flight at a host.
    pub(super) active: A,
    /// Uniformly random numbers.
    pub(super) random: R,
    /// Of the request; without one a random number stands for it, the same in every attempt.
    pub(super) hash: Option<u64>,
    /// Picks for this try before.
    pub(super) attempt: u32,
    /// Hosts whose priorities are left.
    pub(super) left: Vec<usize>,
    pub(super) now: Duration,
}

impl<A, R: FnMut() -> u64> Chances<A, R> {
    pub(super) fn hash(&mut self) -> u64 {
        *self.hash.get_or_insert_with(&mut self.random)
    }
}

/// The state of choosing among the hosts of a cluster: one Envoy worker's.
#[derive(Debug, Clone)]
pub(super) struct Balancer {
    basis: Basis,
    panic_threshold: u32,
    weighs_localities: bool,
    priorities: Vec<Priority>,
}

/// What all groups of a cluster have in common.
#[derive(Debug, Clone)]
struct Basis {
    balancing: Balancing,
    members: Vec<Member>,
    warmup: Option<Warmup>,
    random: u64,
}

/// Hosts of one priority.
#[derive(Debug, Clone)]
struct Priority {
    all: Vec<usize>,
    localities: Vec<Locality>,
    load: Load,
    /// Asked in a panic.
    everyone: Group,
    healthy: Group,
    /// Which locality is next; none = localities are not weighed.
    schedule: Option<Turns>,
}

/// Hosts of one locality in one priority.
#[derive(Debug, Clone)]
struct Locality {
    hosts: Vec<usize>,
    weight: u32,
    healthy: Group,
}

/// The cycle of localities.
#[derive(Debug, Clone)]
struct Turns {
    schedule: Schedule,
    /// Locality and effective weight.
    entries: Vec<(usize, f64)>,
}

impl Balancer {
    /// No hosts yet; `random` says where cycles begin.
    pub(super) fn new(policy: &Policy, random: u64) -> Self {
        Self {
            basis: Basis {
                balancing: policy.balancing,
                members: Vec::new(),
                warmup: policy.slow_start.map(Warmup::new),
                random,
            },
            panic_threshold: policy
                .outlier
                .map_or(PANIC_THRESHOLD, |outlier| outlier.panic_threshold),
            weighs_localities: policy.weighs_localities,
            priorities: Vec::new(),
        }
    }

    /// Other hosts from `now` on: of each its index until now, none for a new one. Cycles go on.
    /// To be followed by [`refresh`](Self::refresh).
    pub(super) fn replace_hosts(&mut self, hosts: &[Host], kept: &[Option<usize>], now: Duration) {
        self.basis.members = members(hosts, self.weighs_localities);
        if let Some(warmup) = &mut self.basis.warmup {
            warmup.replace_hosts(kept, now);
        }
        let priorities = hosts.iter().map(|host| host.priority as usize + 1).max();
        let mut all = std::mem::take(&mut self.priorities);
        all.resize_with(priorities.unwrap_or(0), || Priority::new(self.basis.random));
        for (number, priority) in all.iter_mut().enumerate() {
            let of =
                |(index, host): (usize, &Host)| (host.priority as usize == number).then_some(index);
            priority.all = hosts.iter().enumerate().filter_map(of).collect();
            priority.split(hosts, self.basis.random);
            let all = priority.all.clone();
            priority.everyone.refill(self.basis.at(now), all);
        }
        self.priorities = all;
    }

    /// Learns which hosts are healthy.
    pub(super) fn refresh(&mut self, healthy: impl Fn(usize) -> bool, now: Duration) {
        let mut priorities = std::mem::take(&mut self.priorities);
        let refill = |group: &mut Group, hosts: &[usize]| {
            let hosts = hosts.iter().copied().filter(|host| healthy(*host));
            group.refill(self.basis.at(now), hosts.collect());
        };
        for priority in &mut priorities {
            refill(&mut priority.healthy, &priority.all);
            for locality in &mut priority.localities {
                refill(&mut locality.healthy, &locality.hosts);
            }
            // A table of hashes holds the localities' weights itself.
            let by_turns = self.weighs_localities && !self.basis.balancing.hashes();
            let turns = by_turns.then(|| Turns::new(&priority.localities, self.basis.random));
            priority.schedule = turns.flatten();
        }
        let census: Vec<Census> = priorities.iter().map(Priority::census).collect();
        let loads = loads(&census, self.panic_threshold);
        for (priority, load) in priorities.iter_mut().zip(loads) {
            priority.load = load;
        }
        self.priorities = priorities;
    }

    /// The host (its index) for the next request; none where nobody may be asked.
    ///
    /// `panics` counts the choices made in a panic.
    pub(super) fn pick<A, R>(
        &mut self,
        chances: &mut Chances<A, R>,
        panics: &mut u64,
    ) -> Option<usize>
    where
        A: Fn(usize) -> u32,
        R: FnMut() -> u64,
    {
        let chosen = match self.priorities.len() {
            0 => {
                // Nobody is 0 % healthy.
                *panics += u64::from(self.panic_threshold > 0);
                return None;
            }
            // One priority has it all: chance has no say.
            1 => 0,
            // Envoy: a request that is hashed stays in its priority too, also with its retries.
            _ if self.basis.balancing.hashes() => self.priority(chances.hash(), &[]),
            _ => self.priority((chances.random)(), &chances.left),
        };
        // Envoy: with a hash, further attempts are parts of the same choice.
        let same = self.basis.balancing.hashes() && chances.attempt > 0;
        let priority = &mut self.priorities[chosen];
        let group = if priority.load.panic {
            *panics += u64::from(!same);
            &mut priority.everyone
        } else {
            priority.group()
        };
        let setting = self.basis.at(chances.now);
        group.pick(chances, setting)
    }

    /// Envoy: the first priority up to which the shares reach a number from 1 to 100.
    fn priority(&self, random: u64, left: &[usize]) -> usize {
        let wanted = (random % 100) as u32 + 1;
        let elsewhere = self.elsewhere(left);
        let percent = |number: usize, priority: &Priority| match &elsewhere {
            Some(loads) => loads[number].percent,
            None => priority.load.percent,
        };
        let mut reached = 0;
        let reaches = |(number, priority): (usize, &Priority)| {
            reached += percent(number, priority);
            wanted <= reached
        };
        let mut priorities = self.priorities.iter().enumerate();
        priorities.position(reaches).unwrap_or(0)
    }

    /// The shares for a retry that leaves the priorities of these hosts; none where it need not.
    fn elsewhere(&self, left: &[usize]) -> Option<Vec<Load>> {
        if left.is_empty() {
            return None;
        }
        let of = |host: &usize| {
            let mut priorities = self.priorities.iter();
            priorities.position(|priority| priority.all.contains(host))
        };
        let tried: Vec<usize> = left.iter().filter_map(of).collect();
        let census: Vec<Census> = self.priorities.iter().map(Priority::census).collect();
        elsewhere(&census, &tried)
    }
}

impl Basis {
    fn at(&self, now: Duration) -> Setting<'_> {
        Setting {
            balancing: self.balancing,
            members: &self.members,
            warmup: self.warmup.as_ref(),
            random: self.random,
            now,
        }
    }
}

impl Priority {
    fn new(random: u64) -> Self {
        Self {
            all: Vec::new(),
            localities: Vec::new(),
            load: Load::default(),
            everyone: Group::new(random),
            healthy: Group::new(random),
            schedule: None,
        }
    }

    /// Its hosts by locality; hosts of a cluster come sorted by it.
    fn split(&mut self, hosts: &[Host], random: u64) {
        let chunks = self
            .all
            .chunk_by(|a, b| hosts[*a].locality == hosts[*b].locality);
        self.localities = chunks
            .map(|chunk| Locality {
                hosts: chunk.to_vec(),
                weight: hosts[chunk[0]].locality_weight,
                healthy: Group::new(random),
            })
            .collect();
    }

    fn census(&self) -> Census {
        Census {
            healthy: self.healthy.len(),
            all: self.all.len(),
        }
    }

    /// The group that is next when nobody panics.
    fn group(&mut self) -> &mut Group {
        match self.schedule.as_mut().map(Turns::next) {
            Some(locality) => &mut self.localities[locality].healthy,
            None => &mut self.healthy,
        }
    }
}

impl Locality {
    /// Envoy: its weight, less what its hosts that are away cannot take.
    fn effective_weight(&self) -> f64 {
        let healthy = self.healthy.len() as f64 / self.hosts.len().max(1) as f64;
        f64::from(self.weight) * (OVERPROVISIONING as f64 / 100.0 * healthy).min(1.0)
    }
}

impl Turns {
    /// None where no locality has both weight and healthy hosts.
    fn new(localities: &[Locality], random: u64) -> Option<Self> {
        let weighed = localities
            .iter()
            .enumerate()
            .map(|(index, locality)| (index, locality.effective_weight()));
        let entries: Vec<_> = weighed.filter(|(_, weight)| *weight > 0.0).collect();
        let schedule = Schedule::new(entries.len(), |entry| entries[entry].1, random);
        (!entries.is_empty()).then_some(Self { schedule, entries })
    }

    fn next(&mut self) -> usize {
        let entries = &self.entries;
        entries[self.schedule.pick(|entry| entries[entry].1)].0
    }
}

#[cfg(test)]
mod tests;
