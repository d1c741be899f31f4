//! Every verb ends in the state that its row of the help says.

use serde_json::json;

use crate::expectation::Expectation;
use crate::stage::{RULES, Stage, lesson};

/// Verbs that play a whole lesson, in an order in which every fault comes, goes, and all but one come back.
const LESSONS: [(&str, &str); 5] = [
    ("chaos", "99-scenarios"),
    ("setup", "02-circuit-breaker"),
    ("error", "04-error-fault"),
    ("block", "05-block-fault"),
    ("delay", "03-delay-fault"),
];

/// Enough to tell 0, 30, 70 and 90 % apart.
const FEW: u32 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lesson_ends_in_its_numbers_in_any_order() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    for (verb, folder) in LESSONS {
        let said = stage.play(verb).await;
        assert!(said.contains("ctx1: changed "), "{verb}: {said}");
        assert_eq!(stage.specs("ctx1").await, lesson(folder), "{verb}");
        Expectation::of(folder).holds(&stage.lab, FEW).await;
    }
    let said = stage.play("delay").await;
    assert!(said.contains("no change"), "{said}");
    assert_eq!(stage.specs("ctx2").await, lesson("01-initial"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollback_and_recover_touch_what_they_name_and_nothing_else() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    let first = lesson("01-initial");
    stage.play("chaos").await;
    let mut expected = stage.specs("ctx1").await;
    for (scenario, service) in [("delay", "movie"), ("error", "user"), ("block", "booking")] {
        let route = format!("virtualservices/{service}-service-vs");
        expected.insert(route.clone(), first[&route].clone());
        let said = stage.play(&format!("rollback {scenario}")).await;
        assert_eq!(stage.specs("ctx1").await, expected, "rollback {scenario}");
        assert!(said.contains("seen: "), "{said}");
    }
    stage.play("chaos").await;
    stage.play("recover").await;
    let mut expected = lesson("99-scenarios");
    expected.extend(
        first
            .into_iter()
            .filter(|(name, _)| name.starts_with("virtualservices/")),
    );
    assert_eq!(stage.specs("ctx1").await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_and_test_say_what_is_there() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    stage.play("chaos").await;
    let said = stage.play("status").await;
    let rows = [
        "user     ctx1 70 : ctx2 30      fault: abort 500 on 30 %",
        "movie    ctx1 30 : ctx2 70      fault: delay 3s on 70 %",
        "booking  ctx1 100 : ctx2 0      fault: none",
        "by booking-service-vs/blocked, booking-service-dr",
        "breaker: 2 errors, looks every 10s, out for 30s, at most 50 %",
        "pods of ctx1:",
        "pods of ctx2:",
        "redis-",
    ];
    for row in rows {
        assert!(said.contains(row), "{row} is missing in: {said}");
    }
    let said = stage.play("test -n 60 --parallel 30").await;
    assert!(said.contains("FI:"), "{said}");
    assert!(!said.contains("DOES NOT FIT"), "{said}");
    // Two rules for one host, and a subset that ctx2 does not name.
    let older = json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "mine"}, "spec": {"host": "user-service.theater-msa.svc.cluster.local"}});
    stage.create("destinationrules", &older).await;
    let subsets = json!({"spec": {"subsets": [{"name": "ctx1", "labels": {"cluster": "ctx1"}}]}});
    let object = format!("{RULES}/destinationrules/movie-service-dr");
    stage.lab.merge_patch("ctx2", &object, &subsets).await;
    let said = stage.play("status").await;
    assert!(
        said.contains(
            "two DestinationRules for user-service: user-service-dr is older and wins over mine"
        ),
        "{said}"
    );
    assert!(said.contains("what ctx2 does not name is 503"), "{said}");
    // Answers that no rule explains are told, and are a failure.
    let printed = stage.demo("test -n 60 --parallel 30").await;
    assert_eq!(printed.exit, 1, "{}", printed.all());
    assert!(
        printed.stdout.contains("movie    failed"),
        "{}",
        printed.all()
    );
    assert!(printed.stdout.contains("UF:"), "{}", printed.all());
}
