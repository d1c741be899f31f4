use serde_json::{Value, json};

use super::*;

fn fault(written: Value) -> Fault {
    Fault::from(&serde_json::from_value::<model::Fault>(written).unwrap())
}

/// How many of a million evenly spread draws hit.
fn hits(chance: Chance) -> u32 {
    (0..1_000_000).filter(|random| chance.hit(*random)).count() as u32
}

#[test]
fn a_percentage_is_cut_to_millionths() {
    let rows = [
        (100.0, 1_000_000),
        (30.0, 300_000),
        (33.3, 333_000),
        (0.5, 5_000),
        (0.0001, 1),
        (0.0, 0),
        (33.333_39, 333_333),
        (-1.0, 0),
        (f64::NAN, 0),
    ];
    for (percent, expected) in rows {
        assert_eq!(hits(Chance::percent(percent)), expected, "{percent}");
    }
}

#[test]
fn a_percentage_left_out_is_zero() {
    let without = fault(json!({"abort": {"httpStatus": 500}, "delay": {"fixedDelay": "1s"}}));
    assert!(!without.is_none());
    assert!((0..1000).all(|n| without.draw(n, n)
        == Injected {
            delay: None,
            abort: None
        }));
}

#[test]
fn the_old_whole_percent_counts_for_delays_without_percentage() {
    let old = fault(json!({"delay": {"fixedDelay": "2s", "percent": 10}}));
    assert_eq!(hits(old.delay.unwrap().chance), 100_000);
    let both =
        fault(json!({"delay": {"fixedDelay": "2s", "percent": 10, "percentage": {"value": 50}}}));
    assert_eq!(hits(both.delay.unwrap().chance), 500_000);
}

#[test]
fn delay_and_abort_are_drawn_apart() {
    let half = fault(json!({
        "delay": {"fixedDelay": "100ms", "percentage": {"value": 50}},
        "abort": {"httpStatus": 418, "percentage": {"value": 50}},
    }));
    let (hit, miss) = (0, 999_999);
    let delay = Some(Duration::from_millis(100));
    let abort = Some(AbortStatus::Http(418));
    let rows = [
        (hit, hit, Injected { delay, abort }),
        (hit, miss, Injected { delay, abort: None }),
        (miss, hit, Injected { delay: None, abort }),
        (
            miss,
            miss,
            Injected {
                delay: None,
                abort: None,
            },
        ),
    ];
    for (for_delay, for_abort, expected) in rows {
        assert_eq!(half.draw(for_delay, for_abort), expected);
    }
}

#[test]
fn a_grpc_abort_is_200_to_a_plain_client() {
    let grpc = fault(json!({"abort": {"grpcStatus": "UNAVAILABLE", "percentage": {"value": 100}}}));
    let status = grpc.abort.unwrap().status;
    assert_eq!(
        (status, status.http(), status.grpc()),
        (AbortStatus::Grpc(14), 200, Some(14))
    );
}

#[test]
fn a_fault_without_kind_injects_nothing() {
    let kindless =
        json!({"abort": {"percentage": {"value": 100}}, "delay": {"percentage": {"value": 100}}});
    assert!(fault(kindless).is_none());
}
