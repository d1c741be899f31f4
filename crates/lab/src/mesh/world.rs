//! Objects of the API → what the mesh compiles.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use apiserver::resource::rows;
use apiserver::store::{Key, Store};
use k8s_openapi::api::core::v1 as core;
use mesh::model::{DestinationRule, Kind, Object, VirtualService};
use mesh::registry::{self, Endpoint, Locality, Network, Protocol, Service, ServicePort};

use super::Member;
use crate::controllers::endpoints::{selects, target_port};
use crate::controllers::replicaset::{is_active, is_ready};
use crate::network::Backends;
use crate::objects;

/// What both clusters hold at one moment.
#[derive(Default)]
pub(super) struct Worlds(BTreeMap<&'static str, World>);

/// One cluster: services with the endpoints of all clusters, and its own rules.
#[derive(Default)]
pub(super) struct World {
    services: Vec<Service>,
    virtual_services: Vec<VirtualService>,
    destination_rules: Vec<DestinationRule>,
    /// Gateways as `namespace/name` → hosts of their HTTP servers, and whether one of its pods is ready.
    pub(super) gateways: BTreeMap<String, GatewayObject>,
    /// Where a ready pod of the east-west gateway is; none without one.
    pub(super) east_west: Option<Locality>,
    /// Where a ready pod of the ingress gateway is; none without one.
    pub(super) ingress: Option<Locality>,
}

/// A Gateway object, as far as the lab's ingress obeys it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GatewayObject {
    /// Hosts of the server on port 80.
    pub(super) hosts: Vec<String>,
}

impl Worlds {
    pub(super) fn of(members: &[Member]) -> Self {
        let local: Vec<Vec<Service>> = members.iter().map(services).collect();
        let world = |(index, member): (usize, &Member)| {
            let others = local
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index);
            let remote: Vec<Service> = others
                .flat_map(|(_, services)| services.iter().cloned())
                .collect();
            let world = World {
                services: registry::merge(local[index].clone(), &remote),
                virtual_services: rules(&member.store, &rows::VIRTUAL_SERVICES),
                destination_rules: rules(&member.store, &rows::DESTINATION_RULES),
                gateways: gateways(&member.store),
                east_west: gateway(&member.store, "eastwestgateway"),
                ingress: gateway(&member.store, "ingressgateway"),
            };
            (member.facts.name, world)
        };
        Self(members.iter().enumerate().map(world).collect())
    }

    /// Where ClusterIPs lead: to the ready pods of their own cluster.
    pub(super) fn backends(&self) -> Backends {
        let mut backends = Backends::new();
        for (cluster, world) in &self.0 {
            for service in &world.services {
                for port in &service.ports {
                    let own = port.endpoints.iter().filter(|it| it.cluster == *cluster);
                    let address = SocketAddr::new(service.cluster_ip, port.port);
                    backends.insert(address, own.map(|it| it.address).collect());
                }
            }
        }
        backends
    }

    pub(super) fn get(&self, cluster: &str) -> Option<&World> {
        self.0.get(cluster)
    }
}

impl World {
    /// The compiler's view.
    pub(super) fn view<'a>(&'a self, network: &'a Network) -> registry::World<'a> {
        registry::World {
            services: &self.services,
            virtual_services: &self.virtual_services,
            destination_rules: &self.destination_rules,
            network,
        }
    }

    /// The VirtualServices of the cluster.
    pub(super) fn virtual_services(&self) -> &[VirtualService] {
        &self.virtual_services
    }
}

/// Region, zone and subzone of a pod's node.
pub(super) fn locality_of(store: &Store, pod: &core::Pod) -> Locality {
    let node = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.node_name.clone())
        .unwrap_or_default();
    let node = store.get(&Key::new(&rows::NODES, "", node)).ok();
    let node = node.and_then(|node| objects::typed::<core::Node>(&node));
    node.map(|node| locality(&node)).unwrap_or_default()
}

fn locality(node: &core::Node) -> Locality {
    let label = |key: &str| {
        node.metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(key))
            .cloned()
    };
    Locality {
        region: label("topology.kubernetes.io/region").unwrap_or_default(),
        zone: label("topology.kubernetes.io/zone").unwrap_or_default(),
        subzone: label("topology.istio.io/subzone").unwrap_or_default(),
    }
}

/// Objects that cannot be compiled are left out: the API refuses them on write.
fn rules<S: Kind>(
    store: &Store,
    resource: &'static apiserver::resource::Resource,
) -> Vec<Object<S>> {
    let items = store.list(resource, None).items;
    let parse = |item: &std::sync::Arc<serde_json::Value>| {
        Object::parse(item)
            .inspect_err(|error| tracing::error!(%error, "a stored rule cannot be read"))
            .ok()
    };
    items.iter().filter_map(parse).collect()
}

fn services(member: &Member) -> Vec<Service> {
    let nodes: Vec<core::Node> = objects::list(&member.store, &rows::NODES);
    let localities: HashMap<String, Locality> = nodes
        .iter()
        .filter_map(|node| Some((node.metadata.name.clone()?, locality(node))))
        .collect();
    let pods: Vec<core::Pod> = objects::list(&member.store, &rows::PODS);
    let ready: Vec<&core::Pod> = pods
        .iter()
        .filter(|pod| is_active(pod) && is_ready(pod))
        .collect();
    let services: Vec<core::Service> = objects::list(&member.store, &rows::SERVICES);
    let service =
        |service: &core::Service| read_service(member.facts.name, service, &ready, &localities);
    services.iter().filter_map(service).collect()
}

fn read_service(
    cluster: &str,
    service: &core::Service,
    ready: &[&core::Pod],
    localities: &HashMap<String, Locality>,
) -> Option<Service> {
    let spec = service.spec.as_ref()?;
    let namespace = service.metadata.namespace.clone()?;
    let selected: Vec<&&core::Pod> = ready
        .iter()
        .filter(|pod| pod.metadata.namespace.as_ref() == Some(&namespace) && selects(spec, pod))
        .collect();
    let port = |port: &core::ServicePort| {
        let endpoint = |pod: &&&core::Pod| read_endpoint(cluster, port, pod, localities);
        Some(ServicePort {
            port: u16::try_from(port.port).ok()?,
            protocol: Protocol::of(port.app_protocol.as_deref(), port.name.as_deref()),
            endpoints: selected.iter().filter_map(endpoint).collect(),
        })
    };
    Some(Service {
        name: service.metadata.name.clone()?,
        cluster_ip: cluster_ip(spec),
        created: service.metadata.creation_timestamp.as_ref().map(|at| at.0),
        ports: spec.ports.iter().flatten().filter_map(port).collect(),
        namespace,
    })
}

fn cluster_ip(spec: &core::ServiceSpec) -> IpAddr {
    let given = spec.cluster_ip.as_deref().and_then(|ip| ip.parse().ok());
    given.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn read_endpoint(
    cluster: &str,
    port: &core::ServicePort,
    pod: &core::Pod,
    localities: &HashMap<String, Locality>,
) -> Option<Endpoint> {
    let ip: IpAddr = pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()?;
    let node = pod.spec.as_ref()?.node_name.clone().unwrap_or_default();
    Some(Endpoint {
        address: SocketAddr::new(ip, target_port(port, pod)?),
        labels: pod.metadata.labels.clone().unwrap_or_default(),
        cluster: cluster.to_owned(),
        locality: localities.get(&node).cloned().unwrap_or_default(),
        node,
        pod: pod.metadata.name.clone()?,
    })
}

fn gateways(store: &Store) -> BTreeMap<String, GatewayObject> {
    let items = store.list(&rows::GATEWAYS, None).items;
    let gateway = |item: &std::sync::Arc<serde_json::Value>| {
        let servers = item["spec"]["servers"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let http = servers
            .iter()
            .filter(|server| server["port"]["number"] == 80);
        let hosts = http.flat_map(|server| server["hosts"].as_array().cloned().unwrap_or_default());
        let hosts = hosts
            .filter_map(|host| host.as_str().map(str::to_owned))
            .collect();
        let key = Key::of(&rows::GATEWAYS, item);
        (
            format!("{}/{}", key.namespace, key.name),
            GatewayObject { hosts },
        )
    };
    items.iter().map(gateway).collect()
}

/// Where a gateway is: one proxy stands for its ready pods, at the place of the first by name.
fn gateway(store: &Store, istio: &str) -> Option<Locality> {
    let pods: Vec<core::Pod> = objects::list(store, &rows::PODS);
    let labelled = |pod: &&core::Pod| {
        let labels = pod.metadata.labels.as_ref();
        let found = labels.and_then(|labels| labels.get("istio"));
        found.map(String::as_str) == Some(istio)
    };
    let ready = pods.iter().filter(labelled);
    let first = ready
        .filter(|pod| is_active(pod) && is_ready(pod))
        .min_by_key(|pod| &pod.metadata.name);
    first.map(|pod| locality_of(store, pod))
}
