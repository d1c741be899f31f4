//! Carries out what is decided for the endpoints of Services.

use std::collections::HashMap;
use std::sync::Arc;

use apiserver::resource::{Resource, rows};
use apiserver::store::{DeleteOptions, Key, Part, Store};
use jiff::Timestamp;
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{Endpoints, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::{Situation, is_served, legacy, selects, slices};
use crate::controllers::settled::{Settled, versions};
use crate::controllers::{Cluster, key};
use crate::objects;

/// Label of a node that names its zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// The controller of EndpointSlices and Endpoints.
#[derive(Default)]
pub(in crate::controllers) struct Controller {
    settled: Settled,
}

impl Controller {
    /// Looks at every Service.
    pub(in crate::controllers) fn pass(&mut self, cluster: &mut Cluster, now: Timestamp) {
        let services = cluster.services.list();
        let pods = by_namespace(cluster.pods.list());
        let kept = Kept::of(cluster);
        let zones = zones(&cluster.nodes.list());
        for service in &services {
            let Some(spec) = service.spec.as_ref().filter(|spec| is_served(spec)) else {
                continue;
            };
            let namespace = service.metadata.namespace.clone().unwrap_or_default();
            let near = pods.get(&namespace).map(Vec::as_slice).unwrap_or_default();
            let selected: Vec<_> = near
                .iter()
                .filter(|pod| selects(spec, pod))
                .cloned()
                .collect();
            let (slices, endpoints) = kept.of_service(&service.metadata);
            let inputs = std::iter::once(&service.metadata)
                .chain(selected.iter().map(|it| &it.metadata))
                .chain(slices.iter().map(|it| &it.metadata))
                .chain(endpoints.iter().map(|it| &it.metadata));
            let inputs = versions(inputs);
            let uid = service.metadata.uid.as_deref().unwrap_or_default();
            if self.settled.is_settled(uid, inputs, now) {
                continue;
            }
            let zone_of = |node: &str| zones.get(node).cloned();
            let situation = Situation {
                service,
                pods: &selected,
                zone_of: &zone_of,
            };
            write_slices(
                &cluster.api.store,
                &namespace,
                slices::plan(&situation, &slices),
            );
            write_endpoints(
                &cluster.api.store,
                endpoints.as_deref(),
                legacy::endpoints(&situation),
            );
            self.settled.looked(uid, inputs, None);
        }
        self.settled.finish();
        kept.remove_orphans(&cluster.api.store, &services);
    }
}

fn by_namespace(pods: Vec<Arc<Pod>>) -> HashMap<String, Vec<Arc<Pod>>> {
    let mut found: HashMap<String, Vec<Arc<Pod>>> = HashMap::new();
    for pod in pods {
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        found.entry(namespace).or_default().push(pod);
    }
    found
}

fn zones(nodes: &[Arc<Node>]) -> HashMap<String, String> {
    let zone = |node: &Arc<Node>| {
        let labels = node.metadata.labels.as_ref()?;
        Some((node.metadata.name.clone()?, labels.get(ZONE)?.clone()))
    };
    nodes.iter().filter_map(zone).collect()
}

/// The endpoints this controller keeps, by namespace and Service.
struct Kept {
    slices: HashMap<(String, String), Vec<Arc<EndpointSlice>>>,
    endpoints: HashMap<(String, String), Arc<Endpoints>>,
}

impl Kept {
    fn of(cluster: &mut Cluster) -> Self {
        let mut slices: HashMap<_, Vec<_>> = HashMap::new();
        for slice in cluster.endpoint_slices.list() {
            let service = slices::service_of(&slice).filter(|_| slices::is_kept(&slice));
            if let Some(service) = service.map(str::to_owned) {
                let namespace = slice.metadata.namespace.clone().unwrap_or_default();
                slices.entry((namespace, service)).or_default().push(slice);
            }
        }
        let endpoints = cluster.endpoints.list().into_iter();
        let endpoints = endpoints.filter(|it| legacy::is_kept(it));
        Self {
            slices,
            endpoints: endpoints.map(|it| (place(&it.metadata), it)).collect(),
        }
    }

    fn of_service(
        &self,
        service: &ObjectMeta,
    ) -> (Vec<Arc<EndpointSlice>>, Option<Arc<Endpoints>>) {
        let place = place(service);
        let slices = self.slices.get(&place).cloned().unwrap_or_default();
        (slices, self.endpoints.get(&place).cloned())
    }

    /// Kubernetes: Endpoints have no owner; those of a Service that is gone go with it. Slices
    /// have one, but a Service that is no longer served keeps none either.
    fn remove_orphans(&self, store: &Store, services: &[Arc<Service>]) {
        let served = |it: &&Arc<Service>| it.spec.as_ref().is_some_and(is_served);
        let served: std::collections::HashSet<_> = services
            .iter()
            .filter(served)
            .map(|it| place(&it.metadata))
            .collect();
        for (place, endpoints) in &self.endpoints {
            if !served.contains(place) {
                remove(store, &rows::ENDPOINTS, endpoints.metadata());
            }
        }
        for (place, slices) in &self.slices {
            for slice in slices.iter().filter(|_| !served.contains(place)) {
                remove(store, &rows::ENDPOINT_SLICES, slice.metadata());
            }
        }
    }
}

fn place(metadata: &ObjectMeta) -> (String, String) {
    let name = metadata.name.clone().unwrap_or_default();
    (metadata.namespace.clone().unwrap_or_default(), name)
}

fn remove(store: &Store, resource: &'static Resource, metadata: &ObjectMeta) {
    // Somebody else may have deleted it meanwhile.
    let _ = store.delete(&key(resource, metadata), &DeleteOptions::default());
}

fn write_slices(store: &Store, namespace: &str, plan: slices::Plan) {
    for slice in plan.create {
        // Kubernetes: a namespace that is going takes no new ones.
        let _ = store.create(&rows::ENDPOINT_SLICES, namespace, with_lists(json!(slice)));
    }
    for slice in plan.update {
        overwrite(
            store,
            &rows::ENDPOINT_SLICES,
            &slice.metadata,
            with_lists(json!(slice)),
        );
    }
    for name in plan.delete {
        let key = Key::new(&rows::ENDPOINT_SLICES, namespace, name);
        let _ = store.delete(&key, &DeleteOptions::default());
    }
}

/// Kubernetes writes what a slice without endpoints lacks as `null`.
fn with_lists(mut slice: Value) -> Value {
    if slice["ports"].is_null() {
        slice["ports"] = Value::Null;
    }
    slice
}

fn write_endpoints(store: &Store, old: Option<&Endpoints>, new: Endpoints) {
    match old {
        Some(old) if !legacy::differs(old, &new) => {}
        Some(_) => overwrite(store, &rows::ENDPOINTS, &new.metadata, json!(new)),
        None => {
            let namespace = new.metadata.namespace.clone().unwrap_or_default();
            // One of that name that somebody else wrote stays theirs.
            let _ = store.create(&rows::ENDPOINTS, &namespace, json!(new));
        }
    }
}

fn overwrite(store: &Store, resource: &'static Resource, metadata: &ObjectMeta, new: Value) {
    objects::change(store, &key(resource, metadata), Part::Main, |object| {
        for member in ["labels", "annotations"] {
            object["metadata"][member] = new["metadata"][member].clone();
        }
        for member in ["endpoints", "ports", "subsets"] {
            match new.get(member) {
                Some(value) => object[member] = value.clone(),
                None => {
                    object.as_object_mut().map(|object| object.remove(member));
                }
            }
        }
    });
}
