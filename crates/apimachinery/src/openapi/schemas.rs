//! The shapes of kinds as OpenAPI schemas.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Words, kind_of};
use crate::resource::Resource;
use crate::schema::{self, Field, List, Ownership, Scalar, Shape, Struct, crd};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// The schemas of a document: those of its kinds, and all they refer to.
pub(super) struct Schemas<'a> {
    words: &'a dyn Words,
    found: Map<String, Value>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(words: &'a dyn Words) -> Self {
        Self {
            words,
            found: Map::new(),
        }
    }

    pub(super) fn done(self) -> Map<String, Value> {
        self.found
    }

    /// Adds a kind in one of its versions.
    pub(super) fn add(&mut self, row: &'static Resource, version: &str) {
        let Some(shape) = schema::of(row, version) else {
            return;
        };
        let name = match crd::definition(row).and_then(|it| it.schema(version)) {
            Some(written) => self.add_custom(row, version, written),
            None => self.add_message(shape),
        };
        let Some(schema) = self.found.get_mut(&name) else {
            return;
        };
        for (member, text) in [("apiVersion", VERSION_WORDS), ("kind", KIND_WORDS)] {
            schema["properties"][member] = json!({"type": "string", "description": text});
        }
        schema["x-kubernetes-group-version-kind"] = json!([kind_of(row, version)]);
    }

    /// A custom resource is described by its own definition.
    fn add_custom(&mut self, row: &Resource, version: &str, written: &Value) -> String {
        let mut schema = written.clone();
        if let Some(metadata) = schema::kubernetes::named("meta.v1.ObjectMeta") {
            let metadata = self.add_message(metadata);
            schema["properties"]["metadata"] = json!({"allOf": [reference(&metadata)]});
        }
        let mut parts: Vec<_> = row.group.split('.').collect();
        parts.reverse();
        let name = format!("{}.{version}.{}", parts.join("."), row.kind);
        self.found.insert(name.clone(), schema);
        name
    }

    /// Adds a message type and what it holds; its name in OpenAPI.
    fn add_message(&mut self, message: &Arc<Struct>) -> String {
        let name = open_name(&message.name);
        if !self.found.contains_key(&name) {
            // Known before it is complete, so that nothing is made twice.
            self.found.insert(name.clone(), Value::Null);
            let schema = self.message(message, &name);
            self.found.insert(name.clone(), schema);
        }
        name
    }

    fn message(&mut self, message: &Struct, name: &str) -> Value {
        let words = self.words.schema(name).unwrap_or(&Value::Null);
        let mut properties = Map::new();
        self.add_fields(message, words, &mut properties);
        let mut schema = json!({"type": "object", "properties": properties});
        for member in ["description", "required"] {
            if let Some(said) = words.get(member) {
                schema[member] = said.clone();
            }
        }
        if message.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        schema
    }

    fn add_fields(&mut self, message: &Struct, words: &Value, into: &mut Map<String, Value>) {
        for field in &message.fields {
            match &field.shape {
                Shape::Struct(inner) if field.name.is_empty() => {
                    self.add_fields(inner, words, into);
                }
                _ => {
                    let said = &words["properties"][&field.name]["description"];
                    into.insert(field.name.clone(), self.field(field, said));
                }
            }
        }
    }

    fn field(&mut self, field: &Field, said: &Value) -> Value {
        let mut schema = self.shape(&field.shape);
        // A reference has no neighbours; what is said about the field stands around it.
        if schema.get("$ref").is_some() {
            schema = json!({"allOf": [schema]});
        }
        if !said.is_null() {
            schema["description"] = said.clone();
        }
        if let Some(default) = &field.default {
            schema["default"] = default.clone();
        }
        schema
    }

    fn shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Any => json!({"type": "object"}),
            Shape::Struct(inner) => reference(&self.add_message(inner)),
            Shape::Map(map) => json!({
                "type": "object", "additionalProperties": self.shape(&map.value),
            }),
            Shape::List(list) => self.list(list),
            Shape::Scalar(scalar) => self.scalar(scalar),
        }
    }

    fn list(&mut self, list: &List) -> Value {
        let mut schema = json!({"type": "array", "items": self.shape(&list.item)});
        let (kind, keys) = match &list.ownership {
            Ownership::Atomic => ("atomic", None),
            Ownership::Set => ("set", None),
            Ownership::Map(keys) => ("map", Some(keys)),
        };
        schema["x-kubernetes-list-type"] = kind.into();
        if let Some(keys) = keys {
            schema["x-kubernetes-list-map-keys"] = json!(keys);
        }
        schema
    }

    fn scalar(&mut self, scalar: &Scalar) -> Value {
        let (kind, format) = match scalar {
            Scalar::Text { values, .. } if !values.is_empty() => {
                return json!({"type": "string", "enum": **values});
            }
            Scalar::Text { .. } | Scalar::Duration => ("string", ""),
            Scalar::Bool => ("boolean", ""),
            Scalar::Int32 => ("integer", "int32"),
            Scalar::Int64 => ("integer", "int64"),
            Scalar::Float64 => ("number", "double"),
            Scalar::Bytes => ("string", "byte"),
            Scalar::Time => return self.named(format!("{META}.Time"), "date-time"),
            Scalar::MicroTime => return self.named(format!("{META}.MicroTime"), "date-time"),
            Scalar::Quantity => {
                return self.named("io.k8s.apimachinery.pkg.api.resource.Quantity".into(), "");
            }
            Scalar::IntOrString => {
                let name = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
                return self.named(name.into(), "int-or-string");
            }
        };
        text_schema(kind, format)
    }

    /// A type that is a text on the wire but has a name of its own.
    fn named(&mut self, name: String, format: &str) -> Value {
        let words = self.words;
        self.found.entry(name.clone()).or_insert_with(|| {
            let mut schema = text_schema("string", format);
            if let Some(said) = words.schema(&name).and_then(|it| it.get("description")) {
                schema["description"] = said.clone();
            }
            schema
        });
        reference(&name)
    }
}

/// What is said about the two members that every object has.
const VERSION_WORDS: &str = "The group and version of the kind, such as `apps/v1`.";
const KIND_WORDS: &str = "The kind of the object, such as `Deployment`.";

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn text_schema(kind: &str, format: &str) -> Value {
    let mut schema = json!({"type": kind});
    if !format.is_empty() {
        schema["format"] = format.into();
    }
    schema
}

/// `io.k8s.api.apps.v1.Deployment` of `apps.v1.Deployment`.
fn open_name(name: &str) -> String {
    match name.strip_prefix("meta.v1.") {
        Some(kind) => format!("{META}.{kind}"),
        None => format!("io.k8s.api.{name}"),
    }
}
