//! Kubernetes' own kinds.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::Struct;
use super::table;
use crate::resource::Resource;

static TYPES: LazyLock<HashMap<String, Arc<Struct>>> = LazyLock::new(|| {
    table::read(include_str!("kubernetes.txt")).expect("the table in the repository is sound")
});

/// A message type by its name with package, `core.v1.Pod`.
pub fn named(name: &str) -> Option<&'static Arc<Struct>> {
    TYPES.get(name)
}

/// The type of a built-in kind in one of its versions; none for custom resources and for kinds
/// that are only read.
pub fn of(resource: &Resource, version: &str) -> Option<&'static Arc<Struct>> {
    in_group(resource.group, version, resource.kind)
}

/// The type of a kind as an object names it, also of those that are never stored; options belong
/// to every group.
pub fn of_kind(api_version: &str, kind: &str) -> Option<&'static Arc<Struct>> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    in_group(group, version, kind).or_else(|| named(&format!("meta.v1.{kind}")))
}

fn in_group(group: &str, version: &str, kind: &str) -> Option<&'static Arc<Struct>> {
    let package = match group {
        "" => "core",
        "rbac.authorization.k8s.io" => "rbac",
        group => group.split('.').next().unwrap_or_default(),
    };
    named(&format!("{package}.{version}.{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ALL;
    use crate::schema::{Ownership, Scalar, Shape};

    fn list(of: &str, field: &str) -> Arc<super::super::List> {
        match &named(of).unwrap().field(field).unwrap().shape {
            Shape::List(list) => Arc::clone(list),
            other => panic!("{of}.{field} is {other:?}"),
        }
    }

    #[test]
    fn every_built_in_kind_has_a_type_with_metadata() {
        // Definitions of custom resources are only read, and so are figures.
        let typed = |row: &&&'static Resource| {
            !row.custom && !row.measured && row.kind != "CustomResourceDefinition"
        };
        for resource in ALL.iter().filter(typed) {
            for version in resource.versions {
                let of = of(resource, version);
                let of = of.unwrap_or_else(|| panic!("{} {version}", resource.kind));
                assert!(of.field("metadata").is_some(), "{}", of.name);
            }
        }
    }

    #[test]
    fn lists_know_how_they_merge() {
        let ports = list("core.v1.ServiceSpec", "ports");
        assert_eq!(
            ports.ownership,
            Ownership::Map(vec!["port".into(), "protocol".into()])
        );
        assert_eq!(ports.patch.as_ref().unwrap().key.as_deref(), Some("port"));
        assert_eq!(
            list("core.v1.PodSpec", "tolerations").ownership,
            Ownership::Atomic
        );
        assert!(list("core.v1.PodSpec", "tolerations").patch.is_none());
        assert!(
            list("core.v1.PodSpec", "volumes")
                .patch
                .as_ref()
                .unwrap()
                .retain_keys
        );
        let finalizers = list("meta.v1.ObjectMeta", "finalizers");
        assert_eq!(finalizers.ownership, Ownership::Set);
        assert_eq!(finalizers.patch.as_ref().unwrap().key, None);
    }

    #[test]
    fn fields_of_inlined_messages_stand_in_the_outer_one() {
        let volume = named("core.v1.Volume").unwrap();
        assert!(volume.field("emptyDir").is_some());
        assert!(volume.field("volumeSource").is_none());
    }

    #[test]
    fn a_closed_list_of_values_is_known() {
        let field = named("core.v1.ServicePort")
            .unwrap()
            .field("protocol")
            .unwrap();
        let Shape::Scalar(Scalar::Text { values, .. }) = &field.shape else {
            panic!("{field:?}");
        };
        assert_eq!(**values, ["SCTP", "TCP", "UDP"]);
        assert_eq!(field.default, Some("TCP".into()));
    }
}
