//! Whether what an apply says fits the schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::item;
use crate::schema::{List, Ownership, Scalar, Shape};

/// Every fault, each with its path, in the words of a real API server.
pub(super) fn faults(shape: &Shape, value: &Value) -> Vec<String> {
    let mut check = Check {
        path: String::new(),
        faults: Vec::new(),
    };
    check.value(shape, value);
    check.faults
}

struct Check {
    path: String,
    faults: Vec<String>,
}

impl Check {
    fn fault(&mut self, what: impl AsRef<str>) {
        let what = what.as_ref();
        self.faults.push(match self.path.as_str() {
            "" => what.to_owned(),
            path => format!("{path}: {what}"),
        });
    }

    fn at(&mut self, step: &str, visit: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        visit(self);
        self.path.truncate(length);
    }

    fn value(&mut self, shape: &Shape, value: &Value) {
        match (shape, value) {
            (_, Value::Null) | (Shape::Any, _) => {}
            (Shape::Scalar(scalar), value) => self.scalar(scalar, value),
            (Shape::List(list), Value::Array(items)) => self.items(list, items),
            (Shape::List(_), other) => {
                self.fault(format!("expected list, got &{{{}}}", shown(other)))
            }
            (_, Value::Object(members)) => {
                for (name, value) in members {
                    self.at(&format!(".{name}"), |check| {
                        check.member(shape, name, value)
                    });
                }
            }
            (_, other) => self.fault(format!("expected map, got &{{{}}}", shown(other))),
        }
    }

    fn member(&mut self, shape: &Shape, name: &str, value: &Value) {
        match shape {
            Shape::Map(of) => self.value(&of.value, value),
            Shape::Struct(of) => match of.field(name) {
                Some(field) => self.value(&field.shape, value),
                None if of.open => {}
                None => self.fault("field not declared in schema"),
            },
            _ => {}
        }
    }

    fn items(&mut self, list: &List, items: &[Value]) {
        let mut seen = BTreeSet::new();
        for (place, item) in items.iter().enumerate() {
            if list.ownership == Ownership::Atomic {
                self.at(&format!("[{place}]"), |check| check.value(&list.item, item));
                continue;
            }
            match item::step(list, item) {
                Err(why) => return self.fault(format!("element {place}: {why}")),
                Ok(step) => {
                    let name = step.to_string();
                    if !seen.insert(step) {
                        self.fault(format!("duplicate entries for key {name}"));
                    }
                    self.at(&name, |check| check.value(&list.item, item));
                }
            }
        }
    }

    fn scalar(&mut self, scalar: &Scalar, value: &Value) {
        let (wanted, fits): (_, fn(&Value) -> bool) = match scalar {
            Scalar::Bool => ("boolean", Value::is_boolean),
            Scalar::Int32 | Scalar::Int64 | Scalar::Float64 => {
                ("numeric (int or float)", Value::is_number)
            }
            Scalar::Text { .. } | Scalar::Bytes | Scalar::Duration => ("string", Value::is_string),
            _ => ("any scalar", |value| {
                !value.is_object() && !value.is_array()
            }),
        };
        if fits(value) {
            return;
        }
        let found = match wanted {
            "string" => format!("&value.valueUnstructured{{Value:{value}}}"),
            "boolean" | "any scalar" => format!("&{{{}}}", shown(value)),
            _ => go_type(value).to_owned(),
        };
        self.fault(format!("expected {wanted}, got {found}"));
    }
}

fn shown(value: &Value) -> String {
    crate::patch::strategic::printed(value)
}

fn go_type(value: &Value) -> &'static str {
    crate::patch::strategic::type_name(value)
}
