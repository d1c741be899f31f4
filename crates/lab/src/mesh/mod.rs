//! The mesh of both clusters: what istiod is on a real one.
//!
//! ```text
//! objects of ctx1, ctx2 ─ world ─► mesh::compile ─► sidecar of each pod   (attachment)
//!                                                ├► east-west gateways   (east_west)
//!                                                └► cp-gateway           (ingress)
//! ```
//!
//! Whatever changes, everything is compiled anew; a proxy keeps what did not change.

mod access;
mod admin;
mod attachment;
mod east_west;
mod ingress;
mod loopback;
mod statistics;
mod world;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, Weak};

use apiserver::resource::rows;
use apiserver::store::Store;
use k8s_openapi::api::core::v1::Pod;
use mesh::registry::Network;
use mesh_proxy::Part;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::facts::Facts;
use crate::network::{Addresses, Table};
use access::AccessSink;
use attachment::Sidecar;
use east_west::EastWest;
use ingress::Ingress;
use world::Worlds;

pub use attachment::Attachment;

/// Port of an east-west gateway on its load balancer.
const EAST_WEST_PORT: u16 = 15443;

/// One cluster as the mesh sees it.
pub struct Member {
    /// The cluster.
    pub facts: Facts,
    /// Its objects.
    pub store: Store,
    /// Its addresses.
    pub addresses: Arc<Addresses>,
}

/// The mesh; shared by both kubelets.
pub struct Mesh {
    members: Vec<Member>,
    network: Network,
    table: Table,
    worlds: RwLock<Arc<Worlds>>,
    sidecars: Mutex<Vec<Weak<Sidecar>>>,
    gateways: Mutex<BTreeMap<&'static str, EastWest>>,
    ingress: Ingress,
    /// The resourceVersion of each member that is obeyed.
    obeyed: watch::Sender<Vec<u64>>,
    /// Somebody waits, though perhaps nothing of interest changed.
    asked: Notify,
    shutdown: CancellationToken,
}

impl Mesh {
    /// The mesh of these clusters; `single` = pods reach each other across clusters directly.
    pub fn new(members: Vec<Member>, single: bool, shutdown: CancellationToken) -> Arc<Self> {
        let table = Table::default();
        let gateway = |member: &Member| {
            (
                member.facts.name.to_owned(),
                vec![east_west_address(&member.addresses)],
            )
        };
        let network = match single {
            true => Network::Single,
            false => Network::Multi {
                gateways: members.iter().map(gateway).collect(),
            },
        };
        let gateways = members.iter().map(|member| {
            let gateway = EastWest::new(
                east_west_address(&member.addresses),
                table.clone(),
                shutdown.clone(),
            );
            (member.facts.name, gateway)
        });
        Arc::new(Self {
            gateways: Mutex::new(gateways.collect()),
            ingress: Ingress::new(table.clone()),
            network,
            table,
            worlds: RwLock::default(),
            sidecars: Mutex::default(),
            obeyed: watch::Sender::new(vec![0; members.len()]),
            asked: Notify::new(),
            members,
            shutdown,
        })
    }

    /// Follows both clusters; never ends.
    pub async fn run(self: Arc<Self>) {
        let kinds = [
            &rows::SERVICES,
            &rows::PODS,
            &rows::NODES,
            &rows::VIRTUAL_SERVICES,
            &rows::DESTINATION_RULES,
            &rows::GATEWAYS,
        ];
        let changes: Vec<_> = self
            .members
            .iter()
            .map(|member| member.store.subscribe(&kinds))
            .collect();
        loop {
            self.compile();
            let any = changes
                .iter()
                .map(|subscription| Box::pin(subscription.changed()));
            tokio::select! {
                _ = futures_util::future::select_all(any) => {}
                () = self.asked.notified() => {}
            }
        }
    }

    /// Serves the published port by the rules bound to `istio-system/cp-gateway`.
    pub async fn serve_ingress(&self, listener: TcpListener) {
        self.ingress.serve(listener, self.shutdown.clone()).await;
    }

    /// Connects a pod; it stays connected as long as the attachment lives.
    pub fn attach(&self, facts: &Facts, pod: &Pod, ip: Ipv4Addr) -> Attachment {
        let locality = self.locality(facts, pod);
        let sidecar = Arc::new(Sidecar::new(
            facts.name,
            pod,
            ip,
            locality,
            self.table.clone(),
            self.access_of(facts, pod),
        ));
        sidecar.open_admin(pod, self.gateway_of(facts, pod));
        sidecar.apply(&self.worlds(), &self.network);
        let mut sidecars = self.sidecars();
        sidecars.retain(|sidecar| sidecar.strong_count() > 0);
        sidecars.push(Arc::downgrade(&sidecar));
        Attachment::new(sidecar)
    }

    /// Resolves when everything that is written by now is obeyed by every proxy.
    pub async fn settled(&self) {
        let written = self.versions();
        let mut obeyed = self.obeyed.subscribe();
        self.asked.notify_one();
        let all = |obeyed: &Vec<u64>| {
            obeyed
                .iter()
                .zip(&written)
                .all(|(obeyed, written)| obeyed >= written)
        };
        let _ = obeyed.wait_for(all).await;
        self.ingress.settled().await;
    }

    /// Whether connections to a cluster's east-west gateway are left without an answer; false where
    /// there is no such cluster.
    pub fn swallow(&self, cluster: &str, on: bool) -> bool {
        let gateways = self.gateways.lock().expect("no holder of this lock panics");
        let gateway = gateways.get(cluster);
        gateway.inspect(|it| it.hop().swallow(on)).is_some()
    }

    /// Nobody keeps a connection that leads through an east-west gateway to a pod that leaves, or
    /// through a door that was closed.
    pub fn leave_gateways(&self) {
        for sidecar in self.sidecars().iter().filter_map(Weak::upgrade) {
            sidecar.leave_gateways();
        }
    }

    /// The published port's log is that of the ingress gateway's pod.
    fn access_of(&self, facts: &Facts, pod: &Pod) -> AccessSink {
        let labels = pod.metadata.labels.as_ref();
        let istio = labels.and_then(|labels| labels.get("istio"));
        match istio.map(String::as_str) {
            Some("ingressgateway") if facts.ingress => self.ingress.access(),
            _ => AccessSink::default(),
        }
    }

    /// What a gateway's pod runs: one proxy stands for all pods of a gateway.
    fn gateway_of(&self, facts: &Facts, pod: &Pod) -> Option<Part> {
        let labels = pod.metadata.labels.as_ref();
        match labels?.get("istio")?.as_str() {
            "ingressgateway" if facts.ingress => Some(Part::Proxy(self.ingress.proxy())),
            "eastwestgateway" => {
                let gateways = self.gateways.lock().expect("no holder of this lock panics");
                gateways.get(facts.name).map(|it| Part::Hop(it.hop()))
            }
            _ => None,
        }
    }

    fn versions(&self) -> Vec<u64> {
        self.members
            .iter()
            .map(|member| member.store.resource_version())
            .collect()
    }

    fn compile(&self) {
        let versions = self.versions();
        let worlds = Arc::new(Worlds::of(&self.members));
        *self.worlds.write().expect("no holder of this lock panics") = Arc::clone(&worlds);
        self.table.lead(worlds.backends());
        for sidecar in self.sidecars().iter().filter_map(Weak::upgrade) {
            sidecar.apply(&worlds, &self.network);
        }
        if self.apply_to_gateways(&worlds) {
            self.leave_gateways();
        }
        self.ingress.apply(&worlds, &self.network);
        self.obeyed.send_replace(versions);
    }

    /// Whether one of them has closed a door.
    fn apply_to_gateways(&self, worlds: &Worlds) -> bool {
        let mut gateways = self.gateways.lock().expect("no holder of this lock panics");
        let mut closed = false;
        for (cluster, gateway) in gateways.iter_mut() {
            closed |= gateway.apply(worlds, cluster, &self.network);
        }
        closed
    }

    fn locality(&self, facts: &Facts, pod: &Pod) -> mesh::registry::Locality {
        let member = self.members.iter().find(|member| member.facts == *facts);
        member
            .map(|member| world::locality_of(&member.store, pod))
            .unwrap_or_default()
    }

    fn worlds(&self) -> Arc<Worlds> {
        Arc::clone(&self.worlds.read().expect("no holder of this lock panics"))
    }

    fn sidecars(&self) -> MutexGuard<'_, Vec<Weak<Sidecar>>> {
        self.sidecars.lock().expect("no holder of this lock panics")
    }
}

fn east_west_address(addresses: &Addresses) -> SocketAddr {
    SocketAddr::from((addresses.east_west(), EAST_WEST_PORT))
}
