//! A rolling update: the new set up as far as the surge allows, else old ones down as far as
//! enough pods stay available.

use k8s_openapi::api::apps::v1::ReplicaSet;

use super::sets::{available, wanted};
use super::{Plan, Rollout, Write};

impl Rollout<'_> {
    /// The next step of a rolling update.
    pub(super) fn roll(&self) -> Plan {
        let Some(new) = self.new else {
            return self.create();
        };
        let mut writes = self.new_up(new);
        if writes.is_empty() {
            writes = self.old_down(new);
        }
        if writes.is_empty() {
            writes = self.history_of_the_complete();
        }
        self.with_progress(writes)
    }

    fn new_up(&self, new: &ReplicaSet) -> Vec<Write> {
        let desired = self.bounds.desired;
        let size = match wanted(new) {
            current if current > desired => desired,
            current => self.size_of_new(current),
        };
        self.resize(new, size)
    }

    fn old_down(&self, new: &ReplicaSet) -> Vec<Write> {
        let least = self.bounds.least();
        // Pods of the new set that are not available must not cost old ones.
        let coming = wanted(new) - available(new);
        let spare = self.sum(wanted) - least - coming;
        if spare <= 0 {
            return Vec::new();
        }
        let mut spare = spare;
        let mut spare_available = (self.sum(available) - least).max(0);
        let mut writes = Vec::new();
        for set in &self.old {
            // Kubernetes: what is not available serves nobody and goes first.
            let dead = (wanted(set) - available(set)).clamp(0, spare);
            spare -= dead;
            let alive = (wanted(set) - dead).min(spare_available);
            spare_available -= alive;
            let mut from = wanted(set);
            for step in [dead, alive] {
                writes.extend(self.step_down(set, &mut from, step));
            }
        }
        writes
    }

    /// One step from a size that an earlier step of the same plan may have changed.
    fn step_down(&self, set: &ReplicaSet, from: &mut i32, by: i32) -> Option<Write> {
        if by <= 0 {
            return None;
        }
        let Write::Scale {
            set, annotations, ..
        } = self.scale(set, *from - by)
        else {
            return None;
        };
        let write = Write::Scale {
            set,
            from: *from,
            to: *from - by,
            annotations,
        };
        *from -= by;
        Some(write)
    }
}
