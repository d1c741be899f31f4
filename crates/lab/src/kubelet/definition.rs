//! What may change of a pod that runs: its containers' images, and how long it may be active.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};
use tokio::sync::watch;

use super::pod::all_containers;

/// The parts of a pod's definition that are obeyed while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Definition {
    images: BTreeMap<String, String>,
    /// `activeDeadlineSeconds`.
    pub deadline: Option<Duration>,
}

impl Definition {
    /// As the pod says now.
    pub(super) fn of(pod: &Pod) -> Self {
        let image = |it: &Container| (it.name.clone(), it.image.clone().unwrap_or_default());
        let seconds = pod.spec.as_ref().and_then(|it| it.active_deadline_seconds);
        Self {
            images: all_containers(pod).map(image).collect(),
            deadline: seconds
                .and_then(|it| u64::try_from(it).ok())
                .map(Duration::from_secs),
        }
    }

    /// The image that a container is to have.
    pub(super) fn image(&self, container: &str) -> &str {
        self.images.get(container).map_or("", String::as_str)
    }
}

/// A container as it is defined now.
pub(super) fn defined(
    definitions: &watch::Receiver<Definition>,
    container: &Container,
) -> Container {
    let image = definitions.borrow().image(&container.name).to_owned();
    Container {
        image: Some(image),
        ..container.clone()
    }
}

/// Resolves when a container is to have another image than the one it runs.
pub(super) async fn redefined(
    definitions: &mut watch::Receiver<Definition>,
    container: &Container,
) {
    let image = container.image.as_deref().unwrap_or_default();
    let other = |definition: &Definition| definition.image(&container.name) != image;
    if definitions.wait_for(other).await.is_err() {
        // Nobody can change it any more.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::{Value, from_value, json};

    use super::*;

    fn pod(spec: Value) -> Pod {
        from_value(json!({"metadata": {}, "spec": spec})).unwrap()
    }

    #[test]
    fn a_container_is_redefined_by_another_image_and_by_nothing_else() {
        let with = |image: &str, seconds: i64| {
            pod(
                json!({"activeDeadlineSeconds": seconds, "containers": [{"name": "c", "image": image}]}),
            )
        };
        let first = with("a", 1);
        let (sender, mut receiver) = watch::channel(Definition::of(&first));
        let container = all_containers(&first).next().unwrap();
        sender.send_replace(Definition::of(&with("a", 2)));
        assert_eq!(receiver.borrow().deadline, Some(Duration::from_secs(2)));
        assert!(redefined(&mut receiver, container).now_or_never().is_none());
        sender.send_replace(Definition::of(&with("b", 2)));
        assert!(redefined(&mut receiver, container).now_or_never().is_some());
        assert_eq!(defined(&receiver, container).image.as_deref(), Some("b"));
    }
}
