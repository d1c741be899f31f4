//! What a ReplicaSet is told about its Deployment, in annotations.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};

use super::Rollout;
use super::bounds::Bounds;
use super::sets::{annotation, revision_of};

/// Numbers the templates a Deployment has had.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Numbers a template had before it came back.
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Size of the Deployment when the set was last scaled.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// The same with the surge.
const MOST: &str = "deployment.kubernetes.io/max-replicas";
/// What a client applied to the Deployment, which the set is not.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const DEPRECATED_ROLLBACK: &str = "deprecated.deployment.rollback.to";
/// Kubernetes: the history of revisions is no longer than this.
const HISTORY_CHARACTERS: usize = 2_000;

/// The annotations that say what a set was scaled for.
pub(super) fn of_size(bounds: &Bounds) -> BTreeMap<String, String> {
    BTreeMap::from([
        (DESIRED.to_owned(), bounds.desired.to_string()),
        (MOST.to_owned(), bounds.most().to_string()),
    ])
}

/// The Deployment's size when the set was last scaled.
pub(super) fn desired(set: &ReplicaSet) -> Option<i32> {
    number(set, DESIRED)
}

/// The most pods the Deployment might have when the set was last scaled.
pub(super) fn most(set: &ReplicaSet) -> Option<i32> {
    number(set, MOST)
}

/// Whether the set says another size than the Deployment has.
pub(super) fn size_differs(set: &ReplicaSet, bounds: &Bounds) -> bool {
    of_size(bounds)
        .iter()
        .any(|(key, value)| annotation(set, key) != Some(value))
}

/// The Deployment's revision as it says itself.
pub(super) fn revision(deployment: &Deployment) -> Option<i64> {
    let annotations = deployment.metadata.annotations.as_ref()?;
    annotations.get(REVISION)?.parse().ok()
}

impl Rollout<'_> {
    /// Annotations the set of the present template lacks.
    pub(super) fn missing_annotations(&self, set: Option<&ReplicaSet>) -> BTreeMap<String, String> {
        let mut missing = self
            .deployment
            .metadata
            .annotations
            .clone()
            .unwrap_or_default();
        missing.retain(|key, value| {
            is_handed_down(key) && set.and_then(|set| annotation(set, key)) != Some(value)
        });
        let next = self.next_revision();
        let before = set.map_or(0, revision_of);
        if before < next {
            missing.insert(REVISION.to_owned(), next.to_string());
        }
        if let Some(set) = set.filter(|_| before > 0 && before < next) {
            missing.insert(
                HISTORY.to_owned(),
                history(annotation(set, HISTORY), before),
            );
        }
        missing
    }
}

fn is_handed_down(key: &str) -> bool {
    let own = [
        LAST_APPLIED,
        REVISION,
        HISTORY,
        DESIRED,
        MOST,
        DEPRECATED_ROLLBACK,
    ];
    !own.contains(&key)
}

/// The numbers a template had, the latest last; the earliest ones go when there are too many.
fn history(so_far: Option<&str>, revision: i64) -> String {
    let revision = revision.to_string();
    let Some(so_far) = so_far.filter(|text| !text.is_empty()) else {
        return revision;
    };
    let mut history = format!("{so_far},{revision}");
    while history.len() > HISTORY_CHARACTERS {
        let Some((_, rest)) = history.split_once(',') else {
            break;
        };
        history = rest.to_owned();
    }
    history
}

/// Kubernetes: a number that is none is as good as missing.
fn number(set: &ReplicaSet, key: &str) -> Option<i32> {
    let number: i32 = annotation(set, key)?.parse().ok()?;
    (number >= 0).then_some(number)
}
