//! The EndpointSlices of a Service.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::json;

use super::Situation;

/// Label that names the Service of a slice.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Label that names who keeps a slice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Who that is.
const MANAGER: &str = "endpointslice-controller.k8s.io";
/// Kubernetes: endpoints of one slice at most.
const LARGEST: usize = 100;

/// What is to be done with the slices of one Service.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// New slices, their names to be drawn.
    pub(super) create: Vec<EndpointSlice>,
    /// Slices with other contents than they have.
    pub(super) update: Vec<EndpointSlice>,
    /// Names of those no longer needed.
    pub(super) delete: Vec<String>,
}

/// Whether the controller keeps this slice.
pub(super) fn is_kept(slice: &EndpointSlice) -> bool {
    label(slice, MANAGED_BY) == Some(MANAGER)
}

/// The Service a slice is of.
pub(super) fn service_of(slice: &EndpointSlice) -> Option<&str> {
    label(slice, SERVICE_NAME)
}

fn label<'a>(slice: &'a EndpointSlice, key: &str) -> Option<&'a str> {
    slice.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// Decides with the slices there are; a slice keeps its name and its order as long as it can.
pub(super) fn plan(situation: &Situation<'_>, existing: &[Arc<EndpointSlice>]) -> Plan {
    let mut plan = Plan::default();
    let mut left: Vec<&Arc<EndpointSlice>> = existing.iter().collect();
    for (ports, endpoints) in wanted(situation) {
        let same_ports = |slice: &&Arc<EndpointSlice>| slice.ports == ports;
        let any = || (!left.is_empty()).then_some(0);
        let Some(position) = left.iter().position(same_ports).or_else(any) else {
            plan.create.push(slice(situation, ports, endpoints, None));
            continue;
        };
        let old = left.remove(position);
        let endpoints = in_order_of(old.endpoints.as_deref().unwrap_or_default(), endpoints);
        let new = slice(situation, ports, endpoints, Some(old));
        if differs(old, &new) {
            plan.update.push(new);
        }
    }
    plan.delete = left
        .iter()
        .filter_map(|it| it.metadata.name.clone())
        .collect();
    plan
}

/// The contents of each slice: pods with the same ports share one.
///
/// Kubernetes: a Service without endpoints has one slice that says so.
fn wanted(situation: &Situation<'_>) -> Vec<(Option<Vec<EndpointPort>>, Vec<Endpoint>)> {
    let mut groups: BTreeMap<String, (Vec<EndpointPort>, Vec<Endpoint>)> = BTreeMap::new();
    for backend in situation.backends() {
        let key = json!(backend.ports).to_string();
        let group = groups
            .entry(key)
            .or_insert_with(|| (backend.ports, Vec::new()));
        group.1.push(situation.endpoint(backend.pod));
    }
    if groups.is_empty() {
        return vec![(None, Vec::new())];
    }
    let chunks = |(ports, endpoints): (Vec<EndpointPort>, Vec<Endpoint>)| {
        let chunks: Vec<_> = endpoints
            .chunks(LARGEST)
            .map(<[Endpoint]>::to_vec)
            .collect();
        chunks
            .into_iter()
            .map(move |chunk| (Some(ports.clone()), chunk))
    };
    groups.into_values().flat_map(chunks).collect()
}

/// Endpoints that were there stay where they were, new ones come last.
fn in_order_of(old: &[Endpoint], mut new: Vec<Endpoint>) -> Vec<Endpoint> {
    let position = |endpoint: &Endpoint| {
        let known = old
            .iter()
            .position(|it| it.target_ref == endpoint.target_ref);
        known.unwrap_or(usize::MAX)
    };
    new.sort_by_key(position);
    new
}

fn slice(
    situation: &Situation<'_>,
    ports: Option<Vec<EndpointPort>>,
    endpoints: Vec<Endpoint>,
    old: Option<&EndpointSlice>,
) -> EndpointSlice {
    let service = &situation.service.metadata;
    let name = service.name.clone().unwrap_or_default();
    let own = [(SERVICE_NAME, name.as_str()), (MANAGED_BY, MANAGER)];
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: name.clone(),
        uid: service.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    EndpointSlice {
        address_type: "IPv4".to_owned(),
        endpoints: Some(endpoints),
        metadata: ObjectMeta {
            generate_name: Some(format!("{name}-")),
            name: old.and_then(|old| old.metadata.name.clone()),
            namespace: service.namespace.clone(),
            labels: Some(situation.labels(&own)),
            annotations: Some(situation.annotations()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        ports,
    }
}

/// The time of the last change alone is no reason to write.
fn differs(old: &EndpointSlice, new: &EndpointSlice) -> bool {
    old.endpoints != new.endpoints
        || old.ports != new.ports
        || old.metadata.labels != new.metadata.labels
}
