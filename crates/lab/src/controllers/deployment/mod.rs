//! Deployment → ReplicaSets, decided purely.
//!
//! ```text
//!            paused, or its size changed ──► proportional: every active set keeps its share
//! plan ──┬── Recreate ────────────────────► old sets to 0, their pods gone, then the new set
//!        └── RollingUpdate ───────────────► new set up within the surge, old ones down
//! ```
//!
//! A plan is one step. It is applied, and planned again, until nothing is left to do.

mod annotations;
mod bounds;
mod condition;
mod creation;
mod proportional;
mod rolling;
mod sets;
mod status;
pub(super) mod sync;
mod template;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet};

use bounds::Bounds;
use sets::{existing, is_active, name, revision_of, wanted};

pub use annotations::REVISION;

/// Label that tells the pods of one template from those of another.
pub const TEMPLATE_HASH: &str = "pod-template-hash";

/// One write of a ReplicaSet.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A set of the Deployment's present template.
    Create(Box<ReplicaSet>),
    /// What the set is told about its Deployment.
    Annotate {
        /// Its name.
        set: String,
        /// Annotations to set.
        annotations: BTreeMap<String, String>,
        /// Seconds a pod must be ready to be available.
        min_ready_seconds: Option<i32>,
    },
    /// Another size.
    Scale {
        /// Its name.
        set: String,
        /// Its size so far.
        from: i32,
        /// Its size from now on.
        to: i32,
        /// Annotations to set.
        annotations: BTreeMap<String, String>,
    },
    /// A set beyond the history limit.
    Delete(String),
}

/// What is to be done for one Deployment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Writes of its sets, in this order.
    pub writes: Vec<Write>,
    /// The Deployment's revision, where one is known.
    pub revision: Option<i64>,
    /// Its new status.
    pub status: DeploymentStatus,
    /// Whether to plan again as soon as this is done, because it was only the first half.
    pub again: bool,
    /// When to look again although nothing changes.
    pub check_in: Option<SignedDuration>,
}

/// What a plan is made from.
pub struct Situation<'a> {
    /// The Deployment.
    pub deployment: &'a Deployment,
    /// Its ReplicaSets.
    pub owned: &'a [Arc<ReplicaSet>],
    /// Whether a set still has pods that have not ended.
    pub has_pods: &'a dyn Fn(&ReplicaSet) -> bool,
    /// The present moment.
    pub now: Timestamp,
}

/// Decides the next step.
pub fn plan(situation: &Situation<'_>) -> Plan {
    let rollout = Rollout::of(situation);
    // Kubernetes: what is being deleted makes no sets any more.
    if situation.deployment.metadata.deletion_timestamp.is_some() {
        return rollout.with_status_only(Vec::new());
    }
    if let Some(plan) = rollout.revise() {
        return plan;
    }
    if rollout.paused {
        let mut writes = rollout.scale_in_proportion();
        writes.extend(rollout.beyond_history());
        return rollout.with_status_only(writes);
    }
    if rollout.was_resized() {
        return rollout.with_status_only(rollout.scale_in_proportion());
    }
    match rollout.recreate {
        true => rollout.recreate(situation.has_pods),
        false => rollout.roll(),
    }
}

/// A Deployment and its ReplicaSets, read once.
struct Rollout<'a> {
    deployment: &'a Deployment,
    /// The set of the present template.
    new: Option<&'a ReplicaSet>,
    /// All others, the oldest first.
    old: Vec<&'a ReplicaSet>,
    bounds: Bounds,
    recreate: bool,
    paused: bool,
    now: Timestamp,
}

impl<'a> Rollout<'a> {
    fn of(situation: &Situation<'a>) -> Self {
        let deployment = situation.deployment;
        let mut sets: Vec<&ReplicaSet> = situation.owned.iter().map(|set| &**set).collect();
        sets.sort_by(|a, b| sets::age(a).cmp(&sets::age(b)));
        let is_new = |set: &&ReplicaSet| template::is_of(&deployment.spec.template, set);
        // Kubernetes: of several sets of one template the oldest is the new one.
        let position = sets.iter().position(is_new);
        let new = position.map(|position| sets.remove(position));
        let strategy = deployment.spec.strategy.as_ref();
        Self {
            deployment,
            new,
            old: sets,
            bounds: Bounds::of(&deployment.spec),
            recreate: strategy.is_some_and(|it| it.type_.as_deref() == Some("Recreate")),
            paused: deployment.spec.paused.unwrap_or(false),
            now: situation.now,
        }
    }

    /// Every set.
    fn all(&self) -> impl Iterator<Item = &'a ReplicaSet> + '_ {
        self.old.iter().copied().chain(self.new)
    }

    /// The sum of a figure over all sets.
    fn sum(&self, figure: fn(&ReplicaSet) -> i32) -> i32 {
        self.all().map(figure).fold(0, i32::saturating_add)
    }

    /// The revision of the present template.
    fn next_revision(&self) -> i64 {
        let highest = self.old.iter().map(|set| revision_of(set)).max();
        highest.unwrap_or(0).saturating_add(1)
    }

    /// Kubernetes: a set that was made for another size tells of a scaling, not of a rollout.
    fn was_resized(&self) -> bool {
        let resized = |set: &ReplicaSet| {
            annotations::desired(set).is_some_and(|desired| desired != self.bounds.desired)
        };
        self.all().filter(|set| is_active(set)).any(resized)
    }

    fn recreate(&self, has_pods: &dyn Fn(&ReplicaSet) -> bool) -> Plan {
        let down: Vec<Write> = self
            .old
            .iter()
            .flat_map(|set| self.resize(set, 0))
            .collect();
        let busy = |set: &&ReplicaSet| existing(set) > 0 || has_pods(set);
        if !down.is_empty() || self.old.iter().any(busy) {
            return self.with_progress(down);
        }
        let Some(new) = self.new else {
            return self.create();
        };
        let mut writes = self.resize(new, self.bounds.desired);
        writes.extend(self.history_of_the_complete());
        self.with_progress(writes)
    }

    /// A new size for a set, where it is one.
    fn resize(&self, set: &ReplicaSet, to: i32) -> Vec<Write> {
        match wanted(set) == to {
            true => Vec::new(),
            false => vec![self.scale(set, to)],
        }
    }

    fn scale(&self, set: &ReplicaSet, to: i32) -> Write {
        Write::Scale {
            set: name(set),
            from: wanted(set),
            to,
            annotations: annotations::of_size(&self.bounds),
        }
    }

    /// Kubernetes: sets are forgotten only when the rollout they might be needed for is over.
    fn history_of_the_complete(&self) -> Vec<Write> {
        let status = self.deployment.status.clone().unwrap_or_default();
        match self.is_complete(&status) {
            true => self.beyond_history(),
            false => Vec::new(),
        }
    }

    /// The oldest sets beyond the limit, as far as they are empty.
    fn beyond_history(&self) -> Vec<Write> {
        let limit = self.deployment.spec.revision_history_limit;
        let keep = match limit {
            None | Some(i32::MAX) => return Vec::new(),
            Some(limit) => usize::try_from(limit).unwrap_or(0),
        };
        let mut alive: Vec<_> = self
            .old
            .iter()
            .filter(|set| !sets::is_leaving(set))
            .collect();
        alive.sort_by_key(|set| revision_of(set));
        let surplus = alive.len().saturating_sub(keep);
        let forgotten = alive[..surplus].iter().filter(|set| sets::is_idle(set));
        forgotten.map(|set| Write::Delete(name(set))).collect()
    }
}

#[cfg(test)]
mod tests;
