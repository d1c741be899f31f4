//! How a row is written: what most kinds are, and what this one is besides.

use super::{Deprecation, NameRule, Resource, Subresource, VERBS};

/// All that can be done with kinds of a CustomResourceDefinition, which discovery lists in an order of its own.
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

impl Resource {
    /// A namespaced built-in kind without anything special; the row's other facts are chained on.
    pub(super) const fn namespaced(
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
    pub(super) const fn cluster(
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
    pub(super) const fn custom(
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

    pub(super) const fn short(self, short_names: &'static [&'static str]) -> Self {
        Self {
            short_names,
            ..self
        }
    }

    pub(super) const fn categories(self, categories: &'static [&'static str]) -> Self {
        Self { categories, ..self }
    }

    pub(super) const fn status(self) -> Self {
        Self {
            status: true,
            ..self
        }
    }

    pub(super) const fn scale(self) -> Self {
        Self {
            scale: true,
            ..self
        }
    }

    pub(super) const fn finalize(self) -> Self {
        Self {
            finalize: true,
            ..self
        }
    }

    pub(super) const fn graceful(self) -> Self {
        Self {
            graceful: true,
            ..self
        }
    }

    pub(super) const fn generation(self) -> Self {
        Self {
            generation: true,
            ..self
        }
    }

    pub(super) const fn returns_deleted(self) -> Self {
        Self {
            returns_deleted: true,
            ..self
        }
    }

    pub(super) const fn measured(self) -> Self {
        Self {
            measured: true,
            verbs: &["get", "list"],
            ..self
        }
    }

    pub(super) const fn names(self, names: NameRule) -> Self {
        Self { names, ..self }
    }

    pub(super) const fn fields(self, fields: &'static [&'static str]) -> Self {
        Self { fields, ..self }
    }

    pub(super) const fn verbs(self, verbs: &'static [&'static str]) -> Self {
        Self { verbs, ..self }
    }

    pub(super) const fn actions(self, actions: &'static [Subresource]) -> Self {
        Self { actions, ..self }
    }

    pub(super) const fn stored_as(self, stored: &'static Resource) -> Self {
        Self {
            stored_as: Some(stored),
            ..self
        }
    }

    pub(super) const fn deprecated(self, since: &'static str, instead: &'static str) -> Self {
        Self {
            deprecated: Some(Deprecation { since, instead }),
            ..self
        }
    }
}
