use serde_json::{Value, json};

use super::*;

fn of(http: Value) -> Option<Summary> {
    let object = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "user-service-vs", "namespace": "t"},
        "spec": {"hosts": ["user-service"], "http": http},
    });
    summary(&VirtualService::parse(&object).unwrap())
}

fn route(weights: &[(&str, i64)]) -> Value {
    weights
        .iter()
        .map(|(subset, weight)| match *subset {
            "" => json!({"destination": {"host": "u"}, "weight": weight}),
            subset => json!({"destination": {"host": "u", "subset": subset}, "weight": weight}),
        })
        .collect()
}

#[test]
fn the_rule_without_a_match_is_found_by_meaning() {
    let canary = json!({"name": "canary", "match": [{"headers": {"x-canary": {"exact": "true"}}}], "route": route(&[("ctx2", 0)])});
    let rest = |matches: Value| json!({"name": "weighted", "match": matches, "route": route(&[("ctx1", 70), ("ctx2", 30)])});
    for matches in [
        json!([]),
        json!([{}]),
        json!([{"uri": {"prefix": "/"}}]),
        json!([{"method": {"exact": "GET"}}, {}]),
    ] {
        let found = of(
            json!([canary, rest(matches.clone()), {"name": "never", "route": route(&[("x", 1)])}]),
        )
        .unwrap();
        assert_eq!(found.rule.as_deref(), Some("weighted"), "{matches}");
        assert_eq!(found.object.name, "user-service-vs");
        assert_eq!(
            [
                found.percent("ctx1"),
                found.percent("ctx2"),
                found.percent("v9")
            ],
            [Some(70.0), Some(30.0), Some(0.0)]
        );
    }
    assert_eq!(of(json!([canary])), None);
    assert_eq!(of(json!([])), None);
    let conditional = json!([{"match": [{"sourceLabels": {"a": "b"}}, {"port": 80}], "route": route(&[("x", 1)])}]);
    assert_eq!(of(conditional), None);
}

#[test]
fn weights_are_read_as_istio_takes_them() {
    type Row = (
        &'static [(&'static str, i64)],
        &'static [(Option<&'static str>, u32, f64)],
    );
    let rows: [Row; 7] = [
        (
            &[("ctx1", 70), ("ctx2", 30)],
            &[(Some("ctx1"), 70, 70.0), (Some("ctx2"), 30, 30.0)],
        ),
        (
            &[("ctx1", 1), ("ctx2", 1)],
            &[(Some("ctx1"), 1, 50.0), (Some("ctx2"), 1, 50.0)],
        ),
        (
            &[("ctx1", 150), ("ctx2", 50)],
            &[(Some("ctx1"), 150, 75.0), (Some("ctx2"), 50, 25.0)],
        ),
        (
            &[("ctx1", 100), ("ctx2", 0)],
            &[(Some("ctx1"), 100, 100.0), (Some("ctx2"), 0, 0.0)],
        ),
        (&[("ctx1", 0)], &[(Some("ctx1"), 100, 100.0)]),
        (&[("", 0)], &[(None, 100, 100.0)]),
        (
            &[("a", 1), ("b", 2), ("a", 1)],
            &[(Some("a"), 2, 50.0), (Some("b"), 2, 50.0)],
        ),
    ];
    for (written, expected) in rows {
        let found = of(json!([{"route": route(written)}])).unwrap();
        let weights: Vec<_> = found
            .weights
            .iter()
            .map(|weight| (weight.subset.as_deref(), weight.weight, weight.percent))
            .collect();
        assert_eq!(weights, expected, "{written:?}");
    }
}

#[test]
fn without_a_subset_no_share_is_known() {
    let found = of(json!([{"route": route(&[("", 0)])}])).unwrap();
    assert_eq!((found.percent("ctx1"), found.rule), (None, None));
}

#[test]
fn faults_are_told_as_they_take_effect() {
    let fault = |fault: Value| {
        let found = of(json!([{"fault": fault, "route": route(&[("ctx1", 0)])}])).unwrap();
        (found.delay, found.abort)
    };
    let delay = Some(DelayFault {
        duration: Duration::from_secs(3),
        percent: 70.0,
    });
    assert_eq!(
        fault(json!({"delay": {"fixedDelay": "3s", "percentage": {"value": 70}}})),
        (delay, None)
    );
    let abort = Some(AbortFault {
        status: 500,
        percent: 30.0,
    });
    assert_eq!(
        fault(json!({"abort": {"httpStatus": 500, "percentage": {"value": 30}}})),
        (None, abort)
    );
    let never = Some(AbortFault {
        status: 500,
        percent: 0.0,
    });
    assert_eq!(fault(json!({"abort": {"httpStatus": 500}})), (None, never));
}
