//! What pods use, for `kubectl top`: measured, never estimated.
//!
//! A sidecar and a gateway are tasks of the lab's own process, which no operating system measures
//! one by one; they have no figures here, as a container that the metrics server could not scrape.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apiserver::resource::rows;
use apiserver::store::Store;
use rustix::process::Pid;
use serde_json::{Value, json};

use super::figures::{self, Figures};
use super::pod::PodRun;
use crate::controllers::now;

/// Pause between two measurements.
const PERIOD: Duration = Duration::from_secs(5);

/// The last measurement of each process group.
#[derive(Debug, Default)]
pub(super) struct Usage {
    seen: Mutex<HashMap<Pid, Measured>>,
}

/// Two moments of one process group.
#[derive(Clone, Copy, Debug)]
struct Measured {
    before: (Instant, Figures),
    last: (Instant, Figures),
}

/// What a container uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rate {
    /// Thousand-millionths of a CPU, as the metrics server counts.
    nanocores: u128,
    memory: u64,
    window: Duration,
}

impl Measured {
    fn rate(self) -> Option<Rate> {
        let window = self.last.0.duration_since(self.before.0);
        let cpu = self.last.1.cpu.saturating_sub(self.before.1.cpu);
        Some(Rate {
            nanocores: (cpu.as_nanos() * 1_000_000_000).checked_div(window.as_nanos())?,
            memory: self.last.1.memory,
            window,
        })
    }
}

impl Usage {
    /// Measures all pods again and again; never ends.
    pub(super) async fn run(&self, pods: impl Fn() -> Vec<Arc<PodRun>>) {
        loop {
            let leaders = pods()
                .iter()
                .flat_map(|pod| pod.processes().into_values())
                .collect();
            self.measure(leaders);
            tokio::time::sleep(PERIOD).await;
        }
    }

    fn measure(&self, leaders: Vec<Pid>) {
        let figures: Vec<_> = leaders
            .into_iter()
            .filter_map(|leader| Some((leader, (Instant::now(), figures::of_group(leader)?))))
            .collect();
        let mut seen = self.seen.lock().expect("no holder of this lock panics");
        let old = std::mem::take(&mut *seen);
        seen.extend(figures.into_iter().map(|(leader, last)| {
            let before = old.get(&leader).map_or(last, |measured| measured.last);
            (leader, Measured { before, last })
        }));
    }

    /// `PodMetrics` of each pod with a container that could be measured.
    pub(super) fn pods(&self, pods: &[Arc<PodRun>]) -> Vec<Value> {
        pods.iter().filter_map(|pod| self.pod(pod)).collect()
    }

    fn pod(&self, pod: &PodRun) -> Option<Value> {
        let rates = self.rates(pod);
        let window = rates.iter().map(|(_, rate)| rate.window).max()?;
        let containers: Vec<Value> = rates
            .iter()
            .map(|(name, rate)| json!({"name": name, "usage": rate.usage()}))
            .collect();
        Some(json!({
            "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
            "metadata": {
                "name": pod.key.name, "namespace": pod.key.namespace,
                "labels": pod.pod.metadata.labels, "creationTimestamp": now(),
            },
            "timestamp": now(), "window": window_text(window), "containers": containers,
        }))
    }

    /// `NodeMetrics` of each node with a pod that could be measured: the sum of what its pods use.
    pub(super) fn nodes(&self, store: &Store, pods: &[Arc<PodRun>]) -> Vec<Value> {
        let nodes = store.list(&rows::NODES, None).items;
        nodes
            .iter()
            .filter_map(|node| self.node(node, pods))
            .collect()
    }

    fn node(&self, node: &Value, pods: &[Arc<PodRun>]) -> Option<Value> {
        let name = &node["metadata"]["name"];
        let here = pods.iter().filter(|pod| {
            let spec = pod.pod.spec.as_ref();
            spec.and_then(|spec| spec.node_name.as_deref()) == name.as_str()
        });
        let rates = here.flat_map(|pod| self.rates(pod)).map(|(_, rate)| rate);
        let sum = rates.reduce(|sum, one| Rate {
            nanocores: sum.nanocores + one.nanocores,
            memory: sum.memory + one.memory,
            window: sum.window.max(one.window),
        })?;
        Some(json!({
            "kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
            "metadata": {"name": name, "labels": node["metadata"]["labels"], "creationTimestamp": now()},
            "timestamp": now(), "window": window_text(sum.window), "usage": sum.usage(),
        }))
    }

    fn rates(&self, pod: &PodRun) -> Vec<(String, Rate)> {
        let seen = self.seen.lock().expect("no holder of this lock panics");
        let rate = |(name, leader): (String, Pid)| Some((name, seen.get(&leader)?.rate()?));
        pod.processes().into_iter().filter_map(rate).collect()
    }
}

impl Rate {
    fn usage(self) -> Value {
        json!({
            "cpu": format!("{}n", self.nanocores),
            "memory": format!("{}Ki", self.memory / 1024),
        })
    }
}

fn window_text(window: Duration) -> String {
    format!("{:.3}s", window.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_cpu_time_by_time() {
        let began = Instant::now();
        let figures = |millis: u64| Figures {
            cpu: Duration::from_millis(millis),
            memory: 4096,
        };
        let measured = Measured {
            before: (began, figures(1_000)),
            last: (began + Duration::from_secs(5), figures(1_500)),
        };
        let rate = measured.rate().unwrap();
        assert_eq!(rate.nanocores, 100_000_000, "half a second in five");
        assert_eq!(rate.usage(), json!({"cpu": "100000000n", "memory": "4Ki"}));
        let first = Measured {
            before: measured.last,
            ..measured
        };
        assert_eq!(first.rate(), None, "one moment is no rate");
    }
}
