//! Which hosts are asked first, and how localities share: `localityLbSetting`.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Host;
use crate::model::{Distribute, Failover, LocalityLb};
use crate::registry::{Client, Endpoint, Locality};

/// A host, and the endpoint that it is; a gateway is none.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    pub(super) host: Host,
    pub(super) endpoint: Option<&'a Endpoint>,
}

/// What decides who is asked first.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Nearness<'a> {
    /// Nothing: all hosts are alike.
    #[default]
    Alike,
    /// Shares by locality.
    Shares(&'a [Distribute]),
    /// Whose labels are the client's, then regions that stand in for others.
    Labels(&'a [String], &'a [Failover]),
    /// Whose region and zone are the client's, then regions that stand in for others.
    Place(&'a [Failover]),
}

impl<'a> Nearness<'a> {
    /// Istio: failover is on unless it is switched off, but only where hosts are ejected, because
    /// nobody would ever fall back to a lower priority otherwise.
    pub(super) fn of(setting: Option<&'a LocalityLb>, ejects: bool) -> Self {
        let Some(setting) = setting else {
            return if ejects {
                Self::Place(&[])
            } else {
                Self::Alike
            };
        };
        match setting {
            off if off.enabled == Some(false) => Self::Alike,
            shares if !shares.distribute.is_empty() => Self::Shares(&shares.distribute),
            _ if !ejects => Self::Alike,
            place if place.failover_priority.is_empty() => Self::Place(&place.failover),
            labels => Self::Labels(&labels.failover_priority, &labels.failover),
        }
    }

    /// Istio: whether Envoy is told to weigh localities; the default failover does without.
    pub(super) fn weighs(self) -> bool {
        match self {
            Self::Alike => false,
            Self::Shares(_) | Self::Labels(..) => true,
            Self::Place(failover) => !failover.is_empty(),
        }
    }

    /// Gives hosts their priority and their locality's weight, as `client` sees them; hosts that
    /// get no share are left out.
    pub(super) fn arrange(self, client: &Client, candidates: Vec<Candidate<'_>>) -> Vec<Host> {
        let rank = |candidate: &Candidate<'_>| match self {
            Self::Alike | Self::Shares(_) => 0,
            Self::Place(failover) => by_place(client, &candidate.host.locality, failover),
            Self::Labels(labels, failover) => {
                let by_label = by_labels(client, candidate, labels);
                match failover {
                    [] => by_label,
                    // Five places there are at most.
                    _ => by_label * 5 + by_place(client, &candidate.host.locality, failover),
                }
            }
        };
        let ranks: Vec<u32> = candidates.iter().map(rank).collect();
        let hosts = candidates.into_iter().map(|candidate| candidate.host);
        let mut hosts: Vec<Host> = hosts.collect();
        // Envoy: priorities are numbered without gaps.
        let used: BTreeSet<u32> = ranks.iter().copied().collect();
        for (host, rank) in hosts.iter_mut().zip(ranks) {
            host.priority = used.range(..rank).count() as u32;
        }
        weigh(&mut hosts);
        match self {
            Self::Shares(distribute) => share(client, hosts, distribute),
            _ => hosts,
        }
    }
}

/// Istio: same place 0, same zone 1, same region 2, elsewhere 3; a region that is not the one that
/// stands in for the client's, 4.
fn by_place(client: &Client, host: &Locality, failover: &[Failover]) -> u32 {
    let own = &client.locality;
    let nearness = [&own.region, &own.zone, &own.subzone]
        .into_iter()
        .zip([&host.region, &host.zone, &host.subzone])
        .take_while(|(own, host)| own == host)
        .count() as u32;
    let stand_in = failover.iter().find(|it| it.from == own.region);
    match stand_in {
        Some(stand_in) if nearness == 0 && host.region != stand_in.to => 4,
        _ => 3 - nearness,
    }
}

/// Istio: the more of the labels, in order, are the client's, the nearer; `key=value` asks for a
/// value of its own.
fn by_labels(client: &Client, candidate: &Candidate<'_>, labels: &[String]) -> u32 {
    let same = |label: &&String| {
        let (key, wanted) = match label.split_once('=') {
            Some((key, wanted)) => (key, wanted),
            None => (label.as_str(), client.label(label).unwrap_or_default()),
        };
        candidate.label(key).unwrap_or_default() == wanted
    };
    (labels.len() - labels.iter().take_while(same).count()) as u32
}

/// Istio: a locality weighs as much as its hosts of one priority together.
fn weigh(hosts: &mut [Host]) {
    let mut sums: BTreeMap<(u32, Locality), u32> = BTreeMap::new();
    for host in hosts.iter() {
        let sum = sums
            .entry((host.priority, host.locality.clone()))
            .or_default();
        *sum = sum.saturating_add(host.weight);
    }
    for host in hosts {
        let sum = sums.get(&(host.priority, host.locality.clone()));
        host.locality_weight = sum.copied().unwrap_or_default();
    }
}

/// Istio: the first row for where the client is; each share is divided among the localities that
/// its pattern covers, and who is covered by none is left out.
fn share(client: &Client, mut hosts: Vec<Host>, distribute: &[Distribute]) -> Vec<Host> {
    let Some(row) = distribute
        .iter()
        .find(|row| covers(&row.from, &client.locality))
    else {
        return hosts;
    };
    let weights: BTreeMap<Locality, u32> = hosts
        .iter()
        .map(|host| (host.locality.clone(), host.locality_weight))
        .collect();
    let mut shares: BTreeMap<&Locality, u32> = BTreeMap::new();
    for (pattern, percent) in &row.to {
        let covered = |it: &(&Locality, &u32)| covers(pattern, it.0) && !shares.contains_key(it.0);
        let covered: Vec<_> = weights.iter().filter(covered).collect();
        let total: u64 = covered.iter().map(|(_, weight)| u64::from(**weight)).sum();
        for (locality, weight) in covered {
            let share = u64::from(*weight) * u64::from(*percent);
            let share = share.div_ceil(total.max(1));
            shares.insert(locality, u32::try_from(share).unwrap_or(u32::MAX));
        }
    }
    hosts.retain_mut(|host| {
        let share = shares.get(&host.locality).copied();
        host.locality_weight = share.unwrap_or_default();
        share.is_some()
    });
    hosts
}

/// Whether a pattern, `region/zone/subzone`, covers a locality; a part that is `*` or missing
/// covers any.
fn covers(pattern: &str, locality: &Locality) -> bool {
    let mut parts = pattern.splitn(3, '/');
    let mut covers = |own: &str, may_be_missing: bool| {
        let part = parts.next().unwrap_or_default();
        part == "*" || part == own || may_be_missing && part.is_empty()
    };
    covers(&locality.region, false) & covers(&locality.zone, true) & covers(&locality.subzone, true)
}

impl Candidate<'_> {
    /// A gateway carries Istio's own labels only.
    fn label(&self, key: &str) -> Option<&str> {
        match (self.endpoint, key) {
            (Some(endpoint), _) => endpoint.label(key),
            (None, "topology.istio.io/cluster" | "topology.istio.io/network") => {
                Some(&self.host.cluster)
            }
            (None, _) => None,
        }
    }
}
