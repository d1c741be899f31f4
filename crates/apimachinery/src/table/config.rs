//! Columns of ConfigMaps, Secrets, quotas and role bindings.

use serde_json::Value;

use super::column::{AGE, Column, NAME, Subject};
use super::text::scalar;
use crate::object;

pub(super) static CONFIG_MAPS: &[Column] = &[
    NAME,
    Column::text("Data", "Number of its keys.", |map| {
        (keys(map, "data") + keys(map, "binaryData")).into()
    }),
    AGE,
];

pub(super) static SECRETS: &[Column] = &[
    NAME,
    Column::text("Type", "What it is for.", |secret| {
        secret.text(&["type"]).into()
    }),
    Column::text("Data", "Number of its keys.", |secret| {
        keys(secret, "data").into()
    }),
    AGE,
];

pub(super) static RESOURCE_QUOTAS: &[Column] = &[
    NAME,
    Column::text("Request", "Used and allowed, but for limits.", |quota| {
        used(quota, |resource| !resource.starts_with("limits.")).into()
    }),
    Column::text("Limit", "Limits, used and allowed.", |quota| {
        used(quota, |resource| resource.starts_with("limits.")).into()
    }),
    AGE,
];

pub(super) static ROLE_BINDINGS: &[Column] = &[
    NAME,
    Column::text("Role", "What it grants.", |binding| {
        let [kind, name] = ["kind", "name"].map(|member| binding.text(&["roleRef", member]));
        format!("{kind}/{name}").into()
    }),
    AGE,
    Column::text("Users", "Users it grants it to.", |binding| {
        subjects(binding, "User").into()
    })
    .wide(),
    Column::text("Groups", "Groups it grants it to.", |binding| {
        subjects(binding, "Group").into()
    })
    .wide(),
    Column::text(
        "ServiceAccounts",
        "Service accounts it grants it to.",
        |binding| subjects(binding, "ServiceAccount").into(),
    )
    .wide(),
];

fn keys(object: &Subject<'_>, member: &str) -> usize {
    object.members(&[member]).map_or(0, |data| data.len())
}

/// `cpu: 100m/1, pods: 2/10` for the resources chosen.
fn used(quota: &Subject<'_>, chosen: impl Fn(&str) -> bool) -> String {
    let hard = quota.members(&["status", "hard"]).into_iter().flatten();
    let entries: Vec<_> = hard
        .filter(|(resource, _)| chosen(resource))
        .map(|(resource, hard)| {
            let used = quota.at(&["status", "used", resource]);
            let used = used.map_or_else(|| "0".to_owned(), scalar);
            format!("{resource}: {used}/{}", scalar(hard))
        })
        .collect();
    entries.join(", ")
}

fn subjects(binding: &Subject<'_>, kind: &str) -> String {
    let name = |subject: &Value| {
        let [namespace, name] =
            ["namespace", "name"].map(|member| object::text(subject, &[member]));
        if kind == "ServiceAccount" {
            format!("{namespace}/{name}")
        } else {
            name.to_owned()
        }
    };
    let subjects = binding.items(&["subjects"]).iter();
    let names: Vec<_> = subjects
        .filter(|subject| object::text(subject, &["kind"]) == kind)
        .map(name)
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use crate::resource::rows;
    use crate::table::cells;

    #[test]
    fn limits_of_a_quota_have_a_column_of_their_own() {
        let quota = json!({
            "metadata": {"name": "q"},
            "status": {
                "hard": {"pods": "10", "limits.cpu": "4", "requests.cpu": "2", "limits.memory": "1Gi"},
                "used": {"pods": "3", "limits.cpu": "1500m"},
            },
        });
        assert_eq!(
            cells(&rows::RESOURCE_QUOTAS, &quota, Timestamp::UNIX_EPOCH)[1..3],
            [
                "pods: 3/10, requests.cpu: 0/2",
                "limits.cpu: 1500m/4, limits.memory: 0/1Gi"
            ]
        );
    }
}
