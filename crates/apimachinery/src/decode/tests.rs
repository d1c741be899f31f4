use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::resource::{self, rows};

fn document(text: &str) -> Document {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn decoded(resource: &Resource, text: &str) -> Decoded {
    object(resource, resource.versions[0], document(text)).unwrap()
}

fn faults(resource: &Resource, text: &str) -> Vec<String> {
    let faults = decoded(resource, text).faults;
    faults.iter().map(Fault::to_string).collect()
}

fn refusal(resource: &Resource, text: &str) -> String {
    let decoded = object(resource, resource.versions[0], document(text));
    decoded.unwrap_err().to_string()
}

#[test]
fn unknown_fields_are_named_in_the_order_they_were_written() {
    let text = r#"{"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"imagee":1}]}},"foo":1},"bar":2}"#;
    assert_eq!(
        faults(&rows::DEPLOYMENTS, text),
        [
            r#"unknown field "spec.template.spec.containers[0].imagee""#,
            r#"unknown field "spec.foo""#,
            r#"unknown field "bar""#,
        ]
    );
    let stored = decoded(&rows::DEPLOYMENTS, text).object;
    assert_eq!(stored["spec"].get("foo"), None);
    assert_eq!(stored["kind"], "Deployment");
}

#[test]
fn of_a_field_written_twice_the_last_one_counts() {
    let text = r#"{"data":{"a":"1","a":"2"},"data":{"b":"3","b":"4"}}"#;
    assert_eq!(
        faults(&rows::CONFIG_MAPS, text),
        [
            r#"duplicate field "data.a""#,
            r#"duplicate field "data""#,
            r#"duplicate field "data.b""#,
        ]
    );
    let stored = decoded(&rows::CONFIG_MAPS, text).object;
    assert_eq!(stored, json!({"data": {"b": "4"}}));
}

#[test]
fn a_fault_is_told_once_and_not_for_ever() {
    let text = r#"{"x":1,"x":2,"x":3}"#;
    assert_eq!(faults(&rows::PODS, text), [r#"unknown field "x""#]);
    let many: Vec<_> = (0..1000).map(|at| format!(r#""x{at}":1"#)).collect();
    let text = format!("{{{}}}", many.join(","));
    assert_eq!(faults(&rows::PODS, &text).len(), MAX_FAULTS);
}

#[test]
fn strictness_decides_what_a_fault_is() {
    let decode = || decoded(&rows::PODS, r#"{"a":1,"b":1}"#);
    let warned = decode().settle(Strictness::Warn).unwrap();
    assert_eq!(warned.1.len(), 2);
    assert!(decode().settle(Strictness::Ignore).unwrap().1.is_empty());
    assert_eq!(
        decode().settle(Strictness::Strict).unwrap_err().to_string(),
        r#"strict decoding error: unknown field "a", unknown field "b""#
    );
    assert_eq!(Strictness::parse(""), Some(Strictness::Warn));
    assert_eq!(Strictness::parse("strict"), None);
}

#[test]
fn a_wrong_type_is_named_as_go_names_it() {
    for (resource, text, why) in [
        (
            &rows::DEPLOYMENTS,
            r#"{"spec":{"replicas":"two"}}"#,
            "string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            &rows::CONFIG_MAPS,
            r#"{"data":{"a":1}}"#,
            "number into Go struct field ConfigMap.data of type string",
        ),
        (
            &rows::DEPLOYMENTS,
            r#"{"spec":{"template":{"spec":{"containers":[{"env":[{"name":"A","value":true}]}]}}}}"#,
            "bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
        ),
        (
            &rows::SERVICES,
            r#"{"spec":{"ports":{"port":80}}}"#,
            "object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort",
        ),
        (
            &rows::DEPLOYMENTS,
            r#"{"spec":[]}"#,
            "array into Go struct field Deployment.spec of type v1.DeploymentSpec",
        ),
        (
            &rows::PODS,
            r#"{"metadata":{"labels":{"a":1}}}"#,
            "number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            &rows::SERVICES,
            r#"{"spec":{"ports":[{"protocol":1}]}}"#,
            "number into Go struct field ServicePort.spec.ports.protocol of type v1.Protocol",
        ),
        (
            &rows::PODS,
            r#"{"spec":{"volumes":[{"emptyDir":1}]}}"#,
            "number into Go struct field Volume.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource",
        ),
        (
            &rows::PODS,
            r#"{"spec":{"containers":[{"resources":{"limits":1}}]}}"#,
            "number into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
        ),
    ] {
        assert_eq!(
            refusal(resource, text),
            format!("json: cannot unmarshal {why}")
        );
    }
}

#[test]
fn the_first_wrong_type_counts_unless_a_type_refuses_its_text() {
    let text = r#"{"spec":{"replicas":"x","paused":1}}"#;
    assert!(refusal(&rows::DEPLOYMENTS, text).contains("replicas"));
    let text = r#"{"spec":{"replicas":"x","template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"lots"}}}]}}}}"#;
    assert_eq!(refusal(&rows::DEPLOYMENTS, text), quantity::MALFORMED);
}

#[test]
fn what_is_empty_to_go_is_not_stored() {
    let text = r#"{"spec":{"replicas":0,"paused":false,"minReadySeconds":0,"strategy":{},"selector":null,
        "template":{"spec":{"nodeName":"","containers":[{"name":"","resources":{},"args":[],"env":null}],
        "nodeSelector":{},"automountServiceAccountToken":false}}}}"#;
    assert_eq!(
        decoded(&rows::DEPLOYMENTS, text).object["spec"],
        json!({
            "replicas": 0, "strategy": {}, "template": {"spec": {
                "containers": [{"name": "", "resources": {}}], "automountServiceAccountToken": false,
            }},
        })
    );
}

#[test]
fn null_in_a_list_or_map_stands_for_what_is_empty() {
    let text = r#"{"data":{"a":null}}"#;
    assert_eq!(
        decoded(&rows::CONFIG_MAPS, text).object,
        json!({"data": {"a": ""}})
    );
    let text = r#"{"spec":{"ports":[null]}}"#;
    assert_eq!(
        decoded(&rows::SERVICES, text).object,
        json!({"spec": {"ports": [{}]}})
    );
}

#[test]
fn a_custom_resource_loses_what_its_definition_does_not_know() {
    let text = r#"{"apiVersion":"networking.istio.io/v1","kind":"VirtualService",
        "metadata":{"name":"m","namee":1,"labels":{"b":"1"}},"zz":1,
        "spec":{"http":[{"route":[{"destination":{"foo":1,"host":"x"},"weight":"ten"}],"rout":[]}],"hosts":"x"}}"#;
    assert_eq!(
        faults(&rows::VIRTUAL_SERVICES, text),
        [
            r#"unknown field "metadata.namee""#,
            r#"unknown field "spec.http[0].rout""#,
            r#"unknown field "spec.http[0].route[0].destination.foo""#,
            r#"unknown field "zz""#,
        ]
    );
    assert_eq!(
        decoded(&rows::VIRTUAL_SERVICES, text).object,
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "m", "labels": {"b": "1"}},
            "spec": {"http": [{"route": [{"destination": {"host": "x"}, "weight": "ten"}]}], "hosts": "x"},
        })
    );
}

#[test]
fn an_open_part_of_a_custom_resource_keeps_everything_but_twins() {
    let text = r#"{"spec":{"configPatches":[{"patch":{"value":{"any":{"thing":1,"thing":2}}}}]},"status":{"x":{}}}"#;
    assert_eq!(
        faults(&rows::ENVOY_FILTERS, text),
        [r#"duplicate field "spec.configPatches[0].patch.value.any.thing""#]
    );
    assert_eq!(
        decoded(&rows::ENVOY_FILTERS, text).object["status"],
        json!({"x": {}})
    );
}

#[test]
fn null_in_a_custom_resource_is_nothing_where_its_schema_says_so() {
    let text = r#"{"spec":{"gateways":null,"http":[{"match":[null,{"headers":{"x":null}}]}]}}"#;
    assert_eq!(
        decoded(&rows::VIRTUAL_SERVICES, text).object["spec"],
        json!({"http": [{"match": [null, {"headers": {}}]}]})
    );
}

#[test]
fn the_metadata_of_a_custom_resource_has_types() {
    assert_eq!(
        refusal(&rows::GATEWAYS, r#"{"metadata":{"labels":{"a":1}}}"#),
        "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9a-zMi=:TZ-]{0,24}".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "metadata",
        "spec",
        "status",
        "template",
        "containers",
        "ports",
        "data",
        "limits",
        "labels",
        "resources",
        "name",
        "replicas",
        "http",
        "creationTimestamp",
        "env",
        "x",
    ]);
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..5).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, it)| (name.into(), it))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn decoding_takes_or_refuses_anything_and_changes_nothing_twice(value in any_value()) {
        for row in resource::ALL {
            if let Ok(once) = object(row, row.versions[0], value.clone().into()) {
                let twice = object(row, row.versions[0], once.object.clone().into());
                let clean = Decoded { object: once.object, faults: Vec::new() };
                prop_assert_eq!(twice, Ok(clean), "{}", row.kind);
            }
        }
    }
}
