//! Another size in the middle of a rollout, or while it is paused: every set keeps its share.

use std::cmp::Reverse;

use k8s_openapi::api::apps::v1::ReplicaSet;

use super::sets::{age, available, is_active, wanted};
use super::{Rollout, Write, annotations};

impl<'a> Rollout<'a> {
    /// The writes that bring the sets to the Deployment's size.
    pub(super) fn scale_in_proportion(&self) -> Vec<Write> {
        if let Some(only) = self.only_active_or_latest() {
            return self.resize(only, self.bounds.desired);
        }
        if self.new.is_some_and(|new| self.is_saturated(new)) {
            let active = self.old.iter().filter(|set| is_active(set));
            return active.flat_map(|set| self.resize(set, 0)).collect();
        }
        match self.recreate {
            true => Vec::new(),
            false => self.share_out(),
        }
    }

    /// The set to scale when there is no choice; `None` when several are active.
    fn only_active_or_latest(&self) -> Option<&'a ReplicaSet> {
        let mut active = self.all().filter(|set| is_active(set));
        match (active.next(), active.next()) {
            (None, _) => self.new.or(self.old.last().copied()),
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => None,
        }
    }

    fn is_saturated(&self, new: &ReplicaSet) -> bool {
        let desired = self.bounds.desired;
        wanted(new) == desired
            && annotations::desired(new) == Some(desired)
            && available(new) == desired
    }

    /// Kubernetes: what is to be added or taken is shared out by size, the largest first; what
    /// rounding leaves goes to the largest. Of equal sets newer ones grow and older ones shrink first.
    fn share_out(&self) -> Vec<Write> {
        let mut active: Vec<&ReplicaSet> = self.all().filter(|set| is_active(set)).collect();
        let allowed = match self.bounds.desired {
            0 => 0,
            _ => self.bounds.most(),
        };
        let total: i32 = active.iter().map(|set| wanted(set)).sum();
        let change = allowed.saturating_sub(total);
        match change > 0 {
            true => active.sort_by_key(|set| Reverse((wanted(set), age(set)))),
            false => active.sort_by_key(|set| (Reverse(wanted(set)), age(set))),
        }
        let mut shared = 0;
        let mut sizes: Vec<i32> = Vec::new();
        for set in &active {
            let share = self.share(set, change, shared);
            shared += share;
            sizes.push(wanted(set) + share);
        }
        if let Some(largest) = sizes.first_mut() {
            *largest = (*largest + change - shared).max(0);
        }
        let sized = active.into_iter().zip(sizes);
        let differs = |(set, size): &(&ReplicaSet, i32)| {
            wanted(set) != *size || annotations::size_differs(set, &self.bounds)
        };
        sized
            .filter(differs)
            .map(|(set, size)| self.scale(set, size))
            .collect()
    }

    fn share(&self, set: &ReplicaSet, change: i32, shared: i32) -> i32 {
        let left = change - shared;
        let fraction = self.fraction(set);
        match change {
            0 => 0,
            1.. => fraction.min(left),
            _ => fraction.max(left),
        }
    }

    /// What the set would gain if all sets grew as the Deployment does.
    fn fraction(&self, set: &ReplicaSet) -> i32 {
        if self.bounds.desired == 0 {
            return -wanted(set);
        }
        let status = self.deployment.status.as_ref();
        let before = annotations::most(set)
            .filter(|most| *most != 0)
            .or_else(|| status?.replicas)
            .unwrap_or(0);
        if before == 0 {
            return 0;
        }
        let grown = f64::from(wanted(set)) * f64::from(self.bounds.most()) / f64::from(before);
        #[expect(clippy::cast_possible_truncation, reason = "a cast to i32 saturates")]
        let grown = grown.round() as i32;
        grown - wanted(set)
    }
}
