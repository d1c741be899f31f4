//! The original's rules are replaced without a lost request. `theater-lab verify --full` does the same
//! with every verb, and with either side's rules the older ones.

use lab::verify::load::Load;
use lab::verify::originals::{self, Older};
use lab::verify::rules;

use crate::stage::{Stage, lesson};

/// A verb that changes everything.
const VERB: (&str, &str) = ("chaos", "99-scenarios");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_originals_rules_go_without_a_lost_request() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    let api = stage.api("ctx1");
    let (verb, folder) = VERB;
    originals::put(&api, Older::Theirs).await.unwrap();
    let load = Load::on(&stage.client());
    stage.play(verb).await;
    let sent = load.end().await.unwrap();
    eprintln!("{verb}: {sent} sent");
    assert_eq!(stage.specs("ctx1").await, lesson(folder), "{verb}");

    // Where theirs is the only rule that names the subsets, it stays.
    originals::put(&api, Older::Ours).await.unwrap();
    let rule = ("destinationrules", "user-service-dr");
    rules::delete(&api, rule.0, rule.1).await.unwrap();
    let load = Load::on(&stage.client());
    stage.play("recover").await;
    load.end().await.unwrap();
    let specs = stage.specs("ctx1").await;
    assert!(specs.contains_key("destinationrules/user-service-circuit-breaker"));
}
