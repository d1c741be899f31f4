//! Lessons differ from 01 in what they teach and in nothing else; the differences are data.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::kustomize::{folders, root};
use super::name;

/// A service, which of its rules (`vs`, `dr`), and where that changes.
type Change = (&'static str, &'static str, &'static [&'static str]);

const SERVICES: [&str; 3] = ["user", "movie", "booking"];
/// Where the subsets are: what every lesson after the first adds to each DestinationRule.
const BREAKER: [&str; 3] = [
    "spec.trafficPolicy.connectionPool",
    "spec.trafficPolicy.loadBalancer.localityLbSetting",
    "spec.trafficPolicy.outlierDetection",
];
const DELAY: Change = ("movie", "vs", &["spec.http[weighted].fault"]);
const ERROR: Change = (
    "user",
    "vs",
    &["spec.http[circuit-test]", "spec.http[weighted].fault"],
);
const BLOCK: Change = (
    "booking",
    "vs",
    &[
        "spec.http[blocked]",
        "spec.http[canary]",
        "spec.http[weighted]",
    ],
);

const POOL: Change = ("user", "dr", &["spec.subsets[ctx2].trafficPolicy"]);

/// A lesson, and what it changes beside the breaker.
const LESSONS: [(&str, &[Change]); 7] = [
    ("02-circuit-breaker", &[]),
    ("03-delay-fault", &[DELAY]),
    ("04-error-fault", &[ERROR]),
    ("05-block-fault", &[BLOCK]),
    ("06-sick-pod", &[]),
    ("06-sick-pod/each-request-its-connection", &[POOL]),
    ("99-scenarios", &[ERROR, DELAY, BLOCK]),
];

#[test]
fn every_lesson_differs_from_the_first_only_in_what_it_teaches() {
    let first = objects("01-initial");
    for (lesson, rules) in LESSONS {
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let breakers = SERVICES.map(|service| (service, "dr", &BREAKER[..]));
        for (service, ending, paths) in breakers.iter().chain(rules) {
            let known = expected.entry(rule(service, ending)).or_default();
            known.extend(paths.iter().map(|&it| it.to_owned()));
            known.sort();
        }
        let taught = objects(lesson);
        assert!(
            taught.keys().eq(first.keys()),
            "{lesson} has the objects of 01"
        );
        let mut found = BTreeMap::new();
        for (name, object) in &taught {
            let mut paths = Vec::new();
            differences(&first[name], object, "", &mut paths);
            if !paths.is_empty() {
                paths.sort();
                found.insert(name.clone(), paths);
            }
        }
        assert_eq!(found, expected, "{lesson}");
    }
}

#[test]
fn every_lesson_is_compared() {
    let compared: Vec<_> = LESSONS
        .iter()
        .map(|(lesson, _)| format!("practice/{lesson}"))
        .collect();
    let lessons = folders("practice").into_iter();
    let left: Vec<_> = lessons
        .filter(|it| it != "practice/01-initial" && !compared.contains(it))
        .collect();
    assert!(left.is_empty(), "say in LESSONS what differs in {left:?}");
}

/// The objects of lessons as they were applied to two clusters with Istio 1.30, where their figures
/// were measured.
const MEASURED: &str = include_str!("../data/lessons.json");

#[test]
fn every_lesson_has_the_objects_that_were_measured_on_real_clusters() {
    let measured: BTreeMap<String, Vec<Value>> = serde_json::from_str(MEASURED).unwrap();
    for (lesson, wanted) in &measured {
        let wanted: BTreeMap<_, _> = wanted.iter().map(|it| (name(it), it.clone())).collect();
        assert_eq!(objects(lesson), wanted, "{lesson}");
    }
    let lessons = folders("practice");
    let others: Vec<_> = lessons
        .iter()
        .filter_map(|folder| folder.strip_prefix("practice/"))
        .filter(|lesson| !measured.contains_key(*lesson))
        .collect();
    // Measured too, but only its figure was kept: 400 of 800.
    assert_eq!(others, ["06-sick-pod/each-request-its-connection"]);
}

fn rule(service: &str, ending: &str) -> String {
    let kind = if ending == "vs" {
        "VirtualService"
    } else {
        "DestinationRule"
    };
    format!("{kind} theater-msa/{service}-service-{ending}")
}

fn objects(lesson: &str) -> BTreeMap<String, Value> {
    let folder = root().join("practice").join(lesson);
    let read = |file: &str| read(&folder.join(file));
    let mut all = read("destinationrules.yaml");
    all.extend(read("virtualservices.yaml"));
    all.into_iter().map(|it| (name(&it), it)).collect()
}

fn read(file: &Path) -> Vec<Value> {
    lab::manifest::parse(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The paths at which two values part; rules of a list are told apart by their names.
fn differences(one: &Value, other: &Value, path: &str, found: &mut Vec<String>) {
    if one == other {
        return;
    }
    let (Some(one), Some(other)) = (members(one), members(other)) else {
        found.push(path.to_owned());
        return;
    };
    let keys: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
    for key in keys {
        let path = match path {
            "" => key.clone(),
            _ if key.starts_with('[') => format!("{path}{key}"),
            _ => format!("{path}.{key}"),
        };
        match (one.get(key), other.get(key)) {
            (Some(one), Some(other)) => differences(one, other, &path, found),
            _ => found.push(path),
        }
    }
}

/// The members of an object, or of a list of named rules.
fn members(value: &Value) -> Option<BTreeMap<String, Value>> {
    match value {
        Value::Object(members) => Some(members.clone().into_iter().collect()),
        Value::Array(items) => items
            .iter()
            .map(|it| Some((format!("[{}]", it["name"].as_str()?), it.clone())))
            .collect(),
        _ => None,
    }
}
