//! What runs of a pod now: process groups, their variables, where the application listens.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::MutexGuard;

use common::env::Env;
use rustix::process::Pid;

use super::PodRun;

/// What runs of it now.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// The process group of each container that is one.
    processes: BTreeMap<String, Pid>,
    /// What each container's process was told.
    environments: BTreeMap<String, Env>,
    /// Where the first container's application listens.
    application: Option<SocketAddr>,
    /// Ports it listens on in the pod's network.
    ports: Vec<u16>,
}

impl PodRun {
    /// Notes the variables that a container is started with; what runs in it later has them too.
    pub(in crate::kubelet) fn set_environment(
        &self,
        container: &str,
        variables: &BTreeMap<String, String>,
    ) {
        let env = variables.clone().into_iter().collect();
        self.running()
            .environments
            .insert(container.to_owned(), env);
    }

    /// The variables that a container was started with.
    pub(in crate::kubelet) fn environment(&self, container: &str) -> Env {
        let running = self.running();
        running
            .environments
            .get(container)
            .cloned()
            .unwrap_or_default()
    }

    /// A container's process group, while it runs.
    pub(in crate::kubelet) fn set_process(&self, container: &str, leader: Option<Pid>) {
        let mut running = self.running();
        match leader {
            Some(leader) => running.processes.insert(container.to_owned(), leader),
            None => running.processes.remove(container),
        };
    }

    /// Process groups by container.
    pub(in crate::kubelet) fn processes(&self) -> BTreeMap<String, Pid> {
        self.running().processes.clone()
    }

    /// Where the application listens, and on which of the pod's ports; none: it does not run.
    pub(in crate::kubelet) fn set_application(&self, application: Option<(SocketAddr, Vec<u16>)>) {
        self.attachment
            .set_application(application.as_ref().map(|(real, _)| *real));
        let mut running = self.running();
        (running.application, running.ports) = match application {
            Some((real, ports)) => (Some(real), ports),
            None => (None, Vec::new()),
        };
    }

    /// The real socket behind a port of the pod, seen from inside it.
    pub(in crate::kubelet) fn listener(&self, port: u16) -> Option<SocketAddr> {
        let of_proxy = self.attachment.proxy_listener(port);
        of_proxy.or_else(|| {
            let running = self.running();
            let application = running.application;
            application.filter(|_| running.ports.contains(&port))
        })
    }

    /// The real socket that stands for a name and port in this pod.
    pub(in crate::kubelet) fn resolve(&self, name: &str, port: u16) -> Option<SocketAddr> {
        if self.is_own(name) {
            self.listener(port)
        } else {
            self.attachment.resolve(name, port)
        }
    }

    /// Whether a name has an address in this pod, at whatever port.
    pub(in crate::kubelet) fn knows(&self, name: &str) -> bool {
        self.is_own(name) || self.attachment.knows(name)
    }

    /// Whether a name or an address leads to the pod itself.
    fn is_own(&self, name: &str) -> bool {
        let address: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
        name == "localhost"
            || address.is_some_and(|it| it.is_loopback() || it == IpAddr::V4(self.place.pod_ip))
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().expect("no holder of this lock panics")
    }
}
