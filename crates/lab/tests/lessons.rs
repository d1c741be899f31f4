//! The lessons' VirtualServices, written through the API, change answers at once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "lessons/changes.rs"]
mod changes;
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};
use support::{Lab, Start};
use testkit::band::band;

const RULES: &str = "/apis/networking.istio.io/v1/namespaces/theater-msa";

/// The objects of a lesson as a trainee's kubectl would send them.
fn lesson(folder: &str) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../practice")
        .join(folder);
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let mut objects = lab::manifest::parse(&read("destinationrules.yaml")).unwrap();
    objects.extend(lab::manifest::parse(&read("virtualservices.yaml")).unwrap());
    objects
}

/// Writes a lesson to ctx1 and waits until it is obeyed; gives the warnings of the API.
async fn apply(lab: &Lab, folder: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for object in lesson(folder) {
        let plural = match object["kind"].as_str().unwrap() {
            "VirtualService" => "virtualservices",
            _ => "destinationrules",
        };
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let answer = replace(
            lab,
            &format!("{}{RULES}/{plural}/{name}", lab.api("ctx1")),
            object,
        )
        .await;
        assert_eq!(answer.status(), 200, "{folder} {name}");
        let said = answer.headers().get_all("warning").iter();
        warnings.extend(said.map(|it| it.to_str().unwrap().to_owned()));
    }
    witness(lab, folder).await;
    warnings
}

/// GET, then PUT with its resourceVersion, as `kubectl replace` does.
async fn replace(lab: &Lab, url: &str, mut object: Value) -> reqwest::Response {
    let stored = lab
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let stored: Value = serde_json::from_slice(&stored).unwrap();
    object["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
    let request = lab
        .client
        .put(url)
        .header("content-type", "application/json");
    request.body(object.to_string()).send().await.unwrap()
}

/// Everything written before is obeyed when the ingress, which is compiled last, obeys this.
async fn witness(lab: &Lab, word: &str) {
    let url = format!(
        "{}/apis/networking.istio.io/v1/namespaces/istio-system/virtualservices/theater-msa",
        lab.api("ctx1")
    );
    let stored = lab
        .client
        .get(&url)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let mut rule: Value = serde_json::from_slice(&stored).unwrap();
    let routes = rule["spec"]["http"].as_array_mut().unwrap();
    routes.retain(|route| route["name"] != "witness");
    let answer = json!({"name": "witness", "match": [{"uri": {"exact": "/witness"}}], "directResponse": {"status": 299, "body": {"string": word}}});
    routes.insert(0, answer);
    assert_eq!(replace(lab, &url, rule).await.status(), 200);
    testkit::wait::until(
        "the rules to be obeyed",
        Duration::from_secs(5),
        async || lab.get("/witness").await.text().await.unwrap() == word,
    )
    .await;
}

struct Counts {
    all: u32,
    ctx1: u32,
    aborted: u32,
    slow: u32,
}

/// As many at a time as a class: the lessons' pools take 100 connections, and refuse what neither
/// has one nor a place to wait.
const CLASS: usize = 100;

/// Asks concurrently; an abort is a 500 without a cluster.
async fn ask(lab: &Lab, path: &str, header: Option<(&str, &str)>, count: u32) -> Counts {
    let asking = (0..count).map(|_| async {
        let started = Instant::now();
        let (status, cluster) = lab.cluster_of(path, header).await;
        (status, cluster, started.elapsed())
    });
    let mut counts = Counts {
        all: 0,
        ctx1: 0,
        aborted: 0,
        slow: 0,
    };
    let mut answers = futures_util::stream::iter(asking).buffer_unordered(CLASS);
    while let Some((status, cluster, took)) = answers.next().await {
        counts.all += 1;
        counts.ctx1 += u32::from(cluster.as_deref() == Some("ctx1"));
        counts.aborted += u32::from(status == 500 && cluster.is_none());
        counts.slow += u32::from(took >= Duration::from_secs(3));
        assert!(
            status == 200 || (status == 500 && cluster.is_none()),
            "{path}: {status} from {cluster:?}"
        );
    }
    counts
}

fn within(what: &str, found: u32, of: u32, percent: u32) {
    let band = band(of, f64::from(percent) / 100.0);
    eprintln!("{what}: {found} of {of}, band {band:?}");
    assert!(
        band.contains(&found),
        "{what}: {found} of {of} is outside {band:?}"
    );
}

#[tokio::test]
async fn lessons_03_04_05_do_what_their_pages_say() {
    let lab = Start::embedded().up().await;

    apply(&lab, "03-delay-fault").await;
    let movies = ask(&lab, "/movies/", None, 300).await;
    within("03: slow movies", movies.slow, movies.all, 70);
    let canary = ask(&lab, "/movies/", Some(("x-canary", "true")), 50).await;
    assert_eq!(
        (canary.slow, canary.ctx1),
        (0, 0),
        "03: a canary is never delayed and goes to ctx2"
    );

    apply(&lab, "04-error-fault").await;
    let users = ask(&lab, "/users/", None, 1_000).await;
    within("04: aborted users", users.aborted, users.all, 30);
    within(
        "04: ctx1 of the answered",
        users.ctx1,
        users.all - users.aborted,
        70,
    );
    let tested = ask(&lab, "/users/", Some(("x-circuit-test", "true")), 300).await;
    within("04: aborted circuit tests", tested.aborted, tested.all, 90);
    assert_eq!(
        tested.ctx1 + tested.aborted,
        tested.all,
        "04: the rest is ctx1's"
    );
    let movies = ask(&lab, "/movies/", None, 20).await;
    assert_eq!(movies.slow, 0, "04 replaces 03 without clean-up");

    apply(&lab, "05-block-fault").await;
    for header in [None, Some(("x-canary", "true"))] {
        let bookings = ask(&lab, "/bookings/", header, 300).await;
        assert_eq!(bookings.ctx1, bookings.all, "05: blocked means blocked");
    }

    apply(&lab, "01-initial").await;
    let bookings = ask(&lab, "/bookings/", Some(("x-canary", "true")), 50).await;
    assert_eq!(bookings.ctx1, 0, "01: the way back");
}

#[tokio::test]
async fn what_is_accepted_but_not_obeyed_yet_is_told() {
    let lab = Start::embedded().up().await;
    // Everything that the breaker lesson writes is obeyed.
    assert_eq!(
        apply(&lab, "02-circuit-breaker").await,
        Vec::<String>::new()
    );
    let idle = json!({"spec": {"trafficPolicy": {"connectionPool": {"tcp": {"tcpKeepalive": {"time": "10s"}}}}}});
    let rule = format!("{RULES}/destinationrules/user-service-dr");
    let answer = lab.merge_patch("ctx1", &rule, &idle).await;
    let warning = answer.headers()["warning"].to_str().expect("it is text");
    assert!(warning.contains("tcp.tcpKeepalive"), "{warning}");
    assert_eq!(apply(&lab, "01-initial").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_rule_is_obeyed_at_once() {
    let lab = Start::embedded().up().await;
    let mut times = Vec::new();
    for round in 0..10 {
        let subset = ["ctx1", "ctx2"][round % 2];
        let rule = json!({"spec": {"http": [{"route": [{"destination": {"host": "user-service", "subset": subset}}]}]}});
        let answer = lab
            .merge_patch(
                "ctx1",
                &format!("{RULES}/virtualservices/user-service-vs"),
                &rule,
            )
            .await;
        assert_eq!(answer.status(), 200);
        let written = Instant::now();
        loop {
            let (_, cluster) = lab.cluster_of("/users/", None).await;
            if cluster.as_deref() == Some(subset) {
                break;
            }
            assert!(
                written.elapsed() < Duration::from_secs(5),
                "the rule of round {round} is not obeyed"
            );
        }
        times.push(written.elapsed());
    }
    times.sort();
    eprintln!(
        "from the API's 2xx to the first answer by the new rule: median {:?}, longest {:?}",
        times[5], times[9]
    );
}

#[tokio::test]
async fn a_rule_that_istio_refuses_is_refused_in_its_words() {
    let lab = Start::embedded().up().await;
    let rows = [
        (
            r#"{"spec":{"http":[{"route":[]}]}}"#,
            "HTTP route, redirect or direct_response is required",
        ),
        (
            r#"{"spec":{"http":[{"route":[{"destination":{"host":"a"},"weight":-1},{"destination":{"host":"b"},"weight":1}]}]}}"#,
            "weight -1 < 0",
        ),
    ];
    for (patch, message) in rows {
        let patch: Value = serde_json::from_str(patch).unwrap();
        let answer = lab
            .merge_patch(
                "ctx1",
                &format!("{RULES}/virtualservices/user-service-vs"),
                &patch,
            )
            .await;
        assert_eq!(answer.status(), 400);
        let status: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let said = status["message"].as_str().unwrap();
        assert!(said.starts_with("admission webhook \"validation.istio.io\" denied the request: configuration is invalid:"), "{said}");
        assert!(said.contains(message), "{said}");
        assert_eq!(
            lab.cluster_of("/users/", Some(("x-canary", "true")))
                .await
                .1
                .as_deref(),
            Some("ctx2"),
            "nothing changed"
        );
    }
}
