//! Hosts among which one is chosen by the policy alone.

use super::balancer::{Chances, Members};
use super::ring::Ring;
use super::schedule::Schedule;
use crate::config::Balancing;

/// Some hosts of a cluster, and the state of choosing among them.
#[derive(Debug, Clone)]
pub(super) struct Group {
    hosts: Vec<usize>,
    choice: Choice,
    /// Picks of a plain cycle so far; goes on when hosts come and go.
    turn: u64,
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
    /// By the request's hash.
    Ring(Ring),
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
    pub(super) fn refill(
        &mut self,
        balancing: Balancing,
        hosts: Vec<usize>,
        members: &Members,
        random: u64,
    ) {
        let weights: Vec<u32> = hosts.iter().map(|host| members.weights[*host]).collect();
        let equal = weights.windows(2).all(|pair| pair[0] == pair[1]);
        let scheduled = |divide_by_active| Choice::Scheduled {
            schedule: Schedule::new(weights.len(), |host| weight(&weights, host), random),
            weights: weights.clone(),
            divide_by_active,
        };
        self.choice = match (balancing, equal) {
            (Balancing::RingHash { minimum }, _) => {
                let entry = |host: &usize| (members.keys[*host], members.weights[*host]);
                let entries: Vec<_> = hosts.iter().map(entry).collect();
                Choice::Ring(Ring::new(&entries, minimum))
            }
            (Balancing::Random, _) => Choice::Random,
            (Balancing::RoundRobin, true) => Choice::Cycle,
            (Balancing::RoundRobin, false) => scheduled(false),
            (Balancing::LeastRequest, true) => Choice::TwoChoices,
            (Balancing::LeastRequest, false) => scheduled(true),
        };
        self.hosts = hosts;
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// The host for the next request; none in an empty group.
    pub(super) fn pick<A, R>(&mut self, chances: &mut Chances<A, R>) -> Option<usize>
    where
        A: Fn(usize) -> u32,
        R: FnMut() -> u64,
    {
        let (hosts, active, random) = (&self.hosts, &chances.active, &mut chances.random);
        if hosts.len() < 2 {
            return hosts.first().copied();
        }
        Some(match &mut self.choice {
            Choice::Cycle => {
                let picked = hosts[index(self.turn, hosts.len())];
                self.turn = self.turn.wrapping_add(1);
                picked
            }
            Choice::Random => hosts[index(random(), hosts.len())],
            Choice::TwoChoices => {
                let mut any = || hosts[index(random(), hosts.len())];
                let (first, second) = (any(), any());
                if active(second) < active(first) {
                    second
                } else {
                    first
                }
            }
            Choice::Ring(ring) => {
                let hash = chances.hash.unwrap_or_else(random);
                hosts[ring.pick(hash, chances.attempt)]
            }
            Choice::Scheduled {
                schedule,
                weights,
                divide_by_active,
            } => {
                let due = schedule.pick(|entry| {
                    let busy = if *divide_by_active {
                        active(hosts[entry]) + 1
                    } else {
                        1
                    };
                    weight(weights, entry) / f64::from(busy)
                });
                hosts[due]
            }
        })
    }
}

fn weight(weights: &[u32], entry: usize) -> f64 {
    f64::from(weights[entry].max(1))
}

fn index(random: u64, length: usize) -> usize {
    // The remainder is below a usize, so it fits.
    (random % length as u64) as usize
}

#[cfg(test)]
mod tests;
