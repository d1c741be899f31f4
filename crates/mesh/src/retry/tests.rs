use serde_json::{Value, json};

use super::*;

fn policy(retries: Value) -> Option<RetryPolicy> {
    RetryPolicy::compile(Some(&serde_json::from_value(retries).unwrap()))
}

fn response(status: u16) -> Outcome {
    Outcome::Response {
        status,
        grpc_status: None,
    }
}

const REFUSED: Outcome = Outcome::Reset(Reset::ConnectionFailure);
const TIMED_OUT: Outcome = Outcome::Reset(Reset::ConnectionTimeout);
const TERMINATED: Outcome = Outcome::Reset(Reset::ConnectionTermination);
const OVERFLOW: Outcome = Outcome::Reset(Reset::Overflow);

#[test]
fn each_condition_covers_its_failures() {
    let default = DEFAULT_ON;
    let rows: [(&str, &[Outcome], &[Outcome]); 9] = [
        (
            default,
            &[REFUSED, TIMED_OUT],
            &[response(503), TERMINATED, OVERFLOW, Outcome::TryTimeout],
        ),
        (
            "5xx",
            &[
                response(500),
                response(503),
                REFUSED,
                TIMED_OUT,
                TERMINATED,
                Outcome::TryTimeout,
            ],
            &[response(404), response(200), OVERFLOW],
        ),
        (
            "gateway-error",
            &[response(502), response(504), TERMINATED],
            &[response(500), OVERFLOW],
        ),
        (
            "reset",
            &[TERMINATED, REFUSED, Outcome::TryTimeout],
            &[response(503)],
        ),
        (
            "connect-failure",
            &[REFUSED, TIMED_OUT],
            &[TERMINATED, response(503)],
        ),
        ("reset-before-request", &[REFUSED], &[TERMINATED]),
        ("retriable-4xx", &[response(409)], &[response(404)]),
        ("503,reset", &[response(503), TERMINATED], &[response(500)]),
        (
            "refused-stream,retriable-status-codes",
            &[],
            &[REFUSED, response(503)],
        ),
    ];
    for (list, retried, left) in rows {
        let on = Conditions::parse(list);
        for outcome in retried {
            assert!(on.retry(*outcome), "{list} {outcome:?}");
        }
        for outcome in left {
            assert!(!on.retry(*outcome), "{list} {outcome:?}");
        }
    }
    let unavailable = Outcome::Response {
        status: 200,
        grpc_status: Some(14),
    };
    assert!(Conditions::parse(default).retry(unavailable));
}

#[test]
fn only_failures_after_sending_ask_for_a_kept_body() {
    let rows = [
        (DEFAULT_ON, false),
        ("5xx", true),
        ("503", true),
        ("reset", true),
        ("connect-failure", false),
    ];
    for (list, expected) in rows {
        assert_eq!(Conditions::parse(list).after_sending(), expected, "{list}");
    }
}

#[test]
fn no_policy_is_the_default_one_and_zero_attempts_none() {
    let default = RetryPolicy::compile(None).unwrap();
    assert_eq!(
        (default.retries, default.repicks, default.base),
        (2, 5, Duration::from_millis(25))
    );
    assert_eq!(policy(json!({"attempts": 0})), None);
    let written =
        policy(json!({"attempts": 3, "perTryTimeout": "1s", "backoff": "100ms"})).unwrap();
    assert_eq!((written.retries, &written.on), (3, &default.on));
    assert_eq!(written.per_try_timeout, Some(Duration::from_secs(1)));
    assert_eq!(written.base, Duration::from_millis(100));
    assert_eq!(
        policy(json!({"attempts": 1, "retryIgnorePreviousHosts": false}))
            .unwrap()
            .repicks,
        0
    );
}

#[test]
fn pauses_grow_within_their_bounds() {
    let policy = policy(json!({"attempts": 5, "backoff": "100ms"})).unwrap();
    for (n, bound) in [
        (1, 100),
        (2, 300),
        (3, 700),
        (4, 1000),
        (5, 1000),
        (60, 1000),
    ] {
        let drawn = (0..bound).map(|random| policy.back_off(n, random).as_millis() as u64);
        assert!(drawn.eq(0..bound), "retry {n} is uniform below {bound} ms");
        assert_eq!(policy.back_off(n, bound), Duration::ZERO);
    }
    let default = RetryPolicy::default();
    assert_eq!(default.back_off(1, 24).as_millis(), 24);
    assert_eq!(default.back_off(9, 249).as_millis(), 249);
}
