//! Pods leave a node with a `NoExecute` taint that they do not tolerate, or not for ever.

use std::collections::HashMap;
use std::sync::Arc;

use apiserver::resource::rows;
use apiserver::store::{DeleteOptions, Part};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::scheduler::{node_of, tolerates};
use super::{Cluster, key};
use crate::events::{Reference, Reporter};
use crate::objects;

const REASON: &str = "TaintManagerEviction";

/// How long a pod stays on a tainted node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Forever,
    For(SignedDuration),
}

/// The controller of taints that end pods.
pub(super) struct Controller {
    events: Reporter,
    /// Since when pods bear with their nodes for a while, by uid.
    since: HashMap<String, (Timestamp, Arc<Pod>)>,
}

impl Controller {
    pub(super) fn new(events: Reporter) -> Self {
        Self {
            events,
            since: HashMap::new(),
        }
    }

    /// Looks at every pod of a tainted node; returns when to look again at the latest.
    pub(super) fn pass(&mut self, cluster: &mut Cluster, now: Timestamp) -> Option<Timestamp> {
        let tainted = tainted(&cluster.nodes.list());
        if tainted.is_empty() && self.since.is_empty() {
            return None;
        }
        let mut before = std::mem::take(&mut self.since);
        let mut next = None;
        for pod in cluster.pods.list() {
            let taints = node_of(&pod).and_then(|node| tainted.get(node));
            let stays = taints.map_or(Patience::Forever, |it| patience(&pod, it));
            let uid = pod.metadata.uid.clone().unwrap_or_default();
            let Patience::For(stays) = stays else {
                continue;
            };
            if pod.metadata.deletion_timestamp.is_some() {
                before.remove(&uid);
                continue;
            }
            let since = before.remove(&uid).map_or(now, |(since, _)| since);
            let due = since.saturating_add(stays).unwrap_or(Timestamp::MAX);
            if due <= now {
                self.evict(cluster, &pod, now);
                continue;
            }
            next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
            self.since.insert(uid, (since, pod));
        }
        self.tell_spared(cluster, before);
        next
    }

    fn evict(&self, cluster: &Cluster, pod: &Pod, now: Timestamp) {
        self.tell("Marking for deletion Pod", pod);
        let key = key(&rows::PODS, &pod.metadata);
        let store = &cluster.api.store;
        objects::change(store, &key, Part::Status, |it| {
            let condition = json!({
                "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
                "message": "Taint manager: deleting due to NoExecute taint",
                "observedGeneration": pod.metadata.generation,
                "lastProbeTime": null, "lastTransitionTime": format!("{now:.0}"),
            });
            match it["status"]["conditions"].as_array_mut() {
                Some(all) => all.push(condition),
                None => it["status"]["conditions"] = json!([condition]),
            }
        });
        // Somebody else may have deleted it meanwhile.
        let _ = store.delete(&key, &DeleteOptions::default());
    }

    /// Pods whose nodes lost their taints in time.
    fn tell_spared(&self, cluster: &Cluster, spared: HashMap<String, (Timestamp, Arc<Pod>)>) {
        for (_, pod) in spared.into_values() {
            if cluster
                .api
                .store
                .get(&key(&rows::PODS, &pod.metadata))
                .is_ok()
            {
                self.tell("Cancelling deletion of Pod", &pod);
            }
        }
    }

    /// Kubernetes tells of a pod by its name alone.
    fn tell(&self, what: &str, pod: &Pod) {
        let ObjectMeta {
            name, namespace, ..
        } = pod.metadata.clone();
        let (pod, place) = (
            name.clone().unwrap_or_default(),
            namespace.clone().unwrap_or_default(),
        );
        let about = Pod {
            metadata: ObjectMeta {
                name,
                namespace,
                ..ObjectMeta::default()
            },
            ..Pod::default()
        };
        self.events.normal(
            &Reference::to(&about),
            REASON,
            format!("{what} {place}/{pod}"),
        );
    }
}

/// The taints that end pods, by node.
fn tainted(nodes: &[Arc<Node>]) -> HashMap<String, Vec<Taint>> {
    let taints = |node: &Arc<Node>| {
        let all = node.spec.as_ref()?.taints.clone()?;
        let ending: Vec<Taint> = all
            .into_iter()
            .filter(|it| it.effect == "NoExecute")
            .collect();
        let name = node.metadata.name.clone()?;
        (!ending.is_empty()).then_some((name, ending))
    };
    nodes.iter().filter_map(taints).collect()
}

/// Kubernetes: of each taint the first toleration counts, and of those the shortest time.
fn patience(pod: &Pod, taints: &[Taint]) -> Patience {
    let tolerations = pod.spec.as_ref().and_then(|it| it.tolerations.as_deref());
    let tolerations = tolerations.unwrap_or_default();
    let mut shortest: Option<i64> = None;
    for taint in taints {
        match tolerations.iter().find(|it| tolerates(it, taint)) {
            None => return Patience::For(SignedDuration::ZERO),
            Some(found) => {
                let seconds = found.toleration_seconds.map(|it| it.max(0));
                shortest = [shortest, seconds].into_iter().flatten().min();
            }
        }
    }
    shortest.map_or(Patience::Forever, |it| {
        Patience::For(SignedDuration::from_secs(it))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::Controllers;
    use crate::events::Recorder;
    use crate::objects::Client;
    use apiserver::admission::AdmitAll;
    use apiserver::kubelet::NoKubelet;
    use apiserver::store::{Key, RingLimits, Store, SystemSource};
    use serde_json::{Value, from_value};

    fn stays(tolerations: Value, taints: Value) -> Patience {
        let pod: Pod =
            from_value(json!({"spec": {"containers": [], "tolerations": tolerations}})).unwrap();
        patience(&pod, &from_value::<Vec<Taint>>(taints).unwrap())
    }

    #[test]
    fn a_pod_stays_as_long_as_it_tolerates_every_taint() {
        let taint = |key: &str| json!({"key": key, "effect": "NoExecute"});
        let a_while = |key: &str, seconds: i64| json!({"key": key, "operator": "Exists", "tolerationSeconds": seconds});
        let for_ = |seconds| Patience::For(SignedDuration::from_secs(seconds));
        for (tolerations, taints, expected) in [
            (json!([]), json!([taint("a")]), for_(0)),
            (
                json!([{"operator": "Exists"}]),
                json!([taint("a")]),
                Patience::Forever,
            ),
            (json!([a_while("a", 30)]), json!([taint("a")]), for_(30)),
            (
                json!([a_while("a", 30)]),
                json!([taint("a"), taint("b")]),
                for_(0),
            ),
            (
                json!([a_while("a", 30), a_while("b", 9)]),
                json!([taint("a"), taint("b")]),
                for_(9),
            ),
            (json!([a_while("a", -1)]), json!([taint("a")]), for_(0)),
        ] {
            assert_eq!(
                stays(tolerations.clone(), taints.clone()),
                expected,
                "{tolerations} {taints}"
            );
        }
    }

    #[test]
    fn a_pod_that_must_go_is_told_of_marked_and_deleted() {
        let store = Store::new(Arc::new(SystemSource), RingLimits::default());
        let create =
            |resource, namespace, object| store.create(resource, namespace, object).unwrap();
        create(&rows::NAMESPACES, "", json!({"metadata": {"name": "a"}}));
        let taints = json!([{"key": "broken", "effect": "NoExecute"}]);
        create(
            &rows::NODES,
            "",
            json!({"metadata": {"name": "n"}, "spec": {"taints": taints}}),
        );
        let spec = json!({"nodeName": "n", "containers": []});
        create(
            &rows::PODS,
            "a",
            json!({"metadata": {"name": "p"}, "spec": spec}),
        );
        let api = Client {
            store: store.clone(),
            admission: Arc::new(AdmitAll),
        };
        let mut controllers =
            Controllers::new(api, Arc::new(NoKubelet), &Recorder::new(store.clone()));
        controllers.pass(Timestamp::now());
        let pod = store.get(&Key::new(&rows::PODS, "a", "p")).unwrap();
        assert!(apiserver::object::is_terminating(&pod));
        assert_eq!(
            pod["status"]["conditions"][0]["reason"],
            "DeletionByTaintManager"
        );
        let events = store.list(&rows::EVENTS, Some("a")).items;
        assert_eq!(events[0]["message"], "Marking for deletion Pod a/p");
        assert_eq!(
            events[0]["source"]["component"],
            "taint-eviction-controller"
        );
    }
}
