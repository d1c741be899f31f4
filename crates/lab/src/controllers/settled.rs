//! What needs no work until something it depends on changes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Objects that were looked at, with the versions of all they depend on.
///
/// A controller looks at everything whenever anything changes; this keeps what did not change
/// down to a comparison.
#[derive(Default)]
pub(super) struct Settled(HashMap<String, Look>);

struct Look {
    inputs: u64,
    due: Option<Timestamp>,
    met: bool,
}

impl Settled {
    /// Whether nothing changed since the last look and no time has come.
    pub(super) fn is_settled(&mut self, uid: &str, inputs: u64, now: Timestamp) -> bool {
        self.0.get_mut(uid).is_some_and(|look| {
            look.met = true;
            look.inputs == inputs && look.due.is_none_or(|due| now < due)
        })
    }

    /// Remembers a look, and when to look again at the latest.
    pub(super) fn looked(&mut self, uid: &str, inputs: u64, due: Option<Timestamp>) {
        let look = Look {
            inputs,
            due,
            met: true,
        };
        self.0.insert(uid.to_owned(), look);
    }

    /// Whether it was looked at and is still there.
    pub(super) fn knows(&self, uid: &str) -> bool {
        self.0.contains_key(uid)
    }

    /// Ends a pass: forgets what was not met in it, and tells when the next time comes.
    pub(super) fn finish(&mut self) -> Option<Timestamp> {
        self.0.retain(|_, look| std::mem::take(&mut look.met));
        self.0.values().filter_map(|look| look.due).min()
    }
}

/// One number for the versions of these objects.
pub(super) fn versions<'a>(objects: impl IntoIterator<Item = &'a ObjectMeta>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for metadata in objects {
        metadata.uid.hash(&mut hasher);
        metadata.resource_version.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_look_holds_until_an_input_changes_or_its_time_comes() {
        let mut settled = Settled::default();
        assert!(!settled.is_settled("a", 1, at(0)));
        settled.looked("a", 1, Some(at(10)));
        assert!(settled.is_settled("a", 1, at(9)));
        assert!(!settled.is_settled("a", 2, at(9)));
        assert!(!settled.is_settled("a", 1, at(10)));
    }

    #[test]
    fn what_is_gone_is_forgotten_and_the_earliest_time_told() {
        let mut settled = Settled::default();
        settled.looked("gone", 1, Some(at(1)));
        settled.looked("a", 1, Some(at(10)));
        assert_eq!(settled.finish(), Some(at(1)));
        assert!(settled.is_settled("a", 1, at(0)));
        assert_eq!(settled.finish(), Some(at(10)));
        assert!(!settled.is_settled("gone", 1, at(0)));
    }
}
