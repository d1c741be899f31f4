//! The objects the rows were taken with.

use std::net::Ipv4Addr;
use std::sync::Arc;

use apiserver::resource::rows;
use apiserver::services::Services;
use apiserver::store::{DeleteOptions, Key, RingLimits, Store, SystemSource};
use serde_json::{Value, json};

use crate::support::{Server, config_map, deployment};

/// Namespaces that refuse, end, evict and lose objects.
const NAMESPACES: [&str; 5] = ["b-err", "b-term", "b-tr", "b-del", "default"];
/// The network of the recorded Services.
const SERVICES: Ipv4Addr = Ipv4Addr::new(10, 101, 0, 0);
const EVICTED: &str = "/api/v1/namespaces/b-tr/pods/echo-74df4c5c8d-cvlvz";
const BUDGET: &str = "/apis/policy/v1/namespaces/b-tr/poddisruptionbudgets/pdb";

pub(super) async fn server() -> Server {
    let store = Store::new(Arc::new(SystemSource), RingLimits::default());
    let services = Services::new(store.clone(), SERVICES);
    let server = Server::over(store, Arc::new(services));
    for name in NAMESPACES {
        create(
            &server,
            "/api/v1/namespaces",
            json!({"metadata": {"name": name}}),
        )
        .await;
    }
    for (path, object) in objects() {
        create(&server, path, object).await;
    }
    for (path, status) in statuses() {
        let status = json!({"status": status});
        let answer = server.merge(&format!("{path}/status"), status).await;
        assert_eq!(answer.code, 200, "{path}: {}", answer.text);
    }
    let ending = Key::new(&rows::NAMESPACES, "", "b-term");
    server
        .store
        .delete(&ending, &DeleteOptions::default())
        .unwrap();
    server
}

async fn create(server: &Server, path: &str, object: Value) {
    let answer = server.post(path, object).await;
    assert_eq!(answer.code, 201, "{path}: {}", answer.text);
}

fn objects() -> Vec<(&'static str, Value)> {
    let mut objects = refusing();
    objects.extend(evicted());
    objects.extend(deleted());
    objects
}

fn refusing() -> Vec<(&'static str, Value)> {
    let immutable = json!({"metadata": {"name": "imm"}, "data": {"a": "1"}, "immutable": true});
    let service = json!({
        "metadata": {"name": "s"},
        "spec": {"clusterIP": "10.101.166.218", "ports": [{"port": 80}]},
    });
    let role_ref = json!({"kind": "Role", "name": "p"});
    let mut large = deployment("d", 0);
    large["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 8080}]);
    vec![
        ("/api/v1/namespaces/b-err/configmaps", config_map("c")),
        ("/api/v1/namespaces/b-err/configmaps", immutable),
        ("/apis/apps/v1/namespaces/b-err/deployments", large),
        (
            "/apis/networking.istio.io/v1/namespaces/b-err/virtualservices",
            virtual_service("v"),
        ),
        ("/api/v1/namespaces/b-err/services", service),
        ("/api/v1/namespaces/b-err/pods", pod("p", &json!({}))),
        (
            "/api/v1/namespaces/b-err/secrets",
            json!({"metadata": {"name": "sec"}}),
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/b-err/rolebindings",
            json!({"metadata": {"name": "rb"}, "roleRef": role_ref}),
        ),
    ]
}

/// A pod and its disruption budget, and a pod without one.
fn evicted() -> Vec<(&'static str, Value)> {
    let mut free = pod("free", &json!({}));
    free["metadata"]["labels"] = json!({});
    let budget = json!({
        "metadata": {"name": "pdb"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "echo"}}},
    });
    vec![
        (
            "/api/v1/namespaces/b-tr/pods",
            pod("echo-74df4c5c8d-cvlvz", &json!({})),
        ),
        ("/api/v1/namespaces/b-tr/pods", free),
        (
            "/apis/policy/v1/namespaces/b-tr/poddisruptionbudgets",
            budget,
        ),
    ]
}

/// What controllers had said: the pod is ready, and its budget is used up.
fn statuses() -> Vec<(&'static str, Value)> {
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let used_up = json!({
        "observedGeneration": 1, "desiredHealthy": 2, "currentHealthy": 2, "expectedPods": 2,
        "disruptionsAllowed": 0,
    });
    vec![
        (EVICTED, json!({"phase": "Running", "conditions": ready})),
        (BUDGET, used_up),
    ]
}

fn deleted() -> Vec<(&'static str, Value)> {
    let mut map = config_map("zz");
    map["metadata"]["labels"] = json!({"zz": "1"});
    let on_a_node = json!({"nodeName": "b-node1", "terminationGracePeriodSeconds": 5});
    let mut foreground = deployment("f", 0);
    foreground["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "1"});
    vec![
        ("/api/v1/namespaces/b-del/configmaps", config_map("c")),
        ("/api/v1/namespaces/b-del/configmaps", map),
        (
            "/apis/apps/v1/namespaces/b-del/deployments",
            deployment("d", 0),
        ),
        ("/apis/apps/v1/namespaces/b-del/deployments", foreground),
        (
            "/apis/networking.istio.io/v1/namespaces/b-del/virtualservices",
            virtual_service("v"),
        ),
        (
            "/api/v1/namespaces/b-del/services",
            json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}),
        ),
        (
            "/api/v1/namespaces/b-del/serviceaccounts",
            json!({"metadata": {"name": "x"}}),
        ),
        ("/api/v1/namespaces/b-del/pods", pod("p", &json!({}))),
        ("/api/v1/namespaces/b-del/pods", pod("q", &on_a_node)),
    ]
}

fn pod(name: &str, spec: &Value) -> Value {
    let mut pod = json!({
        "metadata": {"name": name, "labels": {"app": "echo"}},
        "spec": {"containers": [{"name": "c", "image": "none:1"}]},
    });
    json_patch::merge(&mut pod["spec"], spec);
    pod
}

fn virtual_service(name: &str) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name},
        "spec": {"hosts": ["x"], "http": [{"route": [{"destination": {"host": "x"}}]}]},
    })
}
