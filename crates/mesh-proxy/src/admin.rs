//! The admin interface, in Envoy's formats: what a proxy is told, whom it knows, what it counted.
//!
//! One [`Admin`] stands for what is one Envoy in a real mesh: both sides of a pod's sidecar, or a
//! gateway. Everything shown was measured here; a statistic that nobody measures has no line.
//! Nothing can be changed through it.

mod access;
mod clusters;
mod collect;
mod dump;
mod inclusion;
mod info;
mod page;
mod prometheus;
mod query;
mod serve;
mod stat;
mod stats;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub use inclusion::StatsMatcher;
pub use page::Page;

use crate::cluster::ClusterState;
use crate::hop::Hop;
use crate::proxy::Proxy;
use inclusion::Inclusion;
use query::Query;
use stat::Stat;

/// A part of what is one Envoy.
#[derive(Clone)]
pub enum Part {
    /// One side of a sidecar, or an ingress gateway.
    Proxy(Proxy),
    /// An east-west gateway.
    Hop(Hop),
}

/// Who is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// `sidecar~10.1.0.2~pod.namespace~namespace.svc.cluster.local`.
    pub id: String,
    /// `app.namespace`.
    pub cluster: String,
}

impl Node {
    /// Name of the pod.
    fn pod(&self) -> Option<&str> {
        let (pod, _namespace) = self.id.split('~').nth(2)?.rsplit_once('.')?;
        Some(pod)
    }
}

/// The admin interface. A cheap handle: clones are the same.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

struct Inner {
    node: Node,
    inclusion: Inclusion,
    began: Instant,
    /// They may come later: a pod's inbound side opens when the pod is connected.
    parts: Box<dyn Fn() -> Vec<Part> + Send + Sync>,
}

/// What a path shows.
struct Command {
    path: &'static str,
    help: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    show: fn(&Inner, &Query) -> Page,
}

/// Every path, in the order of `/help`, which is that of their names.
const COMMANDS: &[Command] = &[
    Command {
        path: "/clusters",
        help: "upstream cluster status",
        parameters: &[(
            "filter",
            "Regular expression (Google re2) for filtering clusters by name",
        )],
        show: |admin, query| {
            let all = admin.clusters();
            clusters::page(all.iter().map(|it| clusters::Shot::of(it)).collect(), query)
        },
    },
    Command {
        path: "/config_dump",
        help: "dump current Envoy configs",
        parameters: &[
            ("resource", "The resource to dump"),
            (
                "name_regex",
                "Dump only the currently loaded configurations whose names match the specified regex.",
            ),
            (
                "include_eds",
                "Dump currently loaded configuration including EDS. See the response definition for more information",
            ),
        ],
        show: |admin, query| {
            let all: Vec<_> = admin
                .clusters()
                .iter()
                .map(|it| Arc::clone(&it.config))
                .collect();
            let configs: Vec<_> = admin.proxies().iter().map(Proxy::config).collect();
            dump::page(&all, &configs, query)
        },
    },
    Command {
        path: "/help",
        help: "print out list of admin commands",
        parameters: &[],
        show: |_, _| Page::text(help()),
    },
    Command {
        path: "/listeners",
        help: "print listener info",
        parameters: &[("format", "File format to use; One of (text, json)")],
        show: |admin, query| info::listeners(&admin.proxies(), query),
    },
    Command {
        path: "/ready",
        help: "print server state, return 200 if LIVE, otherwise return 503",
        parameters: &[],
        show: |_, _| Page::text("LIVE\n"),
    },
    Command {
        path: "/server_info",
        help: "print server version/status information",
        parameters: &[],
        show: |admin, _| info::server(&admin.node, admin.began.elapsed()),
    },
    Command {
        path: "/stats",
        help: "print server stats",
        parameters: &[
            (
                "usedonly",
                "Only include stats that have been written by system since restart",
            ),
            (
                "filter",
                "Regular expression (Google re2) for filtering stats",
            ),
            ("format", "Format to use; One of (text, json, prometheus)"),
            (
                "type",
                "Stat types to include.; One of (All, Counters, Histograms, Gauges, TextReadouts)",
            ),
        ],
        show: |admin, query| stats::page(admin.stats(), query),
    },
    Command {
        path: "/stats/prometheus",
        help: "print server stats in prometheus format",
        parameters: &[
            (
                "usedonly",
                "Only include stats that have been written by system since restart",
            ),
            (
                "filter",
                "Regular expression (Google re2) for filtering stats",
            ),
        ],
        show: |admin, query| stats::prometheus(admin.stats(), query),
    },
];

impl Admin {
    /// The interface of `parts`, which keeps the statistics that `matcher` includes.
    pub fn new(
        node: Node,
        matcher: StatsMatcher,
        parts: impl Fn() -> Vec<Part> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            node,
            inclusion: Inclusion::new(matcher),
            began: Instant::now(),
            parts: Box::new(parts),
        }))
    }

    /// The answer to `GET target`: a path and maybe a query.
    pub fn get(&self, target: &str) -> Page {
        self.ask("GET", target)
    }

    /// The answer to a request of any method.
    fn ask(&self, method: &str, target: &str) -> Page {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if let Some(refusal) = access::change(method, path) {
            return refusal;
        }
        match COMMANDS.iter().find(|command| command.path == path) {
            Some(command) => (command.show)(&self.0, &Query::parse(query)),
            None => Page::text(format!("invalid path. {}", help())).with(404),
        }
    }
}

fn help() -> String {
    let parameter = |(name, help): &(&str, &str)| format!("      {name}: {help}\n");
    let command = |it: &Command| {
        let parameters: String = it.parameters.iter().map(parameter).collect();
        format!("  {}: {}\n{parameters}", it.path, it.help)
    };
    let commands: String = COMMANDS.iter().map(command).collect();
    format!("admin commands are:\n{commands}")
}

impl Inner {
    /// Clusters by name; of two parts that know one, the first.
    fn clusters(&self) -> Vec<Arc<ClusterState>> {
        let parts = (self.parts)();
        let all = parts.iter().rev().flat_map(|part| match part {
            Part::Proxy(proxy) => proxy.clusters(),
            Part::Hop(hop) => hop.clusters(),
        });
        let by_name: BTreeMap<_, _> = all.map(|it| (Arc::clone(&it.config.name), it)).collect();
        by_name.into_values().collect()
    }

    fn proxies(&self) -> Vec<Proxy> {
        let proxies = (self.parts)().into_iter().filter_map(|part| match part {
            Part::Proxy(proxy) => Some(proxy),
            Part::Hop(_) => None,
        });
        proxies.collect()
    }

    /// The statistics that are kept, by name.
    fn stats(&self) -> Vec<Stat> {
        let clusters = self.clusters();
        let mut stats = info::stats(self.began.elapsed(), clusters.len());
        stats.extend(clusters.iter().flat_map(|it| collect::of_cluster(it)));
        for proxy in self.proxies() {
            for (prefix, counted) in proxy.0.listeners() {
                stats.extend(collect::of_listener(&prefix, &counted));
            }
        }
        stats.retain(|stat| self.inclusion.includes(&stat.full_name()));
        stats.sort_by_cached_key(Stat::full_name);
        stats
    }
}
