//! How much of a cluster's resources all clients together may use (Envoy: circuit breakers).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mesh::config::{self, RetryBudget};

/// The limits of a cluster at work. A cheap handle: clones share what is taken.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections (`max_connections`).
    pub connections: Limit,
    /// Requests that wait for a connection (`max_pending_requests`).
    pub pending: Limit,
    /// Requests on a connection (`max_requests`).
    pub requests: Limit,
    /// Retries (`max_retries`); not the last word where there is a budget.
    pub retries: Limit,
    budget: Option<RetryBudget>,
}

/// One limit, and how much of it is taken.
#[derive(Debug, Clone)]
pub struct Limit {
    most: u32,
    taken: Arc<AtomicU32>,
}

/// A taken place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicU32>);

impl Limits {
    pub(crate) fn of(config: &config::Limits) -> Self {
        Self {
            connections: Limit::of(config.max_connections),
            pending: Limit::of(config.max_pending_requests),
            requests: Limit::of(config.max_requests),
            retries: Limit::of(config.max_retries),
            budget: config.retry_budget,
        }
    }

    /// How many retries may be under way now.
    ///
    /// Envoy: a budget stands in for the limit, except in the gauge `rq_retry_open`.
    pub fn most_retries(&self) -> u32 {
        let requests = || self.requests.taken().saturating_add(self.pending.taken());
        self.budget
            .map_or(self.retries.most, |budget| budget.most(requests()))
    }

    /// Takes a place for a retry, if one is left.
    pub(crate) fn retry(&self) -> Option<Place> {
        self.retries.take_below(self.most_retries())
    }
}

impl Limit {
    /// Envoy: where nothing is written the limit is the largest number there is.
    pub(crate) fn of(most: Option<u32>) -> Self {
        Self {
            most: most.unwrap_or(u32::MAX),
            taken: Arc::default(),
        }
    }

    /// The limit.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// How much is taken.
    pub fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Whether nothing is left (Envoy's gauges `cx_open`, `rq_open`, …).
    pub fn is_reached(&self) -> bool {
        self.taken() >= self.most
    }

    /// Takes a place, if one is left; nobody waits for one.
    pub(crate) fn take(&self) -> Option<Place> {
        self.take_below(self.most)
    }

    fn take_below(&self, most: u32) -> Option<Place> {
        let one_more = |taken: u32| (taken < most).then(|| taken + 1);
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.ok().map(|_| Place(self.taken.clone()))
    }

    /// Takes a place even where none is left.
    pub(crate) fn take_anyway(&self) -> Place {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Place(self.taken.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let limit = Limit::of(Some(2));
        let first = limit.take().unwrap();
        assert!(!limit.is_reached());
        let _second = limit.clone().take().unwrap();
        assert!(limit.take().is_none() && limit.is_reached());
        drop(first);
        assert!(limit.take().is_some());
    }

    #[test]
    fn whoever_must_have_a_place_takes_one_beyond_the_limit() {
        let limit = Limit::of(Some(1));
        let _places = [limit.take_anyway(), limit.take_anyway()];
        assert_eq!((limit.taken(), limit.most()), (2, 1));
        assert!(limit.take().is_none());
    }

    #[test]
    fn a_budget_of_retries_grows_with_the_requests_and_replaces_the_limit() {
        let limits = Limits::of(&config::Limits {
            max_retries: Some(1),
            retry_budget: Some(RetryBudget {
                percent: 25.0,
                minimum: 2,
            }),
            ..config::Limits::default()
        });
        assert_eq!(limits.most_retries(), 2);
        let places: Vec<_> = (0..9).map(|_| limits.requests.take()).collect();
        let waiting: Vec<_> = (0..6).map(|_| limits.pending.take()).collect();
        assert_eq!(limits.most_retries(), 3, "a quarter of 15");
        let retries = [0; 4].map(|_| limits.retry());
        assert_eq!(retries.iter().filter(|it| it.is_some()).count(), 3);
        drop((places, waiting));
        assert_eq!(limits.most_retries(), 2);
        assert!(
            limits.retries.is_reached(),
            "the gauge knows the limit alone"
        );
    }

    #[test]
    fn without_a_limit_there_is_always_room() {
        let limit = Limit::of(None);
        let taken: Vec<_> = (0..1_000).map(|_| limit.take()).collect();
        assert!(taken.iter().all(Option::is_some) && !limit.is_reached());
    }
}
