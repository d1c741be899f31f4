//! What a real istiod made of objects (`data/istiod.jsonl`, one row a line).

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::case::{Case, Change};

/// Namespace of every recording.
pub(crate) const NAMESPACE: &str = "gold";
/// The service of every recording.
pub(crate) const FQDN: &str = "svc.gold.svc.cluster.local";

/// One line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Recording {
    row: String,
    /// As applied with kubectl.
    pub(crate) objects: Vec<Value>,
    /// Envoy's virtual host of `svc`; null where it was not recorded.
    pub(crate) routes: Value,
    /// Envoy's clusters of `svc`, without where endpoints come from.
    pub(crate) clusters: Vec<Value>,
}

impl Recording {
    /// The recording of a case, with the case's changes.
    pub(crate) fn of(case: &Case) -> Self {
        let mut recording = Self::of_row(case.recording());
        // Four rows without VirtualService were recorded without their routes: istiod's default
        // route, which does not depend on policies, is in row 49.
        if recording.routes.is_null() {
            recording.routes = Self::of_row("49").routes;
        }
        recording.change(&case.change);
        recording.objects.extend(case.newer.iter().cloned());
        recording
    }

    fn of_row(row: &str) -> Self {
        let lines = include_str!("data/istiod.jsonl").lines();
        let mut parsed = lines.map(|line| serde_json::from_str::<Self>(line).unwrap());
        let found = parsed.find(|it| it.row.trim_start_matches('0') == row);
        found.unwrap_or_else(|| panic!("no recording of row {row}"))
    }

    /// Sets values at JSON pointers, in the objects of a kind, in every cluster or in the routes.
    pub(crate) fn change(&mut self, change: &Change) {
        for (what, values) in change {
            let values = values.iter();
            match what.as_str() {
                "routes" => values.for_each(|(at, to)| set(&mut self.routes, at, to)),
                "clusters" => values.for_each(|(at, to)| {
                    self.clusters.iter_mut().for_each(|it| set(it, at, to));
                }),
                kind => values.for_each(|(at, to)| {
                    let mut objects = self.objects.iter_mut().filter(|it| it["kind"] == *kind);
                    let object = objects.next().unwrap_or_else(|| panic!("no {kind}"));
                    set(object, at, to);
                }),
            }
        }
    }

    /// The objects of a kind.
    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |object| object["kind"] == kind)
    }

    /// The labels of a subset.
    pub(crate) fn labels(&self, subset: &str) -> Map<String, Value> {
        let rules = self.of_kind("DestinationRule");
        let mut subsets = rules
            .filter_map(|rule| rule["spec"]["subsets"].as_array())
            .flatten();
        let found = subsets.find(|it| it["name"] == subset);
        found
            .and_then(|it| it["labels"].as_object())
            .cloned()
            .unwrap_or_default()
    }
}

/// Sets a value, at a key that may be new; null takes the key away.
fn set(object: &mut Value, at: &str, to: &Value) {
    let (parent, key) = at.rsplit_once('/').unwrap();
    let found = object.pointer_mut(parent);
    match found.unwrap_or_else(|| panic!("nothing at {parent}")) {
        Value::Object(parent) if to.is_null() => _ = parent.remove(key),
        Value::Object(parent) => _ = parent.insert(key.to_owned(), to.clone()),
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = to.clone(),
        _ => panic!("{parent} holds nothing"),
    }
}
