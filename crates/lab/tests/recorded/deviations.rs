//! What differs from the recording on purpose, each with its reason.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Differences that are right: what differs, and why.
#[derive(Deserialize)]
pub(super) struct Deviations {
    pub(super) writes: BTreeMap<String, String>,
    pub(super) events: BTreeMap<String, String>,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) pause: BTreeMap<String, String>,
}

impl Deviations {
    pub(super) fn read() -> Self {
        serde_saphyr::from_str(include_str!("../data/recorded/deviations.yaml")).unwrap()
    }
}

/// A comparison of many rows, each with a name.
#[derive(Default)]
pub(super) struct Comparison {
    equal: usize,
    different: BTreeMap<String, String>,
}

impl Comparison {
    /// Notes a row; `difference` says what differs.
    pub(super) fn note(&mut self, name: impl Into<String>, difference: Option<String>) {
        match difference {
            None => self.equal += 1,
            Some(difference) => drop(self.different.insert(name.into(), difference)),
        }
    }

    /// What differs, in one text.
    pub(super) fn difference(&self) -> Option<String> {
        let texts = self.different.iter();
        let texts: Vec<String> = texts.map(|(name, it)| format!("{name}: {it}")).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    /// How much is equal, and of how much.
    pub(super) fn counted(&self) -> (usize, usize) {
        (self.equal, self.equal + self.different.len())
    }

    /// Fails where a row differs without a reason, or where a reason is stale.
    ///
    /// A reason may stand for all rows that begin as it is named, followed by `*`.
    pub(super) fn judge(&self, what: &str, reasons: &BTreeMap<String, String>) {
        let (equal, all) = self.counted();
        println!("{what}: equal {equal} of {all}");
        let mut used = BTreeSet::new();
        let mut unexplained = Vec::new();
        for (name, difference) in &self.different {
            let stands_for = |key: &&String| match key.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => *key == name,
            };
            match reasons.keys().find(stands_for) {
                Some(reason) => drop(used.insert(reason)),
                None => unexplained.push(format!("{name}: {difference}")),
            }
        }
        let stale: Vec<_> = reasons.keys().filter(|it| !used.contains(it)).collect();
        assert!(
            unexplained.is_empty(),
            "{what} differ:\n{}",
            unexplained.join("\n")
        );
        assert!(stale.is_empty(), "{what} no longer differ: {stale:?}");
    }
}
