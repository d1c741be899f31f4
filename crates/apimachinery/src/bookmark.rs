//! The object of a watch's bookmark: it says only how far the watch has come.
//!
//! Kubernetes: it is an object of the watched kind with nothing set. A kind with a Go type still
//! shows the fields Go writes however empty they are.

use serde_json::{Map, Value, json};

use crate::object;
use crate::resource::Resource;
use crate::schema::{Field, Scalar, Shape, Struct, kubernetes};

/// Marks the bookmark that ends the objects a watch begins with.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// The bookmark at a version; one may end the objects that were there already.
pub fn bookmark(
    resource: &Resource,
    version: &str,
    resource_version: u64,
    ends_list: bool,
) -> Value {
    let mut metadata = json!({"resourceVersion": resource_version.to_string()});
    if ends_list {
        metadata["annotations"] = json!({INITIAL_EVENTS_END: "true"});
    }
    let mut members = match kubernetes::of(resource, version) {
        Some(message) => empty(message),
        None => Map::new(),
    };
    members.insert("kind".into(), resource.kind.into());
    members.insert("apiVersion".into(), resource.api_version(version).into());
    members.insert("metadata".into(), metadata);
    let mut bookmark = Value::Object(members);
    // Kubernetes: inside the server the replicas of a scalable kind are a plain number.
    if resource.scale {
        object::member_mut(&mut bookmark, "spec").insert("replicas".into(), 0.into());
    }
    bookmark
}

/// The members Go writes of a message with nothing set.
fn empty(message: &Struct) -> Map<String, Value> {
    let mut members = Map::new();
    for field in &message.fields {
        match (&field.shape, empty_field(field)) {
            (Shape::Struct(inner), _) if field.name.is_empty() => members.extend(empty(inner)),
            (_, Some(value)) => {
                members.insert(field.name.clone(), value);
            }
            (_, None) => {}
        }
    }
    members
}

/// Go: a message that is no pointer is always written, else what is marked so.
fn empty_field(field: &Field) -> Option<Value> {
    match &field.shape {
        Shape::Struct(inner) if !field.pointer => Some(Value::Object(empty(inner))),
        Shape::Scalar(scalar) if field.always && !field.pointer => Some(zero(scalar)),
        _ => field.always.then_some(Value::Null),
    }
}

fn zero(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text { .. } => "".into(),
        Scalar::Bool => false.into(),
        Scalar::Int32 | Scalar::Int64 | Scalar::IntOrString => 0.into(),
        Scalar::Float64 => 0.0.into(),
        Scalar::Quantity => "0".into(),
        Scalar::Duration => "0s".into(),
        Scalar::Bytes | Scalar::Time | Scalar::MicroTime => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::rows;

    #[test]
    fn a_typed_kind_shows_what_go_writes_of_nothing() {
        assert_eq!(
            bookmark(&rows::DEPLOYMENTS, "v1", 271, true),
            json!({
                "kind": "Deployment", "apiVersion": "apps/v1",
                "metadata": {"resourceVersion": "271", "annotations": {"k8s.io/initial-events-end": "true"}},
                "spec": {
                    "replicas": 0, "selector": null, "strategy": {},
                    "template": {"metadata": {}, "spec": {"containers": null}},
                },
                "status": {},
            })
        );
        let pod = bookmark(&rows::PODS, "v1", 2, false);
        assert_eq!(
            (&pod["spec"], &pod["status"]),
            (&json!({"containers": null}), &json!({}))
        );
        let service = bookmark(&rows::SERVICES, "v1", 2, false);
        assert_eq!(
            (&service["spec"], &service["status"]),
            (&json!({}), &json!({"loadBalancer": {}}))
        );
    }

    #[test]
    fn other_kinds_show_their_metadata_alone() {
        for (resource, version) in [(&rows::CONFIG_MAPS, "v1"), (&rows::GATEWAYS, "v1beta1")] {
            let expected = json!({
                "kind": resource.kind, "apiVersion": resource.api_version(version),
                "metadata": {"resourceVersion": "7"},
            });
            assert_eq!(bookmark(resource, version, 7, false), expected);
        }
    }
}
