use serde_json::{Value, json};

use super::*;

fn subset(name: &str) -> Value {
    json!({"destination": {"host": "user-service", "subset": name}})
}

fn weighted(name: &str, weight: u32) -> Value {
    let mut route = subset(name);
    route["weight"] = weight.into();
    route
}

/// A VirtualService of the user service with these rules, created in that second.
fn rules_of(name: &str, second: u8, http: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {
            "name": name, "namespace": "theater-msa",
            "creationTimestamp": format!("2025-11-21T00:00:{second:02}Z"),
        },
        "spec": {"hosts": ["user-service"], "http": http},
    })
}

fn policy(name: &str, second: u8, subsets: &[&str]) -> Value {
    let subsets: Vec<Value> = subsets.iter().map(|name| json!({"name": name})).collect();
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {
            "name": name, "namespace": "theater-msa",
            "creationTimestamp": format!("2025-11-21T00:00:{second:02}Z"),
        },
        "spec": {"host": "user-service", "subsets": subsets},
    })
}

fn read(virtual_services: &[Value], destination_rules: &[Value]) -> RuleObjects {
    RuleObjects {
        virtual_services: Some(Parsed::of(virtual_services)),
        destination_rules: Some(Parsed::of(destination_rules)),
        reason: None,
    }
}

fn user(objects: &RuleObjects) -> Rule {
    rules(objects).user
}

/// The rule of the user service under one VirtualService with these rules.
fn user_under(http: Value) -> Rule {
    let policies = [policy("user-service-dr", 0, &["ctx1", "ctx2"])];
    user(&read(&[rules_of("user-service-vs", 0, http)], &policies))
}

fn figures(rule: &Rule) -> (Option<f64>, Option<f64>) {
    (rule.ctx1.map(|it| it.0), rule.ctx2.map(|it| it.0))
}

fn canary() -> Value {
    json!({
        "name": "canary", "match": [{"headers": {"x-canary": {"exact": "true"}}}],
        "route": [subset("ctx2")],
    })
}

#[test]
fn the_rule_without_a_match_is_found_by_meaning() {
    let main = json!({"name": "weighted", "route": [weighted("ctx1", 70), weighted("ctx2", 30)]});
    for http in [json!([canary(), main]), json!([main, canary()])] {
        let rule = user_under(http);
        assert_eq!(rule.source, Source::VirtualService);
        assert_eq!(figures(&rule), (Some(70.0), Some(30.0)));
        assert_eq!(rule.object.as_deref(), Some("user-service-vs"));
        assert_eq!(rule.rule.as_deref(), Some("weighted"));
        assert_eq!(
            (rule.reason, rule.fault, rule.warnings),
            (None, None, vec![])
        );
    }
}

#[test]
fn a_single_route_takes_everything() {
    let rule = user_under(json!([{"name": "blocked", "route": [subset("ctx1")]}]));
    assert_eq!(figures(&rule), (Some(100.0), Some(0.0)));
    let rule = user_under(json!([{"route": [weighted("ctx2", 0)]}]));
    assert_eq!(figures(&rule), (Some(0.0), Some(100.0)));
    assert_eq!(rule.rule, None);
}

#[test]
fn a_rule_that_delegates_is_the_one_it_delegates_to() {
    let rule = user_under_delegate(json!([weighted("ctx1", 60), weighted("ctx2", 40)]));
    assert_eq!(figures(&rule), (Some(60.0), Some(40.0)));
    assert_eq!(rule.source, Source::VirtualService);
}

#[test]
fn a_delegate_that_is_missing_is_told() {
    let rule = user_under(json!([{"delegate": {"name": "part"}}]));
    let told = "virtual service theater-msa/user-service-vs: http[0] is left out: \
                delegate virtual service theater-msa/part of theater-msa/user-service-vs not found";
    assert!(
        rule.warnings.iter().any(|it| it == told),
        "{:?}",
        rule.warnings
    );
}

fn user_under_delegate(route: Value) -> Rule {
    let mut part = rules_of("part", 1, json!([{"route": route}]));
    part["spec"]["hosts"] = json!([]);
    let root = rules_of("root", 0, json!([{"delegate": {"name": "part"}}]));
    user(&read(&[root, part], &[]))
}

#[test]
fn zero_stays_zero() {
    let rule = user_under(json!([{"route": [weighted("ctx1", 100), weighted("ctx2", 0)]}]));
    assert_eq!(figures(&rule), (Some(100.0), Some(0.0)));
    assert_eq!(serde_json::to_value(&rule).unwrap()["ctx2"], json!(0));
}

#[test]
fn other_destinations_are_listed_not_hidden() {
    let elsewhere =
        json!({"destination": {"host": "movie-service", "subset": "ctx1"}, "weight": 10});
    let routes = json!([{"route": [weighted("ctx1", 70), weighted("v3", 20), elsewhere]}]);
    let rule = user_under(routes);
    assert_eq!(figures(&rule), (Some(70.0), Some(0.0)));
    let others = serde_json::to_value(&rule.others).unwrap();
    let expected = json!([
        {"subset": "v3", "weight": 20},
        {"subset": "movie-service/ctx1", "weight": 10},
    ]);
    assert_eq!(others, expected);
    assert_eq!(
        rule.warnings,
        ["subset v3 is in no DestinationRule: its requests get 503 (NC)"]
    );
}

#[test]
fn faults_of_the_rule_are_told() {
    let http = json!([
        {"match": [{"headers": {"x": {"exact": "1"}}}], "route": [subset("ctx1")],
         "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 90}}}},
        {"route": [subset("ctx1")], "fault": {
            "delay": {"fixedDelay": "3s", "percentage": {"value": 70}},
            "abort": {"httpStatus": 500, "percentage": {"value": 0.5}},
        }},
    ]);
    let fault = serde_json::to_value(user_under(http).fault).unwrap();
    let expected = json!({
        "delay": {"ms": 3000, "percent": 70},
        "abort": {"status": 500, "percent": 0.5},
    });
    assert_eq!(fault, expected);
}

#[test]
fn a_route_without_subset_leaves_the_choice_to_the_balancer() {
    let rule = user_under(json!([{"route": [{"destination": {"host": "user-service"}}]}]));
    assert_eq!((rule.source, figures(&rule)), (Source::None, (None, None)));
    assert_eq!(
        rule.warnings,
        ["a route names no subset: for its requests the balancer decides"]
    );
}

#[test]
fn no_rule_at_all_is_told_as_such() {
    let rule = user(&read(&[], &[]));
    assert_eq!(
        (rule.source, figures(&rule), rule.object),
        (Source::None, (None, None), None)
    );
    assert_eq!(rule.warnings.len(), 1);
}

#[test]
fn rules_with_conditions_only_leave_the_rest_without_a_route() {
    let rule = user_under(json!([canary()]));
    assert_eq!((rule.source, figures(&rule)), (Source::None, (None, None)));
    assert_eq!(rule.object.as_deref(), Some("user-service-vs"));
    assert_eq!(
        rule.warnings,
        ["every rule has a condition: other requests get 404 (NR)"]
    );
}

#[test]
fn weights_are_shares_of_their_sum() {
    let rule = user_under(json!([{"route": [weighted("ctx1", 1), weighted("ctx2", 2)]}]));
    let shown = serde_json::to_value(&rule).unwrap();
    assert_eq!(
        (&shown["ctx1"], &shown["ctx2"]),
        (&json!(33.33), &json!(66.67))
    );
    assert_eq!(
        rule.warnings,
        ["the weights sum to 3; shares are computed from them"]
    );
}

#[test]
fn the_oldest_object_rules_and_the_others_are_named() {
    let services = [
        rules_of("newer", 9, json!([{"route": [subset("ctx2")]}])),
        rules_of("older", 1, json!([{"route": [subset("ctx1")]}])),
    ];
    let policies = [policy("late", 9, &["ctx2"]), policy("early", 1, &["ctx1"])];
    let rule = user(&read(&services, &policies));
    assert_eq!(
        (figures(&rule), rule.object.as_deref()),
        ((Some(100.0), Some(0.0)), Some("older"))
    );
    let expected = [
        "VirtualService newer has no effect: older rules this host",
        "DestinationRules early, late name this host: early is the oldest and wins",
    ];
    assert_eq!(rule.warnings, expected);
}

#[test]
fn an_api_that_was_never_read_gives_the_defaults_with_the_reason() {
    let objects = RuleObjects {
        reason: Some(Reason::Forbidden),
        ..RuleObjects::default()
    };
    let weights = serde_json::to_value(Weights::from(&rules(&objects))).unwrap();
    let expected = json!({
        "UserServiceCtx1Weight": 70, "UserServiceCtx2Weight": 30,
        "MovieServiceCtx1Weight": 30, "MovieServiceCtx2Weight": 70,
        "BookingServiceCtx1Weight": 50, "BookingServiceCtx2Weight": 50,
        "source": {"user": "default", "movie": "default", "booking": "default"},
        "others": {"user": [], "movie": [], "booking": []},
        "reasons": {"user": "forbidden", "movie": "forbidden", "booking": "forbidden"},
    });
    assert_eq!(weights, expected);
}

#[test]
fn a_cluster_without_the_kind_has_no_rule() {
    let objects = RuleObjects {
        reason: Some(Reason::NotFound),
        ..RuleObjects::default()
    };
    let rule = user(&objects);
    assert_eq!((rule.source, figures(&rule)), (Source::None, (None, None)));
    assert!(rule.reason.unwrap().contains("Istio"));
}

#[test]
fn what_was_read_stays_when_the_api_is_lost_and_says_so() {
    let services = [rules_of("vs", 0, json!([{"route": [subset("ctx1")]}]))];
    let objects = RuleObjects {
        reason: Some(Reason::Unreachable),
        ..read(&services, &[policy("dr", 0, &["ctx1"])])
    };
    let rule = user(&objects);
    assert_eq!(
        (rule.source, figures(&rule)),
        (Source::VirtualService, (Some(100.0), Some(0.0)))
    );
    assert_eq!(rule.reason.as_deref(), Some("may be old: unreachable"));
}

#[test]
fn an_object_that_cannot_be_understood_is_named_where_it_belongs() {
    let broken = rules_of(
        "broken",
        0,
        json!([{"route": [weighted("ctx1", 1)], "timeout": 7}]),
    );
    let all = rules(&read(&[broken], &[]));
    assert!(
        all.user.warnings[0].contains("broken"),
        "{:?}",
        all.user.warnings
    );
    assert!(
        !all.movie
            .warnings
            .iter()
            .any(|text| text.contains("broken"))
    );
}
