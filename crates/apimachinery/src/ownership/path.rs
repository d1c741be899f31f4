//! Paths to fields.

use std::fmt;

use serde_json::Value;

/// One step of a path. Ordered as Kubernetes orders them: fields, keys, values, places.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Step {
    /// A member of an object.
    Field(String),
    /// An element of a list known by these fields, sorted by name.
    Key(Vec<(String, Scalar)>),
    /// An element of a set.
    Value(Scalar),
    /// An element known by its place.
    Index(i64),
}

/// A value that can be a key.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Scalar {
    Number(i64),
    /// A number that is no integer, as JSON writes it.
    Real(String),
    Text(String),
    Bool(bool),
}

impl Scalar {
    /// None for lists, objects and nulls.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => Some(
                number
                    .as_i64()
                    .map_or_else(|| Self::Real(number.to_string()), Self::Number),
            ),
            _ => None,
        }
    }

    /// The value again.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Real(text) => text.parse::<f64>().map_or(Value::Null, Value::from),
            Self::Text(text) => text.as_str().into(),
            Self::Bool(value) => (*value).into(),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Real(text) => text.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bool(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(place) => write!(f, "[{place}]"),
            Self::Key(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                write!(f, "[{}]", fields.join(","))
            }
        }
    }
}

/// A path as messages show it: `.spec.containers[name="a"].image`.
pub(super) fn shown(path: &[Step]) -> String {
    path.iter().map(Step::to_string).collect()
}
