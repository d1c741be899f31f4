use super::*;
use jiff::SignedDuration;
use serde_json::{Value, from_value, json};

use figures::{PodFigures, thousandths};

const START: &str = "2026-01-01T00:00:00Z";

/// A Deployment's pods and what they use, under one autoscaler of 1 to 10 replicas.
struct Theater {
    scaler: HorizontalPodAutoscaler,
    current: i32,
    pods: Vec<Arc<Pod>>,
    figures: Figures,
    now: Timestamp,
    memory: Memory,
}

impl Theater {
    /// Pods that have run for an hour, each asking for 100m and using as much as is said of it.
    fn using(metric: Value, used: &[&str]) -> Self {
        let spec = json!({
            "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"},
            "minReplicas": 1, "maxReplicas": 10, "metrics": [metric],
        });
        let mut theater = Self {
            scaler: from_value(json!({"metadata": {"name": "web"}, "spec": spec})).unwrap(),
            current: i32::try_from(used.len()).unwrap(),
            pods: Vec::new(),
            figures: Figures::new(),
            now: START.parse().unwrap(),
            memory: Memory::default(),
        };
        for (index, used) in used.iter().enumerate() {
            theater.add(&format!("web-{index}"), Some(used), &json!({}));
        }
        theater
    }

    fn add(&mut self, name: &str, used: Option<&str>, status: &Value) {
        let mut pod = json!({
            "metadata": {"name": name},
            "spec": {"containers": [
                {"name": "c", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}},
                {"name": "istio-proxy"},
            ]},
            "status": {"phase": "Running", "startTime": "2025-12-31T23:00:00Z", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2025-12-31T23:00:05Z"},
            ]},
        });
        for (member, value) in status.as_object().into_iter().flatten() {
            pod["status"][member] = value.clone();
        }
        self.pods.push(Arc::new(from_value(pod).unwrap()));
        if let Some(used) = used {
            let amount = thousandths(used).unwrap();
            let of = ["cpu", "memory"].map(|resource| (resource.to_owned(), amount));
            let figures = PodFigures {
                containers: [("c".to_owned(), of.into())].into(),
                at: self.now,
                window: SignedDuration::from_secs(5),
            };
            self.figures.insert(name.to_owned(), figures);
        }
    }

    fn decide(&mut self) -> Decision {
        let situation = Situation {
            scaler: &self.scaler,
            current: self.current,
            pods: &self.pods,
            figures: &self.figures,
            now: self.now,
        };
        decide(&situation, &mut self.memory)
    }

    /// The replicas after one look, an hour after the autoscaler was made.
    fn replicas(&mut self) -> i32 {
        self.decide();
        self.now += SignedDuration::from_hours(1);
        self.figures.values_mut().for_each(|it| it.at = self.now);
        let decision = self.decide();
        decision.rescale.map_or(self.current, |it| it.size)
    }

    fn behave(&mut self, behavior: Value) {
        self.scaler.spec.behavior = from_value(behavior).unwrap();
    }
}

fn cpu(percent: i32) -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}})
}

fn average(resource: &str, value: &str) -> Value {
    json!({"type": "Resource", "resource": {"name": resource, "target": {"type": "AverageValue", "averageValue": value}}})
}

fn told(status: &HorizontalPodAutoscalerStatus, kind: &str) -> String {
    let conditions = status.conditions.iter().flatten();
    let found = conditions.clone().find(|it| it.type_ == kind).unwrap();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!(
        "{} {}: {}",
        found.status,
        text(&found.reason),
        text(&found.message)
    )
}

#[test]
fn replicas_follow_the_load() {
    for (metric, used, expected) in [
        (cpu(50), vec!["50m", "50m"], 2),
        // Within a tenth of the target nothing is done.
        (cpu(50), vec!["54m", "55m"], 2),
        (cpu(50), vec!["80m", "80m"], 4),
        (cpu(50), vec!["61m"], 2),
        (cpu(50), vec!["10m", "10m", "10m", "10m"], 1),
        // Never more than twice as many, or four, and never more than allowed.
        (cpu(10), vec!["1"], 4),
        (cpu(10), vec!["1", "1", "1"], 6),
        (cpu(10), vec!["1", "1", "1", "1", "1", "1", "1"], 10),
        (average("cpu", "20m"), vec!["50m", "50m"], 4),
        (average("memory", "1Mi"), vec!["2Mi"], 2),
        (average("memory", "10Mi"), vec!["9.5Mi", "9.5Mi"], 2),
    ] {
        let mut theater = Theater::using(metric.clone(), &used);
        assert_eq!(theater.replicas(), expected, "{metric} {used:?}");
    }
}

#[test]
fn pods_without_figures_are_assumed_to_be_harmless() {
    let pending = json!({"phase": "Pending", "conditions": []});
    let unready = json!({"startTime": START, "conditions": [
        {"type": "Ready", "status": "False", "lastTransitionTime": START},
    ]});
    for (used, other, status, expected) in [
        // One of two is not measured: idle where pods would be added …
        (vec!["200m"], None, json!({}), 4),
        (vec!["90m"], None, json!({}), 2),
        // … and as busy as it may be where pods would go.
        (vec!["10m", "10m", "10m"], None, json!({}), 3),
        // One that is starting counts only where pods would be added.
        (vec!["200m"], None, pending.clone(), 4),
        (vec!["10m", "10m"], None, pending, 1),
        (vec!["90m"], Some("500m"), unready, 2),
    ] {
        let mut theater = Theater::using(cpu(50), &used);
        theater.add("other", other, &status);
        theater.current += 1;
        let replicas = theater.replicas();
        assert_eq!(replicas, expected, "{used:?} {other:?} {status}");
    }
}

#[test]
fn a_smaller_size_waits_for_five_minutes() {
    let mut theater = Theater::using(cpu(50), &["10m", "10m", "10m"]);
    let first = theater.decide();
    assert_eq!(first.rescale, None);
    assert_eq!(
        told(&first.status, ABLE),
        "True ScaleDownStabilized: recent recommendations were higher than current one, applying the highest recent recommendation"
    );
    theater.now += SignedDuration::from_secs(301);
    let later = theater.decide().rescale.unwrap();
    assert_eq!(
        (later.size, later.reason.as_str()),
        (1, "All metrics below target")
    );
}

#[test]
fn behavior_says_how_fast_sizes_change() {
    let policy =
        |kind: &str, value: i32| json!([{"type": kind, "value": value, "periodSeconds": 60}]);
    let idle = vec!["1m"; 8];
    for (used, behavior, expected) in [
        (
            vec!["1"],
            json!({"scaleUp": {"policies": policy("Pods", 1)}}),
            2,
        ),
        (
            vec!["1", "1"],
            json!({"scaleUp": {"policies": policy("Percent", 50)}}),
            3,
        ),
        (
            vec!["1"],
            json!({"scaleUp": {"selectPolicy": "Disabled"}}),
            1,
        ),
        (
            idle.clone(),
            json!({"scaleDown": {"policies": policy("Pods", 2)}}),
            6,
        ),
        (
            idle.clone(),
            json!({"scaleDown": {"policies": policy("Percent", 25)}}),
            6,
        ),
        (idle, json!({"scaleDown": {"selectPolicy": "Disabled"}}), 8),
    ] {
        let mut theater = Theater::using(cpu(50), &used);
        theater.behave(behavior.clone());
        assert_eq!(theater.replicas(), expected, "{behavior}");
    }
}

#[test]
fn what_was_added_counts_against_the_next_addition() {
    let mut theater = Theater::using(cpu(50), &["1"]);
    let policies = json!([{"type": "Pods", "value": 2, "periodSeconds": 60}]);
    theater.behave(json!({"scaleUp": {"policies": policies}}));
    assert_eq!(theater.decide().rescale.unwrap().size, 3);
    theater.memory.scaled(1, 3, theater.now);
    theater.current = 3;
    theater.now += SignedDuration::from_secs(30);
    let next = theater.decide();
    assert_eq!(next.rescale, None);
    assert_eq!(
        told(&next.status, LIMITED),
        "True ScaleUpLimit: the desired replica count is increasing faster than the maximum scale rate"
    );
    theater.now += SignedDuration::from_secs(31);
    assert!(theater.decide().rescale.is_some());
}

#[test]
fn a_status_says_what_is_measured_and_why_a_size_was_chosen() {
    let mut theater = Theater::using(cpu(50), &["30m", "31m"]);
    let status = theater.decide().status;
    let current = json!({"averageUtilization": 30, "averageValue": "30m"});
    assert_eq!(
        json!(status.current_metrics)[0]["resource"]["current"],
        current
    );
    assert_eq!(
        told(&status, ACTIVE),
        "True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"
    );
    let mut busy = Theater::using(average("memory", "1Mi"), &["2Mi"]);
    let decision = busy.decide();
    assert_eq!(
        decision.rescale.unwrap().reason,
        "memory resource above target"
    );
    assert_eq!(
        json!(decision.status.current_metrics)[0]["resource"]["current"],
        json!({"averageValue": "2Mi"})
    );
}

#[test]
fn a_size_outside_of_the_bounds_is_corrected_whatever_the_load() {
    for (current, expected) in [
        (
            12,
            Some((10, "Current number of replicas above Spec.MaxReplicas")),
        ),
        (
            1,
            Some((2, "Current number of replicas below Spec.MinReplicas")),
        ),
        (0, None),
    ] {
        let mut theater = Theater::using(cpu(50), &[]);
        theater.scaler.spec.min_replicas = Some(2);
        theater.current = current;
        let decision = theater.decide();
        let rescale = decision.rescale.map(|it| (it.size, it.reason));
        let expected = expected.map(|(size, why)| (size, why.to_owned()));
        assert_eq!(rescale, expected, "{current}");
        if current == 0 {
            assert_eq!(
                told(&decision.status, ACTIVE),
                "False ScalingDisabled: scaling is disabled since the replica count of the target is zero"
            );
        }
    }
}

#[test]
fn metrics_that_cannot_be_computed_are_told() {
    let pods = json!({"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "1"}}});
    let disk = cpu_of("disk");
    for (metric, used, reason, message) in [
        (
            cpu(50),
            vec![],
            "FailedGetResourceMetric",
            "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API",
        ),
        (
            disk,
            vec!["1m"],
            "FailedGetResourceMetric",
            "failed to get disk utilization: did not receive metrics for targeted pods (pods might be unready)",
        ),
        (
            pods,
            vec!["1m"],
            "FailedGetPodsMetric",
            "unable to get metric rps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered",
        ),
    ] {
        let mut theater = Theater::using(metric, &used);
        theater.current = 1;
        let decision = theater.decide();
        assert_eq!(decision.rescale, None);
        assert_eq!(
            (decision.told[0].reason, decision.told[0].message.as_str()),
            (reason, message)
        );
        assert_eq!(decision.told[1].reason, "FailedComputeMetricsReplicas");
        let condition = told(&decision.status, ACTIVE);
        assert_eq!(
            condition,
            format!("False {reason}: the HPA was unable to compute the replica count: {message}")
        );
        // As recorded: an empty entry stands for what is not known.
        assert_eq!(
            json!(decision.status.current_metrics),
            json!([{"type": ""}])
        );
    }
}

fn cpu_of(resource: &str) -> Value {
    let mut metric = cpu(50);
    metric["resource"]["name"] = json!(resource);
    metric
}

#[test]
fn a_pod_that_asks_for_nothing_has_no_utilization() {
    let mut theater = Theater::using(cpu(50), &["1m"]);
    let pod = Arc::make_mut(&mut theater.pods[0]);
    pod.spec.as_mut().unwrap().containers[0].resources = None;
    let told = theater.decide().told;
    assert_eq!(
        told[0].message,
        "failed to get cpu utilization: missing request for cpu in container c of Pod web-0"
    );
    assert_eq!(
        told[1].message,
        format!(
            "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {}",
            told[0].message
        )
    );
}

#[test]
fn a_metric_that_fails_keeps_a_smaller_size_away() {
    for (used, expected) in [("10m", None), ("200m", Some(8))] {
        let mut theater = Theater::using(cpu(50), &[used, used]);
        let both = json!([cpu(50), cpu_of("disk")]);
        theater.scaler.spec.metrics = from_value(both).unwrap();
        theater.scaler.spec.behavior = from_value(json!({})).unwrap();
        theater.decide();
        theater.now += SignedDuration::from_hours(1);
        let size = theater.decide().rescale.map(|it| it.size);
        assert_eq!(size, expected, "{used}");
    }
}
