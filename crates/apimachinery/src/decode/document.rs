//! A document as it was written: members in their order, also those of the same name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

/// A parsed document of JSON or YAML that has not been judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// Members in the order they were written, repeated names included.
    Object(Vec<(String, Self)>),
}

impl Document {
    /// The last member of this name, where this is an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let named = members.iter().rev().find(|(key, _)| key == name);
        named.map(|(_, value)| value)
    }

    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What Go calls the type of this value.
    pub fn go_type(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(it) => Self::Bool(it),
            Value::Number(it) => Self::Number(it),
            Value::String(it) => Self::Text(it),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                let members = members.into_iter();
                Self::Object(members.map(|(name, it)| (name, it.into())).collect())
            }
        }
    }
}

/// Of members with the same name the last one counts.
impl From<Document> for Value {
    fn from(document: Document) -> Self {
        match document {
            Document::Null => Self::Null,
            Document::Bool(it) => Self::Bool(it),
            Document::Number(it) => Self::Number(it),
            Document::Text(it) => Self::String(it),
            Document::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Document::Object(members) => {
                let members = members.into_iter();
                Self::Object(members.map(|(name, it)| (name, it.into())).collect())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsWritten)
    }
}

struct AsWritten;

impl<'de> Visitor<'de> for AsWritten {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_none<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Document, D::Error> {
        Document::deserialize(inner)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Document, E> {
        Ok(Document::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Document, E> {
        Ok(Document::Number(it.into()))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Document, E> {
        Ok(Document::Number(it.into()))
    }

    // JSON has no infinity and no NaN.
    fn visit_f64<E>(self, it: f64) -> Result<Document, E> {
        Ok(Number::from_f64(it).map_or(Document::Null, Document::Number))
    }

    fn visit_str<E>(self, it: &str) -> Result<Document, E> {
        Ok(Document::Text(it.to_owned()))
    }

    fn visit_string<E>(self, it: String) -> Result<Document, E> {
        Ok(Document::Text(it))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Document, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Document::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Document::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_stay_in_order_and_may_repeat() {
        let document: Document = serde_json::from_str(r#"{"b":1,"a":[null],"b":"x"}"#).unwrap();
        let Document::Object(members) = &document else {
            panic!("{document:?}");
        };
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert_eq!(document.get("b").and_then(Document::as_text), Some("x"));
        assert_eq!(Value::from(document), json!({"b": "x", "a": [null]}));
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_by_a_plain_parser(text in r#"[\[\]{},:"a0.\\-]{0,24}"#) {
            let plain = serde_json::from_str::<Value>(&text).ok();
            let ours = serde_json::from_str::<Document>(&text).ok().map(Value::from);
            prop_assert_eq!(ours, plain);
        }
    }
}
