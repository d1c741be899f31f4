//! What a trainee is told when the pods are ready.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use apiserver::resource::rows;
use apiserver::store::Store;
use k8s_openapi::api::core::v1::Pod;

use super::clusters::Lab;
use super::say;
use crate::controllers::replicaset::is_ready;
use crate::objects;
use crate::state::StateDir;
use crate::store::Backend;

/// Pods that are not ready by then are reported as they are.
const READY_LIMIT: Duration = Duration::from_secs(30);

impl Lab {
    /// Waits until every pod is ready, then prints what a trainee needs.
    pub(super) async fn announce(&self, dashboard: SocketAddr, state: &StateDir, started: Instant) {
        // Ready pods get requests only once every proxy knows of them.
        let up = async {
            self.all_ready().await;
            self.mesh.settled().await;
        };
        let ready = tokio::time::timeout(READY_LIMIT, up).await.is_ok();
        let took = started.elapsed().as_secs_f64();
        let (there, all) = self.count();
        let said = if ready {
            "ready"
        } else {
            "still starting; kubectl get pods -A shows which"
        };
        say(&format!(
            "theater-lab: {there} of {all} pods {said} ({took:.2} s)"
        ));
        say(&format!("  dashboard   http://{dashboard}"));
        say(&format!(
            "  kubectl     export KUBECONFIG={}",
            state.path("kubeconfig").display()
        ));
        let port = self.ports.lock().map_or(0, |ports| ports.get("redis"));
        match (&self.backend, port) {
            (Backend::External(address), _) => say(&format!("  store       redis://{address}")),
            (_, 0) => say(&format!(
                "  store       {} (not deployed yet)",
                self.backend.name()
            )),
            (backend, port) => say(&format!(
                "  store       redis-cli -p {port} ({})",
                backend.name()
            )),
        }
    }

    async fn all_ready(&self) {
        let changes: Vec<_> = self
            .members
            .iter()
            .map(|(_, store, _)| store.subscribe(&[&rows::PODS, &rows::DEPLOYMENTS]))
            .collect();
        loop {
            let (ready, all) = self.count();
            if all > 0 && ready == all {
                return;
            }
            let any = changes
                .iter()
                .map(|subscription| Box::pin(subscription.changed()));
            futures_util::future::select_all(any).await;
        }
    }

    /// Ready pods, and how many the Deployments want.
    fn count(&self) -> (usize, usize) {
        let pods = |store: &Store| {
            objects::list::<Pod>(store, &rows::PODS)
                .iter()
                .filter(|pod| is_ready(pod))
                .count()
        };
        let wanted = |store: &Store| {
            let deployments = store.list(&rows::DEPLOYMENTS, None).items;
            deployments
                .iter()
                .map(|it| apiserver::object::replicas(it))
                .sum::<i64>()
        };
        let sum = self
            .members
            .iter()
            .map(|(_, store, _)| (pods(store), wanted(store)));
        sum.fold((0, 0), |(ready, all), (more, wanted)| {
            (ready + more, all + usize::try_from(wanted).unwrap_or(0))
        })
    }
}
