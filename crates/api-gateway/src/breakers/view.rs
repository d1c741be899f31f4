//! What the dashboard shows of breakers.

use serde::Serialize;
use utoipa::ToSchema;

use super::reading::Reading;
use crate::clock::UnixMs;
use crate::clusters::{Contact, Reason, State};
use crate::theater::{PerService, Service};

/// The breakers of the gateway's sidecar, as last read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Breakers {
    /// The contact to the sidecar's admin interface.
    #[serde(flatten)]
    pub contact: Contact,
    /// Of each service, by port and subset.
    pub services: PerService<Vec<Breaker>>,
}

/// The endpoints of a service, or of one of its subsets: one breaker of the sidecar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// Port of the service.
    pub port: u16,
    /// Name of the subset; null for all endpoints of the service.
    pub subset: Option<String>,
    /// Limits of the connection pool.
    pub limits: Limits,
    /// What the limits have refused.
    pub overflow: Overflow,
    /// Hosts, in the sidecar's order.
    pub hosts: Vec<HostView>,
}

/// Limits of a connection pool; null where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// `tcp.maxConnections`.
    pub connections: Option<u32>,
    /// `http.http1MaxPendingRequests`.
    pub pending: Option<u32>,
    /// `http.http2MaxRequests`.
    pub requests: Option<u32>,
    /// `http.maxRetries`.
    pub retries: Option<u32>,
}

/// How often a limit refused; null where the sidecar does not keep that statistic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overflow {
    /// Connections not made.
    pub connections: Option<u64>,
    /// Requests refused because too many waited.
    pub pending: Option<u64>,
    /// Requests refused because too many were under way.
    pub requests: Option<u64>,
    /// Retries left out.
    pub retries: Option<u64>,
    /// Hosts that failed often enough and could not be ejected.
    pub ejections: Option<u64>,
}

/// A host of a breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostView {
    /// Address and port.
    pub address: String,
    /// Name of the pod of that address; null where none is known, as of an east-west gateway.
    pub pod: Option<String>,
    /// Whether it is ejected.
    pub ejected: bool,
    /// When it was first seen so, Unix milliseconds; null while it is not, or was from the first
    /// look on.
    pub since: Option<UnixMs>,
}

impl Breakers {
    /// Breakers of which nothing was read.
    pub fn unknown(reason: Reason) -> Self {
        Self {
            contact: Contact::never(reason),
            ..Self::default()
        }
    }

    /// Takes over what was read, or why nothing was.
    pub(super) fn observe(&mut self, outcome: Result<Reading, Reason>, now: UnixMs) {
        let reading = match outcome {
            Ok(reading) => reading,
            Err(reason) => return self.contact.lost(reason, now),
        };
        let known = self.contact.state != State::Unknown;
        let mut services = reading.0;
        for service in Service::ALL {
            let before = self.services.get(service);
            for breaker in services.get_mut(service) {
                let before = before.iter().find(|it| it.is_same(breaker));
                breaker.date_ejections(before, known.then_some(now));
            }
        }
        self.services = services;
        self.contact.reached();
    }

    /// The same with the names of the pods that have the hosts' addresses.
    pub fn with_pods(mut self, pod_of: impl Fn(&str) -> Option<String>) -> Self {
        for service in Service::ALL {
            let breakers = self.services.get_mut(service).iter_mut();
            for host in breakers.flat_map(|breaker| &mut breaker.hosts) {
                let ip = host.address.rsplit_once(':').map(|(ip, _)| ip);
                host.pod = ip.and_then(&pod_of);
            }
        }
        self
    }
}

impl Breaker {
    /// The name of a breaker: rules may differ from port to port.
    pub(super) fn key(&self) -> (u16, Option<&str>) {
        (self.port, self.subset.as_deref())
    }

    fn is_same(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    /// Who was ejected before has been so since then; who is newly ejected is so since `now`.
    fn date_ejections(&mut self, before: Option<&Self>, now: Option<UnixMs>) {
        for host in self.hosts.iter_mut().filter(|host| host.ejected) {
            let known = before.into_iter().flat_map(|breaker| &breaker.hosts);
            let mut known = known.filter(|it| it.address == host.address && it.ejected);
            host.since = known.next().map_or(now, |it| it.since);
        }
    }
}

#[cfg(test)]
mod tests;
