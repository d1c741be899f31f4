//! Service → EndpointSlices and Endpoints, decided purely.

mod legacy;
mod slices;
pub(super) mod sync;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::replicaset::{has_ended, is_ready, ready_condition};
use super::scheduler::node_of;

/// Kubernetes: says when what the endpoints follow from last changed.
const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// Kubernetes: marks what belongs to a Service without an address of its own.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// A Service and the pods it selects.
pub struct Situation<'a> {
    /// The Service.
    pub service: &'a Service,
    /// Pods it selects.
    pub pods: &'a [Arc<Pod>],
    /// The zone of a node.
    pub zone_of: &'a dyn Fn(&str) -> Option<String>,
}

/// A pod behind a Service, and the ports it answers on.
struct Backend<'a> {
    pod: &'a Pod,
    ports: Vec<EndpointPort>,
}

/// Whether a Service has endpoints that controllers make.
///
/// Kubernetes: one without a selector has those that somebody else writes.
pub fn is_served(spec: &ServiceSpec) -> bool {
    let selects = spec.selector.as_ref().is_some_and(|it| !it.is_empty());
    selects && spec.type_.as_deref() != Some("ExternalName")
}

/// Whether a Service selects a pod of its namespace.
pub fn selects(spec: &ServiceSpec, pod: &Pod) -> bool {
    let labels = pod.metadata.labels.as_ref();
    let has = |key, value| labels.and_then(|labels| labels.get(key)) == Some(value);
    is_served(spec)
        && spec
            .selector
            .iter()
            .flatten()
            .all(|(key, value)| has(key, value))
}

/// The port of a pod behind a port of its Service.
///
/// Kubernetes: a number, the name of a container's port, or the Service's own port.
pub fn target_port(port: &ServicePort, pod: &Pod) -> Option<u16> {
    let number = match &port.target_port {
        None | Some(IntOrString::Int(0)) => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => {
            let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
            let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
            ports
                .find(|port| port.name.as_ref() == Some(name))?
                .container_port
        }
    };
    u16::try_from(number).ok()
}

impl Situation<'_> {
    /// Pods that have an address and have not ended, with their ports.
    fn backends(&self) -> Vec<Backend<'_>> {
        let there = self
            .pods
            .iter()
            .filter(|pod| ip(pod).is_some() && !has_ended(pod));
        let ports = |pod| self.ports_of(pod);
        there
            .map(|pod| Backend {
                pod,
                ports: ports(pod),
            })
            .collect()
    }

    fn ports_of(&self, pod: &Pod) -> Vec<EndpointPort> {
        let spec = self.service.spec.as_ref();
        let ports = spec.into_iter().flat_map(|it| it.ports.iter().flatten());
        let port = |port: &ServicePort| {
            Some(EndpointPort {
                app_protocol: port.app_protocol.clone(),
                name: Some(port.name.clone().unwrap_or_default()),
                port: Some(i32::from(target_port(port, pod)?)),
                protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
            })
        };
        ports.filter_map(port).collect()
    }

    fn endpoint(&self, pod: &Pod) -> Endpoint {
        let serving = is_ready(pod);
        let terminating = pod.metadata.deletion_timestamp.is_some();
        let node = node_of(pod);
        Endpoint {
            addresses: ip(pod).into_iter().map(str::to_owned).collect(),
            conditions: Some(EndpointConditions {
                ready: Some(self.publishes_unready() || (serving && !terminating)),
                serving: Some(serving),
                terminating: Some(terminating),
            }),
            node_name: node.map(str::to_owned),
            target_ref: Some(reference(pod)),
            zone: node.and_then(self.zone_of),
            ..Endpoint::default()
        }
    }

    fn publishes_unready(&self) -> bool {
        let spec = self.service.spec.as_ref();
        spec.and_then(|it| it.publish_not_ready_addresses)
            .unwrap_or(false)
    }

    /// The Service's labels, and those that say whose the endpoints are.
    fn labels(&self, own: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut labels = self.service.metadata.labels.clone().unwrap_or_default();
        let spec = self.service.spec.as_ref();
        if spec.and_then(|it| it.cluster_ip.as_deref()) == Some("None") {
            labels.insert(HEADLESS.to_owned(), String::new());
        }
        labels.extend(
            own.iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        labels
    }

    fn annotations(&self) -> BTreeMap<String, String> {
        let created = self
            .service
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0);
        let changed = |pod: &Arc<Pod>| {
            ready_condition(pod)?
                .last_transition_time
                .as_ref()
                .map(|time| time.0)
        };
        let latest: Option<Timestamp> = self.pods.iter().filter_map(changed).chain(created).max();
        let entry = |time: Timestamp| (TRIGGER_TIME.to_owned(), format!("{time:.0}"));
        latest.map(entry).into_iter().collect()
    }
}

fn ip(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref()
}

fn reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".to_owned()),
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests;
