//! What every namespace has before anyone puts something into it.

use apiserver::object;
use apiserver::resource::{Resource, rows};
use apiserver::store::{Key, Store};
use serde_json::{Value, json};

/// Kubernetes' and Istio's certificates. The lab's API is plain http on loopback and its sidecars
/// share one process: there is no certificate, so what stands here is empty.
const CERTIFICATES: [(&str, &str); 3] = [
    ("kube-root-ca.crt", "ca.crt"),
    ("istio-ca-root-cert", "root-cert.pem"),
    ("istio-ca-crl", "ca-crl.pem"),
];

/// One pass.
pub(super) fn furnish(store: &Store) {
    for namespace in store.list(&rows::NAMESPACES, None).items {
        if object::is_terminating(&namespace) {
            continue;
        }
        let namespace = object::name(&namespace);
        put(
            store,
            &rows::SERVICE_ACCOUNTS,
            namespace,
            "default",
            json!({}),
        );
        for (name, file) in CERTIFICATES {
            put(
                store,
                &rows::CONFIG_MAPS,
                namespace,
                name,
                json!({"data": {file: ""}}),
            );
        }
    }
}

fn put(store: &Store, kind: &'static Resource, namespace: &str, name: &str, mut object: Value) {
    if store.get(&Key::new(kind, namespace, name)).is_ok() {
        return;
    }
    object["apiVersion"] = kind.api_version(kind.preferred_version()).into();
    object["kind"] = kind.kind.into();
    object["metadata"] = json!({"name": name, "namespace": namespace});
    if let Err(error) = store.create(kind, namespace, object) {
        tracing::debug!(%error, namespace, name, "not there yet");
    }
}
