//! Which of our names stands for which recorded one: endings are random, hashes are our own.

use std::collections::BTreeMap;

use serde_json::Value;

/// Recorded names by ours.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Says who is meant by a recorded name.
    pub(super) fn learn(&mut self, ours: &str, recorded: &str) {
        self.0.insert(ours.to_owned(), recorded.to_owned());
    }

    /// Whether a name of ours stands for one already.
    pub(super) fn knows(&self, ours: &str) -> bool {
        self.0.contains_key(ours)
    }

    /// Our name for a recorded one.
    pub(super) fn ours(&self, recorded: &str) -> Option<&str> {
        let found = self.0.iter().find(|(_, known)| *known == recorded);
        found.map(|(ours, _)| ours.as_str())
    }

    /// The recorded name for one of ours, or ours.
    pub(super) fn recorded<'a>(&'a self, ours: &'a str) -> &'a str {
        self.0.get(ours).map_or(ours, String::as_str)
    }

    /// Lets two names of ours change places: which of equal pods goes first is chance.
    pub(super) fn swap(&mut self, one: &str, other: &str) {
        let (first, second) = (self.0[one].clone(), self.0[other].clone());
        self.learn(one, &second);
        self.learn(other, &first);
    }

    /// A value of ours in recorded names.
    pub(super) fn translate(&self, value: &Value) -> Value {
        let mut text = value.to_string();
        // A pod's name begins with its set's: the longer ones first.
        let mut known: Vec<_> = self.0.iter().collect();
        known.sort_by_key(|(ours, _)| std::cmp::Reverse(ours.len()));
        for (ours, recorded) in known {
            text = text.replace(ours.as_str(), recorded);
        }
        serde_json::from_str(&text).unwrap()
    }
}
