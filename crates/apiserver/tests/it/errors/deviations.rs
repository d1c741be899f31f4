//! Rows this server answers otherwise, each with the reason.

pub(super) const ALL: &[(&str, &str)] = &[
    (
        "immutable: pod spec",
        "the real text ends with a difference of Go's own structures",
    ),
    (
        "unsupported content type, custom resource",
        "the real server ends the connection; a refusal is kinder",
    ),
    (
        "unauthorized: bad token",
        "the path is the credential: kubectl sends no token over plain http",
    ),
    (
        "anonymous",
        "the path is the credential: kubectl sends no token over plain http",
    ),
    (
        "list: bad boolean watch",
        "taken in a race of the real server's cache; the watch is served",
    ),
    (
        "istio webhook denies",
        "istiod's webhook speaks in the lab, not here",
    ),
];

pub(super) fn reason(case: &str) -> Option<&'static str> {
    let row = ALL.iter().find(|(name, _)| *name == case);
    row.map(|(_, reason)| *reason)
}
