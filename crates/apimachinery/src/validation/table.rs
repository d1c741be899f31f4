//! The rules of each message type, in the order a real server reports them.

use super::Members;
use super::Path;
use super::rule::Rule::{self, *};
use super::{access, autoscaling, config, ingress, pod, service, workload};
use crate::status::Cause;

/// Judges several fields at once.
pub(super) type Check = fn(&Members, &Path<'_>, &mut Vec<Cause>);

/// One step in judging a message.
pub(super) enum Row {
    /// A field: its own rules, then what is inside it.
    Field(&'static str, &'static [Rule]),
    /// Fields that depend on each other.
    Check(Check),
}

use Row::{Check as Fn, Field};

const VERBS: &str = "verbs must contain at least one value";
const AT_LEAST_ONE: &str = "must be greater than or equal to 1";

const TABLE: &[(&str, &[Row])] = &[
    (
        "apps.v1.DeploymentSpec",
        &[
            Field("replicas", &[NonNegative]),
            Field("minReadySeconds", &[NonNegative]),
            Fn(workload::deployment_selector),
            Field("template", &[]),
            Fn(workload::always_restarts),
            Field("strategy", &[]),
            Field("revisionHistoryLimit", &[NonNegative]),
            Field("progressDeadlineSeconds", &[NonNegative]),
            Fn(workload::progress_deadline),
        ],
    ),
    ("apps.v1.DeploymentStrategy", &[Fn(workload::strategy)]),
    (
        "apps.v1.ReplicaSetSpec",
        &[
            Field("replicas", &[NonNegative]),
            Field("minReadySeconds", &[NonNegative]),
            Fn(workload::replica_set_selector),
            Field("template", &[]),
            Fn(workload::always_restarts),
        ],
    ),
    (
        "apps.v1.RollingUpdateDeployment",
        &[
            Field("maxUnavailable", &[NumberOrPercent]),
            Field("maxSurge", &[NumberOrPercent]),
            Fn(workload::rolling_update),
        ],
    ),
    (
        "autoscaling.v2.CrossVersionObjectReference",
        &[
            Field("kind", &[Required("")]),
            Field("name", &[Required("")]),
            Fn(autoscaling::target_version),
        ],
    ),
    (
        "autoscaling.v2.HorizontalPodAutoscalerSpec",
        &[
            Field("minReplicas", &[Positive(AT_LEAST_ONE)]),
            Fn(autoscaling::bounds),
            Field("scaleTargetRef", &[]),
            Field("metrics", &[]),
        ],
    ),
    (
        "autoscaling.v2.ResourceMetricSource",
        &[
            Field("name", &[Required("must specify a resource name")]),
            Fn(autoscaling::resource_target),
        ],
    ),
    ("core.v1.ConfigMap", &[Fn(config::config_map)]),
    (
        "core.v1.Container",
        &[
            Field("name", &[Required(""), Label]),
            Fn(pod::image),
            Field("ports", &[]),
            Fn(pod::port_names),
            Field("env", &[]),
            Field("volumeMounts", &[]),
            Fn(pod::mount_paths),
            Field("livenessProbe", &[]),
            Fn(pod::success_thresholds),
            Field("resources", &[]),
        ],
    ),
    (
        "core.v1.ContainerPort",
        &[
            Field("name", &[PortName]),
            Field("containerPort", &[]),
            Fn(pod::container_port),
        ],
    ),
    (
        "core.v1.EnvVar",
        &[Field("name", &[Required(""), EnvName]), Fn(pod::env_source)],
    ),
    (
        "core.v1.HTTPGetAction",
        &[Field("path", &[Required("")]), Field("port", &[PortOrName])],
    ),
    ("core.v1.LimitRangeItem", &[Fn(config::limit_range_item)]),
    (
        "core.v1.PersistentVolumeClaimSpec",
        &[
            Field(
                "accessModes",
                &[Required("at least 1 access mode is required")],
            ),
            Fn(config::claim_size),
        ],
    ),
    (
        "core.v1.PodSpec",
        &[
            Field("volumes", &[]),
            Fn(pod::volume_names),
            Field("containers", &[Required("")]),
            Fn(pod::container_names),
            Fn(pod::mounted_volumes),
            Field("initContainers", &[]),
            Field("terminationGracePeriodSeconds", &[NonNegative]),
            Field(
                "activeDeadlineSeconds",
                &[Positive("must be between 1 and 2147483647, inclusive")],
            ),
            Field("nodeSelector", &[Labels]),
        ],
    ),
    (
        "core.v1.Probe",
        &[
            Fn(pod::probe_handler),
            Field("initialDelaySeconds", &[NonNegative]),
            Field("timeoutSeconds", &[NonNegative]),
            Field("periodSeconds", &[NonNegative]),
            Field("successThreshold", &[NonNegative]),
            Field("failureThreshold", &[NonNegative]),
        ],
    ),
    ("core.v1.ResourceQuotaSpec", &[Field("hard", &[Quantities])]),
    (
        "core.v1.ResourceRequirements",
        &[
            Field("limits", &[Quantities]),
            Field("requests", &[Quantities]),
            Fn(pod::requests_within_limits),
        ],
    ),
    ("core.v1.Secret", &[Fn(config::secret)]),
    (
        "core.v1.ServicePort",
        &[
            Field("name", &[Label]),
            Field("port", &[Port]),
            Field("targetPort", &[PortOrName]),
        ],
    ),
    (
        "core.v1.ServiceSpec",
        &[
            Fn(service::required),
            Field("ports", &[]),
            Field("selector", &[Labels]),
            Fn(service::unique_ports),
            Fn(service::node_ports),
        ],
    ),
    ("core.v1.TCPSocketAction", &[Field("port", &[PortOrName])]),
    (
        "core.v1.Volume",
        &[Field("name", &[Required(""), Label]), Fn(pod::one_source)],
    ),
    (
        "core.v1.VolumeMount",
        &[
            Field("name", &[Required("")]),
            Field("mountPath", &[Required("")]),
        ],
    ),
    ("meta.v1.LabelSelector", &[Field("matchLabels", &[Labels])]),
    (
        "networking.v1.HTTPIngressPath",
        &[
            Field("pathType", &[Required("pathType must be specified")]),
            Fn(ingress::absolute),
            Field("backend", &[]),
        ],
    ),
    (
        "networking.v1.HTTPIngressRuleValue",
        &[Field("paths", &[Required("")])],
    ),
    ("networking.v1.IngressBackend", &[Fn(ingress::backend)]),
    (
        "networking.v1.IngressServiceBackend",
        &[Field("name", &[Required("")])],
    ),
    ("networking.v1.IngressSpec", &[Fn(ingress::spec)]),
    (
        "networking.v1.NetworkPolicyPort",
        &[Field("port", &[PortOrName])],
    ),
    (
        "policy.v1.PodDisruptionBudgetSpec",
        &[
            Fn(workload::disruption_budget),
            Field("minAvailable", &[NumberOrPercent]),
            Field("maxUnavailable", &[NumberOrPercent]),
        ],
    ),
    (
        "rbac.v1.PolicyRule",
        &[Field("verbs", &[Required(VERBS)]), Fn(access::policy_rule)],
    ),
    (
        "rbac.v1.RoleRef",
        &[
            Field("kind", &[OneOf(&["ClusterRole", "Role"])]),
            Field("name", &[Required("")]),
        ],
    ),
    (
        "rbac.v1.Subject",
        &[
            Field("name", &[Required("")]),
            Field("kind", &[OneOf(&["Group", "ServiceAccount", "User"])]),
            Fn(access::subject),
        ],
    ),
];

/// The rows of a message type; none where nothing is to be judged.
pub(super) fn of(name: &str) -> &'static [Row] {
    let row = TABLE.binary_search_by_key(&name, |(of, _)| of);
    row.map(|at| TABLE[at].1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::kubernetes;

    #[test]
    fn rows_are_sorted_and_name_fields_of_their_type() {
        assert!(
            TABLE.is_sorted_by_key(|(name, _)| *name),
            "rows are found by halving"
        );
        for (name, rows) in TABLE {
            let of = kubernetes::named(name).unwrap_or_else(|| panic!("no type {name}"));
            for row in *rows {
                if let Field(field, _) = row {
                    assert!(of.field(field).is_some(), "{name} has no {field}");
                }
            }
        }
    }
}
