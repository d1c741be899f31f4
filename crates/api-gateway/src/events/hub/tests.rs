use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::breakers::{Breaker, HostView};
use crate::clusters::{PodView, Reason};
use crate::rules::{self, RuleObjects};

fn answer(service: Service, t: UnixMs) -> Answer {
    Answer::from_nowhere(service, t, Duration::ZERO, StatusCode::OK)
}

/// An answer of a pod of ctx2.
fn answer_of(pod: &str, t: UnixMs) -> Answer {
    Answer {
        cluster: Some(Cluster::Ctx2),
        pod: Some(pod.to_owned()),
        ..answer(Service::User, t)
    }
}

/// Id, name and payload of an event.
fn parsed(bytes: &Bytes) -> (String, String, Value) {
    let text = std::str::from_utf8(bytes).unwrap();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().to_owned()
    };
    let data = serde_json::from_str(&field("data: ")).unwrap();
    (field("id: "), field("event: "), data)
}

fn names(frames: &[Bytes]) -> Vec<String> {
    frames.iter().map(|bytes| parsed(bytes).1).collect()
}

/// Everything that is waiting for a viewer, by name.
fn told(joined: &mut Joined) -> Vec<String> {
    let received = std::iter::from_fn(|| joined.rest.try_recv().ok());
    received.map(|frame| parsed(&frame.bytes).1).collect()
}

fn id(text: &str) -> Option<EventId> {
    EventId::parse(text)
}

#[test]
fn hello_tells_everything_in_the_agreed_shape() {
    let hub = Hub::new(255);
    hub.record(answer(Service::Movie, 5));
    let joined = hub.join(None, 1_000);
    let (id, name, hello) = parsed(&joined.first[0]);
    assert_eq!((&*id, &*name), ("ff-1", "hello"));
    assert_eq!(
        (&hello["v"], &hello["boot"], &hello["now"]),
        (&json!(1), &json!("ff"), &json!(1000))
    );
    assert_eq!(hello["services"]["movie"]["total"], 1);
    assert_eq!(hello["services"]["movie"]["history"][0]["t"], 5);
    assert_eq!(
        hello["services"]["user"],
        json!({"history": [], "total": 0})
    );
    assert_eq!(hello["mesh"]["user"]["source"], "default");
    assert_eq!(hello["clusters"]["ctx2"]["state"], "unknown");
    assert_eq!(hello["breakers"]["state"], "unknown");
    assert_eq!(hello["breakers"]["reason"], "not read yet");
}

#[test]
fn breakers_are_told_when_they_change_and_when_a_pod_gives_a_host_its_name() {
    let hub = Hub::new(255);
    let mut viewer = hub.join(None, 0);
    let host = HostView {
        address: "10.1.0.2:8081".to_owned(),
        ejected: true,
        ..HostView::default()
    };
    let mut breakers = Breakers::default();
    breakers.services.user = vec![Breaker {
        hosts: vec![host],
        ..Breaker::default()
    }];
    hub.set_breakers(breakers.clone());
    hub.set_breakers(breakers);
    let pod = PodView {
        name: "user-1".to_owned(),
        ip: Some("10.1.0.2".to_owned()),
        ..PodView::default()
    };
    let mut view = ClusterView::unknown(Reason::NotYet);
    view.pods.push(pod);
    hub.set_cluster(Cluster::Ctx1, view);
    assert_eq!(told(&mut viewer), ["breaker", "pods", "breaker"]);
    let hello = parsed(&hub.join(None, 0).first[0]).2;
    let host = &hello["breakers"]["services"]["user"][0]["hosts"][0];
    assert_eq!(
        (&host["pod"], &host["ejected"]),
        (&json!("user-1"), &json!(true))
    );
}

#[test]
fn a_batch_carries_its_answers_and_the_totals() {
    let hub = Hub::new(255);
    let mut viewer = hub.join(None, 0);
    hub.record(answer(Service::User, 1));
    hub.record(answer(Service::Booking, 2));
    hub.flush(&mut hub.stage());
    let frame = viewer.rest.try_recv().unwrap();
    let (id, name, batch) = parsed(&frame.bytes);
    assert_eq!((&*id, &*name, frame.answered), ("ff-1", "answers", 2));
    assert_eq!(
        batch["totals"],
        json!({"user": 1, "movie": 0, "booking": 1})
    );
    let times: Vec<&Value> = batch["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["t"])
        .collect();
    assert_eq!(times, [&json!(1), &json!(2)]);
    assert!(viewer.rest.try_recv().is_err());
}

#[test]
fn an_answer_is_either_in_hello_or_in_a_later_batch_never_in_both() {
    let hub = Hub::new(255);
    hub.record(answer(Service::User, 1));
    let mut viewer = hub.join(None, 0);
    hub.record(answer(Service::User, 2));
    hub.flush(&mut hub.stage());
    assert_eq!(parsed(&viewer.first[0]).2["services"]["user"]["total"], 1);
    let batch = parsed(&viewer.rest.try_recv().unwrap().bytes).2;
    assert_eq!(batch["answers"].as_array().unwrap().len(), 1);
    assert_eq!(batch["answers"][0]["t"], 2);
}

#[test]
fn a_viewer_who_comes_back_gets_exactly_what_it_missed() {
    let hub = Hub::new(255);
    for t in 1..=3 {
        hub.record(answer(Service::User, t));
        hub.flush(&mut hub.stage());
    }
    let joined = hub.join(id("ff-1").as_ref(), 0);
    let ids: Vec<String> = joined.first.iter().map(|bytes| parsed(bytes).0).collect();
    assert_eq!(ids, ["ff-2", "ff-3"]);
    assert_eq!(hub.join(id("ff-3").as_ref(), 0).first.len(), 0);
}

#[test]
fn an_id_of_another_life_or_of_the_future_gets_everything() {
    let hub = Hub::new(255);
    for last in ["fe-0", "ff-9"] {
        let joined = hub.join(id(last).as_ref(), 0);
        assert_eq!(names(&joined.first), ["hello"], "{last}");
    }
}

#[test]
fn rules_and_clusters_are_told_when_they_change_and_only_then() {
    let hub = Hub::new(255);
    let mut viewer = hub.join(None, 0);
    let objects = RuleObjects {
        reason: Some(Reason::Forbidden),
        ..RuleObjects::default()
    };
    for _ in 0..2 {
        hub.set_rules(rules::rules(&objects));
        hub.set_cluster(Cluster::Ctx2, ClusterView::unknown(Reason::NoKubeconfig));
    }
    assert_eq!(told(&mut viewer), ["mesh", "pods"]);
}

#[test]
fn a_pod_that_only_its_answers_make_known_is_told_once() {
    let hub = Hub::new(255);
    let mut viewer = hub.join(None, 0);
    for t in [1, 2] {
        hub.record(answer_of("user-service-ctx2-x", t));
        hub.flush(&mut hub.stage());
    }
    assert_eq!(told(&mut viewer), ["answers", "pods", "answers"]);
    assert_eq!(hub.clusters().ctx2.pods[0].last_answer, Some(2));
}

#[test]
fn restored_answers_come_first_and_everyone_is_told_anew() {
    let hub = Hub::new(255);
    let mut viewer = hub.join(None, 0);
    hub.record(answer(Service::User, 9));
    let earlier = vec![answer(Service::User, 1), answer(Service::User, 2)];
    hub.restore(
        0,
        PerService {
            user: earlier,
            ..PerService::default()
        },
    );
    assert_eq!(told(&mut viewer), ["answers", "hello"]);
    assert_eq!(hub.answers().user.total(), 3);
}

#[test]
fn a_flood_is_told_in_bounded_batches() {
    let hub = Hub::new(255);
    let mut viewer = hub.join(None, 0);
    (0..2_500).for_each(|t| hub.record(answer(Service::User, t)));
    assert_eq!(told(&mut viewer), ["answers", "answers"]);
    assert_eq!(hub.answers().user.total(), 2_500);
}

#[tokio::test(start_paused = true)]
async fn a_lone_answer_is_told_at_once_and_many_within_one_batch_time() {
    let hub = Hub::new(255);
    let drain = Drain::default();
    let telling = tokio::spawn(hub.clone().tell_answers(drain.clone()));
    let mut viewer = hub.join(None, 0);
    let started = tokio::time::Instant::now();
    hub.record(answer(Service::User, 1));
    viewer.rest.recv().await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
    (2..=40).for_each(|t| hub.record(answer(Service::User, t)));
    let batch = viewer.rest.recv().await.unwrap();
    assert!(
        started.elapsed() <= BATCH + Duration::from_millis(1),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(
        parsed(&batch.bytes).2["answers"].as_array().unwrap().len(),
        39
    );
    drain.begin();
    telling.await.unwrap();
}
