//! The set of fields an object mentions.

use serde_json::Value;

use super::item::Index;
use super::path::Step;
use super::set::{Node, Set};
use super::{Parts, member};
use crate::schema::Shape;

/// Every field and element of a value.
pub(super) fn fields(shape: &Shape, value: &Value) -> Set {
    match (Parts::of(shape), value) {
        (Parts::Members, Value::Object(members)) => {
            let mut set = Set::default();
            for (name, value) in members {
                set.put(Step::Field(name.clone()), of_member(shape, name, value));
            }
            set
        }
        (Parts::Items(list), Value::Array(_)) => {
            let Some(index) = Index::of(list, Some(value)) else {
                return Set::default();
            };
            let mut set = Set::default();
            for (step, items) in index.items {
                // Kubernetes: equal elements are owned together, as one value.
                let children = match items.as_slice() {
                    [only] => fields(&list.item, only),
                    _ => Set::default(),
                };
                set.put(
                    step,
                    Node {
                        member: true,
                        children,
                    },
                );
            }
            set
        }
        _ => Set::default(),
    }
}

fn of_member(shape: &Shape, name: &str, value: &Value) -> Node {
    let inner = member(shape, name);
    let is_whole = matches!(Parts::of(inner), Parts::None);
    let is_empty_map = value.as_object().is_some_and(serde_json::Map::is_empty);
    // A free key is an owned thing by itself; a field of a message is not.
    let is_key = !matches!(shape, Shape::Struct(of) if of.field(name).is_some());
    Node {
        member: is_whole || is_key || value.is_null() || is_empty_map,
        children: fields(inner, value),
    }
}
