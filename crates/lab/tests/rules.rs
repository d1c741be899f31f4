//! Istio's objects at a real lab: what is accepted and in which words it is refused, and what their
//! coming and going does to requests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use apiserver::resource::ALL;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use support::{Lab, Start};
use testkit::wait;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(20);
const RULES: &str = "/apis/networking.istio.io/v1/namespaces/theater-msa";
const CANARY: Option<(&str, &str)> = Some(("x-canary", "true"));

/// What a real API server 1.35 with Istio 1.30 answered to an object.
#[derive(Deserialize)]
struct Row {
    name: String,
    object: Value,
    /// Empty where it was accepted.
    message: String,
    #[serde(default)]
    warnings: Vec<String>,
}

/// What kubectl said without asking a server.
#[derive(Deserialize)]
struct ClientRow {
    name: String,
    yaml: String,
    message: String,
}

/// Rows refused by the schema, and rows that reached the webhook.
fn rows() -> Vec<Row> {
    let files = [
        include_str!("../../apimachinery/tests/data/istio-schema.json"),
        include_str!("../../mesh/tests/data/admission.json"),
    ];
    let read = |text| serde_json::from_str::<Vec<Row>>(text).unwrap();
    files.into_iter().flat_map(read).collect()
}

/// Real servers ask the members of an object in no order: a set of causes, told as one text.
fn sorted(message: &str) -> String {
    let Some((head, causes)) = message.split_once(" is invalid: [") else {
        return message.to_owned();
    };
    let mut causes: Vec<_> = causes.trim_end_matches(']').split(", spec.").collect();
    causes
        .iter_mut()
        .for_each(|it| *it = it.trim_start_matches("spec."));
    causes.sort_unstable();
    format!("{head} is invalid: {causes:?}")
}

async fn create(lab: &Lab, namespace: &str, object: &Value) -> reqwest::Response {
    let version = object["apiVersion"].as_str().unwrap();
    let mut known = ALL.iter().filter(|row| row.custom);
    let resource = known.find(|row| object["kind"] == row.kind).unwrap();
    let url = format!(
        "{}/apis/{version}/namespaces/{namespace}/{}?dryRun=All&fieldValidation=Strict",
        lab.api("ctx1"),
        resource.plural
    );
    let request = lab
        .client
        .post(url)
        .header("content-type", "application/json");
    request.body(object.to_string()).send().await.unwrap()
}

/// Warnings as the server meant them, without those that only the lab has.
fn warnings(answer: &reqwest::Response) -> Vec<String> {
    let all = answer.headers().get_all("warning").iter();
    let texts = all.map(|it| it.to_str().unwrap().trim_start_matches("299 - "));
    let texts = texts.map(|quoted| serde_json::from_str::<String>(quoted).unwrap());
    texts.filter(|text| !text.contains("by the lab")).collect()
}

#[tokio::test]
async fn every_object_gets_the_verdict_and_the_words_of_a_real_cluster() {
    let lab = Start::embedded().up().await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b-adm"}});
    let request = lab
        .client
        .post(format!("{}/api/v1/namespaces", lab.api("ctx1")));
    let request = request.header("content-type", "application/json");
    let made = request.body(namespace.to_string()).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);

    let rows = rows();
    assert_eq!(rows.len(), 291);
    let mut wrong = Vec::new();
    for row in rows {
        let answer = create(&lab, "b-adm", &row.object).await;
        let (accepted, told) = (answer.status().is_success(), warnings(&answer));
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let message = body["message"].as_str().unwrap_or_default();
        let same = sorted(message) == sorted(&row.message);
        if !same || accepted != row.message.is_empty() || told != row.warnings {
            wrong.push(format!(
                "{}:\n  ours   {message} {told:?}\n  theirs {} {:?}",
                row.name, row.message, row.warnings
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn kubectl_itself_refuses_what_no_server_sees() {
    let Some(kubectl) = testkit::tools::find("kubectl") else {
        return;
    };
    let lab = Start::embedded().up().await;
    let rows = include_str!("data/istio-client.json");
    for row in serde_json::from_str::<Vec<ClientRow>>(rows).unwrap() {
        let mut child = Command::new(&kubectl)
            .args(["--context", "ctx1", "create", "-f", "-"])
            .env("KUBECONFIG", lab.kubeconfig())
            .env("HOME", &lab.state_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(row.yaml.as_bytes()).await.unwrap();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.trim_end(), row.message, "{}", row.name);
        assert_eq!(output.status.code(), Some(1), "{}", row.name);
    }
}

async fn delete(lab: &Lab, cluster: &str, path: &str) {
    let url = format!("{}{RULES}/{path}", lab.api(cluster));
    let answer = lab.client.delete(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{cluster} {path}");
}

#[tokio::test]
async fn without_its_virtual_service_a_service_is_all_its_pods() {
    let lab = Start::embedded().up().await;
    delete(&lab, "ctx1", "virtualservices/user-service-vs").await;
    wait::until("ctx1 to answer canaries", LIMIT, async || {
        lab.cluster_of("/users/", CANARY).await.1.as_deref() == Some("ctx1")
    })
    .await;
    wait::until("ctx2 to answer canaries too", LIMIT, async || {
        lab.cluster_of("/users/", CANARY).await.1.as_deref() == Some("ctx2")
    })
    .await;
    assert_eq!(
        lab.cluster_of("/movies/", CANARY).await.1.as_deref(),
        Some("ctx2")
    );
}

#[tokio::test]
async fn without_its_destination_rule_a_subset_leads_nowhere() {
    let lab = Start::embedded().up().await;
    delete(&lab, "ctx1", "destinationrules/user-service-dr").await;
    // Envoy: a route to a cluster that is not there is 503 with no body.
    wait::until("users to be unreachable", LIMIT, async || {
        let answer = lab.get("/users/").await;
        answer.status() == 503 && answer.text().await.unwrap().is_empty()
    })
    .await;
    assert_eq!(lab.cluster_of("/movies/", CANARY).await.0, 200);
}

/// Whether the second in which an object was made is over: ages are compared by seconds.
async fn is_of_an_earlier_second(lab: &Lab, path: &str) -> bool {
    let url = format!("{}{RULES}/{path}", lab.api("ctx1"));
    let stored = lab.client.get(url).send().await.unwrap();
    let stored: Value = serde_json::from_slice(&stored.bytes().await.unwrap()).unwrap();
    let made = stored["metadata"]["creationTimestamp"].as_str().unwrap();
    made.parse::<jiff::Timestamp>().unwrap().as_second() < jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn of_two_destination_rules_for_a_host_the_older_keeps_its_subsets_whatever_its_name() {
    let lab = Start::embedded().up().await;
    let older = "destinationrules/user-service-dr";
    wait::until("the next second", LIMIT, async || {
        is_of_an_earlier_second(&lab, older).await
    })
    .await;
    let newer = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "a-user-service", "namespace": "theater-msa"},
        "spec": {"host": "user-service", "subsets": [
            {"name": "ctx2", "labels": {"cluster": "ctx1"}},
            {"name": "extra", "labels": {"cluster": "ctx1"}},
        ]},
    });
    let url = format!("{}{RULES}/destinationrules", lab.api("ctx1"));
    let request = lab
        .client
        .post(url)
        .header("content-type", "application/json");
    let made = request.body(newer.to_string()).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    // The newer one adds the subset that only it has.
    let rule = json!({"spec": {"http": [
        {"match": [{"headers": {"x-extra": {"exact": "1"}}}], "route": [{"destination": {"host": "user-service", "subset": "extra"}}]},
        {"route": [{"destination": {"host": "user-service", "subset": "ctx2"}}]},
    ]}});
    let path = format!("{RULES}/virtualservices/user-service-vs");
    assert_eq!(lab.merge_patch("ctx1", &path, &rule).await.status(), 200);
    wait::until(
        "the older one to say what ctx2 is, the newer one what extra is",
        LIMIT,
        async || {
            all_from(&lab, None, "ctx2").await
                && all_from(&lab, Some(("x-extra", "1")), "ctx1").await
        },
    )
    .await;
}

#[tokio::test]
async fn a_relabelled_subset_is_other_pods_at_once() {
    let lab = Start::embedded().up().await;
    let subset = |name: &str, cluster: &str| json!({"name": name, "labels": {"cluster": cluster}});
    let path = format!("{RULES}/destinationrules/user-service-dr");
    let mut longest = Duration::ZERO;
    for there in ["ctx1", "ctx2", "ctx1"] {
        let rule = json!({"spec": {"subsets": [subset("ctx1", "ctx1"), subset("ctx2", there)]}});
        assert_eq!(lab.merge_patch("ctx1", &path, &rule).await.status(), 200);
        let written = Instant::now();
        wait::until("canaries to be answered elsewhere", LIMIT, async || {
            lab.cluster_of("/users/", CANARY).await.1.as_deref() == Some(there)
        })
        .await;
        longest = longest.max(written.elapsed());
        assert!(all_from(&lab, CANARY, there).await);
    }
    eprintln!("from the API's 2xx to the first answer of other pods: at most {longest:?}");
    assert!(longest < Duration::from_secs(1));
}

/// Moves the gateway from ctx1 to ctx2: its requests then pass a sidecar of ctx2.
async fn move_gateway_to_ctx2(lab: &Lab) {
    let selected = json!({"app": "api-gateway"});
    let metadata = json!({"name": "api-gateway", "labels": selected});
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": {"selector": selected, "ports": [{"name": "http", "appProtocol": "http", "port": 8080}]},
    });
    let env = |(name, value): (&str, &str)| json!({"name": name, "value": value});
    let addresses = [
        ("USER_SERVICE_URL", "http://user-service:8081"),
        ("MOVIE_SERVICE_URL", "http://movie-service:8082"),
        ("BOOKING_SERVICE_URL", "http://booking-service:8083"),
        ("REDIS_URL", "redis:6379"),
    ];
    let container = json!({
        "name": "api-gateway", "image": "api-gateway", "ports": [{"name": "http", "containerPort": 8080}],
        "env": addresses.map(env), "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": selected},
            "template": {"metadata": {"labels": selected}, "spec": {"containers": [container]}},
        },
    });
    for (path, object) in [
        ("/api/v1/namespaces/theater-msa/services", service),
        (
            "/apis/apps/v1/namespaces/theater-msa/deployments",
            deployment,
        ),
    ] {
        let request = lab.client.post(format!("{}{path}", lab.api("ctx2")));
        let request = request.header("content-type", "application/json");
        let made = request.body(object.to_string()).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED, "{path}");
    }
    let deployments = "/apis/apps/v1/namespaces/theater-msa/deployments";
    let path = format!("{deployments}/api-gateway");
    wait::until("a gateway in ctx2", LIMIT, async || {
        let all = lab.list("ctx2", deployments).await;
        let ours = all
            .iter()
            .find(|it| it["metadata"]["name"] == "api-gateway");
        ours.is_some_and(|it| it["status"]["readyReplicas"] == 1)
    })
    .await;
    let none = json!({"spec": {"replicas": 0}});
    assert_eq!(lab.merge_patch("ctx1", &path, &none).await.status(), 200);
    wait::until("no gateway in ctx1", LIMIT, async || {
        let pods = "/api/v1/namespaces/theater-msa/pods?labelSelector=app%3Dapi-gateway";
        lab.list("ctx1", pods).await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_virtual_service_rules_the_proxies_of_its_own_cluster_only() {
    let lab = Start::embedded().up().await;
    let abort = |service: &str, status: u16| {
        json!({"spec": {"http": [{
            "fault": {"abort": {"httpStatus": status, "percentage": {"value": 100}}},
            "route": [{"destination": {"host": service}}],
        }]}})
    };
    for (cluster, service, status) in [
        ("ctx1", "movie-service", 418),
        ("ctx2", "user-service", 420),
    ] {
        let path = format!("{RULES}/virtualservices/{service}-vs");
        let rule = abort(service, status);
        assert_eq!(lab.merge_patch(cluster, &path, &rule).await.status(), 200);
    }
    let statuses = async || {
        let (users, movies) = (lab.get("/users/").await, lab.get("/movies/").await);
        (users.status().as_u16(), movies.status().as_u16())
    };
    wait::until("ctx1's rule alone", LIMIT, async || {
        statuses().await == (200, 418)
    })
    .await;
    move_gateway_to_ctx2(&lab).await;
    wait::until("ctx2's rule alone", LIMIT, async || {
        statuses().await == (420, 200)
    })
    .await;
}

/// Whether a score of requests is answered by one cluster.
async fn all_from(lab: &Lab, header: Option<(&str, &str)>, cluster: &str) -> bool {
    for _ in 0..20 {
        if lab.cluster_of("/users/", header).await.1.as_deref() != Some(cluster) {
            return false;
        }
    }
    true
}
