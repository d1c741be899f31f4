//! Roles and their bindings.

use super::{Members, Path, text};
use crate::status::Cause;

/// What a rule is about: resources of groups, or paths outside the API.
pub(super) fn policy_rule(rule: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let any = |field: &str| {
        rule.get(field)
            .and_then(|it| it.as_array())
            .is_some_and(|it| !it.is_empty())
    };
    if any("nonResourceURLs") {
        if any("apiGroups") || any("resources") {
            let why = "rules cannot apply to both regular resources and non-resource URLs";
            let urls = rule.get("nonResourceURLs");
            faults.push(Cause::invalid(
                path.field("nonResourceURLs").to_string(),
                urls,
                why,
            ));
        }
        return;
    }
    for (field, why) in [
        (
            "apiGroups",
            "resource rules must supply at least one api group",
        ),
        (
            "resources",
            "resource rules must supply at least one resource",
        ),
    ] {
        if !any(field) {
            faults.push(Cause::required(path.field(field).to_string(), why));
        }
    }
}

pub(super) fn subject(subject: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    if text(subject, "kind") == "ServiceAccount" && text(subject, "namespace").is_empty() {
        faults.push(Cause::required(path.field("namespace").to_string(), ""));
    }
}
