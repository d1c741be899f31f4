//! The documents by which clients learn what kinds a server has.
//!
//! Two forms of the same table: the aggregated one, which says all in one answer, and the older
//! one, a document for each group and version.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::resource::{self, ALL, Resource, Subresource, group_version};

/// A version of the aggregated form.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Aggregated {
    /// Up to kubectl 1.29.
    V2Beta1,
    /// Since kubectl 1.30.
    V2,
}

impl Aggregated {
    /// Its name.
    pub fn version(self) -> &'static str {
        match self {
            Self::V2Beta1 => "v2beta1",
            Self::V2 => "v2",
        }
    }

    /// All that is known of these groups; the core group is the empty one.
    pub fn document(self, groups: &[&str]) -> Value {
        let items: Vec<_> = groups.iter().map(|group| aggregated_group(group)).collect();
        json!({
            "kind": "APIGroupDiscoveryList",
            "apiVersion": format!("apidiscovery.k8s.io/{}", self.version()),
            "metadata": {}, "items": items,
        })
    }
}

fn aggregated_group(group: &str) -> Value {
    let versions: Vec<_> = resource::versions(group)
        .into_iter()
        .map(|version| {
            let resources = rows(group, version).map(|row| aggregated_resource(row, version));
            let resources: Vec<_> = resources.collect();
            json!({"version": version, "resources": resources, "freshness": "Current"})
        })
        .collect();
    let mut metadata = json!({});
    if !group.is_empty() {
        metadata["name"] = group.into();
    }
    json!({"metadata": metadata, "versions": versions})
}

fn aggregated_resource(row: &Resource, version: &str) -> Value {
    let own = own_kind(row, version);
    let mut entry = json!({
        "resource": row.plural, "singularResource": row.singular, "verbs": row.verbs,
        "scope": if row.namespaced { "Namespaced" } else { "Cluster" },
        "responseKind": response_kind(own, row.kind),
    });
    add_names(&mut entry, row);
    let subresources: Vec<_> = row
        .subresources()
        .iter()
        .map(|it| {
            let given = (!it.group_version.1.is_empty()).then_some(it.group_version);
            json!({
                "subresource": it.name, "verbs": it.verbs,
                "responseKind": response_kind(given.unwrap_or(own), it.kind),
            })
        })
        .collect();
    if !subresources.is_empty() {
        entry["subresources"] = subresources.into();
    }
    entry
}

/// Kubernetes: built-in kinds leave out the group and version that the entry stands in.
fn own_kind<'a>(row: &Resource, version: &'a str) -> (&'static str, &'a str) {
    if row.custom {
        (row.group, version)
    } else {
        ("", "")
    }
}

fn response_kind((group, version): (&str, &str), kind: &str) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}

/// `/api`: the versions of the core group, and the address at which the client met the server.
pub fn core_versions(host: &str) -> Value {
    json!({
        "kind": "APIVersions", "versions": resource::versions(""),
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
    })
}

/// `/apis`: all named groups.
pub fn groups() -> Value {
    let groups: Vec<_> = resource::groups().into_iter().map(described).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/G`: one group.
pub fn group(name: &str) -> Value {
    let mut document = described(name);
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    document
}

fn described(group: &str) -> Value {
    let versions: Vec<_> = resource::versions(group)
        .into_iter()
        .map(|version| json!({"groupVersion": group_version(group, version), "version": version}))
        .collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

/// `/api/v1`, `/apis/G/V`: the kinds of one group and version.
pub fn resources(group: &str, version: &str) -> Value {
    let entries = |row: &'static Resource| {
        let parts = row.subresources();
        let parts: Vec<_> = parts.iter().map(|it| part_entry(row, it)).collect();
        std::iter::once(entry(row)).chain(parts)
    };
    let resources: Vec<_> = rows(group, version).flat_map(entries).collect();
    json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version(group, version), "resources": resources,
    })
}

fn entry(row: &'static Resource) -> Value {
    let mut entry = json!({
        "name": row.plural, "singularName": row.singular, "namespaced": row.namespaced,
        "kind": row.kind, "verbs": row.verbs,
    });
    add_names(&mut entry, row);
    if row.allows("get") {
        entry["storageVersionHash"] = storage_version_hash(row.storage()).into();
    }
    entry
}

fn part_entry(row: &Resource, part: &Subresource) -> Value {
    let mut entry = json!({
        "name": format!("{}/{}", row.plural, part.name), "singularName": "",
        "namespaced": row.namespaced, "kind": part.kind, "verbs": part.verbs,
    });
    let (group, version) = part.group_version;
    if !version.is_empty() {
        entry["group"] = group.into();
        entry["version"] = version.into();
    }
    entry
}

fn add_names(entry: &mut Value, row: &Resource) {
    for (member, names) in [
        ("shortNames", row.short_names),
        ("categories", row.categories),
    ] {
        if !names.is_empty() {
            entry[member] = names.into();
        }
    }
}

/// Kubernetes: eight bytes that change when objects are stored in another version.
fn storage_version_hash(row: &Resource) -> String {
    let name = format!("{}/{}/{}", row.group, row.preferred_version(), row.kind);
    BASE64_STANDARD.encode(&Sha256::digest(name)[..8])
}

fn rows(group: &str, version: &str) -> impl Iterator<Item = &'static Resource> {
    ALL.iter()
        .copied()
        .filter(move |row| row.group == group && row.versions.contains(&version))
}
