//! The Endpoints of a Service: what EndpointSlices replace, and older clients still read.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::super::replicaset::is_ready;
use super::{Backend, Situation, ip, reference};
use crate::controllers::scheduler::node_of;

/// Label that names who keeps them.
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// Who that is.
const MANAGER: &str = "endpoint-controller";

/// Whether the controller keeps these Endpoints.
pub(super) fn is_kept(endpoints: &Endpoints) -> bool {
    let labels = endpoints.metadata.labels.as_ref();
    labels.and_then(|it| it.get(MANAGED_BY)).map(String::as_str) == Some(MANAGER)
}

/// The Endpoints a Service is to have; they bear its name.
pub(super) fn endpoints(situation: &Situation<'_>) -> Endpoints {
    let service = &situation.service.metadata;
    let subsets = subsets(situation);
    Endpoints {
        metadata: ObjectMeta {
            name: service.name.clone(),
            namespace: service.namespace.clone(),
            labels: Some(situation.labels(&[(MANAGED_BY, MANAGER)])),
            annotations: Some(situation.annotations()),
            ..ObjectMeta::default()
        },
        subsets: (!subsets.is_empty()).then_some(subsets),
    }
}

/// The time of the last change alone is no reason to write.
pub(super) fn differs(old: &Endpoints, new: &Endpoints) -> bool {
    old.subsets != new.subsets || old.metadata.labels != new.metadata.labels
}

fn subsets(situation: &Situation<'_>) -> Vec<EndpointSubset> {
    let mut groups: BTreeMap<String, Vec<Backend<'_>>> = BTreeMap::new();
    // Kubernetes: pods on their way out are in EndpointSlices alone.
    let stays = |pod: &Pod| pod.metadata.deletion_timestamp.is_none();
    let backends = situation.backends().into_iter();
    for backend in backends.filter(|it| stays(it.pod) || situation.publishes_unready()) {
        let key = json!(backend.ports).to_string();
        groups.entry(key).or_default().push(backend);
    }
    groups
        .into_values()
        .map(|group| subset(situation, group))
        .collect()
}

fn subset(situation: &Situation<'_>, mut group: Vec<Backend<'_>>) -> EndpointSubset {
    let port = |port: &k8s_openapi::api::discovery::v1::EndpointPort| EndpointPort {
        app_protocol: port.app_protocol.clone(),
        name: port.name.clone().filter(|name| !name.is_empty()),
        port: port.port.unwrap_or(0),
        protocol: port.protocol.clone(),
    };
    let ports = group.first().map(|it| it.ports.iter().map(port).collect());
    group.sort_by(|a, b| ip(a.pod).cmp(&ip(b.pod)));
    let is_up = |it: &Backend<'_>| situation.publishes_unready() || is_ready(it.pod);
    let (ready, unready): (Vec<_>, Vec<_>) = group.into_iter().partition(is_up);
    EndpointSubset {
        addresses: addresses(&ready),
        not_ready_addresses: addresses(&unready),
        ports,
    }
}

fn addresses(backends: &[Backend<'_>]) -> Option<Vec<EndpointAddress>> {
    let address = |backend: &Backend<'_>| EndpointAddress {
        hostname: None,
        ip: ip(backend.pod).unwrap_or_default().to_owned(),
        node_name: node_of(backend.pod).map(str::to_owned),
        target_ref: Some(reference(backend.pod)),
    };
    (!backends.is_empty()).then(|| backends.iter().map(address).collect())
}
