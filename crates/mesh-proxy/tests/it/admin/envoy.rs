//! Two proxies before the same upstreams, ours and a real Envoy that loads our own `/config_dump`:
//! after the same requests both admin interfaces show the same, line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hyper::Response;
use mesh::compile::compile_sidecar;
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client as Pod, Network, Protocol, World};
use testkit::envoy::{Envoy, loopback};
use testkit::wait;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

const FQDN: &str = "svc.t.svc.cluster.local";

/// Answers the status that the path ends with; `slow` is answered when the gate is open.
async fn upstream(gate: Arc<Semaphore>) -> Upstream {
    Upstream::serving(move |request| {
        let gate = gate.clone();
        async move {
            let last = request
                .uri()
                .path()
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            if last == "slow" {
                // Closed, it is open for good.
                let _ = gate.acquire().await;
            }
            let mut response = Response::new(full("answer"));
            *response.status_mut() = last.parse().unwrap_or_default();
            response
        }
    })
    .await
}

fn rule(name: &str, destination: Value, more: Value) -> Value {
    let mut rule = json!({
        "match": [{"uri": {"prefix": format!("/{name}")}}],
        "route": [{"destination": destination}],
    });
    rule.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    rule
}

fn subset(name: &str) -> Value {
    json!({"host": "svc", "subset": name})
}

fn objects() -> (Value, Value) {
    let abort = json!({"fault": {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}});
    let delay = json!({"fault": {"delay": {"fixedDelay": "1ms", "percentage": {"value": 100}}}});
    let retries = json!({"retries": {"attempts": 2, "retryOn": "5xx", "backoff": "1ms"}});
    let limit = json!({"timeout": "50ms", "retries": {"attempts": 0}});
    let rules = rules(json!([
        rule("abort", subset("all"), abort),
        rule("delay", subset("all"), delay),
        rule("retry", subset("all"), retries),
        rule("limit", subset("all"), limit),
        rule("ejecting", subset("ejecting"), json!({})),
        rule("narrow", subset("narrow"), json!({})),
        rule("refusing", subset("refusing"), json!({})),
        rule("nobody", subset("nobody"), json!({})),
        rule("missing", subset("missing"), json!({})),
        rule("all", subset("all"), json!({})),
    ]));
    let labels = |value: &str| json!({"cluster": value});
    let narrow = json!({"connectionPool": {
        "tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1, "maxRequestsPerConnection": 2},
    }});
    let ejecting = json!({"outlierDetection": {
        "consecutive5xxErrors": 2, "interval": "60s", "baseEjectionTime": "60s", "maxEjectionPercent": 100,
    }});
    let policy = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {"host": "svc", "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}, "subsets": [
            {"name": "all", "labels": labels("ctx1")},
            {"name": "ejecting", "labels": labels("ctx1"), "trafficPolicy": ejecting},
            {"name": "narrow", "labels": labels("ctx1"), "trafficPolicy": narrow},
            {"name": "refusing", "labels": labels("ctx2")},
            {"name": "nobody", "labels": labels("nobody")},
        ]},
    });
    (rules, policy)
}

/// Our proxy before real addresses, its listener, and its admin interface.
async fn ours(
    pods: Vec<mesh::registry::Endpoint>,
    stop: &CancellationToken,
) -> (Proxy, SocketAddr, Admin) {
    let (rules, policy) = objects();
    let services = [service(Protocol::Sniffed, pods)];
    let world = World {
        services: &services,
        virtual_services: &[VirtualService::parse(&rules).unwrap()],
        destination_rules: &[DestinationRule::parse(&policy).unwrap()],
        network: &Network::Single,
    };
    let pod = Pod {
        cluster: "ctx1".into(),
        namespace: "t".into(),
        ..Pod::default()
    };
    let proxy = Proxy::new(Settings::new(Role::Outbound, Arc::new(TcpDial)));
    proxy.apply(Arc::new(compile_sidecar(&world, &pod)));
    let (listener, address) = listener().await;
    let listen = Listen {
        routes: format!("{FQDN}:8080").into(),
        address: Some(cluster_ip(8080)),
    };
    let (serving, stop) = (proxy.clone(), stop.clone());
    tokio::spawn(async move { serving.serve_http(listener, listen, stop).await });
    let admin = admin_of(&proxy, everything());
    (proxy, address, admin)
}

/// Envoy's bootstrap: clusters of our own dump, and the same routes.
fn bootstrap(dump: &Value) -> Value {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "outbound_10.96.0.7_8080;",
        "route_config": {"name": "svc", "virtual_hosts": [{"name": "svc", "domains": ["*"], "routes": routes()}], "validate_clusters": false},
        "http_filters": [
            {"name": "envoy.filters.http.fault", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"}},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}},
        ],
    });
    let filter =
        json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": manager});
    json!({
        // Istio's tags.
        "stats_config": {"use_all_default_tags": false, "stats_tags": [
            {"tag_name": "cluster_name", "regex": r"^cluster(\.(.+);)"},
            {"tag_name": "http_conn_manager_prefix", "regex": r"^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)"},
            {"tag_name": "response_code", "regex": r"_rq(_(\d{3}))$"},
            {"tag_name": "response_code_class", "regex": r"_rq(_(\dxx))$"},
        ]},
        "static_resources": {
            "listeners": [{"name": "svc", "address": loopback(0), "filter_chains": [{"filters": [filter]}]}],
            "clusters": static_clusters(dump),
        },
    })
}

/// The clusters of a dump with their endpoints in them, as there is nobody to discover them from.
fn static_clusters(dump: &Value) -> Vec<Value> {
    let section = |kind: &str| {
        let kind = format!("type.googleapis.com/envoy.admin.v3.{kind}");
        let mut sections = dump["configs"].as_array().unwrap().iter();
        sections
            .find(|section| section["@type"] == kind)
            .unwrap()
            .clone()
    };
    let (clusters, endpoints) = (
        section("ClustersConfigDump"),
        section("EndpointsConfigDump"),
    );
    let clusters = clusters["dynamic_active_clusters"]
        .as_array()
        .unwrap()
        .iter();
    let endpoints = endpoints["dynamic_endpoint_configs"].as_array().unwrap();
    let pairs = clusters.zip(endpoints);
    pairs
        .map(|(cluster, endpoints)| {
            let (mut cluster, mut endpoints) = (
                cluster["cluster"].clone(),
                endpoints["endpoint_config"].clone(),
            );
            for message in [&mut cluster, &mut endpoints] {
                message.as_object_mut().unwrap().remove("@type");
            }
            cluster
                .as_object_mut()
                .unwrap()
                .remove("eds_cluster_config");
            cluster["type"] = "STATIC".into();
            cluster["load_assignment"] = endpoints;
            cluster
        })
        .collect()
}

/// What istiod makes of the rules.
fn routes() -> Vec<Value> {
    let default = json!({"retry_on": "connect-failure,refused-stream,unavailable,cancelled", "num_retries": 2});
    let retries =
        json!({"retry_on": "5xx", "num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}});
    let fault = |fault: Value| {
        let mut fault = fault;
        fault["@type"] =
            "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault".into();
        json!({"envoy.filters.http.fault": fault})
    };
    let always = json!({"numerator": 100});
    let abort = fault(json!({"abort": {"http_status": 418, "percentage": always}}));
    let delay = fault(json!({"delay": {"fixed_delay": "0.001s", "percentage": always}}));
    let route = |path: &str,
                 subset: &str,
                 retry: Option<&Value>,
                 timeout: &str,
                 fault: Option<&Value>| {
        json!({
            "match": {"prefix": format!("/{path}")},
            "route": {"cluster": format!("outbound|8080|{subset}|{FQDN}"), "timeout": timeout, "retry_policy": retry},
            "typed_per_filter_config": fault,
        })
    };
    let plain = |subset: &str| route(subset, subset, Some(&default), "0s", None);
    vec![
        route("abort", "all", Some(&default), "0s", Some(&abort)),
        route("delay", "all", Some(&default), "0s", Some(&delay)),
        route("retry", "all", Some(&retries), "0s", None),
        route("limit", "all", None, "0.050s", None),
        plain("ejecting"),
        plain("narrow"),
        plain("refusing"),
        plain("nobody"),
        plain("missing"),
        plain("all"),
    ]
}

/// The same requests to either proxy; the statuses answered.
async fn requests(address: SocketAddr) -> Vec<u16> {
    let mut client = Client::connect(address).await;
    let mut statuses = Vec::new();
    for path in [
        "/all/200",
        "/all/404",
        "/all/503",
        "/abort/200",
        "/delay/200",
        "/retry/503",
        "/retry/200",
        "/limit/slow",
        "/ejecting/503",
        "/ejecting/500",
        "/ejecting/200",
        "/refusing/200",
        "/nobody/200",
        "/missing/200",
        "/unknown",
        "/narrow/200",
        "/narrow/200",
    ] {
        statuses.push(client.get(path).await.status);
    }
    statuses
}

/// A request that the upstream holds, one that waits for its connection, and one that is refused.
async fn crowd(address: SocketAddr, get: impl AsyncFn(&str) -> String) -> Vec<JoinHandle<u16>> {
    let mut waiting = Vec::new();
    for gauge in ["upstream_rq_active", "upstream_rq_pending_active"] {
        let mut client = Client::connect(address).await;
        waiting.push(tokio::spawn(async move {
            client.get("/narrow/slow").await.status
        }));
        let target = format!("/stats?filter=narrow.*;.{gauge}$");
        wait::until(gauge, LIMIT, async || get(&target).await.ends_with(": 1\n")).await;
    }
    assert_eq!(
        Client::connect(address)
            .await
            .get("/narrow/slow")
            .await
            .status,
        503
    );
    waiting
}

/// What an interface shows.
struct Shown {
    clusters: String,
    clusters_json: Value,
    stats: BTreeMap<String, String>,
    used: BTreeSet<String>,
    metrics: BTreeSet<String>,
}

async fn shown(get: impl AsyncFn(&str) -> String) -> Shown {
    let stats = |text: String| {
        let lines = text.lines().filter(|line| is_compared(line));
        lines
            .map(|line| line.rsplit_once(": ").unwrap_or((line, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    Shown {
        clusters: get("/clusters").await,
        clusters_json: serde_json::from_str(&get("/clusters?format=json").await).unwrap(),
        stats: stats(get("/stats").await),
        used: stats(get("/stats?usedonly").await).into_keys().collect(),
        metrics: get("/stats/prometheus")
            .await
            .lines()
            .map(str::to_owned)
            .collect(),
    }
}

/// The families of clusters and of the listener; an Envoy also counts for itself.
fn is_compared(line: &str) -> bool {
    line.starts_with("cluster.outbound|") || line.starts_with("http.outbound_")
}

/// Deviations of a static Envoy, which discovers nothing: what the sidecars show and it does not.
fn is_of_discovery(line: &str) -> bool {
    line.contains("::eds_service_name::") || line.contains("::added_via_api::")
}

/// By cluster: an Envoy has no order of clusters.
fn by_cluster(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut clusters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !is_of_discovery(line)) {
        let cluster = line.split("::").next().unwrap();
        clusters.entry(cluster).or_default().push(line);
    }
    clusters
}

fn statuses_of(json: &Value) -> BTreeMap<String, Value> {
    let statuses = json["cluster_statuses"].as_array().unwrap().iter().cloned();
    let named = statuses.map(|mut status| {
        for of_discovery in ["added_via_api", "eds_service_name"] {
            status.as_object_mut().unwrap().remove(of_discovery);
        }
        (status["name"].as_str().unwrap().to_owned(), status)
    });
    named.collect()
}

/// What differs, each with its place.
fn differences(ours: &Shown, theirs: &Shown) -> Vec<String> {
    let mut all = Vec::new();
    let mut same = |place: &str, ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        let (ours, theirs) = (format!("{ours:?}"), format!("{theirs:?}"));
        if ours != theirs {
            all.push(format!("{place}\n  ours: {ours}\n  Envoy: {theirs}"));
        }
    };
    let (our_lines, their_lines) = (by_cluster(&ours.clusters), by_cluster(&theirs.clusters));
    for (name, lines) in &our_lines {
        for (number, line) in lines.iter().enumerate() {
            same(
                "/clusters",
                line,
                &their_lines[name].get(number).unwrap_or(&""),
            );
        }
    }
    let (our_json, their_json) = (
        statuses_of(&ours.clusters_json),
        statuses_of(&theirs.clusters_json),
    );
    for (name, status) in &our_json {
        same("/clusters?format=json", status, &their_json[name]);
    }
    for (name, value) in &ours.stats {
        same(
            &format!("/stats {name}"),
            &Some(value),
            &theirs.stats.get(name),
        );
        let used = |shown: &Shown| shown.used.contains(name);
        same(
            &format!("/stats?usedonly {name}"),
            &used(ours),
            &used(theirs),
        );
    }
    for line in ours.metrics.iter().filter(|line| line.contains("outbound")) {
        same(
            "/stats/prometheus",
            &line,
            &theirs.metrics.get(line).unwrap_or(&String::new()),
        );
    }
    all
}

/// Both show the same, as soon as both have seen that clients have left.
async fn compare(admin: &Admin, envoy: &Envoy) {
    let mut last = Vec::new();
    let same = async {
        loop {
            let ours = shown(async |path: &str| admin.get(path).body).await;
            let theirs = shown(async |path: &str| envoy.get(path).await).await;
            assert!(ours.stats.len() > 200, "{}", ours.stats.len());
            last = differences(&ours, &theirs);
            if last.is_empty() {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(3), same).await;
    assert!(in_time.is_ok(), "{}", last.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_same_requests_both_show_the_same() {
    let gate = Arc::new(Semaphore::new(0));
    let upstream = upstream(gate.clone()).await;
    let endpoint = |cluster: &str, address| mesh::registry::Endpoint {
        address,
        ..pod(0, cluster)
    };
    let pods = vec![
        endpoint("ctx1", upstream.address),
        endpoint("ctx2", refusing().await),
    ];
    let stop = CancellationToken::new();
    let (_proxy, address, admin) = ours(pods, &stop).await;
    let dump = serde_json::from_str(&admin.get("/config_dump?include_eds").body).unwrap();
    let Some(envoy) = Envoy::start(bootstrap(&dump)).await else {
        return;
    };
    let their_address = envoy.listener("svc").await;
    assert_eq!(requests(address).await, requests(their_address).await);
    compare(&admin, &envoy).await;
    let waiting = crowd(address, async |path: &str| admin.get(path).body).await;
    let their_waiting = crowd(their_address, async |path: &str| envoy.get(path).await).await;
    compare(&admin, &envoy).await;
    gate.close();
    for request in waiting.into_iter().chain(their_waiting) {
        assert_eq!(soon(request).await.unwrap(), 200);
    }
    compare(&admin, &envoy).await;
    stop.cancel();
}
