use super::*;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, from_value, json};

/// A Service `echo` with a named port.
fn service(change: Value) -> Service {
    let mut service = json!({
        "metadata": {"name": "echo", "namespace": "n", "uid": "s", "labels": {"team": "a"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "echo"}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]},
    });
    for (member, value) in change.as_object().into_iter().flatten() {
        service["spec"][member] = value.clone();
    }
    from_value(service).unwrap()
}

fn pod(name: &str, ready: bool, port: i32) -> Value {
    let ready = if ready { "True" } else { "False" };
    json!({
        "metadata": {"name": name, "namespace": "n", "uid": name, "labels": {"app": "echo"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": [{"name": "web", "containerPort": port}]}]},
        "status": {
            "phase": "Running", "podIP": format!("10.1.1.{}", name.len()),
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:07Z"}],
        },
    })
}

fn leaving(mut pod: Value) -> Value {
    pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:01:00Z");
    pod
}

/// Every test's zones: all nodes are in one.
fn decide<T>(service: &Service, pods: &[Value], by: impl Fn(&Situation<'_>) -> T) -> T {
    let pods: Vec<Arc<Pod>> = pods
        .iter()
        .map(|pod| Arc::new(from_value(pod.clone()).unwrap()))
        .collect();
    by(&Situation {
        service,
        pods: &pods,
        zone_of: &|_| Some("z1".to_owned()),
    })
}

fn slices_of(service: &Service, pods: &[Value]) -> Vec<EndpointSlice> {
    decide(service, pods, |situation| {
        slices::plan(situation, &[]).create
    })
}

fn endpoints_of(service: &Service, pods: &[Value]) -> Value {
    decide(service, pods, |situation| {
        json!(legacy::endpoints(situation))
    })
}

#[test]
fn a_slice_says_of_each_pod_what_a_real_one_does() {
    let slices = slices_of(&service(json!({})), &[pod("a", true, 8080)]);
    let expected = json!([{
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "generateName": "echo-", "namespace": "n",
            "labels": {"team": "a", "kubernetes.io/service-name": "echo", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:07Z"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "echo", "uid": "s", "controller": true, "blockOwnerDeletion": true}],
        },
        "endpoints": [{
            "addresses": ["10.1.1.1"], "conditions": {"ready": true, "serving": true, "terminating": false},
            "targetRef": {"kind": "Pod", "namespace": "n", "name": "a", "uid": "a"}, "nodeName": "n1", "zone": "z1",
        }],
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
    }]);
    assert_eq!(json!(slices), expected);
}

#[test]
fn conditions_tell_ready_from_serving_and_leaving() {
    let rows = [
        (pod("a", false, 1), json!({}), (false, false, false)),
        (leaving(pod("a", true, 1)), json!({}), (false, true, true)),
        (
            pod("a", false, 1),
            json!({"publishNotReadyAddresses": true}),
            (true, false, false),
        ),
    ];
    for (pod, spec, (ready, serving, terminating)) in rows {
        let slices = slices_of(&service(spec), &[pod]);
        let expected = json!({"ready": ready, "serving": serving, "terminating": terminating});
        assert_eq!(json!(slices)[0]["endpoints"][0]["conditions"], expected);
    }
}

#[test]
fn a_pod_without_an_address_and_one_that_ended_are_no_endpoints() {
    let (mut new, mut ended) = (pod("a", false, 1), pod("b", false, 1));
    new["status"]["podIP"] = Value::Null;
    ended["status"]["phase"] = json!("Succeeded");
    let slices = slices_of(&service(json!({})), &[new, ended]);
    assert_eq!((slices.len(), &slices[0].ports), (1, &None));
    assert_eq!(slices[0].endpoints, Some(Vec::new()));
}

#[test]
fn pods_with_other_ports_are_in_another_slice() {
    let slices = slices_of(
        &service(json!({})),
        &[pod("a", true, 1), pod("bb", true, 2)],
    );
    assert_eq!(slices.len(), 2);
}

#[test]
fn a_slice_keeps_its_name_and_order_and_is_written_only_when_it_differs() {
    let service = service(json!({}));
    let mut old = slices_of(&service, &[pod("bb", true, 1)]).remove(0);
    old.metadata.name = Some("echo-x".to_owned());
    let old = [Arc::new(old)];
    let same = decide(&service, &[pod("bb", true, 1)], |it| slices::plan(it, &old));
    assert_eq!(same, slices::Plan::default());
    let pods = [pod("a", true, 1), pod("bb", true, 1)];
    let more = decide(&service, &pods, |it| slices::plan(it, &old));
    assert_eq!(more.update[0].metadata.name.as_deref(), Some("echo-x"));
    let addresses: Vec<&String> = more.update[0]
        .endpoints
        .iter()
        .flatten()
        .flat_map(|it| &it.addresses)
        .collect();
    assert_eq!(addresses, ["10.1.1.2", "10.1.1.1"]);
}

#[test]
fn endpoints_tell_ready_from_unready_pods_and_leave_out_leaving_ones() {
    let pods = [
        pod("ccc", true, 1),
        pod("a", true, 1),
        pod("bb", false, 1),
        leaving(pod("dddd", true, 1)),
    ];
    let endpoints = endpoints_of(&service(json!({})), &pods);
    let ips = |member: &str| -> Vec<Value> {
        let list = endpoints["subsets"][0][member].as_array();
        list.unwrap().iter().map(|it| it["ip"].clone()).collect()
    };
    assert_eq!(ips("addresses"), ["10.1.1.1", "10.1.1.3"]);
    assert_eq!(ips("notReadyAddresses"), ["10.1.1.2"]);
    let labels = json!({"team": "a", "endpoints.kubernetes.io/managed-by": "endpoint-controller"});
    assert_eq!(endpoints["metadata"]["labels"], labels);
}

#[test]
fn a_service_without_a_selector_is_left_to_others() {
    let spec = |change| is_served(service(change).spec.as_ref().unwrap());
    assert!(spec(json!({})));
    assert!(!spec(json!({"selector": null})));
    assert!(!spec(json!({"type": "ExternalName"})));
}
