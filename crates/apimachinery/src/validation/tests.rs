use serde_json::json;

use super::*;
use crate::defaults;
use crate::resource::rows;

fn messages(resource: &Resource, mut object: Value) -> Vec<String> {
    defaults::fill(resource, resource.preferred_version(), &mut object);
    create(resource, &object)
        .iter()
        .map(Cause::to_string)
        .collect()
}

fn pod(container: Value) -> Value {
    let mut whole = json!({"name": "c", "image": "i:1"});
    object::map_mut(&mut whole).extend(container.as_object().unwrap().clone());
    json!({"metadata": {"name": "p"}, "spec": {"containers": [whole]}})
}

#[test]
fn containers_are_judged_field_by_field() {
    for (container, fault) in [
        (json!({}), ""),
        (
            json!({"ports": [{"containerPort": 70_000}]}),
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            json!({"ports": [{"name": "a", "containerPort": 1}, {"name": "a", "containerPort": 2}]}),
            "spec.containers[0].ports[1].name: Duplicate value: \"a\"",
        ),
        (
            json!({"env": [{"name": ""}]}),
            "spec.containers[0].env[0].name: Required value",
        ),
        (
            json!({"readinessProbe": {"periodSeconds": 1}}),
            "spec.containers[0].readinessProbe: Required value: must specify a handler type",
        ),
        (
            json!({"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}}),
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
            "spec.containers[0].volumeMounts[0].name: Not found: \"v\"",
        ),
        (
            json!({"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}),
            "spec.containers[0].resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit of 1Gi",
        ),
        (
            json!({"imagePullPolicy": "Often"}),
            "spec.containers[0].imagePullPolicy: Unsupported value: \"Often\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
        ),
    ] {
        let expected: Vec<_> = [fault]
            .into_iter()
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect();
        assert_eq!(messages(&rows::PODS, pod(container)), expected);
    }
}

#[test]
fn a_template_is_judged_like_a_pod_under_a_longer_path() {
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}], "restartPolicy": "Never"}});
    let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": template});
    assert_eq!(
        messages(
            &rows::DEPLOYMENTS,
            json!({"metadata": {"name": "d"}, "spec": spec})
        ),
        [
            "spec.template.spec.containers[0].image: Required value",
            "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
        ]
    );
}

#[test]
fn secrets_hold_what_their_type_promises() {
    let secret = json!({"metadata": {"name": "s"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "", "a b": ""}});
    let found = messages(&rows::SECRETS, secret);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("data[a b]: Invalid value: \"a b\": a valid config key"),
        "{found:?}"
    );
    assert_eq!(found[1], "data[tls.key]: Required value");
}

#[test]
fn a_sealed_map_keeps_its_data_and_may_lose_labels() {
    let old = json!({"metadata": {"name": "m", "labels": {"a": "b"}}, "immutable": true, "data": {"a": "1"}});
    let mut new = old.clone();
    new["metadata"]["labels"] = json!({});
    assert!(update(&rows::CONFIG_MAPS, &old, &new).is_empty());
    new["data"]["a"] = json!("2");
    assert_eq!(update(&rows::CONFIG_MAPS, &old, &new).len(), 1);
}

#[test]
fn of_a_pod_only_images_deadlines_and_more_tolerations_may_change() {
    let old = pod(json!({}));
    let change = |path: &str, value: Value| {
        let mut new = old.clone();
        let (parent, member) = path.rsplit_once('/').unwrap();
        object::map_mut(new.pointer_mut(parent).unwrap()).insert(member.into(), value);
        update(&rows::PODS, &old, &new).len()
    };
    assert_eq!(change("/spec/containers/0/image", json!("j:2")), 0);
    assert_eq!(
        change(
            "/spec/tolerations",
            json!([{"key": "a", "operator": "Exists"}])
        ),
        0
    );
    assert_eq!(change("/spec/nodeName", json!("n")), 1);
    assert_eq!(change("/spec/containers/0/args", json!(["x"])), 1);
}
