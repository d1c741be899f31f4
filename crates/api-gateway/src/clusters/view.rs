//! What the dashboard shows of a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Contact, PodView, Reason, State};
use crate::answers::Sighting;

/// One cluster, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// The contact to the pods of the namespace, which stands for the whole cluster.
    #[serde(flatten)]
    pub contact: Contact,
    /// Pods of the namespace, by name; where they cannot be read, those that answered.
    pub pods: Vec<PodView>,
    /// Nodes, by name.
    pub nodes: Vec<NodeView>,
    /// Deployments of the namespace, by name.
    pub deployments: Vec<DeploymentView>,
    /// The contact to what may be forbidden apart from the pods.
    pub watches: Watches,
}

/// The contacts beside the pods'.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Watches {
    /// To Deployments.
    pub deployments: Contact,
    /// To Nodes.
    pub nodes: Contact,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// `topology.kubernetes.io/region`.
    pub region: Option<String>,
    /// `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
    /// Its Ready condition.
    pub ready: bool,
}

/// A Deployment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeploymentView {
    /// Its name.
    pub name: String,
    /// Pods that are ready.
    pub ready: i32,
    /// Pods wanted.
    pub replicas: i32,
}

impl ClusterView {
    /// A cluster of which nothing can be read.
    pub fn unknown(reason: Reason) -> Self {
        let contact = || Contact::never(reason.clone());
        Self {
            contact: contact(),
            watches: Watches {
                deployments: contact(),
                nodes: contact(),
            },
            ..Self::default()
        }
    }

    /// A cluster as its feeds tell it.
    pub fn new(
        (contact, pods): (Contact, &[Arc<Pod>]),
        (of_deployments, deployments): (Contact, &[Arc<Deployment>]),
        (of_nodes, nodes): (Contact, &[Arc<Node>]),
    ) -> Self {
        Self {
            contact,
            pods: sorted(pods.iter().map(|pod| PodView::of(pod)), |pod| &pod.name),
            nodes: sorted(nodes.iter().map(|node| NodeView::of(node)), |node| {
                &node.name
            }),
            deployments: sorted(
                deployments.iter().map(|it| DeploymentView::of(it)),
                |deployment| &deployment.name,
            ),
            watches: Watches {
                deployments: of_deployments,
                nodes: of_nodes,
            },
        }
    }

    /// The same with what answers prove: when each pod last answered and, unless the API tells live
    /// which pods there are, the pods known by their answers alone.
    pub fn with_sightings(&self, sightings: &BTreeMap<String, Sighting>) -> Self {
        let mut view = self.clone();
        for pod in &mut view.pods {
            pod.last_answer = sightings.get(&pod.name).map(|it| it.last_answer);
        }
        if self.contact.state != State::Live {
            let unlisted = |name: &String| !self.pods.iter().any(|pod| pod.name == *name);
            let seen = sightings.iter().filter(|(name, _)| unlisted(name));
            view.pods
                .extend(seen.map(|(name, sighting)| PodView::seen(name, sighting)));
        }
        view
    }
}

fn sorted<T>(items: impl Iterator<Item = T>, name: impl Fn(&T) -> &str) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_by(|a, b| name(a).cmp(name(b)));
    items
}

impl NodeView {
    fn of(node: &Node) -> Self {
        let label = |name: &str| node.labels().get(name).cloned();
        let conditions = node
            .status
            .iter()
            .flat_map(|it| it.conditions.iter().flatten());
        Self {
            name: node.name_any(),
            region: label("topology.kubernetes.io/region"),
            zone: label("topology.kubernetes.io/zone"),
            ready: conditions
                .into_iter()
                .any(|it| it.type_ == "Ready" && it.status == "True"),
        }
    }
}

impl DeploymentView {
    fn of(deployment: &Deployment) -> Self {
        let status = deployment.status.as_ref();
        Self {
            name: deployment.name_any(),
            ready: status.and_then(|it| it.ready_replicas).unwrap_or(0),
            // Kubernetes: one replica where none is written.
            replicas: deployment.spec.replicas.unwrap_or(1),
        }
    }
}

#[cfg(test)]
mod tests;
