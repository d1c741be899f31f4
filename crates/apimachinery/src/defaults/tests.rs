use serde_json::json;

use super::*;
use crate::resource::rows;

fn filled(resource: &Resource, mut object: Value) -> Value {
    fill(resource, resource.preferred_version(), &mut object);
    object
}

#[test]
fn a_deployment_is_completed_as_a_real_server_does() {
    let spec = json!({
        "selector": {"matchLabels": {"app": "d"}},
        "template": {
            "metadata": {"labels": {"app": "d"}},
            "spec": {"containers": [{"name": "c", "image": "none:1", "ports": [{"containerPort": 8080}],
                "readinessProbe": {"httpGet": {"port": 8080}}}]},
        },
    });
    let found = filled(
        &rows::DEPLOYMENTS,
        json!({"metadata": {"name": "d"}, "spec": spec}),
    );
    assert_eq!(
        found["spec"],
        json!({
            "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": {"app": "d"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {
                    "containers": [{
                        "name": "c", "image": "none:1", "imagePullPolicy": "IfNotPresent",
                        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                        "readinessProbe": {
                            "httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"},
                            "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
                        },
                        "resources": {}, "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                    }],
                    "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
                    "dnsPolicy": "ClusterFirst", "securityContext": {}, "schedulerName": "default-scheduler",
                },
            },
        })
    );
    assert_eq!(found["status"], json!({}));
}

#[test]
fn what_is_set_stays() {
    let recreate = json!({"spec": {"replicas": 0, "strategy": {"type": "Recreate"}}});
    let found = filled(&rows::DEPLOYMENTS, recreate);
    assert_eq!(found["spec"]["replicas"], 0);
    assert_eq!(found["spec"]["strategy"], json!({"type": "Recreate"}));
}

#[test]
fn filling_twice_changes_nothing() {
    let service = json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
    let once = filled(&rows::SERVICES, service);
    assert_eq!(filled(&rows::SERVICES, once.clone()), once);
    assert_eq!(once["spec"]["ports"][0]["targetPort"], 80);
    assert_eq!(once["spec"]["externalTrafficPolicy"], "Cluster");
    assert_eq!(once["status"], json!({"loadBalancer": {}}));
}

#[test]
fn the_pull_policy_follows_the_tag() {
    for (image, policy) in [
        ("a", "Always"),
        ("a:latest", "Always"),
        ("host:5000/a", "Always"),
        ("a:1", "IfNotPresent"),
        ("host:5000/a:1@sha256:00", "IfNotPresent"),
        ("a@sha256:00", "IfNotPresent"),
    ] {
        let pod = json!({"spec": {"containers": [{"name": "c", "image": image}]}});
        let found = filled(&rows::PODS, pod);
        assert_eq!(
            found["spec"]["containers"][0]["imagePullPolicy"], policy,
            "{image}"
        );
    }
}

#[test]
fn only_a_pods_own_requests_follow_its_limits() {
    let spec = json!({"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]});
    let pod = filled(&rows::PODS, json!({"spec": spec}));
    assert_eq!(
        pod["spec"]["containers"][0]["resources"]["requests"],
        json!({"cpu": "1"})
    );
    let set = filled(
        &rows::REPLICA_SETS,
        json!({"spec": {"template": {"spec": spec}}}),
    );
    let resources = &set["spec"]["template"]["spec"]["containers"][0]["resources"];
    assert_eq!(*resources, json!({"limits": {"cpu": "1"}}));
}

#[test]
fn plain_text_of_a_secret_becomes_data() {
    let secret = filled(
        &rows::SECRETS,
        json!({"stringData": {"a": "1"}, "data": {"b": "Mg=="}}),
    );
    assert_eq!(
        secret,
        json!({"type": "Opaque", "data": {"a": "MQ==", "b": "Mg=="}, "metadata": {}})
    );
}

#[test]
fn custom_resources_stay_as_they_are() {
    let rule = json!({"spec": {"hosts": ["x"]}});
    assert_eq!(filled(&rows::VIRTUAL_SERVICES, rule.clone()), rule);
}
