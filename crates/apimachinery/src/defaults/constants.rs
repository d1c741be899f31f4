//! Defaults that depend on nothing: type, field, value as JSON.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

/// The fields of a message type that have a constant default.
type Defaults = Vec<(&'static str, Value)>;

const TABLE: &[(&str, &[(&str, &str)])] = &[
    (
        "apps.v1.DeploymentSpec",
        &[
            ("replicas", "1"),
            ("revisionHistoryLimit", "10"),
            ("progressDeadlineSeconds", "600"),
        ],
    ),
    (
        "apps.v1.DeploymentStrategy",
        &[("type", r#""RollingUpdate""#)],
    ),
    ("apps.v1.ReplicaSetSpec", &[("replicas", "1")]),
    (
        "apps.v1.RollingUpdateDeployment",
        &[("maxSurge", r#""25%""#), ("maxUnavailable", r#""25%""#)],
    ),
    (
        "autoscaling.v1.HorizontalPodAutoscalerSpec",
        &[("minReplicas", "1")],
    ),
    (
        "autoscaling.v2.HorizontalPodAutoscalerSpec",
        &[
            ("minReplicas", "1"),
            (
                "metrics",
                r#"[{"type": "Resource", "resource": {"name": "cpu", "target":
                    {"type": "Utilization", "averageUtilization": 80}}}]"#,
            ),
        ],
    ),
    ("core.v1.ConfigMapVolumeSource", &[("defaultMode", "420")]),
    (
        "core.v1.Container",
        &[
            ("terminationMessagePath", r#""/dev/termination-log""#),
            ("terminationMessagePolicy", r#""File""#),
        ],
    ),
    ("core.v1.ContainerPort", &[("protocol", r#""TCP""#)]),
    ("core.v1.DownwardAPIVolumeSource", &[("defaultMode", "420")]),
    ("core.v1.EndpointPort", &[("protocol", r#""TCP""#)]),
    ("core.v1.GRPCAction", &[("service", r#""""#)]),
    (
        "core.v1.HTTPGetAction",
        &[("path", r#""/""#), ("scheme", r#""HTTP""#)],
    ),
    ("core.v1.HostPathVolumeSource", &[("type", r#""""#)]),
    ("core.v1.NamespaceStatus", &[("phase", r#""Active""#)]),
    ("core.v1.ObjectFieldSelector", &[("apiVersion", r#""v1""#)]),
    (
        "core.v1.PersistentVolumeClaimSpec",
        &[("volumeMode", r#""Filesystem""#)],
    ),
    (
        "core.v1.PersistentVolumeClaimStatus",
        &[("phase", r#""Pending""#)],
    ),
    (
        "core.v1.PodSpec",
        &[
            ("restartPolicy", r#""Always""#),
            ("terminationGracePeriodSeconds", "30"),
            ("dnsPolicy", r#""ClusterFirst""#),
            ("securityContext", "{}"),
            ("schedulerName", r#""default-scheduler""#),
        ],
    ),
    ("core.v1.PodStatus", &[("phase", r#""Pending""#)]),
    (
        "core.v1.Probe",
        &[
            ("timeoutSeconds", "1"),
            ("periodSeconds", "10"),
            ("successThreshold", "1"),
            ("failureThreshold", "3"),
        ],
    ),
    ("core.v1.ProjectedVolumeSource", &[("defaultMode", "420")]),
    ("core.v1.Secret", &[("type", r#""Opaque""#)]),
    ("core.v1.SecretVolumeSource", &[("defaultMode", "420")]),
    (
        "core.v1.ServiceAccountTokenProjection",
        &[("expirationSeconds", "3600")],
    ),
    ("core.v1.ServicePort", &[("protocol", r#""TCP""#)]),
    (
        "core.v1.ServiceSpec",
        &[("type", r#""ClusterIP""#), ("sessionAffinity", r#""None""#)],
    ),
    (
        "discovery.v1.EndpointPort",
        &[("name", r#""""#), ("protocol", r#""TCP""#)],
    ),
    (
        "networking.v1.NetworkPolicyPort",
        &[("protocol", r#""TCP""#)],
    ),
    (
        "rbac.v1.RoleRef",
        &[("apiGroup", r#""rbac.authorization.k8s.io""#)],
    ),
    (
        "storage.v1.StorageClass",
        &[
            ("reclaimPolicy", r#""Delete""#),
            ("volumeBindingMode", r#""Immediate""#),
        ],
    ),
];

static DEFAULTS: LazyLock<HashMap<&str, Defaults>> = LazyLock::new(|| {
    let parsed = |(field, text): &(&'static str, &str)| {
        (
            *field,
            serde_json::from_str(text).expect("the table holds JSON"),
        )
    };
    let rows = TABLE.iter();
    rows.map(|(name, fields)| (*name, fields.iter().map(parsed).collect()))
        .collect()
});

/// The constants of a message type.
pub(super) fn of(name: &str) -> &'static [(&'static str, Value)] {
    DEFAULTS.get(name).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::kubernetes;

    #[test]
    fn every_row_names_a_field_of_its_type() {
        for (name, fields) in TABLE {
            let of = kubernetes::named(name).unwrap_or_else(|| panic!("no type {name}"));
            for (field, _) in *fields {
                assert!(of.field(field).is_some(), "{name} has no {field}");
            }
        }
        assert_eq!(DEFAULTS.len(), TABLE.len(), "a type has one row");
    }
}
