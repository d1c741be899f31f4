//! Rows by what a path or a manifest says.

use super::{ALL, Resource};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::rows;

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
    fn events_of_both_groups_are_the_same_objects() {
        let events = find("events.k8s.io", "v1", "events").unwrap();
        assert_eq!(events.storage(), &rows::EVENTS);
        assert_eq!(rows::PODS.storage(), &rows::PODS);
    }
}
