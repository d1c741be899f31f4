//! Which host a request belongs to: before the same hosts both proxies choose the same one.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::HeaderMap;
use mesh::config::{Cluster, Cookie, HashPolicy};
use mesh::engine::{Hashable, hash};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::config::{rule, subset};
use super::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const KEYS: usize = 200;

/// A path of its own for each way to choose, and what is hashed there.
const WAYS: [(&str, &str); 7] = [
    ("ring", r#"{"httpHeaderName": "x-user"}"#),
    (
        "small",
        r#"{"httpHeaderName": "x-user", "ringHash": {"minimumRingSize": 7}}"#,
    ),
    ("query", r#"{"httpQueryParameterName": "user"}"#),
    ("cookie", r#"{"httpCookie": {"name": "user"}}"#),
    ("maglev", r#"{"httpHeaderName": "x-user", "maglev": {}}"#),
    (
        "table",
        r#"{"httpHeaderName": "x-user", "maglev": {"tableSize": 1009}}"#,
    ),
    ("source", r#"{"useSourceIp": true}"#),
];

/// Where a cookie is made.
const MADE: (&str, &str) = (
    "made",
    r#"{"httpCookie": {"name": "made", "ttl": "60s", "path": "/p", "attributes": [
        {"name": "SameSite", "value": "Lax"}, {"name": "Secure"}]}}"#,
);

fn objects() -> (Value, Value) {
    let hashed = |hash: &str| {
        let hash: Value = serde_json::from_str(hash).unwrap();
        json!({"loadBalancer": {"consistentHash": hash}})
    };
    let own = |(name, hash): (&str, &str)| json!({"name": name, "trafficPolicy": hashed(hash)});
    let mut subsets: Vec<Value> = WAYS.map(own).into();
    let weighed = [("heavy", WAYS[0].1), ("places", WAYS[5].1)];
    subsets.extend(weighed.map(own));
    subsets.push(own(MADE));
    // One of the hosts is not there.
    let fewer = [("left", WAYS[0].1), ("gone", WAYS[5].1)];
    let stays = |way| {
        let mut subset = own(way);
        subset["labels"] = json!({"stays": "yes"});
        subset
    };
    subsets.extend(fewer.map(stays));
    let paths = WAYS.iter().chain(&weighed).chain(&fewer).chain([&MADE]);
    let mut http: Vec<Value> = paths
        .map(|(name, _)| rule(name, subset(name), json!({})))
        .collect();
    // Everything that the destinations hash counts.
    let mut both = rule("both", subset("ring"), json!({}));
    both["route"] = json!([
        {"destination": subset("ring"), "weight": 100},
        {"destination": subset("query"), "weight": 0},
        {"destination": subset("cookie"), "weight": 0},
    ]);
    http.push(both);
    let policy = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {"host": "svc", "subsets": subsets},
    });
    (rules(http.into()), policy)
}

/// Hosts of different weights, and in `places` localities of different weights.
fn weigh(config: &mut Config) {
    for (name, cluster) in &mut config.clusters {
        if name.contains("|heavy|") || name.contains("|places|") {
            let mut own = Cluster::clone(cluster);
            let mut hosts = own.hosts.to_vec();
            for (index, host) in (1..).zip(&mut hosts) {
                host.weight = index;
                host.locality_weight = 3;
            }
            if name.contains("|places|") {
                own.policy.weighs_localities = true;
                hosts[3].locality.zone = "z9".into();
                hosts[3].locality_weight = 1;
            }
            own.hosts = hosts.into();
            *cluster = Arc::new(own);
        }
    }
}

/// Both proxies before four hosts, and where they listen.
async fn stage() -> Option<(Vec<Upstream>, Envoy, [SocketAddr; 2], DropGuard)> {
    let mut upstreams = Vec::new();
    for name in NAMES {
        upstreams.push(Upstream::named(name).await);
    }
    let pods = upstreams.iter().enumerate().map(|(index, upstream)| {
        let mut pod = Endpoint {
            address: upstream.address,
            ..pod(0, "ctx1")
        };
        let stays = if index == 2 { "no" } else { "yes" };
        pod.labels.insert("stays".into(), stays.into());
        pod
    });
    let mut config = compiled(&objects(), pods.collect());
    weigh(&mut config);
    let stop = CancellationToken::new();
    let (ours, admin) = start(config, Arc::default(), stop.clone()).await;
    let dump = serde_json::from_str(&admin.get("/config_dump?include_eds").body).unwrap();
    let envoy = Envoy::start(bootstrap(&dump, "/dev/null".as_ref())).await?;
    let theirs = envoy.listener("svc").await;
    Some((upstreams, envoy, [ours, theirs], stop.drop_guard()))
}

/// The host that a proxy asks for each key.
async fn hosts(proxy: SocketAddr, way: &str) -> Vec<String> {
    let mut client = Client::connect(proxy).await;
    let mut hosts = Vec::new();
    for key in 0..KEYS {
        let user = format!("user-{key}");
        // The order of two values does not count; another cookie does not either.
        let values = [user.as_str(), "guest"];
        let (first, second) = (values[key % 2], values[(key + 1) % 2]);
        let cookie = format!("session=1; user=\"{user}\"");
        let headers = [
            ("x-user", first),
            ("x-user", second),
            ("cookie", cookie.as_str()),
        ];
        let path = format!("/{way}?page=2&user=u{key}&user=again");
        let answer = client.get_with(&path, &headers).await;
        assert_eq!(answer.status, 200, "{way}: {}", answer.body);
        hosts.push(answer.body);
    }
    hosts
}

#[tokio::test]
async fn both_choose_the_same_host_for_every_key_and_make_the_same_cookie() {
    let Some((_upstreams, _envoy, [ours, theirs], _stop)) = stage().await else {
        return;
    };
    for (proxy, local) in [(ours, cluster_ip(8080)), (theirs, theirs)] {
        let (client, made) = cookie(proxy).await;
        assert_eq!(made, expected_cookie(client, local));
    }
    let mut ways: Vec<&str> = WAYS.map(|(way, _)| way).into();
    ways.extend(["heavy", "places", "left", "gone", "both"]);
    for way in ways {
        let (ours, theirs) = (hosts(ours, way).await, hosts(theirs, way).await);
        assert_eq!(ours, theirs, "{way}");
        let known: BTreeSet<&String> = ours.iter().collect();
        let expected = match way {
            "source" => 1,
            "left" | "gone" => 3,
            _ => 4,
        };
        assert_eq!(known.len(), expected, "{way} spreads over {known:?}");
    }
}

/// The cookie that a proxy makes for a client, and both ends of their connection.
async fn cookie(proxy: SocketAddr) -> (SocketAddr, String) {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    let request = "GET /made HTTP/1.1\r\nhost: svc:8080\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let client = stream.local_addr().unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    let lines = answer.lines();
    let mut cookies = lines.filter_map(|line| line.strip_prefix("set-cookie: "));
    (client, cookies.next().unwrap_or_default().to_owned())
}

/// Envoy: made of both ends of the connection.
fn expected_cookie(client: SocketAddr, local: SocketAddr) -> String {
    let policy = [HashPolicy::Cookie(Cookie {
        name: "made".into(),
        ttl: Some(Duration::from_secs(60)),
        path: "/p".into(),
        attributes: ["SameSite=Lax", "Secure"].map(str::to_owned).into(),
    })];
    let request = Hashable {
        headers: &HeaderMap::new(),
        query: "",
        client,
        local: Some(local),
    };
    let made = hash(&policy, request).cookie.unwrap();
    made.to_str().unwrap().to_owned()
}
