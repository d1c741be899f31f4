use super::*;
use apiserver::admission::Operation;
use apiserver::resource::Resource;
use apiserver::store::{RingLimits, SystemSource};
use std::sync::Arc;

fn store(limit: &Value) -> Store {
    let store = Store::new(Arc::new(SystemSource), RingLimits::default());
    let namespace = json!({"metadata": {"name": "a"}});
    store.create(&rows::NAMESPACES, "", namespace).unwrap();
    let range = json!({"metadata": {"name": "r", "namespace": "a"}, "spec": {"limits": [limit]}});
    store.create(&rows::LIMIT_RANGES, "a", range).unwrap();
    store
}

fn pod(resources: &Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "resources": resources}]}})
}

fn refusal(limit: &Value, resource: &'static Resource, object: &Value) -> String {
    let review = Review {
        operation: Operation::Create,
        resource,
        version: "v1",
        namespace: "a",
        name: "p",
        object: Some(object),
        old: None,
    };
    let refused = check(&store(limit), &review, object).err();
    refused.map_or(String::new(), |it| it.message().to_owned())
}

#[test]
fn a_container_that_says_nothing_gets_what_the_namespace_says() {
    let limit = json!({"type": "Container",
        "default": {"cpu": "500m", "memory": "64Mi"}, "defaultRequest": {"cpu": "100m"}});
    let mut pod = pod(&json!({"limits": {"memory": "1Gi"}}));
    fill(&store(&limit), "a", &mut pod);
    let expected = json!({"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "100m"}});
    assert_eq!(pod["spec"]["containers"][0]["resources"], expected);
    assert_eq!(
        pod["metadata"]["annotations"][NOTE],
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    );
}

#[test]
fn a_pod_that_says_everything_is_left_alone() {
    let limit = json!({"type": "Container", "default": {"cpu": "500m"}});
    let mut given = pod(&json!({"limits": {"cpu": "1"}}));
    fill(&store(&limit), "a", &mut given);
    assert_eq!(given, pod(&json!({"limits": {"cpu": "1"}})));
}

#[test]
fn what_lies_outside_is_refused_in_kubernetes_words() {
    let of = |requests: Value, limits: Value| json!({"requests": requests, "limits": limits});
    let cpu = |amount: &str| json!({"cpu": amount});
    let none = json!({});
    for (limit, resources, why) in [
        (json!({"max": cpu("1")}), of(cpu("500m"), cpu("1")), ""),
        (
            json!({"max": cpu("1")}),
            of(none.clone(), cpu("2")),
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            json!({"max": cpu("1")}),
            none.clone(),
            "maximum cpu usage per Container is 1.  No limit is specified",
        ),
        (
            json!({"max": cpu("1")}),
            of(cpu("1500m"), cpu("1")),
            "maximum cpu usage per Container is 1, but request is 1500m",
        ),
        (
            json!({"min": cpu("200m")}),
            of(cpu("100m"), none.clone()),
            "minimum cpu usage per Container is 200m, but request is 100m",
        ),
        (
            json!({"min": cpu("200m")}),
            none.clone(),
            "minimum cpu usage per Container is 200m.  No request is specified",
        ),
        (
            json!({"min": cpu("200m")}),
            of(cpu("200m"), cpu("100m")),
            "minimum cpu usage per Container is 200m, but limit is 100m",
        ),
        (
            json!({"maxLimitRequestRatio": cpu("2")}),
            of(cpu("1"), cpu("3")),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        (
            json!({"maxLimitRequestRatio": cpu("2")}),
            of(none.clone(), cpu("3")),
            "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
        ),
        (
            json!({"min": cpu("200m"), "max": cpu("1")}),
            of(cpu("100m"), cpu("2")),
            "[minimum cpu usage per Container is 200m, but request is 100m, maximum cpu usage per Container is 1, but limit is 2]",
        ),
    ] {
        let mut item = limit;
        item["type"] = json!("Container");
        let expected = match why {
            "" => String::new(),
            why => format!("pods \"p\" is forbidden: {why}"),
        };
        let found = refusal(&item, &rows::PODS, &pod(&resources));
        assert_eq!(found, expected, "{item} {resources}");
    }
}

#[test]
fn a_pod_counts_its_containers_together_and_a_claim_what_it_asks_for() {
    let both = json!({"metadata": {"name": "p"}, "spec": {
        "containers": [{"resources": {"limits": {"memory": "1Gi"}}}, {"resources": {"limits": {"memory": "1Gi"}}}],
        "initContainers": [{"resources": {"limits": {"memory": "512Mi"}}}],
    }});
    let limit = json!({"type": "Pod", "max": {"memory": "1Gi"}});
    assert_eq!(
        refusal(&limit, &rows::PODS, &both),
        "pods \"p\" is forbidden: maximum memory usage per Pod is 1Gi, but limit is 2Gi"
    );
    let claim =
        json!({"metadata": {"name": "p"}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}});
    let limit = json!({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}});
    assert_eq!(
        refusal(&limit, &rows::PERSISTENT_VOLUME_CLAIMS, &claim),
        "persistentvolumeclaims \"p\" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"
    );
}
