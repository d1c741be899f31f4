//! The shape of a kind: its fields, their types, and how lists of them merge.
//!
//! One model for both sources: Kubernetes' own kinds ([`kubernetes`], a table of facts) and custom
//! resources ([`crd`], the schema in their definition). Decoding, patches, field ownership and the OpenAPI
//! documents ask this model and know no kind by name.

pub mod crd;
pub mod kubernetes;
mod table;
pub mod validate;

use std::sync::Arc;

use serde_json::Value;

use crate::resource::Resource;

/// A message type: a JSON object with known fields.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Struct {
    /// Name with its package, `apps.v1.Deployment`; empty where it has none.
    pub name: String,
    /// Its fields, in the order of their definition.
    pub fields: Vec<Field>,
    /// Field ownership takes the whole as one value.
    pub atomic: bool,
    /// Fields it does not know are kept.
    pub open: bool,
}

/// One field of a [`Struct`].
#[derive(Debug, Eq, PartialEq)]
pub struct Field {
    /// Name in JSON; empty where the fields of [`Field::shape`] stand in the outer object.
    pub name: String,
    /// Number in the binary form; none where there is no such form.
    pub number: Option<u32>,
    /// What it holds.
    pub shape: Shape,
    /// Go holds it by a pointer.
    pub pointer: bool,
    /// Written even when empty, so clients may rely on it.
    pub always: bool,
    /// What stands for an absent value where a key needs it.
    pub default: Option<Value>,
}

/// What a field or an element holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shape {
    /// A value without parts.
    Scalar(Scalar),
    /// Another message.
    Struct(Arc<Struct>),
    /// A JSON object with free keys.
    Map(Arc<Map>),
    /// A JSON array.
    List(Arc<List>),
    /// Any JSON; owned as one value.
    Any,
}

/// A value without parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scalar {
    /// Text; the Go name of its type and its closed list of values where it has them.
    Text {
        /// Go's name with its package, `core.v1.Protocol`.
        named: Option<Arc<str>>,
        /// The only values, sorted; empty where any text may stand.
        values: Arc<[String]>,
    },
    /// `true` or `false`.
    Bool,
    /// 32 bits, signed.
    Int32,
    /// 64 bits, signed.
    Int64,
    /// Double precision.
    Float64,
    /// Base64 in JSON.
    Bytes,
    /// RFC 3339, whole seconds.
    Time,
    /// RFC 3339, microseconds.
    MicroTime,
    /// A Go duration in text.
    Duration,
    /// `100m`, `64Mi`.
    Quantity,
    /// A number, or a text such as `25%`.
    IntOrString,
}

/// A JSON object with free keys.
#[derive(Debug, Eq, PartialEq)]
pub struct Map {
    /// Its values.
    pub value: Shape,
    /// Field ownership takes the whole as one value.
    pub atomic: bool,
}

/// A JSON array.
#[derive(Debug, Eq, PartialEq)]
pub struct List {
    /// Its elements.
    pub item: Shape,
    /// How field ownership takes it apart.
    pub ownership: Ownership,
    /// How strategic merge patches it; none: it is replaced.
    pub patch: Option<Merge>,
}

/// How field ownership takes a list apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ownership {
    /// Not at all.
    Atomic,
    /// Each element is a member of a set.
    Set,
    /// Each element is known by these fields.
    Map(Vec<String>),
}

/// How strategic merge patches a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Merge {
    /// The field that tells elements apart; none for a list of scalars.
    pub key: Option<String>,
    /// A patch of an element drops what its `$retainKeys` does not name.
    pub retain_keys: bool,
}

/// The shape of a kind in one of its versions, built in or custom; none for kinds that are only
/// read.
pub fn of(resource: &Resource, version: &str) -> Option<&'static Arc<Struct>> {
    if resource.custom {
        crd::of(resource, version)
    } else {
        kubernetes::of(resource, version)
    }
}

impl Struct {
    /// The field of this JSON name, also where it stands here for an inner message.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find_map(|field| match &field.shape {
            Shape::Struct(inner) if field.name.is_empty() => inner.field(name),
            _ => (field.name == name).then_some(field),
        })
    }

    /// The last part of its name, as Go's errors have it.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }
}
