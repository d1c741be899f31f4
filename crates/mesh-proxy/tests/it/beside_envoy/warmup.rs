//! A host that has just come gets its share little by little, in both proxies alike.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

/// How long a host warms up.
const WINDOW: Duration = Duration::from_secs(1);
const CLUSTER: &str = "outbound|8080||svc.t.svc.cluster.local";

/// Both proxies before two hosts that have their share, and a third that is yet to come.
struct Warm {
    mesh: Mesh,
    envoy: Envoy,
    theirs: SocketAddr,
    folder: TempDir,
    _upstreams: [Upstream; 3],
}

fn policy() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {"host": "svc", "trafficPolicy": {"loadBalancer": {
            "simple": "ROUND_ROBIN", "warmup": {"duration": "1s", "minimumPercent": 10},
        }}},
    })
}

fn dump(mesh: &Mesh) -> Value {
    let admin = admin_of(&mesh.proxy, everything());
    serde_json::from_str(&admin.get("/config_dump?include_eds").body).unwrap()
}

/// Takes our cluster's hosts out of a bootstrap and into the file where Envoy finds them.
fn discovered(mut bootstrap: Value, file: &Path) -> Value {
    let clusters = bootstrap["static_resources"]["clusters"].as_array_mut();
    let own = clusters.unwrap().iter_mut();
    let cluster = own.into_iter().find(|it| it["name"] == CLUSTER).unwrap();
    write_hosts(&cluster["load_assignment"].take(), file);
    cluster.as_object_mut().unwrap().remove("load_assignment");
    cluster["type"] = "EDS".into();
    cluster["eds_cluster_config"] =
        json!({"eds_config": {"path_config_source": {"path": file}, "resource_api_version": "V3"}});
    bootstrap["node"] = json!({"id": "client", "cluster": "t"});
    bootstrap
}

/// Envoy looks again when the file is replaced.
fn write_hosts(assignment: &Value, file: &Path) {
    let mut resource = assignment.clone();
    resource["@type"] = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment".into();
    let new = file.with_extension("new");
    fs::write(&new, json!({"resources": [resource]}).to_string()).unwrap();
    fs::rename(new, file).unwrap();
}

impl Warm {
    async fn up() -> Option<Self> {
        let upstreams = [
            Upstream::named("a").await,
            Upstream::named("b").await,
            Upstream::named("new").await,
        ];
        let mut mesh = Mesh::start(Role::Outbound, None, Some(policy()), &[]).await;
        for upstream in &upstreams {
            mesh.wires.connect(upstream.address, upstream.address);
        }
        mesh.pods = upstreams[..2].iter().map(endpoint).collect();
        mesh.apply(&[], &[policy()]);
        let began = Instant::now();
        let folder = tempfile::tempdir().unwrap();
        let bootstrap = bootstrap(&dump(&mesh), "/dev/null".as_ref());
        let envoy = Envoy::start(discovered(bootstrap, &folder.path().join("eds.json"))).await?;
        let theirs = envoy.listener("svc").await;
        let warm = Self {
            mesh,
            envoy,
            theirs,
            folder,
            _upstreams: upstreams,
        };
        warm.members(2).await;
        // The later one of both has begun by now.
        tokio::time::sleep(WINDOW + Duration::from_millis(50)).await;
        assert!(began.elapsed() > WINDOW);
        Some(warm)
    }

    /// The third host comes, to both.
    async fn third_comes(&mut self) {
        self.mesh.pods.push(endpoint(&self._upstreams[2]));
        self.mesh.apply(&[], &[policy()]);
        let bootstrap = bootstrap(&dump(&self.mesh), "/dev/null".as_ref());
        discovered(bootstrap, &self.folder.path().join("eds.json"));
        self.members(3).await;
    }

    /// Waits until Envoy has so many hosts.
    async fn members(&self, expected: usize) {
        testkit::wait::until("Envoy to find its hosts", LIMIT, async || {
            let total = self.envoy.get("/stats?filter=membership_total$").await;
            total.trim_end().ends_with(&format!(": {expected}"))
        })
        .await;
    }
}

fn endpoint(upstream: &Upstream) -> Endpoint {
    Endpoint {
        address: upstream.address,
        ..pod(0, "ctx1")
    }
}

/// Requests until the window is over: how many the new host got, and how many a host should get
/// that has its part of a share.
async fn share(proxy: SocketAddr, came: Instant) -> (f64, f64) {
    let mut client = Client::connect(proxy).await;
    let (mut got, mut expected) = (0.0, 0.0);
    while came.elapsed() < WINDOW {
        let part = (came.elapsed().as_secs_f64() / WINDOW.as_secs_f64()).max(0.1);
        expected += part / (2.0 + part);
        got += f64::from(client.get("/").await.body == "new");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (got, expected)
}

#[tokio::test]
async fn a_new_host_warms_up_in_both_alike() {
    let Some(mut warm) = Warm::up().await else {
        return;
    };
    warm.third_comes().await;
    let came = Instant::now();
    let (ours, theirs) = tokio::join!(share(warm.mesh.address, came), share(warm.theirs, came));
    for (proxy, (got, expected)) in [("ours", ours), ("Envoy", theirs)] {
        let band = expected * 0.8..expected * 1.2;
        assert!(expected > 10.0, "{proxy}: too few requests, {expected}");
        assert!(band.contains(&got), "{proxy}: {got} instead of {expected}");
    }
}
