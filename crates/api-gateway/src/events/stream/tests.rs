use axum::body::BodyDataStream;
use futures_util::StreamExt;
use http::StatusCode;

use super::*;
use crate::answers::Answer;
use crate::theater::Service;

/// Longest wait for something that is due at once.
const SOON: Duration = Duration::from_secs(5);

fn hub() -> Hub {
    Hub::new(255)
}

fn record(hub: &Hub, count: i64) {
    for t in 0..count {
        let answer = Answer::from_nowhere(Service::User, t, Duration::ZERO, StatusCode::OK);
        hub.record(answer);
        // A look at the figures tells what waits, so each answer is an event of its own.
        hub.answers();
    }
}

fn last_event_id(id: &str) -> HeaderMap {
    HeaderMap::from_iter([(LAST_EVENT_ID, id.parse().unwrap())])
}

fn stream_of(hub: &Hub, viewers: &Viewers, headers: &HeaderMap, drain: &Drain) -> BodyDataStream {
    let response = response(hub.clone(), viewers, headers, drain.clone()).unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    response.into_body().into_data_stream()
}

async fn next(stream: &mut BodyDataStream) -> Option<String> {
    let bytes = tokio::time::timeout(SOON, stream.next())
        .await
        .expect("something to read");
    bytes.map(|bytes| String::from_utf8(bytes.unwrap().to_vec()).unwrap())
}

/// The next event; comments and the preamble are passed over.
async fn next_event(stream: &mut BodyDataStream) -> String {
    loop {
        let text = next(stream).await.expect("an event");
        if text.contains("event: ") {
            return text;
        }
    }
}

#[tokio::test]
async fn a_viewer_gets_hello_then_what_happens() {
    let (hub, drain) = (hub(), Drain::default());
    let mut stream = stream_of(&hub, &Viewers::default(), &HeaderMap::new(), &drain);
    assert!(next_event(&mut stream).await.contains("event: hello"));
    record(&hub, 1);
    assert!(
        next_event(&mut stream)
            .await
            .starts_with("id: ff-1\nevent: answers\n")
    );
}

#[tokio::test]
async fn a_viewer_who_comes_back_is_sent_what_it_missed() {
    let (hub, drain) = (hub(), Drain::default());
    record(&hub, 3);
    let mut stream = stream_of(&hub, &Viewers::default(), &last_event_id("ff-2"), &drain);
    assert!(
        next_event(&mut stream)
            .await
            .starts_with("id: ff-3\nevent: answers\n")
    );
}

#[tokio::test]
async fn a_slow_viewer_learns_how_many_answers_it_missed_and_starts_over() {
    let (hub, drain) = (hub(), Drain::default());
    let mut stream = stream_of(&hub, &Viewers::default(), &HeaderMap::new(), &drain);
    assert!(next_event(&mut stream).await.contains("event: hello"));
    record(&hub, 1);
    next_event(&mut stream).await;
    record(&hub, 300);
    let gap = next_event(&mut stream).await;
    assert_eq!(gap, "event: gap\ndata: {\"v\":1,\"missed\":300}\n\n");
    let hello = next_event(&mut stream).await;
    assert!(hello.starts_with("id: ff-301\nevent: hello\n"), "{hello}");
    record(&hub, 1);
    assert!(
        next_event(&mut stream)
            .await
            .starts_with("id: ff-302\nevent: answers\n")
    );
}

#[tokio::test]
async fn streams_end_at_once_when_the_process_leaves() {
    let (hub, drain) = (hub(), Drain::default());
    let mut stream = stream_of(&hub, &Viewers::default(), &HeaderMap::new(), &drain);
    next_event(&mut stream).await;
    drain.begin();
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn seats_are_limited_and_given_back() {
    let (hub, drain, headers) = (hub(), Drain::default(), HeaderMap::new());
    let viewers = Viewers(Arc::new(Semaphore::new(1)));
    let seated = stream_of(&hub, &viewers, &headers, &drain);
    let refused = response(hub.clone(), &viewers, &headers, drain.clone()).unwrap_err();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(seated);
    assert!(response(hub, &viewers, &headers, drain).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_kept_alive_by_comments() {
    let (hub, drain) = (hub(), Drain::default());
    let mut stream = stream_of(&hub, &Viewers::default(), &HeaderMap::new(), &drain);
    next_event(&mut stream).await;
    let started = Instant::now();
    let comment = stream.next().await.unwrap().unwrap();
    assert_eq!(comment, COMMENT);
    assert_eq!(started.elapsed(), BEAT);
}
