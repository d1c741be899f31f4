use std::sync::Arc;

use apiserver::store::{RingLimits, SystemSource};
use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::from_value;

use super::*;

fn deployment() -> Reference {
    let metadata = json!({"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7"});
    let deployment: Deployment =
        from_value(json!({"metadata": metadata, "spec": {"selector": {}, "template": {}}}))
            .unwrap();
    Reference::to(&deployment)
}

fn occurrence(message: &str, form: Form) -> Occurrence {
    Occurrence {
        component: Component {
            name: "c",
            instance: String::new(),
            form,
        },
        object: deployment(),
        kind: "Normal",
        reason: "R",
        message: message.to_owned(),
        combined: false,
    }
}

fn store() -> Store {
    let store = Store::new(Arc::new(SystemSource), RingLimits::default());
    let namespace = json!({"metadata": {"name": "shop"}});
    store.create(&rows::NAMESPACES, "", namespace).unwrap();
    store
}

fn events(store: &Store) -> Vec<Arc<Value>> {
    store.list(&rows::EVENTS, None).items
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

#[test]
fn what_says_the_same_is_counted() {
    let mut correlator = Correlator::default();
    let Verdict::New { name, .. } = correlator.correlate(occurrence("m", Form::Core), at(0)) else {
        panic!("the first one is new");
    };
    let again = correlator.correlate(occurrence("m", Form::Core), at(5));
    let expected = Verdict::Again {
        occurrence: occurrence("m", Form::Core),
        name,
        count: 2,
    };
    assert_eq!(again, expected);
}

#[test]
fn the_tenth_different_message_is_combined_and_counted_from_there() {
    let mut correlator = Correlator::default();
    let mut told = Vec::new();
    for round in 0..14 {
        let verdict = correlator.correlate(occurrence(&format!("m{round}"), Form::Core), at(round));
        told.push(match verdict {
            Verdict::New { occurrence, .. } => (occurrence.message, 1),
            Verdict::Again {
                occurrence, count, ..
            } => (occurrence.message, count),
            Verdict::Spam => ("spam".to_owned(), 0),
        });
    }
    assert_eq!(told[8], ("m8".to_owned(), 1));
    let combined = |round: usize| format!("(combined from similar events): m{round}");
    assert_eq!(told[9], (combined(9), 1));
    assert_eq!(told[13], (combined(13), 5));
}

#[test]
fn after_ten_quiet_minutes_messages_are_told_one_by_one_again() {
    let mut correlator = Correlator::default();
    for round in 0..12 {
        correlator.correlate(occurrence(&format!("m{round}"), Form::Core), at(round));
    }
    let later = correlator.correlate(occurrence("later", Form::Core), at(700));
    assert!(matches!(later, Verdict::New { occurrence, .. } if occurrence.message == "later"));
}

#[test]
fn who_tells_too_much_of_one_object_is_held_to_one_event_in_five_minutes() {
    let mut correlator = Correlator::default();
    let mut tell = |second| correlator.correlate(occurrence("m", Form::Core), at(second));
    for _ in 0..25 {
        assert_ne!(tell(0), Verdict::Spam);
    }
    assert_eq!(tell(0), Verdict::Spam);
    assert_ne!(tell(301), Verdict::Spam);
    assert_eq!(tell(302), Verdict::Spam);
}

#[test]
fn the_schedulers_repetitions_are_a_series_whatever_their_message() {
    let mut correlator = Correlator::default();
    correlator.correlate(occurrence("a", Form::Events), at(0));
    let again = correlator.correlate(occurrence("b", Form::Events), at(360));
    assert!(matches!(again, Verdict::Again { count: 2, .. }));
    let much_later = correlator.correlate(occurrence("b", Form::Events), at(721));
    assert!(matches!(much_later, Verdict::New { .. }));
}

#[test]
fn an_event_has_the_shape_of_its_component() {
    let store = store();
    let recorder = Recorder::new(store.clone());
    recorder
        .kubelet("n1")
        .normal(&deployment().at("spec.containers{c}"), "Started", "m");
    recorder.scheduler().attempt(
        ("Warning", "Scheduling"),
        &deployment(),
        "FailedScheduling",
        "0/2".to_owned(),
    );
    let found = events(&store);
    let of = |reason: &str| found.iter().find(|it| it["reason"] == reason).unwrap();
    let kubelet = of("Started");
    assert_eq!(
        kubelet["source"],
        json!({"component": "kubelet", "host": "n1"})
    );
    assert_eq!(kubelet["involvedObject"]["fieldPath"], "spec.containers{c}");
    assert_eq!(kubelet["involvedObject"]["apiVersion"], "apps/v1");
    assert_eq!(kubelet["count"], 1);
    let scheduler = of("FailedScheduling");
    assert_eq!(scheduler["source"], json!({}));
    assert_eq!(scheduler["action"], "Scheduling");
    assert_eq!(scheduler["reportingComponent"], "default-scheduler");
    assert!(scheduler.get("count").is_none());
}

#[test]
fn a_repeated_event_is_one_object_with_a_count() {
    let store = store();
    let reporter = Recorder::new(store.clone()).controller("c");
    for _ in 0..3 {
        reporter.warning(&deployment(), "FailedCreate", "no");
    }
    let found = events(&store);
    assert_eq!((found.len(), &found[0]["count"]), (1, &json!(3)));
}

#[test]
fn an_event_is_forgotten_an_hour_after_it_was_last_written() {
    let store = store();
    let recorder = Recorder::new(store.clone());
    recorder.controller("c").normal(&deployment(), "R", "m");
    recorder.expire(Timestamp::now() + SignedDuration::from_mins(59));
    assert_eq!(events(&store).len(), 1);
    recorder.expire(Timestamp::now() + SignedDuration::from_mins(61));
    assert_eq!(events(&store).len(), 0);
}
