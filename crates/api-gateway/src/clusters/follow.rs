//! One cluster, from its API to the hub.

use std::sync::Arc;
use std::time::Duration;

use common::drain::Drain;
use common::outbound::Resolve;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::Notify;

use super::feed::Feed;
use super::{ClusterView, Contact, Reason, State, access};
use crate::config::ApiAccess;
use crate::events::Hub;
use crate::rules::{self, NAMESPACE, Parsed, RuleObjects};
use crate::theater::Cluster;

/// Pause between two tries to find a usable kubeconfig: a Secret may be mounted later.
const NO_ACCESS_PAUSE: Duration = Duration::from_secs(5);
/// Changes closer together than this are told together.
const SETTLE: Duration = Duration::from_millis(100);

struct Feeds {
    pods: Feed<Pod>,
    deployments: Feed<Deployment>,
    nodes: Feed<Node>,
    /// Of the gateway's own cluster only: no other cluster's rules steer it.
    rules: Option<RuleFeeds>,
}

struct RuleFeeds {
    virtual_services: Feed<DynamicObject>,
    destination_rules: Feed<DynamicObject>,
}

/// How the gateway reaches Kubernetes.
#[derive(Clone)]
pub struct Reach {
    /// The gateway's own cluster.
    pub own: Cluster,
    /// What was configured.
    pub access: ApiAccess,
    /// Where the names of APIs lead to.
    pub resolve: Arc<dyn Resolve>,
}

/// Keeps the hub told about `cluster`, until `drain` begins.
pub async fn follow(cluster: Cluster, reach: Reach, hub: Hub, drain: Drain) {
    tokio::select! {
        () = keep_following(cluster, &reach, hub, drain.clone()) => {}
        () = drain.begun() => {}
    }
}

async fn keep_following(cluster: Cluster, reach: &Reach, hub: Hub, drain: Drain) {
    let own = reach.own;
    let client = loop {
        let resolve = Arc::clone(&reach.resolve);
        match access::client(&reach.access, own, cluster, resolve).await {
            Ok(client) => break client,
            Err(reason) => tell_why_not(&hub, cluster, own, reason),
        }
        tokio::time::sleep(NO_ACCESS_PAUSE).await;
    };
    let changed = Arc::new(Notify::new());
    let feeds = Feeds::start(&client, cluster == own, &changed, &drain);
    loop {
        changed.notified().await;
        hub.set_cluster(cluster, feeds.view());
        if let Some(objects) = feeds.rule_objects() {
            hub.set_rules(rules::rules(&objects));
        }
        tokio::time::sleep(SETTLE).await;
    }
}

fn tell_why_not(hub: &Hub, cluster: Cluster, own: Cluster, reason: Reason) {
    if cluster == own {
        let objects = RuleObjects {
            reason: Some(reason.clone()),
            ..RuleObjects::default()
        };
        hub.set_rules(rules::rules(&objects));
    }
    hub.set_cluster(cluster, ClusterView::unknown(reason));
}

impl Feeds {
    fn start(client: &Client, with_rules: bool, changed: &Arc<Notify>, drain: &Drain) -> Self {
        let (changed, drain) = (|| Arc::clone(changed), || drain.clone());
        let pods = Api::namespaced(client.clone(), NAMESPACE);
        let deployments = Api::namespaced(client.clone(), NAMESPACE);
        let rules = |kind: &str| {
            let kind = GroupVersionKind::gvk("networking.istio.io", "v1", kind);
            let resource = ApiResource::from_gvk(&kind);
            let api = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
            Feed::start(api, resource, changed(), drain())
        };
        Self {
            pods: Feed::start(pods, (), changed(), drain()),
            deployments: Feed::start(deployments, (), changed(), drain()),
            nodes: Feed::start(Api::all(client.clone()), (), changed(), drain()),
            rules: with_rules.then(|| RuleFeeds {
                virtual_services: rules("VirtualService"),
                destination_rules: rules("DestinationRule"),
            }),
        }
    }

    fn view(&self) -> ClusterView {
        ClusterView::new(
            (self.pods.contact(), &self.pods.objects()),
            (self.deployments.contact(), &self.deployments.objects()),
            (self.nodes.contact(), &self.nodes.objects()),
        )
    }

    fn rule_objects(&self) -> Option<RuleObjects> {
        let rules = self.rules.as_ref()?;
        let contact = rules.virtual_services.contact();
        let read = |contact: &Contact| contact.state != State::Unknown;
        let services = json(&rules.virtual_services, "VirtualService");
        let policies = json(&rules.destination_rules, "DestinationRule");
        Some(RuleObjects {
            virtual_services: read(&contact).then(|| Parsed::of(&services)),
            destination_rules: read(&rules.destination_rules.contact())
                .then(|| Parsed::of(&policies)),
            reason: contact.reason,
        })
    }
}

/// Kubernetes: the items of a list do not repeat its kind.
fn json(feed: &Feed<DynamicObject>, kind: &str) -> Vec<Value> {
    let objects = feed.objects();
    let named = objects.iter().filter_map(|object| {
        let mut value = serde_json::to_value(&**object).ok()?;
        value["apiVersion"] = "networking.istio.io/v1".into();
        value["kind"] = kind.into();
        Some(value)
    });
    named.collect()
}
