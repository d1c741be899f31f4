//! What the gateway tells about clusters, against APIs that answer, refuse, and go away.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

mod support;

use serde_json::{Value, json};
use support::Gateway;
use support::kubernetes::{
    DEPLOYMENTS, DESTINATION_RULES, FakeApi, NODES, PODS, VIRTUAL_SERVICES, kubeconfig, node, pod,
    user_rules,
};

fn state(cluster: &'static str, expected: &'static str) -> impl Fn(&Value) -> bool {
    move |topology| topology["clusters"][cluster]["state"] == expected
}

fn source(expected: &'static str) -> impl Fn(&Value) -> bool {
    move |weights| weights["source"]["user"] == expected
}

async fn gateway_over(apis: &[(&str, &FakeApi)]) -> (tempfile::TempDir, Gateway) {
    let dir = tempfile::tempdir().unwrap();
    let path = kubeconfig(dir.path(), apis);
    let gateway = Gateway::start(&[("KUBECONFIG", &path)]).await;
    (dir, gateway)
}

#[tokio::test]
async fn both_clusters_and_the_rules_of_the_own_one_are_live() {
    let (one, two) = (FakeApi::start(), FakeApi::start());
    one.apply(PODS, pod("user-service-ctx1-a", "user-service"));
    one.apply(NODES, node("n1"));
    one.apply(VIRTUAL_SERVICES, user_rules(60, 40));
    two.apply(PODS, pod("user-service-ctx2-b", "user-service"));
    two.apply(VIRTUAL_SERVICES, user_rules(1, 99));
    let (_dir, gateway) = gateway_over(&[("ctx1", &one), ("ctx2", &two)]).await;
    let topology = gateway
        .until("/topology", |it| {
            state("ctx1", "live")(it) && state("ctx2", "live")(it)
        })
        .await;
    assert_eq!(topology["own"], "ctx1");
    let name = |cluster: &str| topology["clusters"][cluster]["pods"][0]["name"].clone();
    assert_eq!(
        (name("ctx1"), name("ctx2")),
        ("user-service-ctx1-a".into(), "user-service-ctx2-b".into())
    );
    gateway
        .until("/topology", |it| {
            it["clusters"]["ctx1"]["nodes"][0]["zone"] == "ctx1-z1"
        })
        .await;
    let weights = gateway
        .until("/traffic-weights", source("virtualservice"))
        .await;
    assert_eq!(
        (
            &weights["UserServiceCtx1Weight"],
            &weights["UserServiceCtx2Weight"]
        ),
        (&json!(60), &json!(40))
    );
    assert_eq!(
        (
            &weights["MovieServiceCtx1Weight"],
            &weights["source"]["movie"]
        ),
        (&Value::Null, &json!("none"))
    );
}

#[tokio::test]
async fn a_change_in_the_cluster_reaches_the_viewers() {
    let one = FakeApi::start();
    one.apply(VIRTUAL_SERVICES, user_rules(70, 30));
    let (_dir, gateway) = gateway_over(&[("ctx1", &one)]).await;
    gateway
        .until("/traffic-weights", source("virtualservice"))
        .await;
    let mut events = gateway.events(None).await;
    assert_eq!(events.named("hello").await["mesh"]["user"]["ctx1"], 70);
    one.apply(VIRTUAL_SERVICES, user_rules(0, 100));
    let told = events.named("mesh").await;
    assert_eq!(
        (&told["mesh"]["user"]["ctx1"], &told["mesh"]["user"]["ctx2"]),
        (&json!(0), &json!(100))
    );
    one.apply(PODS, pod("new", "movie-service"));
    while events.named("pods").await["clusters"]["ctx1"]["pods"][0]["name"] != "new" {}
}

#[tokio::test]
async fn what_is_forbidden_does_not_disturb_the_rest() {
    let one = FakeApi::start();
    one.apply(PODS, pod("a", "user-service"));
    one.refuse(NODES, Some(403));
    one.refuse(VIRTUAL_SERVICES, Some(403));
    let (_dir, gateway) = gateway_over(&[("ctx1", &one)]).await;
    let forbidden = |topology: &Value| {
        topology["clusters"]["ctx1"]["watches"]["nodes"]["reason"] == "forbidden"
    };
    let topology = gateway
        .until("/topology", |it| forbidden(it) && state("ctx1", "live")(it))
        .await;
    let ctx1 = &topology["clusters"]["ctx1"];
    assert_eq!(
        (&ctx1["reason"], &ctx1["nodes"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(ctx1["pods"][0]["name"], "a");
    let weights = gateway
        .until("/traffic-weights", |it| {
            it["reasons"]["user"] == "forbidden"
        })
        .await;
    assert_eq!(
        (
            &weights["source"]["user"],
            &weights["UserServiceCtx1Weight"]
        ),
        (&json!("default"), &json!(70))
    );
    let ctx2 = &topology["clusters"]["ctx2"];
    assert_eq!(
        (&ctx2["state"], &ctx2["reason"]),
        (&json!("unknown"), &json!("no kubeconfig"))
    );

    one.refuse(VIRTUAL_SERVICES, None);
    one.refuse(NODES, None);
    one.apply(VIRTUAL_SERVICES, user_rules(60, 40));
    gateway
        .until("/traffic-weights", source("virtualservice"))
        .await;
}

#[tokio::test]
async fn a_cluster_without_istio_has_no_rules() {
    let one = FakeApi::start();
    one.refuse(VIRTUAL_SERVICES, Some(404));
    one.refuse(DESTINATION_RULES, Some(404));
    let (_dir, gateway) = gateway_over(&[("ctx1", &one)]).await;
    let weights = gateway.until("/traffic-weights", source("none")).await;
    assert_eq!(weights["UserServiceCtx1Weight"], Value::Null);
}

#[tokio::test]
async fn a_lost_api_makes_stale_what_it_told_and_live_again_when_it_is_back() {
    let mut one = FakeApi::start();
    one.apply(PODS, pod("a", "user-service"));
    one.apply(VIRTUAL_SERVICES, user_rules(60, 40));
    let (_dir, gateway) = gateway_over(&[("ctx1", &one)]).await;
    gateway.until("/topology", state("ctx1", "live")).await;
    gateway
        .until("/traffic-weights", source("virtualservice"))
        .await;

    one.stop();
    let topology = gateway.until("/topology", state("ctx1", "stale")).await;
    let ctx1 = &topology["clusters"]["ctx1"];
    assert_eq!(
        (&ctx1["reason"], &ctx1["pods"][0]["name"]),
        (&json!("unreachable"), &json!("a"))
    );
    assert!(
        ctx1["lastSeen"]
            .as_i64()
            .is_some_and(|at| at > 1_700_000_000_000),
        "{ctx1}"
    );
    let old = |weights: &Value| weights["reasons"]["user"] == "may be old: unreachable";
    let weights = gateway.until("/traffic-weights", old).await;
    assert_eq!(weights["UserServiceCtx1Weight"], 60);

    one.apply(PODS, pod("b", "user-service"));
    one.resume();
    let topology = gateway.until("/topology", state("ctx1", "live")).await;
    assert_eq!(topology["clusters"]["ctx1"]["pods"][1]["name"], "b");
    assert_eq!(topology["clusters"]["ctx1"]["lastSeen"], Value::Null);
    gateway
        .until("/traffic-weights", |it| {
            it["reasons"]["user"] == Value::Null
        })
        .await;
}

#[tokio::test]
async fn a_page_view_asks_no_api() {
    let one = FakeApi::start();
    one.apply(PODS, pod("a", "user-service"));
    one.apply(
        DEPLOYMENTS,
        json!({"metadata": {"name": "d"}, "spec": {"selector": {}, "template": {}}}),
    );
    let (_dir, gateway) = gateway_over(&[("ctx1", &one)]).await;
    let all_live = |topology: &Value| {
        let ctx1 = &topology["clusters"]["ctx1"];
        [
            ctx1,
            &ctx1["watches"]["nodes"],
            &ctx1["watches"]["deployments"],
        ]
        .iter()
        .all(|it| it["state"] == "live")
    };
    gateway.until("/topology", all_live).await;
    gateway.until("/traffic-weights", source("none")).await;
    // Five lists and five watches; the last watch may still be on its way.
    while one.requests() < 10 {
        tokio::task::yield_now().await;
    }
    for path in [
        "/",
        "/topology",
        "/deployment-status",
        "/traffic-weights",
        "/traffic-history",
    ] {
        for _ in 0..10 {
            support::body(gateway.get(path).await).await;
        }
    }
    assert_eq!(one.requests(), 10);
}
