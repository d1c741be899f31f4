//! Reads the table of message types.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Field, List, Map, Merge, Ownership, Scalar, Shape, Struct};

/// A line that says something else than the table's head allows.
#[derive(Debug, thiserror::Error)]
#[error("{line:?}: {why}")]
pub(super) struct Malformed {
    line: String,
    why: &'static str,
}

/// All messages of a table, each complete.
pub(super) fn read(text: &str) -> Result<HashMap<String, Arc<Struct>>, Malformed> {
    let mut table = Table::default();
    let mut current = "";
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(values) = line.strip_prefix("enum ") {
            let mut words = values.split(' ');
            let name = words.next().unwrap_or_default();
            let values = words
                .map(|word| word.trim_matches('"').to_owned())
                .collect();
            table.enums.insert(name, values);
        } else if line.starts_with(' ') {
            let message = table.messages.get_mut(current);
            message
                .ok_or_else(|| malformed(line, "a field without a message"))?
                .fields
                .push(line);
        } else {
            let (name, atomic) = line.split_once(' ').unwrap_or((line, ""));
            current = name;
            let fields = Vec::new();
            table.messages.insert(
                name,
                Message {
                    atomic: atomic == "atomic",
                    fields,
                },
            );
        }
    }
    let names: Vec<_> = table.messages.keys().copied().collect();
    for name in names {
        table.message(name, 0)?;
    }
    Ok(table
        .done
        .into_iter()
        .map(|(name, it)| (name.to_owned(), it))
        .collect())
}

/// Deeper nesting means that the table contains itself.
const MAX_DEPTH: usize = 32;

#[derive(Default)]
struct Table<'a> {
    messages: HashMap<&'a str, Message<'a>>,
    enums: HashMap<&'a str, Arc<[String]>>,
    done: HashMap<&'a str, Arc<Struct>>,
}

#[derive(Clone)]
struct Message<'a> {
    atomic: bool,
    fields: Vec<&'a str>,
}

impl<'a> Table<'a> {
    fn message(&mut self, name: &'a str, depth: usize) -> Result<Arc<Struct>, Malformed> {
        if let Some(done) = self.done.get(name) {
            return Ok(Arc::clone(done));
        }
        let Some(message) = self.messages.get(name).cloned() else {
            return Err(malformed(name, "no such message"));
        };
        if depth > MAX_DEPTH {
            return Err(malformed(name, "contains itself"));
        }
        let fields = message.fields.iter();
        let fields: Result<_, _> = fields.map(|line| self.field(line, depth)).collect();
        let message = Arc::new(Struct {
            name: name.to_owned(),
            fields: fields?,
            atomic: message.atomic,
            open: false,
        });
        self.done.insert(name, Arc::clone(&message));
        Ok(message)
    }

    fn field(&mut self, line: &'a str, depth: usize) -> Result<Field, Malformed> {
        let words: Vec<_> = line.split_whitespace().collect();
        let [name, number, kind, rest @ ..] = words.as_slice() else {
            return Err(malformed(line, "expected name, number and type"));
        };
        let option = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
        let default = option("default=").map(serde_json::from_str).transpose();
        let kind = kind.trim_start_matches('*');
        Ok(Field {
            name: if *name == "+" {
                String::new()
            } else {
                (*name).to_owned()
            },
            number: number.parse().ok(),
            shape: self.shape(kind, rest, depth)?,
            pointer: words[2].starts_with('*'),
            always: rest.contains(&"always"),
            default: default.map_err(|_| malformed(line, "the default is no JSON"))?,
        })
    }

    fn shape(&mut self, kind: &'a str, options: &[&str], depth: usize) -> Result<Shape, Malformed> {
        let option = |key: &str| options.iter().find_map(|word| word.strip_prefix(key));
        if kind == "[]byte" {
            return Ok(Shape::Scalar(Scalar::Bytes));
        }
        if let Some(item) = kind.strip_prefix("[]") {
            return Ok(Shape::List(Arc::new(List {
                item: self.shape(item.trim_start_matches('*'), &[], depth)?,
                ownership: option("list=").map_or(Ownership::Atomic, ownership),
                patch: option("patch=")
                    .filter(|it| it.contains("merge"))
                    .map(merge),
            })));
        }
        if let Some(value) = kind.strip_prefix("map[string]") {
            return Ok(Shape::Map(Arc::new(Map {
                value: self.shape(value, &[], depth)?,
                atomic: option("map=") == Some("atomic"),
            })));
        }
        if let Some(scalar) = self.scalar(kind) {
            return Ok(Shape::Scalar(scalar));
        }
        if kind == "RawExtension" || kind == "FieldsV1" {
            return Ok(Shape::Any);
        }
        Ok(Shape::Struct(self.message(kind, depth + 1)?))
    }

    fn scalar(&self, kind: &str) -> Option<Scalar> {
        let (base, named) = kind.split_once('/').unwrap_or((kind, ""));
        Some(match base {
            "string" => Scalar::Text {
                named: (!named.is_empty()).then(|| named.into()),
                values: self.enums.get(named).cloned().unwrap_or_default(),
            },
            "bool" => Scalar::Bool,
            "int32" => Scalar::Int32,
            "int64" => Scalar::Int64,
            "float64" => Scalar::Float64,
            "Time" => Scalar::Time,
            "MicroTime" => Scalar::MicroTime,
            "Duration" => Scalar::Duration,
            "Quantity" => Scalar::Quantity,
            "IntOrString" => Scalar::IntOrString,
            _ => return None,
        })
    }
}

/// `atomic`, `set`, `map(port,protocol)`.
fn ownership(text: &str) -> Ownership {
    match text
        .strip_prefix("map(")
        .and_then(|text| text.strip_suffix(')'))
    {
        Some(keys) => Ownership::Map(keys.split(',').map(str::to_owned).collect()),
        None if text == "set" => Ownership::Set,
        None => Ownership::Atomic,
    }
}

/// `merge`, `merge(name)`, `merge,retainKeys(name)`.
fn merge(text: &str) -> Merge {
    let key = text
        .split_once('(')
        .map(|(_, key)| key.trim_end_matches(')').to_owned());
    Merge {
        key,
        retain_keys: text.contains("retainKeys"),
    }
}

fn malformed(line: &str, why: &'static str) -> Malformed {
    Malformed {
        line: line.trim().to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_does_not_allow_is_named() {
        for (text, why) in [
            ("  name 1 string", "a field without a message"),
            ("A\n  name 1", "expected name, number and type"),
            ("A\n  b 1 B", "no such message"),
            ("A\n  a 1 A", "contains itself"),
            ("A\n  a 1 string default=x", "the default is no JSON"),
        ] {
            assert_eq!(read(text).unwrap_err().why, why, "{text}");
        }
    }
}
