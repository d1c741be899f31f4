//! Decoding into a message type, as Go's decoder does it.
//!
//! The first wrong type is reported when all has been read; a text that a type itself refuses
//! (a quantity, a time) is reported at once. Go drops what is empty when it writes an object, so
//! it is dropped here.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::scalar::{self, Misfit};
use super::{Decoded, Document, Fault, Faults, Path, Undecodable};
use crate::schema::{Field, Scalar, Shape, Struct};

/// The members of every object that are read before its kind is known.
const TYPE: [&str; 2] = ["apiVersion", "kind"];

pub(super) fn decode(shape: &Struct, document: Document) -> Result<Decoded, Undecodable> {
    decode_at(shape, document, "", &TYPE)
}

/// Decodes a part of an object that stands at a path of it.
pub(super) fn part(shape: &Struct, document: Document, at: &str) -> Result<Decoded, Undecodable> {
    decode_at(shape, document, at, &[])
}

fn decode_at(
    shape: &Struct,
    document: Document,
    at: &str,
    kept: &[&str],
) -> Result<Decoded, Undecodable> {
    let mut decoder = Decoder {
        path: Path(at.to_owned()),
        ..Decoder::default()
    };
    let Document::Object(mut members) = document else {
        let why = Misfit::kind(&document, scalar::go_name(&shape.name));
        return Err(Undecodable(decoder.describe(&why)));
    };
    let mut object = Map::new();
    members.retain(|(name, value)| match value.as_text() {
        Some(text) if kept.contains(&name.as_str()) => {
            object.insert(name.clone(), text.into());
            false
        }
        _ => true,
    });
    object.append(&mut decoder.message(shape, members)?);
    match decoder.wrong {
        Some(why) => Err(Undecodable(why)),
        None => Ok(Decoded {
            object: Value::Object(object),
            faults: decoder.faults.found,
        }),
    }
}

#[derive(Default)]
struct Decoder {
    /// Where the value is in JSON.
    path: Path,
    /// Where it is in Go's words: no indices, but the names of inlined types.
    fields: Path,
    /// The Go type whose field it is.
    owner: String,
    faults: Faults,
    /// The first wrong type.
    wrong: Option<String>,
}

impl Decoder {
    fn message(
        &mut self,
        shape: &Struct,
        members: Vec<(String, Document)>,
    ) -> Result<Map<String, Value>, Undecodable> {
        let owner = std::mem::replace(&mut self.owner, shape.short_name().to_owned());
        let mut object = Map::new();
        let mut seen = HashSet::new();
        for (name, document) in members {
            let Some((inlined, field)) = find(shape, &name) else {
                self.faults.add(Fault::Unknown(self.path.member(&name)));
                continue;
            };
            if !seen.insert(name.clone()) {
                self.faults.add(Fault::Duplicate(self.path.member(&name)));
            }
            let (path, fields) = (self.path.enter(&name), self.fields.0.len());
            for inner in inlined.into_iter().rev().chain([name.as_str()]) {
                self.fields.enter(inner);
            }
            let value = self.value(&field.shape, document)?;
            self.path.leave(path);
            self.fields.leave(fields);
            match value.filter(|value| is_written(field, value)) {
                Some(value) => object.insert(name, value),
                None => object.remove(&name),
            };
        }
        self.owner = owner;
        Ok(object)
    }

    /// The value in its stored form; none for `null` and for what has the wrong type.
    fn value(&mut self, shape: &Shape, document: Document) -> Result<Option<Value>, Undecodable> {
        Ok(match (shape, document) {
            (Shape::Any, document) => Some(document.into()),
            (_, Document::Null) => None,
            (Shape::Scalar(scalar), document) => self.scalar(scalar, document)?,
            (Shape::Struct(inner), Document::Object(members)) => {
                Some(self.message(inner, members)?.into())
            }
            (Shape::Map(map), Document::Object(members)) => {
                Some(self.map(&map.value, members)?.into())
            }
            (Shape::List(list), Document::List(items)) => {
                Some(self.list(&list.item, items)?.into())
            }
            (shape, document) => {
                self.note(&Misfit::kind(&document, go_type(shape)));
                None
            }
        })
    }

    fn scalar(
        &mut self,
        scalar: &Scalar,
        document: Document,
    ) -> Result<Option<Value>, Undecodable> {
        match scalar::decode(scalar, document) {
            Ok(value) => Ok(Some(value)),
            Err(scalar::Refusal::Misfit(misfit)) => {
                self.note(&misfit);
                Ok(None)
            }
            Err(scalar::Refusal::Malformed(why)) => Err(Undecodable(why)),
        }
    }

    fn map(
        &mut self,
        shape: &Shape,
        members: Vec<(String, Document)>,
    ) -> Result<Map<String, Value>, Undecodable> {
        let mut map = Map::new();
        let mut seen = HashSet::new();
        for (name, document) in members {
            if !seen.insert(name.clone()) {
                self.faults.add(Fault::Duplicate(self.path.member(&name)));
            }
            let outer = self.path.enter(&name);
            let value = self.value(shape, document)?;
            self.path.leave(outer);
            map.insert(name, value.unwrap_or_else(|| zero(shape)));
        }
        Ok(map)
    }

    fn list(&mut self, shape: &Shape, items: Vec<Document>) -> Result<Vec<Value>, Undecodable> {
        let mut list = Vec::with_capacity(items.len());
        for (index, document) in items.into_iter().enumerate() {
            let outer = self.path.enter_element(index);
            let value = self.value(shape, document)?;
            self.path.leave(outer);
            list.push(value.unwrap_or_else(|| zero(shape)));
        }
        Ok(list)
    }

    fn note(&mut self, misfit: &Misfit) {
        if self.wrong.is_none() {
            self.wrong = Some(self.describe(misfit));
        }
    }

    fn describe(&self, Misfit { found, wanted }: &Misfit) -> String {
        let (owner, fields) = (&self.owner, &self.fields.0);
        if owner.is_empty() {
            format!("json: cannot unmarshal {found} into Go value of type {wanted}")
        } else {
            format!(
                "json: cannot unmarshal {found} into Go struct field {owner}.{fields} of type {wanted}"
            )
        }
    }
}

/// The field of this name, with the names of the inlined types it stands in, the innermost first.
fn find<'a>(shape: &'a Struct, name: &str) -> Option<(Vec<&'a str>, &'a Field)> {
    shape.fields.iter().find_map(|field| match &field.shape {
        Shape::Struct(inner) if field.name.is_empty() => {
            let (mut inlined, found) = find(inner, name)?;
            inlined.push(inner.short_name());
            Some((inlined, found))
        }
        _ => (field.name == name).then(|| (Vec::new(), field)),
    })
}

/// Whether Go writes the value: what a client may rely on, what stands behind a pointer, and what
/// is not empty. A message is never empty to Go.
fn is_written(field: &Field, value: &Value) -> bool {
    field.always
        || match value {
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !matches!(field.shape, Shape::Map(_)) || !members.is_empty(),
            _ if field.pointer => true,
            Value::Null => false,
            Value::Bool(it) => *it,
            Value::Number(it) => it.as_f64() != Some(0.0),
            Value::String(it) => !it.is_empty(),
        }
}

/// What stands for `null` where something must stand.
fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Any => Value::Null,
        Shape::Struct(_) | Shape::Map(_) => Value::Object(Map::new()),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Scalar(scalar) => scalar::zero(scalar),
    }
}

/// Go's name of a shape: `[]v1.Container`.
fn go_type(shape: &Shape) -> String {
    match shape {
        Shape::Any => "interface {}".into(),
        Shape::Struct(inner) => scalar::go_name(&inner.name),
        Shape::List(list) => format!("[]{}", go_type(&list.item)),
        // The only named map type of the API.
        Shape::Map(map) if map.value == Shape::Scalar(Scalar::Quantity) => "v1.ResourceList".into(),
        Shape::Map(map) => format!("map[string]{}", go_type(&map.value)),
        Shape::Scalar(scalar) => scalar::go_type(scalar),
    }
}
