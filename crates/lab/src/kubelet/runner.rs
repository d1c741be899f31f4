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
use super::claims::{self, Unmet};
use super::container::{ContainerRun, Outcome};
use super::definition;
use super::image::Image;
use super::pod::PodRun;

/// Kinds of object that volumes are made of.
const HOLDERS: [&Resource; 2] = [&rows::CONFIG_MAPS, &rows::SECRETS];

/// Kubernetes: the grace period of what ends by itself, unless the pod has its own.
const GRACE: Duration = Duration::from_secs(30);

/// Runs the pod to its end and removes its object.
pub(super) async fn run(pod: Arc<PodRun>, mut wishes: watch::Receiver<Wish>) {
    pod.update(|_| ());
    let (orders, ordered) = watch::channel(*wishes.borrow());
    tokio::select! {
        () = live(&pod, ordered) => {}
        () = order(&pod, wishes.clone(), orders) => {}
    }
    // A pod that has ended stays until somebody deletes it.
    grace(&mut wishes).await;
    pod.remove();
}

async fn live(pod: &Arc<PodRun>, mut wishes: watch::Receiver<Wish>) {
    if mounted(pod, &mut wishes).await {
        tokio::select! {
            () = run_containers(pod, &wishes) => {}
            () = keep_fresh(pod) => {}
        }
    }
}

/// Hands wishes on, and wishes the end itself once the pod has been active too long; never ends.
async fn order(pod: &PodRun, mut wishes: watch::Receiver<Wish>, orders: watch::Sender<Wish>) {
    tokio::select! {
        () = pass_on(&mut wishes, &orders) => {}
        () = overdue(pod) => {
            pod.exceed_deadline();
            orders.send_replace(Wish::End(grace_of(pod)));
            pass_on(&mut wishes, &orders).await;
        }
    }
}

async fn pass_on(wishes: &mut watch::Receiver<Wish>, orders: &watch::Sender<Wish>) {
    while wishes.changed().await.is_ok() {
        orders.send_replace(*wishes.borrow_and_update());
    }
    std::future::pending().await
}

/// Resolves when the pod has been active longer than its definition allows.
async fn overdue(pod: &PodRun) {
    let began = tokio::time::Instant::now();
    let mut definitions = pod.definition();
    loop {
        let deadline = definitions.borrow_and_update().deadline;
        let elapses = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(began + deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = elapses => return,
            changed = definitions.changed() => if changed.is_err() {
                std::future::pending().await
            },
        }
    }
}

/// The time a pod has to end by its own definition.
pub(super) fn grace_of(pod: &PodRun) -> Duration {
    let spec = pod.pod.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.termination_grace_period_seconds);
    let seconds = seconds.and_then(|it| u64::try_from(it).ok());
    seconds.map_or(GRACE, Duration::from_secs)
}

/// Waits until every volume can be had; false when the pod is to end before.
async fn mounted(pod: &PodRun, wishes: &mut watch::Receiver<Wish>) -> bool {
    if !claimed(pod, wishes).await {
        return false;
    }
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

/// Waits until every claim has its volume; false when the pod is to end before.
async fn claimed(pod: &PodRun, wishes: &mut watch::Receiver<Wish>) -> bool {
    let changes = pod
        .kubelet
        .store
        .subscribe(&[&rows::PERSISTENT_VOLUME_CLAIMS]);
    while let Some(unmet) = claims::unmet(pod) {
        if let Unmet::Missing(why) = unmet {
            pod.warn_of_pod("FailedMount", why);
        }
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
        if run_container(pod, container, wishes, true).await != Outcome::Succeeded {
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
    let serving = async {
        if applications.is_empty() {
            grace(&mut wishes.clone()).await;
        } else {
            let all = applications.iter();
            join_all(all.map(|it| run_container(pod, it, wishes, false))).await;
        }
        // Istio: the proxy leaves after the application, so that its last requests are carried and
        // a pod that has done its work can end.
        leave.send_replace(Wish::Gone);
    };
    let all = proxies.iter();
    let proxying = join_all(all.map(|it| run_container(pod, it, &proxy_wishes, false)));
    tokio::join!(serving, proxying);
}

/// Runs a container until it has left for good, one image after the other.
async fn run_container(
    pod: &Arc<PodRun>,
    container: &Container,
    wishes: &watch::Receiver<Wish>,
    is_init: bool,
) -> Outcome {
    loop {
        let container = definition::defined(&pod.definition(), container);
        pod.update(|view| {
            if let Some(known) = view.container(&container.name) {
                known.image = container.image.clone().unwrap_or_default();
            }
        });
        let run = ContainerRun::new(pod, &container, wishes.clone(), is_init);
        match run.run().await {
            Outcome::Redefined => {}
            outcome => return outcome,
        }
    }
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
