//! Lesson 06 by real kubectl: pods are sick on order, and only those that are meant.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use support::kubectl::{self, Shell};
use support::{Lab, Start};
use testkit::band;
use testkit::wait;

const LIMIT: Duration = Duration::from_secs(30);
const SERVICE: &str = "user-service";

/// What one answer says of itself.
#[derive(Debug)]
struct Seen {
    status: u16,
    cluster: String,
    pod: String,
    chaos: Option<String>,
}

/// A lab and a shell at it.
struct Ward {
    lab: Lab,
    shell: Shell,
}

impl Ward {
    /// None after a loud skip.
    async fn open() -> Option<Self> {
        let program = kubectl::current()?;
        let lab = Start::embedded().up().await;
        let shell = Shell::new(&program, &lab.kubeconfig());
        Some(Self { lab, shell })
    }

    /// What a kubectl that succeeds prints.
    async fn does(&self, line: &str) -> String {
        let printed = self.shell.run(&format!("kubectl {line}")).await;
        assert_eq!(printed.exit, 0, "kubectl {line}: {}", printed.all());
        printed.stdout
    }

    /// Runs `user-service order …` in a pod or Deployment of a cluster.
    async fn order(&self, cluster: &str, whose: &str, line: &str) -> String {
        self.does(&exec(cluster, whose, line)).await
    }

    /// A pod of the service that is there to stay.
    async fn pod(&self, cluster: &str) -> String {
        let line = format!("get pods --context {cluster} -n theater-msa -l app={SERVICE} -o json");
        let pods: Value = serde_json::from_str(&self.does(&line).await).unwrap();
        let pods = pods["items"].as_array().unwrap();
        let stays = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null();
        let pod = pods.iter().find(stays).unwrap();
        pod["metadata"]["name"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, canary: bool) -> Seen {
        let mut request = self.lab.client.get(format!("{}/users/", self.lab.url));
        if canary {
            request = request.header("x-canary", "true");
        }
        let answer = request.send().await.unwrap();
        let text = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Seen {
            status: answer.status().as_u16(),
            cluster: text("x-service-cluster").unwrap_or_default(),
            pod: text("x-pod-name").unwrap_or_default(),
            chaos: text("x-chaos"),
        }
    }

    /// Asks one after the other.
    async fn serially(&self, count: usize, canary: bool) -> Vec<Seen> {
        let asking = (0..count).map(|_| self.ask(canary));
        futures_util::stream::iter(asking)
            .buffered(1)
            .collect()
            .await
    }

    async fn until_sick(&self, canary: bool) {
        wait::until("an answer by order", LIMIT, async || {
            self.ask(canary).await.chaos.is_some()
        })
        .await;
    }

    /// Every pod was asked and none was sick.
    async fn until_well(&self) {
        wait::until("healthy answers of every pod", LIMIT, async || {
            let seen = self.serially(30, false).await;
            seen.iter().all(|it| it.status == 200 && it.chaos.is_none())
        })
        .await;
    }

    /// The last answers about users, as a viewer gets them who comes now.
    async fn told(&self) -> Vec<Value> {
        let answer = self.lab.get("/events").await;
        let mut pages = answer.bytes_stream();
        let mut text = String::new();
        let hello: Value = loop {
            let page = tokio::time::timeout(LIMIT, pages.next()).await.unwrap();
            text += &String::from_utf8_lossy(&page.unwrap().unwrap());
            let event = text.split_once("event: hello\ndata: ");
            if let Some((data, _)) = event.and_then(|(_, rest)| rest.split_once("\n\n")) {
                break serde_json::from_str(data).unwrap();
            }
        };
        let history = &hello["services"]["user"]["history"];
        history.as_array().expect("hello has a history").clone()
    }
}

fn exec(cluster: &str, whose: &str, line: &str) -> String {
    format!(
        "exec {whose} --context {cluster} -n theater-msa -c {SERVICE} -- {SERVICE} order {line}"
    )
}

#[tokio::test]
async fn pods_are_sick_as_ordered_and_no_others() {
    let Some(ward) = Ward::open().await else {
        return;
    };
    one_of_ctx1s_pods_is_sick_until_the_order_goes(&ward).await;
    a_serial_client_of_ctx2_sees_all_fail_or_none(&ward).await;
    bad_orders_are_refused(&ward).await;
    memory_is_really_held(&ward).await;
}

async fn one_of_ctx1s_pods_is_sick_until_the_order_goes(ward: &Ward) {
    let sick = ward.pod("ctx1").await;
    let said = ward.order("ctx1", &sick, "set --status 500 --ttl 5m").await;
    assert_eq!(said, format!("{sick}: status=500 for 300 s\n"));
    ward.until_sick(false).await;
    only_the_pod_fails(ward, &sick).await;
    the_gateway_tells_an_error_of_the_application(ward, &sick).await;
    kubernetes_sees_a_healthy_pod(ward, &sick).await;
    // From the other cluster: all orders are in one Redis.
    let listed = ward
        .order("ctx2", &format!("deploy/{SERVICE}-ctx2"), "list -o json")
        .await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["for"], *sick);
    assert_eq!(listed[0]["order"]["status"], 500);
    assert!((200..=300).contains(&listed[0]["seconds_left"].as_u64().unwrap()));
    ward.order("ctx1", &sick, "clear").await;
    ward.until_well().await;
    ward.order("ctx1", &sick, "set --status 503 --ttl 2s").await;
    ward.until_sick(false).await;
    ward.until_well().await;
}

async fn only_the_pod_fails(ward: &Ward, sick: &str) {
    let (mut counts, label) = (BTreeMap::new(), format!("chaos:{sick}; status=500"));
    for seen in ward.serially(200, false).await {
        if seen.pod == sick {
            assert_eq!(
                (seen.status, seen.chaos.as_ref()),
                (500, Some(&label)),
                "{seen:?}"
            );
        } else {
            assert_eq!((seen.status, seen.chaos.as_ref()), (200, None), "{seen:?}");
        }
        *counts.entry(seen.cluster.clone()).or_insert(0) += 1;
        *counts.entry(seen.status.to_string()).or_insert(0) += 1;
    }
    // Half of ctx1's 70 %: nothing ejects it under the rules of lesson 01.
    let failed: u32 = counts["500"];
    let band = band::band(200, 0.35);
    assert!(
        band.contains(&failed),
        "{counts:?}: 500 is outside {band:?}"
    );
}

async fn the_gateway_tells_an_error_of_the_application(ward: &Ward, sick: &str) {
    let told = ward.told().await;
    let (failed, fine): (Vec<_>, Vec<_>) = told.iter().partition(|it| it["status"] == 500);
    assert!(!failed.is_empty() && !fine.is_empty(), "{told:?}");
    for answer in failed {
        assert_eq!(answer["pod"], *sick, "{answer}");
        assert_eq!(answer["cause"], "app", "{answer}");
        assert!(answer["by"].is_null(), "no sidecar made it: {answer}");
    }
    for answer in fine {
        assert_ne!(answer["pod"], *sick, "{answer}");
        assert_eq!(answer["cause"], "ok", "{answer}");
    }
}

async fn kubernetes_sees_a_healthy_pod(ward: &Ward, sick: &str) {
    let status = "{.status.conditions[?(@.type==\"Ready\")].status} {.status.containerStatuses[*].restartCount}";
    let line = format!("get pod {sick} --context ctx1 -n theater-msa -o jsonpath='{status}'");
    assert_eq!(ward.does(&line).await, "True 0 0");
}

async fn a_serial_client_of_ctx2_sees_all_fail_or_none(ward: &Ward) {
    let sick = ward.pod("ctx2").await;
    ward.order("ctx2", &sick, "set --status 500 --ttl 5m").await;
    let listed = ward.order("ctx2", &sick, "list").await;
    assert!(listed.contains(&sick), "{listed}");
    let mut failed = BTreeMap::new();
    for _ in 0..6 {
        let run = ward.serially(20, true).await;
        let count = run.iter().filter(|it| it.status == 500).count();
        assert!(run.iter().all(|it| it.cluster == "ctx2"), "{run:?}");
        *failed.entry(count).or_insert(0) += 1;
    }
    // A change of pod falls between two requests of a run only while the order is new.
    let whole: i32 = [0, 20].iter().filter_map(|count| failed.get(count)).sum();
    assert!(whole >= 5, "failures of 20, and how often: {failed:?}");
    ward.order("ctx2", &sick, "clear --all").await;
    ward.until_well().await;
}

async fn bad_orders_are_refused(ward: &Ward) {
    let deployment = format!("deploy/{SERVICE}-ctx1");
    for (line, advice) in [
        ("set --status 500", "--ttl <1s..15m>"),
        ("set --status 500 --ttl 1h", "such as 90s or 5m"),
        ("set --status 500 --ttl 20m", "within 15 minutes"),
        ("set --stat 500 --ttl 5m", "--status"),
        ("forget", "unrecognized subcommand 'forget'"),
    ] {
        let printed = ward
            .shell
            .run(&format!("kubectl {}", exec("ctx1", &deployment, line)))
            .await;
        assert_eq!(printed.exit, 64, "{line}: {}", printed.all());
        assert!(
            printed.stderr.contains(advice),
            "{line}: {}",
            printed.stderr
        );
    }
    let listed = ward.order("ctx1", &deployment, "list").await;
    assert_eq!(listed, "no orders\n");
}

async fn memory_is_really_held(ward: &Ward) {
    if !cfg!(target_os = "linux") {
        return; // Elsewhere the lab does not enforce limits.
    }
    let pod = ward.pod("ctx1").await;
    ward.order("ctx1", &pod, "set --memory-mib 600 --ttl 1m")
        .await;
    let reason = "{.status.containerStatuses[*].lastState.terminated.reason}";
    wait::until("OOMKilled", LIMIT, async || {
        let line = format!("get pod {pod} --context ctx1 -n theater-msa -o jsonpath='{reason}'");
        ward.does(&line).await.contains("OOMKilled")
    })
    .await;
    ward.order("ctx2", &format!("deploy/{SERVICE}-ctx2"), "clear --all")
        .await;
}
