//! Hosts among which one is chosen by the policy alone.

use std::time::Duration;

use super::balancer::Chances;
use super::maglev::Maglev;
use super::members::{Member, shares};
use super::ring::Ring;
use super::schedule::Schedule;
use super::warmup::Warmup;
use crate::config::{Balancing, TableSize};

/// Some hosts of a cluster, and the state of choosing among them.
#[derive(Debug, Clone)]
pub(super) struct Group {
    hosts: Vec<usize>,
    choice: Choice,
    /// Picks of a plain cycle so far; goes on when hosts come and go.
    turn: u64,
}

/// What all groups of a cluster are filled by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) balancing: Balancing,
    pub(super) members: &'a [Member],
    pub(super) warmup: Option<&'a Warmup>,
    pub(super) random: u64,
    pub(super) now: Duration,
}

/// What a choice is made by.
#[derive(Debug, Clone)]
enum Choice {
    /// In turn; equal weights.
    Cycle,
    /// In turn, by weights.
    Scheduled {
        schedule: Schedule,
        weights: Vec<u32>,
        divide_by_active: bool,
    },
    /// The less busy of two random hosts; equal weights.
    TwoChoices,
    /// Any host; weights do not count.
    Random,
    /// By the request's hash. Built for the first request, as most groups are never asked and it can
    /// be large.
    Ring { minimum: u64, ring: Option<Ring> },
    /// The same.
    Maglev {
        size: TableSize,
        table: Option<Maglev>,
    },
}

impl Choice {
    /// Envoy: who is still warming up is as good as a weight of its own.
    fn new(setting: Setting<'_>, hosts: &[usize]) -> Self {
        let members = setting.members;
        let equal = hosts
            .windows(2)
            .all(|pair| members[pair[0]].weight == members[pair[1]].weight);
        let warm = setting.warmup.is_none_or(|it| it.is_over(setting.now));
        match (setting.balancing, equal && warm) {
            (Balancing::RingHash { minimum }, _) => Self::Ring {
                minimum,
                ring: None,
            },
            (Balancing::Maglev(size), _) => Self::Maglev { size, table: None },
            (Balancing::Random, _) => Self::Random,
            (Balancing::RoundRobin, true) => Self::Cycle,
            (Balancing::RoundRobin, false) => Self::scheduled(setting, hosts, false),
            (Balancing::LeastRequest, true) => Self::TwoChoices,
            (Balancing::LeastRequest, false) => Self::scheduled(setting, hosts, true),
        }
    }

    fn scheduled(setting: Setting<'_>, hosts: &[usize], divide_by_active: bool) -> Self {
        let weight = |host: &usize| setting.members[*host].weight;
        let weights: Vec<u32> = hosts.iter().map(weight).collect();
        let factor = |host| factor(setting.warmup, host, setting.now);
        let weighed = |entry: usize| weight_of(&weights, entry) * factor(hosts[entry]);
        Self::Scheduled {
            schedule: Schedule::new(hosts.len(), weighed, setting.random),
            weights,
            divide_by_active,
        }
    }
}

impl Group {
    /// A group without hosts; `random` says where its cycle begins.
    pub(super) fn new(random: u64) -> Self {
        Self {
            hosts: Vec::new(),
            choice: Choice::Random,
            turn: random,
        }
    }

    /// These hosts from now on, of the members of the cluster.
    pub(super) fn refill(&mut self, setting: Setting<'_>, hosts: Vec<usize>) {
        self.choice = Choice::new(setting, &hosts);
        self.hosts = hosts;
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// The host for the next request; none in an empty group.
    pub(super) fn pick<A, R>(
        &mut self,
        chances: &mut Chances<A, R>,
        setting: Setting<'_>,
    ) -> Option<usize>
    where
        A: Fn(usize) -> u32,
        R: FnMut() -> u64,
    {
        let hosts = &self.hosts;
        match &mut self.choice {
            Choice::Ring { minimum, ring } => {
                let shares = || shares(setting.members, hosts);
                let ring = ring.get_or_insert_with(|| Ring::new(&shares(), *minimum));
                ring.pick(chances.hash(), chances.attempt)
            }
            Choice::Maglev { size, table } => {
                let shares = || shares(setting.members, hosts);
                let table = table.get_or_insert_with(|| Maglev::new(&shares(), *size));
                table.pick(chances.hash(), chances.attempt)
            }
            _ if hosts.len() < 2 => hosts.first().copied(),
            Choice::Cycle => {
                let picked = hosts[index(self.turn, hosts.len())];
                self.turn = self.turn.wrapping_add(1);
                Some(picked)
            }
            Choice::Random => Some(hosts[index((chances.random)(), hosts.len())]),
            Choice::TwoChoices => Some(less_busy(hosts, chances)),
            Choice::Scheduled {
                schedule,
                weights,
                divide_by_active,
            } => {
                let due = schedule.pick(|entry| {
                    let host = hosts[entry];
                    let busy = match divide_by_active {
                        true => f64::from((chances.active)(host)) + 1.0,
                        false => 1.0,
                    };
                    weight_of(weights, entry) / busy * factor(setting.warmup, host, chances.now)
                });
                Some(hosts[due])
            }
        }
    }
}

/// Envoy: of two equally busy ones the first.
fn less_busy<A, R>(hosts: &[usize], chances: &mut Chances<A, R>) -> usize
where
    A: Fn(usize) -> u32,
    R: FnMut() -> u64,
{
    let mut any = || hosts[index((chances.random)(), hosts.len())];
    let (first, second) = (any(), any());
    if (chances.active)(second) < (chances.active)(first) {
        second
    } else {
        first
    }
}

/// What a host that is warming up gets of its weight.
fn factor(warmup: Option<&Warmup>, host: usize, now: Duration) -> f64 {
    warmup.map_or(1.0, |warmup| warmup.factor(host, now))
}

fn weight_of(weights: &[u32], entry: usize) -> f64 {
    f64::from(weights[entry].max(1))
}

fn index(random: u64, length: usize) -> usize {
    // The remainder is below a usize, so it fits.
    (random % length as u64) as usize
}

#[cfg(test)]
mod tests;
