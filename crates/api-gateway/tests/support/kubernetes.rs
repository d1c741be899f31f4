//! As much of a Kubernetes API as a list and a watch need.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

pub(crate) const PODS: &str = "/api/v1/namespaces/theater-msa/pods";
pub(crate) const NODES: &str = "/api/v1/nodes";
pub(crate) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/theater-msa/deployments";
pub(crate) const VIRTUAL_SERVICES: &str =
    "/apis/networking.istio.io/v1/namespaces/theater-msa/virtualservices";
pub(crate) const DESTINATION_RULES: &str =
    "/apis/networking.istio.io/v1/namespaces/theater-msa/destinationrules";

/// A fake API; its process can be stopped and started again on the same port.
pub(crate) struct FakeApi {
    pub(crate) address: SocketAddr,
    store: Arc<Store>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct Store {
    objects: Mutex<BTreeMap<String, BTreeMap<String, Value>>>,
    /// Every write: its path and the watch event; its version is its place, counted from 1.
    log: Mutex<Vec<(String, Value)>>,
    written: Notify,
    refused: Mutex<HashMap<String, u16>>,
    requests: AtomicUsize,
}

impl FakeApi {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let store = Arc::default();
        let runtime = Some(run(listener, &store));
        Self {
            address,
            store,
            runtime,
        }
    }

    /// Ends the process with all its connections.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Starts it again.
    pub(crate) fn resume(&mut self) {
        // The old socket is closed in the background.
        let bind = || std::net::TcpListener::bind(self.address).ok();
        let listener = std::iter::repeat_with(bind).flatten().next().unwrap();
        self.runtime = Some(run(listener, &self.store));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/s3cret", self.address)
    }

    pub(crate) fn apply(&self, path: &str, mut object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let mut log = self.store.log.lock().unwrap();
        object["metadata"]["resourceVersion"] = (log.len() + 1).to_string().into();
        let mut objects = self.store.objects.lock().unwrap();
        let known = objects
            .entry(path.to_owned())
            .or_default()
            .insert(name, object.clone());
        let kind = if known.is_some() { "MODIFIED" } else { "ADDED" };
        log.push((path.to_owned(), json!({"type": kind, "object": object})));
        self.store.written.notify_waiters();
    }

    /// Refuses a path with that status, or no more.
    pub(crate) fn refuse(&self, path: &str, status: Option<u16>) {
        let mut refused = self.store.refused.lock().unwrap();
        match status {
            Some(status) => refused.insert(path.to_owned(), status),
            None => refused.remove(path),
        };
    }

    pub(crate) fn requests(&self) -> usize {
        self.store.requests.load(Ordering::Relaxed)
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A process of its own, as far as its connections are concerned.
fn run(listener: std::net::TcpListener, store: &Arc<Store>) -> Runtime {
    listener.set_nonblocking(true).unwrap();
    let app = Router::new().fallback(answer).with_state(Arc::clone(store));
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        axum::serve(listener, app).await
    });
    runtime
}

async fn answer(
    State(store): State<Arc<Store>>,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    store.requests.fetch_add(1, Ordering::Relaxed);
    // The path secret of the server's URL comes first, as behind a lab's API.
    let Some(path) = uri.path().strip_prefix("/s3cret") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let refused = store.refused.lock().unwrap().get(path).copied();
    if let Some(code) = refused {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
            "reason": "No", "message": "no", "metadata": {}});
        return (StatusCode::from_u16(code).unwrap(), status.to_string()).into_response();
    }
    if query.get("watch").is_some_and(|it| it == "true") {
        let from = query
            .get("resourceVersion")
            .and_then(|it| it.parse().ok())
            .unwrap_or(0);
        return watched(store, path.to_owned(), from);
    }
    let version = store.log.lock().unwrap().len();
    let objects = store.objects.lock().unwrap();
    let items: Vec<&Value> = objects
        .get(path)
        .into_iter()
        .flat_map(BTreeMap::values)
        .collect();
    let list = json!({"kind": "List", "apiVersion": "v1",
        "metadata": {"resourceVersion": version.max(1).to_string()}, "items": items});
    list.to_string().into_response()
}

fn watched(store: Arc<Store>, path: String, from: usize) -> Response {
    let events =
        futures_util::stream::unfold((store, path, from), |(store, path, mut at)| async move {
            loop {
                // Before the look, so that no write comes between.
                let writes = Arc::clone(&store);
                let written = writes.written.notified();
                let next = store.log.lock().unwrap().get(at).cloned();
                match next {
                    Some((of, event)) => {
                        at += 1;
                        if of == path {
                            let line = Bytes::from(format!("{event}\n"));
                            return Some((Ok::<_, std::io::Error>(line), (store, path, at)));
                        }
                    }
                    None => written.await,
                }
            }
        });
    Body::from_stream(events).into_response()
}

/// A kubeconfig with a context for each API, in `dir`; its path.
pub(crate) fn kubeconfig(dir: &std::path::Path, apis: &[(&str, &FakeApi)]) -> String {
    let entries = |entry: &dyn Fn(&str, &FakeApi) -> String| -> String {
        apis.iter().map(|(name, api)| entry(name, api)).collect()
    };
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: ctx1\nusers: []\ncontexts:\n{}clusters:\n{}",
        entries(&|name, _| format!("- {{name: {name}, context: {{cluster: {name}, user: u}}}}\n")),
        entries(&|name, api| format!("- {{name: {name}, cluster: {{server: {:?}}}}}\n", api.url())),
    );
    let path = dir.join("kubeconfig");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

pub(crate) fn pod(name: &str, service: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "theater-msa", "labels": {"app": service}},
        "spec": {"nodeName": "n1", "containers": [{"name": service}]},
        "status": {
            "phase": "Running", "podIP": "10.1.0.5", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": service, "ready": true, "restartCount": 0, "image": "", "imageID": ""}],
        },
    })
}

pub(crate) fn node(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": "ctx1-z1"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// The user service's VirtualService with these weights.
pub(crate) fn user_rules(ctx1: u32, ctx2: u32) -> Value {
    let to = |subset: &str, weight| json!({"destination": {"host": "user-service", "subset": subset}, "weight": weight});
    json!({
        "metadata": {
            "name": "user-service-vs", "namespace": "theater-msa", "creationTimestamp": "2025-11-21T00:00:00Z",
        },
        "spec": {"hosts": ["user-service"], "http": [
            {"name": "weighted", "route": [to("ctx1", ctx1), to("ctx2", ctx2)]},
        ]},
    })
}
