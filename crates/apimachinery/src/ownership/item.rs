//! What tells the elements of a list apart.

use std::collections::BTreeMap;

use serde_json::Value;

use super::path::{Scalar, Step};
use crate::schema::{List, Ownership, Shape};

/// The step to an element.
///
/// # Errors
/// An element that cannot be told apart, as a real API server words it.
pub(super) fn step(list: &List, item: &Value) -> Result<Step, String> {
    match &list.ownership {
        Ownership::Map(keys) => keyed(list, keys, item),
        _ => Scalar::of(item).map(Step::Value).ok_or_else(|| {
            let why = match item {
                Value::Object(_) => {
                    "associative list without keys has an element that's a map type"
                }
                Value::Array(_) => "not supported: associative list with lists as elements",
                _ => "associative list without keys has an element that's an explicit null",
            };
            why.into()
        }),
    }
}

fn keyed(list: &List, keys: &[String], item: &Value) -> Result<Step, String> {
    let Value::Object(members) = item else {
        let what = if item.is_null() {
            "a null element"
        } else {
            "non-map elements"
        };
        return Err(format!("associative list with keys may not have {what}"));
    };
    let default = |key: &str| match &list.item {
        Shape::Struct(of) => of.field(key)?.default.as_ref(),
        _ => None,
    };
    // Kubernetes: a key without a value or a default is left out of what tells it apart.
    let mut fields: Vec<_> = keys
        .iter()
        .filter_map(|key| {
            let value = members.get(key).or_else(|| default(key))?;
            Some((key.clone(), Scalar::of(value)?))
        })
        .collect();
    fields.sort();
    if fields.is_empty() {
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] \
             (and doesn't have default values for any key fields)",
            keys.iter()
                .map(|key| format!("{key:?}"))
                .collect::<Vec<_>>()
                .join(" ")
        ));
    }
    Ok(Step::Key(fields))
}

/// The elements of a list by their steps, in their order.
pub(super) struct Index<'a> {
    /// The steps, repeated ones too.
    pub(super) order: Vec<Step>,
    /// All elements of a step.
    pub(super) items: BTreeMap<Step, Vec<&'a Value>>,
}

impl<'a> Index<'a> {
    /// None where an element cannot be told apart.
    pub(super) fn of(list: &List, value: Option<&'a Value>) -> Option<Self> {
        let mut index = Self {
            order: Vec::new(),
            items: BTreeMap::new(),
        };
        for item in value.and_then(Value::as_array).into_iter().flatten() {
            let step = step(list, item).ok()?;
            index.items.entry(step.clone()).or_default().push(item);
            index.order.push(step);
        }
        Some(index)
    }

    /// The one element of a step; none where there are more.
    pub(super) fn only(&self, step: &Step) -> Option<&'a Value> {
        match self.items.get(step)?.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}
