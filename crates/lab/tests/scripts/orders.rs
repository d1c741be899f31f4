//! Orders to be sick by the script: given, seen, listed and cleared; and the reset that clears them.

use serde_json::json;

use crate::stage::{RULES, Stage, lesson};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_given_seen_listed_and_cleared() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    one_by_one(&stage).await;
    circuit_plays_06_with_one_sick_pod(&stage).await;
    reset_restores_01_exactly_whatever_was_added(&stage).await;
}

async fn one_by_one(stage: &Stage) {
    let said = stage
        .play("sick movie --cluster ctx2 --status 503 --ttl 2m")
        .await;
    assert!(said.contains("seen: an answer by the order"), "{said}");
    let said = stage.play("status").await;
    assert!(said.contains("movie-service:ctx2"), "{said}");
    let printed = stage.demo("test -n 60").await;
    for part in ["answers by an order to be sick", "app:"] {
        assert!(printed.stdout.contains(part), "{}", printed.all());
    }
    let all = printed.all();
    assert_eq!(printed.exit, 0, "an order explains its failures: {all}");
    let said = stage.play("heal").await;
    assert!(said.contains("movie-service:ctx2 cleared"), "{said}");
    let said = stage.play("status").await;
    assert!(said.contains("no orders"), "{said}");
    let printed = stage.demo("sick user --ttl 16m").await;
    assert_eq!(printed.exit, 64, "{}", printed.all());
    assert!(printed.stderr.contains("15"), "{}", printed.all());
    let printed = stage.demo("heal nobody").await;
    assert_eq!(printed.exit, 64, "{}", printed.all());
    let said = stage.play("sick booking --memory-mib 16").await;
    assert!(said.contains("answers do not tell it soon"), "{said}");
    assert!(said.contains("booking-service: memory_mib=16"), "{said}");
}

async fn circuit_plays_06_with_one_sick_pod(stage: &Stage) {
    let said = stage.play("circuit").await;
    assert_eq!(stage.specs("ctx1").await, lesson("06-sick-pod"));
    assert!(said.contains("user-service-ctx1-"), "{said}");
    assert!(said.contains("seen: an answer by the order"), "{said}");
    let said = stage.play("circuit").await;
    assert!(said.contains("is already sick"), "{said}");
}

async fn reset_restores_01_exactly_whatever_was_added(stage: &Stage) {
    let additions = [
        (
            "ctx1",
            "destinationrules/user-service-dr",
            json!({"metadata": {"labels": {"mine": "yes"}}, "spec": {"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}}}}}),
        ),
        (
            "ctx1",
            "virtualservices/movie-service-vs",
            json!({"spec": {"exportTo": ["."], "http": [{"route": [{"destination": {"host": "movie-service", "subset": "ctx1"}}]}]}}),
        ),
        (
            "ctx2",
            "destinationrules/booking-service-dr",
            json!({"spec": {"subsets": [{"name": "ctx1", "labels": {"cluster": "ctx1"}}]}}),
        ),
    ];
    for (cluster, object, patch) in additions {
        let path = format!("{RULES}/{object}");
        let answer = stage.lab.merge_patch(cluster, &path, &patch).await;
        assert_eq!(answer.status(), 200, "{object}");
    }
    let said = stage.play("reset").await;
    assert!(said.contains(" cleared"), "{said}");
    for cluster in ["ctx1", "ctx2"] {
        let found = stage.specs(cluster).await;
        assert_eq!(found, lesson("01-initial"), "{cluster}");
    }
    let said = stage.play("reset").await;
    assert!(said.contains("no change"), "{said}");
}
