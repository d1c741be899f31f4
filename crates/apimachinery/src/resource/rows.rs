//! The table: one row a resource, in the order discovery lists them.
#![expect(missing_docs, reason = "a row is its own description")]

use super::{NameRule, Resource, Subresource};

const V1: &[&str] = &["v1"];
const NETWORKING: &[&str] = &["v1", "v1beta1", "v1alpha3"];
const SECURITY: &[&str] = &["v1", "v1beta1"];
const ALL_CATEGORY: &[&str] = &["all"];
const NETWORKING_ISTIO: &[&str] = &["istio-io", "networking-istio-io"];
const SECURITY_ISTIO: &[&str] = &["istio-io", "security-istio-io"];
const TELEMETRY_ISTIO: &[&str] = &["istio-io", "telemetry-istio-io"];
const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "type",
];
const POD_FIELDS: &[&str] = &[
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];

const ONE_BY_ONE: &[&str] = &[
    "create", "delete", "get", "list", "patch", "update", "watch",
];
const QUESTION: &[&str] = &["create"];
const READ: &[&str] = &["get", "list", "watch"];
const CONNECT: &[&str] = &["create", "get"];
const EVENTS_K8S_FIELDS: &[&str] = &[
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "regarding.apiVersion",
    "regarding.resourceVersion",
    "regarding.fieldPath",
    "reason",
    "reportingController",
    "type",
];
const POD_ACTIONS: &[Subresource] = &[
    action("attach", ("", ""), "PodAttachOptions", CONNECT),
    action("binding", ("", ""), "Binding", QUESTION),
    action("eviction", ("policy", "v1"), "Eviction", QUESTION),
    action("exec", ("", ""), "PodExecOptions", CONNECT),
    action("log", ("", ""), "Pod", &["get"]),
    action("portforward", ("", ""), "PodPortForwardOptions", CONNECT),
];
const TOKEN: &[Subresource] = &[action(
    "token",
    ("authentication.k8s.io", "v1"),
    "TokenRequest",
    QUESTION,
)];

const fn action(
    name: &'static str,
    group_version: (&'static str, &'static str),
    kind: &'static str,
    verbs: &'static [&'static str],
) -> Subresource {
    Subresource {
        name,
        group_version,
        kind,
        verbs,
    }
}

macro_rules! table {
    ($($name:ident = $row:expr;)*) => {
        $(pub static $name: Resource = $row;)*

        /// Every row.
        pub static ALL: &[&Resource] = &[$(&$name),*];
    };
}

table! {
    BINDINGS = Resource::namespaced("", V1, "Binding", "binding", "bindings").verbs(QUESTION);
    CONFIG_MAPS = Resource::namespaced("", V1, "ConfigMap", "configmap", "configmaps").short(&["cm"]);
    ENDPOINTS = Resource::namespaced("", V1, "Endpoints", "endpoints", "endpoints").short(&["ep"])
        .deprecated("v1.33", "discovery.k8s.io/v1 EndpointSlice");
    EVENTS = Resource::namespaced("", V1, "Event", "event", "events")
        .short(&["ev"]).fields(EVENT_FIELDS);
    LIMIT_RANGES = Resource::namespaced("", V1, "LimitRange", "limitrange", "limitranges")
        .short(&["limits"]);
    NAMESPACES = Resource::cluster("", V1, "Namespace", "namespace", "namespaces")
        .short(&["ns"]).status().finalize().verbs(ONE_BY_ONE).returns_deleted().names(NameRule::Label).fields(&["status.phase"]);
    NODES = Resource::cluster("", V1, "Node", "node", "nodes")
        .short(&["no"]).status().fields(&["spec.unschedulable"]);
    PERSISTENT_VOLUME_CLAIMS = Resource::namespaced(
        "", V1, "PersistentVolumeClaim", "persistentvolumeclaim", "persistentvolumeclaims",
    ).short(&["pvc"]).status().returns_deleted();
    // Volumes are made and reclaimed by what makes their claims true, so clients only read them.
    PERSISTENT_VOLUMES = Resource::cluster(
        "", V1, "PersistentVolume", "persistentvolume", "persistentvolumes",
    ).short(&["pv"]).status().returns_deleted().verbs(READ);
    PODS = Resource::namespaced("", V1, "Pod", "pod", "pods")
        .short(&["po"]).categories(ALL_CATEGORY).status().graceful().generation()
        .returns_deleted().fields(POD_FIELDS).actions(POD_ACTIONS);
    RESOURCE_QUOTAS = Resource::namespaced("", V1, "ResourceQuota", "resourcequota", "resourcequotas")
        .short(&["quota"]).status().returns_deleted();
    SECRETS = Resource::namespaced("", V1, "Secret", "secret", "secrets").fields(&["type"]);
    SERVICE_ACCOUNTS = Resource::namespaced("", V1, "ServiceAccount", "serviceaccount", "serviceaccounts")
        .short(&["sa"]).returns_deleted().actions(TOKEN);
    SERVICES = Resource::namespaced("", V1, "Service", "service", "services")
        .short(&["svc"]).categories(ALL_CATEGORY).status().returns_deleted()
        .names(NameRule::Label1035);

    CONTROLLER_REVISIONS = Resource::namespaced(
        "apps", V1, "ControllerRevision", "controllerrevision", "controllerrevisions",
    );
    DEPLOYMENTS = Resource::namespaced("apps", V1, "Deployment", "deployment", "deployments")
        .short(&["deploy"]).categories(ALL_CATEGORY).status().scale().generation();
    REPLICA_SETS = Resource::namespaced("apps", V1, "ReplicaSet", "replicaset", "replicasets")
        .short(&["rs"]).categories(ALL_CATEGORY).status().scale().generation()
        .fields(&["status.replicas"]);

    EVENTS_K8S = Resource::namespaced("events.k8s.io", V1, "Event", "event", "events")
        .short(&["ev"]).fields(EVENTS_K8S_FIELDS).stored_as(&EVENTS);

    SELF_SUBJECT_REVIEWS = Resource::cluster(
        "authentication.k8s.io", V1, "SelfSubjectReview", "selfsubjectreview", "selfsubjectreviews",
    ).verbs(QUESTION);

    LOCAL_SUBJECT_ACCESS_REVIEWS = Resource::namespaced(
        "authorization.k8s.io", V1, "LocalSubjectAccessReview",
        "localsubjectaccessreview", "localsubjectaccessreviews",
    ).verbs(QUESTION);
    SELF_SUBJECT_ACCESS_REVIEWS = Resource::cluster(
        "authorization.k8s.io", V1, "SelfSubjectAccessReview",
        "selfsubjectaccessreview", "selfsubjectaccessreviews",
    ).verbs(QUESTION);
    SELF_SUBJECT_RULES_REVIEWS = Resource::cluster(
        "authorization.k8s.io", V1, "SelfSubjectRulesReview",
        "selfsubjectrulesreview", "selfsubjectrulesreviews",
    ).verbs(QUESTION);
    SUBJECT_ACCESS_REVIEWS = Resource::cluster(
        "authorization.k8s.io", V1, "SubjectAccessReview",
        "subjectaccessreview", "subjectaccessreviews",
    ).verbs(QUESTION);

    HORIZONTAL_POD_AUTOSCALERS = Resource::namespaced(
        "autoscaling", &["v2", "v1"], "HorizontalPodAutoscaler",
        "horizontalpodautoscaler", "horizontalpodautoscalers",
    ).short(&["hpa"]).categories(ALL_CATEGORY).status();

    INGRESSES = Resource::namespaced("networking.k8s.io", V1, "Ingress", "ingress", "ingresses")
        .short(&["ing"]).status().generation();
    NETWORK_POLICIES = Resource::namespaced(
        "networking.k8s.io", V1, "NetworkPolicy", "networkpolicy", "networkpolicies",
    ).short(&["netpol"]).generation();

    POD_DISRUPTION_BUDGETS = Resource::namespaced(
        "policy", V1, "PodDisruptionBudget", "poddisruptionbudget", "poddisruptionbudgets",
    ).short(&["pdb"]).status().generation();

    CLUSTER_ROLE_BINDINGS = Resource::cluster(
        "rbac.authorization.k8s.io", V1, "ClusterRoleBinding",
        "clusterrolebinding", "clusterrolebindings",
    ).names(NameRule::PathSegment);
    CLUSTER_ROLES = Resource::cluster(
        "rbac.authorization.k8s.io", V1, "ClusterRole", "clusterrole", "clusterroles",
    ).names(NameRule::PathSegment);
    ROLE_BINDINGS = Resource::namespaced(
        "rbac.authorization.k8s.io", V1, "RoleBinding", "rolebinding", "rolebindings",
    ).names(NameRule::PathSegment);
    ROLES = Resource::namespaced("rbac.authorization.k8s.io", V1, "Role", "role", "roles")
        .names(NameRule::PathSegment);

    STORAGE_CLASSES = Resource::cluster(
        "storage.k8s.io", V1, "StorageClass", "storageclass", "storageclasses",
    ).short(&["sc"]).returns_deleted();

    // The kinds are fixed, so clients only read what defines them.
    CUSTOM_RESOURCE_DEFINITIONS = Resource::cluster(
        "apiextensions.k8s.io", V1, "CustomResourceDefinition",
        "customresourcedefinition", "customresourcedefinitions",
    ).short(&["crd", "crds"]).categories(&["api-extensions"]).status().generation().verbs(READ);

    LEASES = Resource::namespaced("coordination.k8s.io", V1, "Lease", "lease", "leases");

    ENDPOINT_SLICES = Resource::namespaced(
        "discovery.k8s.io", V1, "EndpointSlice", "endpointslice", "endpointslices",
    ).generation();

    DESTINATION_RULES = Resource::custom(
        "networking.istio.io", NETWORKING, "DestinationRule", "destinationrule", "destinationrules",
    ).short(&["dr"]).categories(NETWORKING_ISTIO);
    ENVOY_FILTERS = Resource::custom(
        "networking.istio.io", &["v1alpha3"], "EnvoyFilter", "envoyfilter", "envoyfilters",
    ).categories(NETWORKING_ISTIO);
    GATEWAYS = Resource::custom("networking.istio.io", NETWORKING, "Gateway", "gateway", "gateways")
        .short(&["gw"]).categories(NETWORKING_ISTIO);
    PROXY_CONFIGS = Resource::custom(
        "networking.istio.io", &["v1beta1"], "ProxyConfig", "proxyconfig", "proxyconfigs",
    ).categories(NETWORKING_ISTIO);
    SERVICE_ENTRIES = Resource::custom(
        "networking.istio.io", NETWORKING, "ServiceEntry", "serviceentry", "serviceentries",
    ).short(&["se"]).categories(NETWORKING_ISTIO);
    SIDECARS = Resource::custom("networking.istio.io", NETWORKING, "Sidecar", "sidecar", "sidecars")
        .categories(NETWORKING_ISTIO);
    VIRTUAL_SERVICES = Resource::custom(
        "networking.istio.io", NETWORKING, "VirtualService", "virtualservice", "virtualservices",
    ).short(&["vs"]).categories(NETWORKING_ISTIO);
    WORKLOAD_ENTRIES = Resource::custom(
        "networking.istio.io", NETWORKING, "WorkloadEntry", "workloadentry", "workloadentries",
    ).short(&["we"]).categories(NETWORKING_ISTIO);
    WORKLOAD_GROUPS = Resource::custom(
        "networking.istio.io", NETWORKING, "WorkloadGroup", "workloadgroup", "workloadgroups",
    ).short(&["wg"]).categories(NETWORKING_ISTIO);

    AUTHORIZATION_POLICIES = Resource::custom(
        "security.istio.io", SECURITY, "AuthorizationPolicy",
        "authorizationpolicy", "authorizationpolicies",
    ).short(&["ap"]).categories(SECURITY_ISTIO);
    PEER_AUTHENTICATIONS = Resource::custom(
        "security.istio.io", SECURITY, "PeerAuthentication",
        "peerauthentication", "peerauthentications",
    ).short(&["pa"]).categories(SECURITY_ISTIO);
    REQUEST_AUTHENTICATIONS = Resource::custom(
        "security.istio.io", SECURITY, "RequestAuthentication",
        "requestauthentication", "requestauthentications",
    ).short(&["ra"]).categories(SECURITY_ISTIO);

    TELEMETRIES = Resource::custom(
        "telemetry.istio.io", &["v1", "v1alpha1"], "Telemetry", "telemetry", "telemetries",
    ).short(&["telemetry"]).categories(TELEMETRY_ISTIO);

    NODE_METRICS = Resource::cluster("metrics.k8s.io", &["v1beta1"], "NodeMetrics", "node", "nodes")
        .measured();
    POD_METRICS = Resource::namespaced("metrics.k8s.io", &["v1beta1"], "PodMetrics", "pod", "pods")
        .measured();
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
}
