//! Balancing: which host of a cluster takes the next request.
//!
//! One [`Balancer`] is one Envoy worker's state for one cluster. Chance and the number of requests
//! that each host has in flight are arguments.

mod edf;

use crate::config::Balancing;
use edf::Schedule;

/// The state of choosing among the hosts of a cluster.
#[derive(Debug, Clone)]
pub struct Balancer {
    hosts: usize,
    choice: Choice,
}

#[derive(Debug, Clone)]
enum Choice {
    /// In turn; equal weights.
    Cycle { next: usize },
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
}

impl Balancer {
    /// Starts a cluster afresh: `weights` of its hosts in order, and a random number for where a
    /// cycle begins.
    pub fn new(balancing: Balancing, weights: &[u32], random: u64) -> Self {
        let equal = weights.windows(2).all(|pair| pair[0] == pair[1]);
        let scheduled = |divide_by_active| Choice::Scheduled {
            schedule: Schedule::new(weights, random),
            weights: weights.to_vec(),
            divide_by_active,
        };
        let choice = match (balancing, equal) {
            (Balancing::Random, _) => Choice::Random,
            (Balancing::RoundRobin, true) => Choice::Cycle {
                next: index(random, weights.len().max(1)),
            },
            (Balancing::RoundRobin, false) => scheduled(false),
            (Balancing::LeastRequest, true) => Choice::TwoChoices,
            (Balancing::LeastRequest, false) => scheduled(true),
        };
        Self {
            hosts: weights.len(),
            choice,
        }
    }

    /// The host (its index) for the next request; none in an empty cluster.
    ///
    /// `active` tells the requests in flight at a host, `random` gives uniformly random numbers.
    pub fn pick(
        &mut self,
        active: impl Fn(usize) -> u32,
        mut random: impl FnMut() -> u64,
    ) -> Option<usize> {
        if self.hosts < 2 {
            return (self.hosts == 1).then_some(0);
        }
        Some(match &mut self.choice {
            Choice::Cycle { next } => {
                let picked = *next;
                *next = (picked + 1) % self.hosts;
                picked
            }
            Choice::Random => index(random(), self.hosts),
            Choice::TwoChoices => {
                let (first, second) = (index(random(), self.hosts), index(random(), self.hosts));
                if active(second) < active(first) {
                    second
                } else {
                    first
                }
            }
            Choice::Scheduled {
                schedule,
                weights,
                divide_by_active,
            } => schedule.pick(|host| {
                let busy = if *divide_by_active {
                    active(host) + 1
                } else {
                    1
                };
                f64::from(weights[host].max(1)) / f64::from(busy)
            }),
        })
    }

    /// As [`pick`](Self::pick), avoiding hosts already `tried`.
    ///
    /// Envoy, `previous_hosts`: picks again up to `repicks` times, then takes what comes.
    pub fn pick_another(
        &mut self,
        active: impl Fn(usize) -> u32,
        mut random: impl FnMut() -> u64,
        tried: impl Fn(usize) -> bool,
        repicks: u32,
    ) -> Option<usize> {
        let mut picked = self.pick(&active, &mut random)?;
        for _ in 0..repicks {
            if !tried(picked) {
                break;
            }
            picked = self.pick(&active, &mut random)?;
        }
        Some(picked)
    }
}

fn index(random: u64, length: usize) -> usize {
    // The remainder is below a usize, so it fits.
    (random % length as u64) as usize
}

#[cfg(test)]
mod tests;
