//! A server with one cluster, and requests to it.

use std::sync::Arc;

use apimachinery::openapi::Wordless;
use apiserver::admission::{Admission, AdmitAll};
use apiserver::kubelet::NoKubelet;
use apiserver::resource::rows;
use apiserver::store::{RingLimits, Store, SystemSource};
use apiserver::{Access, Cluster, router};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) const SECRET: &str = "a-secret-path-segment";

pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) store: Store,
    pub(crate) shutdown: CancellationToken,
}

pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let values = self.headers.get_all("warning").iter();
        values
            .map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
            .collect()
    }
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Arc::new(AdmitAll), RingLimits::default())
    }

    /// A server whose cluster `ctx1` has the namespace `shop`.
    pub(crate) fn with(admission: Arc<dyn Admission>, limits: RingLimits) -> Self {
        Self::over(Store::new(Arc::new(SystemSource), limits), admission)
    }

    /// A server whose cluster `ctx1` keeps its objects in `store`, with the namespace `shop`.
    pub(crate) fn over(store: Store, admission: Arc<dyn Admission>) -> Self {
        store
            .create(&rows::NAMESPACES, "", json!({"metadata": {"name": "shop"}}))
            .unwrap();
        let cluster = Cluster {
            store: store.clone(),
            admission,
            kubelet: Arc::new(NoKubelet),
        };
        let shutdown = CancellationToken::new();
        let access = Access::new(SECRET).unwrap();
        let router = router(
            [("ctx1".to_owned(), cluster)],
            access,
            Box::new(Wordless),
            shutdown.clone(),
        );
        Self {
            router,
            store,
            shutdown,
        }
    }

    /// A request as it is on the wire, with a good Host header.
    pub(crate) async fn open(
        &self,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> Response {
        let mut request = request.body(body.into()).unwrap();
        request
            .headers_mut()
            .entry(HOST)
            .or_insert("127.0.0.1:18080".parse().unwrap());
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> Answer {
        let response = self.open(request, body).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer {
            code: parts.status,
            headers: parts.headers,
            text,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path), Body::empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(request("DELETE", path), Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send_json("POST", path, "application/json", body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send_json("PUT", path, "application/json", body).await
    }

    pub(crate) async fn merge(&self, path: &str, body: Value) -> Answer {
        self.send_json("PATCH", path, "application/merge-patch+json", body)
            .await
    }

    pub(crate) async fn json_patch(&self, path: &str, body: Value) -> Answer {
        self.send_json("PATCH", path, "application/json-patch+json", body)
            .await
    }

    pub(crate) async fn send_json(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: Value,
    ) -> Answer {
        let request = request(method, path).header(CONTENT_TYPE, media_type);
        self.send(request, body.to_string()).await
    }
}

/// A request for a path inside the cluster.
pub(crate) fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("/{SECRET}/ctx1{path}"))
}

pub(crate) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

pub(crate) fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "d"}},
            "template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {"containers": [{"name": "c", "image": "none:1"}]},
            },
        },
    })
}
