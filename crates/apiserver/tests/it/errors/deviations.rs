//! Rows this server answers otherwise, each with the reason.

pub(super) const ALL: &[(&str, &str)] = &[
    (
        "immutable: pod spec",
        "the real text ends with a difference of Go's own structures",
    ),
    ("three unknown fields Strict", "not yet"),
    (
        "unsupported content type, custom resource",
        "the real server ends the connection; a refusal is kinder",
    ),
    ("merge patch: wrong type", "not yet"),
    (
        "unauthorized: bad token",
        "the path is the credential: kubectl sends no token over plain http",
    ),
    (
        "anonymous",
        "the path is the credential: kubectl sends no token over plain http",
    ),
    ("list: limit=1", "not yet"),
    ("list: resourceVersion in the future", "not yet"),
    (
        "list: bad boolean watch",
        "taken in a race of the real server's cache; the watch is served",
    ),
    (
        "service clusterIP out of range",
        "addresses are the lab's to give; its test has these texts",
    ),
    (
        "service clusterIP already allocated",
        "addresses are the lab's to give; its test has these texts",
    ),
    (
        "istio webhook denies",
        "istiod's webhook speaks in the lab, not here",
    ),
    ("binding to a missing pod", "not yet"),
    ("eviction refused by a PodDisruptionBudget", "not yet"),
];

pub(super) fn reason(case: &str) -> Option<&'static str> {
    let row = ALL.iter().find(|(name, _)| *name == case);
    row.map(|(_, reason)| *reason)
}
