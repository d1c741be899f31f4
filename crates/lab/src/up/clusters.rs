//! Both clusters with everything that works on them.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use apiserver::resource::rows;
use apiserver::store::{RingLimits, Store, SystemSource};
use common::env::Env;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Options;
use crate::admission::Rules;
use crate::controllers;
use crate::events::Recorder;
use crate::facts::{CLUSTERS, Facts};
use crate::kubelet::{Kubelet, Settings};
use crate::mesh::{Member, Mesh};
use crate::network::Addresses;
use crate::objects::Client;
use crate::state::{Leftovers, Ports, StateDir};
use crate::store::Backend;
use crate::{fresh, manifest};

/// Everything that runs.
pub(super) struct Lab {
    pub(super) members: Vec<(Facts, Store, Arc<Addresses>)>,
    pub(super) kubelets: Vec<Arc<Kubelet>>,
    pub(super) mesh: Arc<Mesh>,
    pub(super) ports: Arc<Mutex<Ports>>,
    pub(super) backend: Backend,
}

impl Lab {
    pub(super) fn assemble(
        options: &Options,
        env: &Env,
        state: &Arc<StateDir>,
        leftovers: Arc<Leftovers>,
        ports: Ports,
        shutdown: &CancellationToken,
    ) -> Result<Self> {
        let backend = options
            .redis
            .decide(env.get("PATH").map(std::ffi::OsStr::new));
        let members: Vec<_> = CLUSTERS
            .into_iter()
            .map(|facts| {
                let store = Store::new(Arc::new(SystemSource), RingLimits::default());
                (facts, store, Arc::new(Addresses::of_cluster(facts.number)))
            })
            .collect();
        let member = |(facts, store, addresses): &(Facts, Store, Arc<Addresses>)| Member {
            facts: *facts,
            store: store.clone(),
            addresses: Arc::clone(addresses),
        };
        let mesh = Mesh::new(
            members.iter().map(member).collect(),
            options.network == "single",
            shutdown.clone(),
        );
        let ports = Arc::new(Mutex::new(ports));
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let kubelet = |(facts, store, addresses): &(Facts, Store, Arc<Addresses>)| {
            Arc::new(Kubelet::new(Settings {
                facts: *facts,
                store: store.clone(),
                addresses: Arc::clone(addresses),
                mesh: Arc::clone(&mesh),
                state: Arc::clone(state),
                leftovers: Arc::clone(&leftovers),
                program: program.clone(),
                backend: backend.clone(),
                ports: Arc::clone(&ports),
                events: Recorder::new(store.clone()),
            }))
        };
        let lab = Self {
            kubelets: members.iter().map(kubelet).collect(),
            members,
            mesh,
            ports,
            backend,
        };
        lab.fill(options.empty)?;
        Ok(lab)
    }

    /// Cluster objects start fresh from the manifests at every start.
    fn fill(&self, empty: bool) -> Result<()> {
        for (facts, store, addresses) in &self.members {
            for definition in fresh::definitions() {
                store.create(&rows::CUSTOM_RESOURCE_DEFINITIONS, "", definition)?;
            }
            let rules = Rules::new(store.clone(), addresses);
            for object in fresh::objects(*facts, addresses)? {
                rules.create(object, None)?;
            }
            if !empty {
                for object in manifest::objects(facts.name)? {
                    rules.create(manifest::applied(object), Some(manifest::MANAGER))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn api(&self) -> Vec<(String, apiserver::Cluster)> {
        let cluster = |kubelet: &Arc<Kubelet>| {
            let (store, addresses) = (kubelet.store.clone(), &kubelet.addresses);
            let cluster = apiserver::Cluster {
                admission: Arc::new(Rules::new(store.clone(), addresses)),
                kubelet: Arc::clone(kubelet) as _,
                store,
            };
            (kubelet.facts.name.to_owned(), cluster)
        };
        self.kubelets.iter().map(cluster).collect()
    }

    pub(super) fn start(&self, published: TcpListener) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&self.mesh).run());
        let mesh = Arc::clone(&self.mesh);
        tasks.spawn(async move { mesh.serve_ingress(published).await });
        for kubelet in &self.kubelets {
            let (store, addresses) = (kubelet.store.clone(), &kubelet.addresses);
            let api = Client {
                store: store.clone(),
                admission: Arc::new(Rules::new(store.clone(), addresses)),
            };
            let measured = Arc::clone(kubelet) as _;
            tasks.spawn(controllers::run(api, measured, Recorder::new(store)));
            tasks.spawn(Arc::clone(kubelet).run());
        }
        tasks
    }
}
