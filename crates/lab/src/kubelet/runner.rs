//! One pod from binding to removal.
//!
//! ```text
//! volumes ──► init containers, one after the other ──► containers, side by side ──► ended
//!                                                          a wish to end ──► removed ◄─┘
//! ```

use std::sync::Arc;
use std::time::Duration;

use apiserver::resource::{Resource, rows};
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::Container;
use tokio::sync::watch;

use super::Wish;
use super::container::{ContainerRun, Outcome};
use super::image::Image;
use super::pod::PodRun;

/// Kinds of object that volumes are made of.
const HOLDERS: [&Resource; 2] = [&rows::CONFIG_MAPS, &rows::SECRETS];

/// Runs the pod to its end and removes its object.
pub(super) async fn run(pod: Arc<PodRun>, wishes: watch::Receiver<Wish>) {
    pod.update(|_| ());
    let mut wished = wishes.clone();
    if mounted(&pod, &mut wished).await {
        tokio::select! {
            () = run_containers(&pod, &wishes) => {}
            () = keep_fresh(&pod) => {}
        }
    }
    // A pod that has ended stays until somebody deletes it.
    grace(&mut wished).await;
    pod.remove();
}

/// Waits until every volume can be had; false when the pod is to end before.
async fn mounted(pod: &PodRun, wishes: &mut watch::Receiver<Wish>) -> bool {
    let changes = pod.kubelet.store.subscribe(&HOLDERS);
    while let Err((volume, why)) = pod.volumes.refresh(pod) {
        let message = format!("MountVolume.SetUp failed for volume \"{volume}\" : {why}");
        pod.warn_of_pod("FailedMount", message);
        tokio::select! {
            () = changes.changed() => {}
            _ = grace(wishes) => return false,
        }
    }
    true
}

/// Brings changes of objects to the files made of them; never ends.
async fn keep_fresh(pod: &PodRun) {
    let changes = pod.kubelet.store.subscribe(&HOLDERS);
    loop {
        changes.changed().await;
        // Kubernetes: the files stay as they are when their object is gone.
        if let Err((volume, why)) = pod.volumes.refresh(pod) {
            tracing::debug!(pod = pod.key.name, volume, why, "a volume stays as it is");
        }
    }
}

async fn run_containers(pod: &Arc<PodRun>, wishes: &watch::Receiver<Wish>) {
    let spec = pod.pod.spec.clone().unwrap_or_default();
    for container in spec.init_containers.iter().flatten() {
        let run = ContainerRun::new(pod, container, wishes.clone(), true);
        if run.run().await != Outcome::Succeeded {
            return;
        }
    }
    pod.update(|view| {
        for container in &mut view.main {
            container.wait("ContainerCreating", String::new());
        }
    });
    let (proxies, applications): (Vec<_>, Vec<_>) = spec
        .containers
        .iter()
        .partition(|container| is_proxy(container));
    let (leave, proxy_wishes) = watch::channel(Wish::Run);
    let run = |container, wishes: &watch::Receiver<Wish>| {
        ContainerRun::new(pod, container, wishes.clone(), false).run()
    };
    let serving = async {
        if applications.is_empty() {
            grace(&mut wishes.clone()).await;
        } else {
            join_all(applications.iter().map(|container| run(container, wishes))).await;
        }
        // Istio: the proxy leaves after the application, so that its last requests are carried and
        // a pod that has done its work can end.
        leave.send_replace(Wish::Gone);
    };
    let proxying = join_all(
        proxies
            .iter()
            .map(|container| run(container, &proxy_wishes)),
    );
    tokio::join!(serving, proxying);
}

fn is_proxy(container: &Container) -> bool {
    Image::of_container(container) == Some(Image::Proxy)
}

/// Resolves when the pod is to end, with the time it may take.
pub(super) async fn grace(wishes: &mut watch::Receiver<Wish>) -> Duration {
    match wishes.wait_for(|wish| *wish != Wish::Run).await.as_deref() {
        Ok(Wish::End(grace)) => *grace,
        _ => Duration::ZERO,
    }
}
