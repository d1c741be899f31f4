//! Every verb ends in the state that its row of the help says.

use lab::verify::rules;
use serde_json::json;

use crate::stage::{RULES, Stage, lesson};

/// Verbs that play a whole lesson; every fault comes, goes, and all but one come back.
const LESSONS: [(&str, &str); 5] = [
    ("setup", "02-circuit-breaker"),
    ("error", "04-error-fault"),
    ("block", "05-block-fault"),
    ("delay", "03-delay-fault"),
    ("chaos", "99-scenarios"),
];

/// Enough to tell 0 from 30 and 70 %, and those from 100; `theater-lab verify --full` asks 2,000 times.
const FEW: u32 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verb_ends_in_its_state() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    every_lesson_ends_in_its_numbers(&stage).await;
    what_is_there_is_said(&stage).await;
    rollback_and_recover_touch_what_they_name(&stage).await;
    what_is_odd_is_said(&stage).await;
}

async fn every_lesson_ends_in_its_numbers(stage: &Stage) {
    for (verb, folder) in LESSONS {
        let said = stage.play(verb).await;
        assert!(said.contains("ctx1: changed "), "{verb}: {said}");
        let witness = match verb {
            "setup" => "seen: the gateway's sidecar has the new limits",
            _ => "seen: answers follow the new rules",
        };
        assert!(said.contains(witness), "{verb}: {said}");
        assert_eq!(stage.specs("ctx1").await, lesson(folder), "{verb}");
        stage.expects(folder, FEW).await;
    }
    let said = stage.play("chaos").await;
    assert!(said.contains("no change"), "{said}");
    assert_eq!(stage.specs("ctx2").await, lesson("01-initial"));
}

async fn what_is_there_is_said(stage: &Stage) {
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
}

async fn rollback_and_recover_touch_what_they_name(stage: &Stage) {
    let (first, last) = (lesson("01-initial"), lesson("99-scenarios"));
    let mut expected = last.clone();
    for (scenario, service) in [("delay", "movie"), ("error", "user"), ("block", "booking")] {
        let route = format!("virtualservices/{service}-service-vs");
        expected.insert(route.clone(), first[&route].clone());
        let said = stage.play(&format!("rollback {scenario}")).await;
        assert_eq!(stage.specs("ctx1").await, expected, "rollback {scenario}");
        assert!(said.contains("seen: "), "{said}");
    }
    // That is also what recover makes of it in one go.
    for (route, said) in last.iter().filter(|(name, _)| name.starts_with("virtual")) {
        let patch = json!({"spec": said["spec"]});
        let path = format!("{RULES}/{route}");
        stage.lab.merge_patch("ctx1", &path, &patch).await;
    }
    assert_eq!(stage.specs("ctx1").await, last);
    stage.play("recover").await;
    assert_eq!(stage.specs("ctx1").await, expected);
}

/// Two rules for one host, a subset that ctx2 does not name, and answers that no rule explains.
async fn what_is_odd_is_said(stage: &Stage) {
    let older = json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "mine"}, "spec": {"host": "user-service.theater-msa.svc.cluster.local"}});
    let api = stage.api("ctx1");
    rules::create(&api, "destinationrules", &older)
        .await
        .unwrap();
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
    let printed = stage.demo("test -n 60 --parallel 30").await;
    assert_eq!(printed.exit, 1, "{}", printed.all());
    for part in ["movie    failed", "UF:"] {
        assert!(printed.stdout.contains(part), "{}", printed.all());
    }
}
