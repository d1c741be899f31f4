//! What a fresh cluster of the course has: system namespaces, labelled nodes,
//! the Gateway `cp-gateway`, and the gateways' Deployments.

use anyhow::{Context, Result};
use apimachinery::schema::crd;
use serde_json::{Value, json};

use crate::controllers::now;
use crate::controllers::volumes::PROVISIONER;
use crate::facts::{Facts, KUBERNETES_VERSION, PROXY_IMAGE};
use crate::kubelet::{machine_memory, node};
use crate::manifest;
use crate::network::{Addresses, service_address};

const NAMESPACES: [&str; 5] = [
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "istio-system",
];

const CLUSTER_ROLES: &str = include_str!("../manifests/cluster-roles.yaml");

/// Istio's definitions, as a server has them that has accepted them.
///
/// They are the largest objects of a cluster by far, and no client wrote them: they are stored as
/// they are, and what admission would ask of them their own tests do.
pub fn definitions() -> impl Iterator<Item = Value> {
    let now = now();
    crd::ALL.iter().map(move |it| it.established(&now))
}

/// All other objects, in the order in which they are created.
///
/// # Errors
/// When the embedded roles are no YAML: a defect of the build.
pub fn objects(facts: Facts, addresses: &Addresses) -> Result<Vec<Value>> {
    let mut objects = Vec::from(NAMESPACES.map(namespace));
    objects.extend(manifest::parse(CLUSTER_ROLES).context("the embedded roles cannot be read")?);
    objects.extend((0..2).map(|index| node(facts, addresses, index)));
    objects.extend(api_service(facts, addresses));
    objects.push(storage_class());
    objects.extend(gateway(
        "istio-eastwestgateway",
        "eastwestgateway",
        15443,
        "tls",
    ));
    if facts.ingress {
        objects.extend(gateway(
            "istio-ingressgateway",
            "ingressgateway",
            80,
            "http2",
        ));
        objects.push(cp_gateway());
    }
    Ok(objects)
}

/// The Service of the API, with the endpoints that the API server writes itself.
fn api_service(facts: Facts, addresses: &Addresses) -> [Value; 3] {
    const PORT: u16 = 6443;
    let ip = addresses.control_plane();
    [
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": service_address(facts.number), "ports": [{"name": "https", "port": 443, "targetPort": PORT, "protocol": "TCP"}]},
        }),
        json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [{"addresses": [{"ip": ip}], "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}]}],
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "endpoints": [{"addresses": [ip], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}],
        }),
    ]
}

/// Volumes are made where a pod needs them, and go with their claims.
fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    })
}

fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
    })
}

fn node(facts: Facts, addresses: &Addresses, index: u8) -> Value {
    let Facts {
        name: cluster,
        provider,
        ..
    } = facts;
    let name = format!("{cluster}-node-{}", index + 1);
    let labels = json!({
        "kubernetes.io/arch": node::architecture(),
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "cluster-name": cluster,
        "cloud-provider": provider,
        "topology.kubernetes.io/region": format!("region-{cluster}"),
        "topology.kubernetes.io/zone": format!("{cluster}-z{}", index + 1),
    });
    let capacity = capacity();
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": addresses.node(index)},
                {"type": "Hostname", "address": name},
            ],
            "capacity": capacity, "allocatable": capacity,
            "conditions": node::conditions(&now()),
            "nodeInfo": {
                "kubeletVersion": KUBERNETES_VERSION, "osImage": "Theater lab", "operatingSystem": std::env::consts::OS,
                "architecture": node::architecture(), "containerRuntimeVersion": format!("lab://{}", env!("CARGO_PKG_VERSION")),
                "kernelVersion": "", "kubeProxyVersion": "", "bootID": "", "machineID": "", "systemUUID": "",
            },
        },
    })
}

/// Each node is the whole machine, as both clusters share it.
fn capacity() -> Value {
    let cpu = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = machine_memory().unwrap_or(8 << 30) / 1024;
    json!({"cpu": cpu.to_string(), "memory": format!("{memory}Ki"), "pods": "110"})
}

/// Deployment and Service of a gateway, as Istio's installation names and labels them.
fn gateway(name: &str, istio: &str, port: u16, port_name: &str) -> [Value; 2] {
    let labels = json!({"app": name, "istio": istio});
    let metadata = json!({"name": name, "namespace": "istio-system", "labels": labels});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "istio-proxy", "image": PROXY_IMAGE, "ports": [{"containerPort": port}]}]},
            },
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": metadata,
        "spec": {"type": "LoadBalancer", "selector": labels, "ports": [{"name": port_name, "port": port, "targetPort": port, "protocol": "TCP"}]},
    });
    [deployment, service]
}

fn cp_gateway() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
        "metadata": {"name": "cp-gateway", "namespace": "istio-system"},
        "spec": {
            "selector": {"istio": "ingressgateway"},
            "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
        },
    })
}
