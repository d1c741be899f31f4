//! Clients that stay with one pod.

use mesh_proxy::Role;
use serde_json::{Value, json};

use crate::support::*;

/// `svc` by the hash of something.
pub(crate) fn hashed(hash: Value) -> Value {
    let mut rule = subsets("RANDOM");
    rule["spec"]["trafficPolicy"]["loadBalancer"] = json!({"consistentHash": hash});
    rule
}

async fn two(hash: Value) -> (Mesh, [Upstream; 2]) {
    let upstreams = [Upstream::named("a").await, Upstream::named("b").await];
    let addresses = upstreams.each_ref().map(|it| it.address);
    let mesh = Mesh::start(Role::Outbound, None, Some(hashed(hash)), &addresses).await;
    (mesh, upstreams)
}

#[tokio::test]
async fn each_user_has_one_pod_and_nobody_in_particular_any() {
    // Row 9.
    let (mesh, _upstreams) = two(json!({"httpHeaderName": "x-user"})).await;
    let mut client = mesh.client().await;
    let mut homes = std::collections::BTreeSet::new();
    for user in 0..20 {
        let user = format!("user-{user}");
        let mut pods = std::collections::BTreeSet::new();
        for _ in 0..10 {
            pods.insert(client.get_with("/", &[("x-user", &user)]).await.body);
        }
        assert_eq!(pods.len(), 1, "{user}");
        homes.extend(pods);
    }
    assert_eq!(homes.len(), 2, "users share the pods");
    let mut to_a = 0;
    for _ in 0..200 {
        to_a += usize::from(client.get("/").await.body == "a");
    }
    assert!(band(200, 0.5).contains(&to_a), "{to_a}");
}

#[tokio::test]
async fn a_client_without_the_cookie_gets_one_and_stays() {
    // Row 10.
    let cookie = json!({"httpCookie": {"name": "user", "ttl": "60s", "path": "/p"}});
    let (mesh, _upstreams) = two(cookie).await;
    let first = mesh.get("/").await;
    let made = first.header("set-cookie").unwrap();
    let (pair, rest) = made.split_once(';').unwrap();
    assert_eq!(rest, " Max-Age=60; Path=/p; HttpOnly");
    assert!(
        pair.starts_with("user=\"") && pair.len() == "user=\"\"".len() + 16,
        "{pair}"
    );
    for _ in 0..10 {
        let mut client = mesh.client().await;
        let answer = client.get_with("/", &[("cookie", pair)]).await;
        assert_eq!(
            (&answer.body, answer.header("set-cookie")),
            (&first.body, None)
        );
    }
}

#[tokio::test]
async fn under_a_rule_of_one_destination_every_try_goes_to_the_same_dead_pod() {
    let rule = hashed(json!({"httpHeaderName": "x-user"}));
    let http = rules(json!([{"route": [{"destination": {"host": "svc"}}]}]));
    let b = Upstream::named("b").await;
    let dead = refusing().await;
    let mesh = Mesh::start(
        Role::Outbound,
        Some(http),
        Some(rule.clone()),
        &[dead, b.address],
    )
    .await;
    let mut client = mesh.client().await;
    let mut failed = None;
    for user in 0..40 {
        let user = format!("user-{user}");
        let before = mesh.dials();
        if client.get_with("/", &[("x-user", &user)]).await.status == 503 {
            assert_eq!(mesh.dials() - before, 3);
            failed = Some(user);
        }
    }
    let user = failed.expect("some user belongs to the dead pod");
    // Without a rule the tries look elsewhere.
    mesh.apply(&[], &[rule]);
    assert_eq!(client.get_with("/", &[("x-user", &user)]).await.body, "b");
}
