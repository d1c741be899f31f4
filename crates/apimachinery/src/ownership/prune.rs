//! Taking fields out of an object.

use serde_json::{Map, Value};

use super::path::Step;
use super::set::Set;
use super::{Parts, item, member};
use crate::schema::{List, Shape};

/// The value without the fields and elements of a set; null where nothing is left.
pub(super) fn without(shape: &Shape, value: &Value, set: &Set) -> Value {
    match (Parts::of(shape), value) {
        (Parts::Members, Value::Object(members)) => {
            let left: Map<_, _> = members
                .iter()
                .filter_map(|(name, value)| {
                    let step = Step::Field(name.clone());
                    let value = left_of(member(shape, name), value, set, step)?;
                    Some((name.clone(), value))
                })
                .collect();
            if left.is_empty() {
                Value::Null
            } else {
                left.into()
            }
        }
        (Parts::Items(list), Value::Array(items)) => left_of_list(list, items, set),
        (Parts::None, Value::Object(_) | Value::Array(_)) => Value::Null,
        (_, other) => other.clone(),
    }
}

fn left_of_list(list: &List, items: &[Value], set: &Set) -> Value {
    let left: Vec<_> = items
        .iter()
        .filter_map(|item| match item::step(list, item) {
            Ok(step) => left_of(&list.item, item, set, step),
            Err(_) => Some(item.clone()),
        })
        .collect();
    if left.is_empty() {
        Value::Null
    } else {
        left.into()
    }
}

fn left_of(shape: &Shape, value: &Value, set: &Set, step: Step) -> Option<Value> {
    if let Some(below) = set.below(&step) {
        let is_member = set.has(&[step]);
        return (!is_member).then(|| without(shape, value, below));
    }
    (!set.has(&[step])).then(|| value.clone())
}
