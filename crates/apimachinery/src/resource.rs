//! What the server knows about a kind of object, as one row of data.
//!
//! Everything that differs between kinds (scope, subresources, deletion, names, selectable
//! fields, what discovery says) is a field of [`Resource`]; the rows themselves are in
//! [`rows`]. Code asks the row and never compares kinds by name.

pub mod rows;

use std::hash::{Hash, Hasher};

pub use rows::ALL;

/// The rule a kind's `metadata.name` must obey.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameRule {
    /// RFC 1123 subdomain, at most 253 characters (most kinds).
    Subdomain,
    /// RFC 1123 label, at most 63 characters (Namespace).
    Label,
    /// RFC 1035 label: as above, and starts with a letter (Service).
    Label1035,
    /// Any segment of a path: neither `.` nor `..`, no `/` and no `%` (RBAC).
    PathSegment,
}

/// A view of one object, or an action on it, under a path of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Subresource {
    /// Name in paths: `log`.
    pub name: &'static str,
    /// Group and version of its kind; both empty where they are the object's own.
    pub group_version: (&'static str, &'static str),
    /// Kind of its body.
    pub kind: &'static str,
    /// What can be done with it, in discovery's order.
    pub verbs: &'static [&'static str],
}

/// All that can be done with most kinds, in discovery's order.
pub const VERBS: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// The same for kinds of a CustomResourceDefinition, which discovery lists in an order of its own.
const CUSTOM_VERBS: &[&str] = &[
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

/// What can be done with a part of an object.
const VIEW: &[&str] = &["get", "patch", "update"];

/// The same where the kind is only read.
const READ: &[&str] = &["get"];

/// Since when a kind should not be used any more, and what to use: `v1.33`, `apps/v1 Deployment`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deprecation {
    since: &'static str,
    instead: &'static str,
}

/// One kind of object the server stores. Equal when group and plural are equal.
#[derive(Debug)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Served versions, the preferred one first. Objects are stored once, in that version.
    pub versions: &'static [&'static str],
    /// Kind, as in manifests: `Deployment`.
    pub kind: &'static str,
    /// Name in paths: `deployments`.
    pub plural: &'static str,
    /// Name kubectl accepts for one: `deployment`.
    pub singular: &'static str,
    /// Abbreviations kubectl accepts: `deploy`.
    pub short_names: &'static [&'static str],
    /// Groups of kinds kubectl accepts: `all`.
    pub categories: &'static [&'static str],
    /// Lives in a namespace.
    pub namespaced: bool,
    /// Has the subresource `status`: main writes keep it, status writes change nothing else.
    pub status: bool,
    /// Has the subresource `scale` (an `autoscaling/v1` Scale over `spec.replicas`).
    pub scale: bool,
    /// Has the subresource `finalize`: `spec.finalizers` hold it back too (Namespace).
    pub finalize: bool,
    /// Deleted in two steps, with a grace period (Pod).
    pub graceful: bool,
    /// Counts changes outside metadata and status in `metadata.generation`.
    pub generation: bool,
    /// Defined by a CustomResourceDefinition on a real cluster: other rules and texts for writes.
    pub custom: bool,
    /// DELETE answers with the object even when it is gone.
    pub returns_deleted: bool,
    /// Its objects are figures that the kubelets measure, made when asked for and never stored.
    pub measured: bool,
    /// Rule for names.
    pub names: NameRule,
    /// Field selectors beyond `metadata.name` and `metadata.namespace`, as dotted paths.
    pub fields: &'static [&'static str],
    /// What can be done with it. A kind that can only be created is a question: it is answered
    /// and never stored.
    pub verbs: &'static [&'static str],
    /// Subresources beyond `status`, `scale` and `finalize`.
    pub actions: &'static [Subresource],
    /// The resource whose objects these are, under another group and in another form.
    pub stored_as: Option<&'static Resource>,
    /// Every answer about it warns that others should be used.
    pub deprecated: Option<Deprecation>,
}

impl Resource {
    /// A namespaced built-in kind without anything special; the row's other facts are chained on.
    const fn namespaced(
        group: &'static str,
        versions: &'static [&'static str],
        kind: &'static str,
        singular: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group,
            versions,
            kind,
            plural,
            singular,
            short_names: &[],
            categories: &[],
            namespaced: true,
            status: false,
            scale: false,
            finalize: false,
            graceful: false,
            generation: false,
            custom: false,
            returns_deleted: false,
            measured: false,
            names: NameRule::Subdomain,
            fields: &[],
            verbs: VERBS,
            actions: &[],
            stored_as: None,
            deprecated: None,
        }
    }

    /// A cluster-scoped built-in kind.
    const fn cluster(
        group: &'static str,
        versions: &'static [&'static str],
        kind: &'static str,
        singular: &'static str,
        plural: &'static str,
    ) -> Self {
        let row = Self::namespaced(group, versions, kind, singular, plural);
        Self {
            namespaced: false,
            ..row
        }
    }

    /// A namespaced kind of a CustomResourceDefinition: all of Istio's have a status.
    const fn custom(
        group: &'static str,
        versions: &'static [&'static str],
        kind: &'static str,
        singular: &'static str,
        plural: &'static str,
    ) -> Self {
        let row = Self::namespaced(group, versions, kind, singular, plural);
        Self {
            custom: true,
            status: true,
            generation: true,
            verbs: CUSTOM_VERBS,
            ..row
        }
    }

    const fn short(self, short_names: &'static [&'static str]) -> Self {
        Self {
            short_names,
            ..self
        }
    }

    const fn categories(self, categories: &'static [&'static str]) -> Self {
        Self { categories, ..self }
    }

    const fn status(self) -> Self {
        Self {
            status: true,
            ..self
        }
    }

    const fn scale(self) -> Self {
        Self {
            scale: true,
            ..self
        }
    }

    const fn finalize(self) -> Self {
        Self {
            finalize: true,
            ..self
        }
    }

    const fn graceful(self) -> Self {
        Self {
            graceful: true,
            ..self
        }
    }

    const fn generation(self) -> Self {
        Self {
            generation: true,
            ..self
        }
    }

    const fn returns_deleted(self) -> Self {
        Self {
            returns_deleted: true,
            ..self
        }
    }

    const fn measured(self) -> Self {
        Self {
            measured: true,
            verbs: &["get", "list"],
            ..self
        }
    }

    const fn names(self, names: NameRule) -> Self {
        Self { names, ..self }
    }

    const fn fields(self, fields: &'static [&'static str]) -> Self {
        Self { fields, ..self }
    }

    const fn verbs(self, verbs: &'static [&'static str]) -> Self {
        Self { verbs, ..self }
    }

    const fn actions(self, actions: &'static [Subresource]) -> Self {
        Self { actions, ..self }
    }

    const fn stored_as(self, stored: &'static Resource) -> Self {
        Self {
            stored_as: Some(stored),
            ..self
        }
    }

    const fn deprecated(self, since: &'static str, instead: &'static str) -> Self {
        Self {
            deprecated: Some(Deprecation { since, instead }),
            ..self
        }
    }

    /// What answers about it in this version warn of.
    pub fn warning(&self, version: &str) -> Option<String> {
        let Deprecation { since, instead } = self.deprecated?;
        let (api_version, kind) = (self.api_version(version), self.kind);
        Some(format!(
            "{api_version} {kind} is deprecated in {since}+; use {instead}"
        ))
    }

    /// The resource under which the objects lie in the store.
    pub fn storage(&'static self) -> &'static Self {
        self.stored_as.unwrap_or(self)
    }

    /// Whether this can be done with it.
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.contains(&verb)
    }

    /// Whether a kind's objects can be asked for this besides being read and written.
    pub fn has_action(&self, name: &str) -> bool {
        self.actions.iter().any(|it| it.name == name)
    }

    /// All subresources by name.
    pub fn subresources(&self) -> Vec<Subresource> {
        let own = |name, kind, verbs| Subresource {
            name,
            group_version: ("", ""),
            kind,
            verbs,
        };
        let mut all = self.actions.to_vec();
        if self.finalize {
            all.push(own("finalize", self.kind, &["update"]));
        }
        if self.scale {
            all.push(Subresource {
                group_version: ("autoscaling", "v1"),
                ..own("scale", "Scale", VIEW)
            });
        }
        if self.status {
            let verbs = if self.allows("update") { VIEW } else { READ };
            all.push(own("status", self.kind, verbs));
        }
        all.sort_by_key(|subresource| subresource.name);
        all
    }

    /// The version objects are stored in.
    pub fn preferred_version(&self) -> &'static str {
        self.versions[0]
    }

    /// `apiVersion` of the stored form: `apps/v1`, `v1`.
    pub fn preferred_api_version(&self) -> String {
        self.api_version(self.preferred_version())
    }

    /// `apiVersion` for one of the served versions.
    pub fn api_version(&self, version: &str) -> String {
        group_version(self.group, version)
    }

    /// How messages name the collection: `deployments.apps`, `pods`.
    pub fn qualified(&self) -> String {
        qualify(self.plural, self.group)
    }

    /// How messages about invalid objects name the kind: `Deployment.apps`, `Pod`.
    pub fn qualified_kind(&self) -> String {
        qualify(self.kind, self.group)
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        (self.group, self.plural) == (other.group, other.plural)
    }
}

impl Eq for Resource {}

impl Hash for Resource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.group, self.plural).hash(state);
    }
}

/// `group/version`, or the bare version for the core group.
pub fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// The row served under `group` in `version` as `plural`.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    let row = ALL
        .iter()
        .find(|row| row.group == group && row.plural == plural)?;
    row.versions.contains(&version).then_some(row)
}

/// The row of a kind, as in a manifest's `apiVersion` and `kind`.
pub fn find_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let row = ALL
        .iter()
        .find(|row| row.group == group && row.kind == kind)?;
    row.versions.contains(&version).then_some(row)
}

/// Named groups in the order discovery lists them, the core group left out.
pub fn groups() -> Vec<&'static str> {
    let mut groups = Vec::new();
    for row in ALL {
        if !row.group.is_empty() && !groups.contains(&row.group) {
            groups.push(row.group);
        }
    }
    groups
}

/// Versions served in a group, the preferred one first; empty for an unknown group.
pub fn versions(group: &str) -> Vec<&'static str> {
    let mut versions = Vec::new();
    for row in ALL.iter().filter(|row| row.group == group) {
        for version in row.versions {
            if !versions.contains(version) {
                versions.push(*version);
            }
        }
    }
    versions
}

fn qualify(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_is_there_once() {
        let names: HashSet<_> = ALL.iter().map(|row| row.qualified()).collect();
        let kinds: HashSet<_> = ALL.iter().map(|row| row.qualified_kind()).collect();
        assert_eq!(names.len(), ALL.len());
        assert_eq!(kinds.len(), ALL.len());
    }

    #[test]
    fn no_two_rows_answer_to_the_same_short_name() {
        let stored = ALL.iter().filter(|row| row.stored_as.is_none());
        let short: Vec<_> = stored.flat_map(|row| row.short_names).collect();
        let unique: HashSet<_> = short.iter().collect();
        assert_eq!(unique.len(), short.len());
    }

    #[test]
    fn a_row_is_found_in_each_of_its_versions_and_in_no_other() {
        assert_eq!(find("apps", "v1", "deployments"), Some(&rows::DEPLOYMENTS));
        assert_eq!(find("apps", "v1beta1", "deployments"), None);
        let old = find("networking.istio.io", "v1alpha3", "virtualservices");
        assert_eq!(old, Some(&rows::VIRTUAL_SERVICES));
        assert_eq!(find_kind("v1", "Pod"), Some(&rows::PODS));
        assert_eq!(find_kind("apps/v1", "Pod"), None);
    }

    #[test]
    fn the_stable_version_is_preferred_in_every_group() {
        assert_eq!(
            versions("networking.istio.io"),
            ["v1", "v1beta1", "v1alpha3"]
        );
        assert_eq!(versions("autoscaling"), ["v2", "v1"]);
        assert!(versions("none.io").is_empty());
        for group in groups() {
            assert!(!versions(group)[0].contains("alpha"), "{group}");
        }
    }

    #[test]
    fn subresources_come_by_name_with_what_can_be_done() {
        let names = |row: &Resource| {
            row.subresources()
                .iter()
                .map(|it| it.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&rows::NAMESPACES), ["finalize", "status"]);
        assert_eq!(names(&rows::DEPLOYMENTS), ["scale", "status"]);
        let pods = names(&rows::PODS);
        assert!(pods.is_sorted() && pods.contains(&"eviction"), "{pods:?}");
        assert!(!rows::NAMESPACES.allows("deletecollection"));
    }

    #[test]
    fn events_of_both_groups_are_the_same_objects() {
        let events = find("events.k8s.io", "v1", "events").unwrap();
        assert_eq!(events.storage(), &rows::EVENTS);
        assert_eq!(rows::PODS.storage(), &rows::PODS);
    }
}
