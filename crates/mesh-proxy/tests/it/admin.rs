//! The admin interface: its paths, and what of the statistics is shown.

use hyper::Method;
use mesh_proxy::{Admin, Node, Part, Proxy, StatsMatcher};
use serde_json::{Value, json};

use crate::support::*;

/// All statistics are kept.
pub(crate) fn everything() -> StatsMatcher {
    StatsMatcher {
        prefixes: vec![String::new()],
        ..StatsMatcher::default()
    }
}

pub(crate) fn admin_of(proxy: &Proxy, matcher: StatsMatcher) -> Admin {
    let proxy = proxy.clone();
    let parts = move || vec![Part::Proxy(proxy.clone())];
    let node = Node {
        id: "sidecar~10.1.0.9~client.t~t.svc.cluster.local".into(),
        cluster: "client.t".into(),
    };
    Admin::new(node, matcher, parts)
}

#[tokio::test]
async fn statistics_of_services_are_shown_as_far_as_they_are_included() {
    let a = Upstream::named("a").await;
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[a.address]).await;
    mesh.get("/").await;
    let lines = |matcher: StatsMatcher| {
        let text = admin_of(&mesh.proxy, matcher).get("/stats?usedonly").body;
        let lines = text.lines().filter(|line| line.starts_with("cluster."));
        lines
            .filter(|line| line.contains("outbound"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(StatsMatcher::default()), Vec::<String>::new());
    let answers = StatsMatcher {
        regexps: vec![".*upstream_rq_2.*".into()],
        ..StatsMatcher::default()
    };
    assert_eq!(
        lines(answers),
        [
            "cluster.outbound|8080|ctx1|svc.t.svc.cluster.local;.upstream_rq_200: 1",
            "cluster.outbound|8080|ctx1|svc.t.svc.cluster.local;.upstream_rq_2xx: 1",
        ]
    );
    let hosts = admin_of(&mesh.proxy, StatsMatcher::default())
        .get("/clusters")
        .body;
    assert!(
        hosts.contains("::10.1.0.1:8080::rq_success::1\n"),
        "{hosts}"
    );
}

#[tokio::test]
async fn every_path_answers_and_others_are_told_which_there_are() {
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[]).await;
    let admin = admin_of(&mesh.proxy, everything());
    let rows = [
        ("/ready", 200, "LIVE\n"),
        ("/listeners", 200, "10.96.0.7_8080::10.96.0.7:8080\n"),
        (
            "/help",
            200,
            "admin commands are:\n  /clusters: upstream cluster status\n",
        ),
        ("/server_info", 200, "{\n \"node\""),
        ("/nope", 404, "invalid path. admin commands are:\n"),
        ("/stats?filter=%28", 400, "Invalid re2 regex: ("),
        ("/stats?type=nope", 400, "invalid &type= param"),
        ("/stats?format=nope", 400, "usage: /stats?format="),
        (
            "/config_dump?resource=nope",
            404,
            "nope not found in config dump",
        ),
        ("/config_dump?mask=a", 400, "mask is not supported"),
        ("/stats?filter=^server.live", 200, "server.live: 1\n"),
    ];
    let dump: Value =
        serde_json::from_str(&admin.get("/config_dump?name_regex=^10.96").body).unwrap();
    let named = |section: usize, list: &str| dump["configs"][section][list][0]["name"].clone();
    assert_eq!(named(1, "dynamic_listeners"), "10.96.0.7_8080");
    assert_eq!(
        (
            named(0, "dynamic_active_clusters"),
            named(2, "dynamic_route_configs")
        ),
        (Value::Null, Value::Null)
    );
    for (target, status, begin) in rows {
        let page = admin.get(target);
        assert_eq!(page.status, status, "{target}");
        assert!(page.body.starts_with(begin), "{target}: {}", page.body);
    }
}

#[tokio::test]
async fn the_interface_is_served_on_a_socket() {
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[]).await;
    let (listener, address) = listener().await;
    let (admin, stop) = (admin_of(&mesh.proxy, everything()), mesh.stop.clone());
    tokio::spawn(async move { admin.serve(listener, stop).await });
    let mut client = Client::connect(address).await;
    let get = |path: &str| request(Method::GET, path, &[("host", "localhost:15000")], "");
    let answer = client
        .send(get("/stats?format=json&filter=server.live"))
        .await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("server"), Some("envoy"));
    let stats: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        stats,
        json!({"stats": [{"name": "server.live", "value": 1}]})
    );
    assert_eq!(client.send(get("/nope")).await.status, 404);
}

#[tokio::test]
async fn a_name_of_somebody_else_is_refused_on_the_socket() {
    let mesh = Mesh::new(json!([{"route": to("ctx1")}]), &[]).await;
    let (listener, address) = listener().await;
    let (admin, stop) = (admin_of(&mesh.proxy, everything()), mesh.stop.clone());
    tokio::spawn(async move { admin.serve(listener, stop).await });
    let mut client = Client::connect(address).await;
    for (method, host, path, status) in [
        (Method::GET, "localhost:15000", "/ready", 200),
        (Method::POST, "client", "/ready", 200),
        (Method::GET, "evil.example:15000", "/config_dump", 403),
        (Method::GET, "localhost", "/logging?level=debug", 405),
    ] {
        let request = request(method, path, &[("host", host)], "");
        assert_eq!(client.send(request).await.status, status, "{host}{path}");
    }
}
