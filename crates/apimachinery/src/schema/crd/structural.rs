//! From a structural schema to the model that all kinds share.
//!
//! Kubernetes: only `properties`, `additionalProperties`, `items` and `x-kubernetes-*` give an
//! object its structure; `oneOf`, patterns and rules judge values and are asked elsewhere.

use std::sync::Arc;

use serde_json::Value;

use crate::schema::{Field, List, Map, Ownership, Scalar, Shape, Struct, kubernetes};

/// The whole object: what the schema says, and the metadata every object has.
pub(super) fn root(name: String, schema: &Value) -> Struct {
    let mut root = message(schema);
    let metadata = kubernetes::named("meta.v1.ObjectMeta").expect("the table has the metadata");
    root.fields.retain(|field| field.name != "metadata");
    root.fields.push(Field {
        name: "metadata".into(),
        number: None,
        shape: Shape::Struct(Arc::clone(metadata)),
        pointer: false,
        always: true,
        default: None,
    });
    root.name = name;
    root
}

fn message(schema: &Value) -> Struct {
    let properties = schema["properties"].as_object();
    Struct {
        name: String::new(),
        fields: properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| field(name, schema))
            .collect(),
        atomic: schema["x-kubernetes-map-type"] == "atomic",
        open: is_open(schema),
    }
}

fn field(name: &str, schema: &Value) -> Field {
    Field {
        name: name.to_owned(),
        number: None,
        shape: shape(schema),
        pointer: schema["nullable"] == true,
        always: false,
        default: schema.get("default").cloned(),
    }
}

fn shape(schema: &Value) -> Shape {
    if schema["x-kubernetes-int-or-string"] == true {
        return Shape::Scalar(Scalar::IntOrString);
    }
    match schema["type"].as_str() {
        Some("object") => object(schema),
        Some("array") => Shape::List(Arc::new(List {
            item: shape(&schema["items"]),
            ownership: ownership(schema),
            patch: None,
        })),
        Some("string") => Shape::Scalar(text(schema)),
        Some("boolean") => Shape::Scalar(Scalar::Bool),
        Some("integer") if schema["format"] == "int32" => Shape::Scalar(Scalar::Int32),
        Some("integer") => Shape::Scalar(Scalar::Int64),
        Some("number") => Shape::Scalar(Scalar::Float64),
        _ => Shape::Any,
    }
}

fn object(schema: &Value) -> Shape {
    let values = &schema["additionalProperties"];
    if values.is_object() {
        return Shape::Map(Arc::new(Map {
            value: shape(values),
            atomic: schema["x-kubernetes-map-type"] == "atomic",
        }));
    }
    let known = schema["properties"].as_object();
    if is_open(schema) && known.is_none_or(serde_json::Map::is_empty) {
        return Shape::Any;
    }
    Shape::Struct(Arc::new(message(schema)))
}

fn is_open(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true
}

/// Kubernetes: a custom resource's list is one value unless its schema says otherwise.
fn ownership(schema: &Value) -> Ownership {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Ownership::Set,
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array();
            let keys = keys.into_iter().flatten().filter_map(Value::as_str);
            Ownership::Map(keys.map(str::to_owned).collect())
        }
        _ => Ownership::Atomic,
    }
}

fn text(schema: &Value) -> Scalar {
    let values = schema["enum"].as_array().into_iter().flatten();
    let mut values: Vec<_> = values
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    values.sort();
    Scalar::Text {
        named: None,
        values: values.into(),
    }
}
