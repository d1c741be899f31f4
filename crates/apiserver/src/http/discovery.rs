//! What the server says about itself: health, version, and the documents clients discover kinds by.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::reply;
use super::target::Target;
use crate::resource::{self, ALL, Resource, Subresource, group_version};

/// The Kubernetes whose API this is, as `major.minor` of its releases.
const MAJOR: &str = "1";
const MINOR: &str = "35";
const GIT_VERSION: &str = "v1.35.4+apiserver";
/// The document of a target that is no object.
pub(super) fn document(target: &Target, host: Option<&str>) -> Response {
    let document = match target {
        Target::Health => return reply::text("ok"),
        Target::Version => version(),
        Target::CoreVersions => core_versions(host.unwrap_or_default()),
        Target::Groups => groups(),
        Target::Group(group) => {
            let mut document = json!({"kind": "APIGroup", "apiVersion": "v1"});
            merge(&mut document, described(group));
            document
        }
        Target::Resources(group, version) => resources(group, version),
        Target::Collection(_)
        | Target::Object(..)
        | Target::Watch(..)
        | Target::Subresource(..) => {
            return reply::page_not_found();
        }
    };
    reply::json(StatusCode::OK, &document)
}

fn version() -> Value {
    json!({
        "major": MAJOR, "minor": MINOR, "gitVersion": GIT_VERSION, "gitCommit": "",
        "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

fn core_versions(host: &str) -> Value {
    json!({
        "kind": "APIVersions", "versions": resource::versions(""),
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
    })
}

fn groups() -> Value {
    let groups: Vec<_> = resource::groups().into_iter().map(described).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn described(group: &str) -> Value {
    let versions: Vec<_> = resource::versions(group)
        .into_iter()
        .map(|version| json!({"groupVersion": group_version(group, version), "version": version}))
        .collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions[0]})
}

fn resources(group: &str, version: &str) -> Value {
    let rows = ALL
        .iter()
        .filter(|row| row.group == group && row.versions.contains(&version));
    let resources: Vec<_> = rows.flat_map(|row| entries(row)).collect();
    json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version(group, version), "resources": resources,
    })
}

/// A resource and its subresources.
fn entries(row: &Resource) -> Vec<Value> {
    let mut entry = json!({
        "name": row.plural, "singularName": row.singular, "namespaced": row.namespaced,
        "kind": row.kind, "verbs": row.verbs,
    });
    if !row.short_names.is_empty() {
        entry["shortNames"] = json!(row.short_names);
    }
    if !row.categories.is_empty() {
        entry["categories"] = json!(row.categories);
    }
    let mut entries = vec![entry];
    entries.extend(row.subresources().iter().map(|it| subentry(row, it)));
    entries
}

fn subentry(row: &Resource, subresource: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", row.plural, subresource.name), "singularName": "",
        "namespaced": row.namespaced, "kind": subresource.kind, "verbs": subresource.verbs,
    });
    let (group, version) = subresource.group_version;
    if !version.is_empty() {
        merge(&mut entry, json!({"group": group, "version": version}));
    }
    entry
}

fn merge(into: &mut Value, from: Value) {
    json_patch::merge(into, &from);
}
