//! What the server knows about a kind of object, as one row of data.
//!
//! Everything that differs between kinds (scope, subresources, deletion, names, selectable
//! fields, what discovery says) is a field of [`Resource`]; the rows themselves are in
//! [`rows`]. Code asks the row and never compares kinds by name.

mod builder;
mod lookup;
pub mod rows;

use std::hash::{Hash, Hasher};

pub use lookup::{find, find_kind, groups, versions};
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

fn qualify(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
