//! Lists of a strategic merge patch.

use std::collections::HashMap;

use serde_json::Value;

use super::order::{self, Order};
use super::refusal::{BAD_LIST, BAD_MAP, kind_name};
use super::{List, Merge, PATCH, Refusal, Scope, merge_members, without_directives};

/// The value as a list.
pub(super) fn elements(value: Value) -> Result<Vec<Value>, Refusal> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(Refusal::wrong_type(BAD_LIST, &other)),
    }
}

/// Merges elements of a patch into a list, by their keys or, where they are scalars, as a set.
pub(super) fn merge(
    list: &List,
    how: &Merge,
    old: Vec<Value>,
    change: Vec<Value>,
) -> Result<Vec<Value>, Refusal> {
    let Some(kind) = kind_of(&old, &change)? else {
        return Ok(old);
    };
    match (kind, &how.key) {
        (Kind::Maps, None) => Err(Refusal::NoKey(kind_name(&list.item))),
        (Kind::Maps, Some(key)) => merge_keyed(list, key, old, change),
        (Kind::Scalars, _) => {
            let order = Order::of(&change, None);
            let server = Order::of(&old, None);
            let mut merged = old;
            merged.extend(change);
            order::deduplicate(&mut merged);
            Ok(order::arranged(merged, None, &order, &server))
        }
    }
}

/// Merges a list under `$setElementOrder`; none where there is nothing to arrange.
pub(super) fn merge_in_order(
    schema: Option<&List>,
    old: Option<Vec<Value>>,
    change: Option<Vec<Value>>,
    wanted: Vec<Value>,
) -> Result<Option<Vec<Value>>, Refusal> {
    let how = schema.and_then(|list| list.patch.as_ref());
    let key = how.and_then(|how| how.key.as_deref());
    if let Some(change) = &change {
        check_order(change, &wanted, key)?;
    }
    let server = Order::of(old.as_deref().unwrap_or_default(), key);
    kind_of(
        old.as_deref().unwrap_or_default(),
        change.as_deref().unwrap_or_default(),
    )?;
    let merged = match (old, change) {
        (None, None) => return Ok(None),
        (Some(old), None) => old,
        (None, Some(change)) => change.into_iter().filter_map(without_directives).collect(),
        (Some(old), Some(change)) => super::merge_list(schema, old, change)?,
    };
    if let Some(key) = key {
        merged
            .iter()
            .try_for_each(|item| key_of(item, key).map(drop))?;
    }
    let wanted = Order::of(&wanted, key);
    Ok(Some(order::arranged(merged, key, &wanted, &server)))
}

/// Kubernetes: what a patch changes must be in its order, and in that order.
fn check_order(change: &[Value], wanted: &[Value], key: Option<&str>) -> Result<(), Refusal> {
    if change.is_empty() || wanted.is_empty() {
        return Ok(());
    }
    let mut places = wanted.iter();
    for item in change {
        if item.get(PATCH).is_some() {
            continue;
        }
        let this = identity(item, key)?;
        let found = loop {
            match places.next() {
                Some(place) if identity(place, key)? == this => break true,
                Some(_) => {}
                None => break false,
            }
        };
        if !found {
            return Err(Refusal::order(change, wanted));
        }
    }
    Ok(())
}

fn identity<'a>(item: &'a Value, key: Option<&str>) -> Result<&'a Value, Refusal> {
    key.map_or(Ok(item), |key| key_of(item, key))
}

/// The value of an element's key.
fn key_of<'a>(item: &'a Value, key: &str) -> Result<&'a Value, Refusal> {
    let Value::Object(members) = item else {
        return Err(Refusal::wrong_type(BAD_MAP, item));
    };
    members
        .get(key)
        .ok_or_else(|| Refusal::missing_key(members, key))
}

fn merge_keyed(
    list: &List,
    key: &str,
    old: Vec<Value>,
    change: Vec<Value>,
) -> Result<Vec<Value>, Refusal> {
    let (old, change) = obey_elements(key, old, change)?;
    let wanted = Order::of(&change, Some(key));
    let server = Order::of(&old, Some(key));
    let mut merged = Keyed::new(old, key);
    for element in change {
        merged.merge(Scope::of(&list.item), element, key)?;
    }
    let merged = merged.items;
    merged
        .iter()
        .try_for_each(|item| key_of(item, key).map(drop))?;
    Ok(order::arranged(merged, Some(key), &wanted, &server))
}

/// Obeys the elements that are directives: `$patch: delete` with a key, `$patch: replace` alone.
fn obey_elements(
    key: &str,
    mut old: Vec<Value>,
    change: Vec<Value>,
) -> Result<(Vec<Value>, Vec<Value>), Refusal> {
    let (mut rest, mut deleted, mut replaced) = (Vec::new(), Vec::new(), false);
    for element in change {
        match element.get(PATCH) {
            None => rest.push(element),
            Some(directive) => match directive.as_str() {
                Some("delete") => deleted.push(key_of(&element, key)?.clone()),
                Some("replace") => replaced = true,
                Some("merge") => return Err(Refusal::MergeOfList),
                _ => {
                    let members = element.as_object().cloned().unwrap_or_default();
                    return Err(Refusal::unknown_directive(directive, &members));
                }
            },
        }
    }
    if replaced {
        return Ok((Vec::new(), rest));
    }
    let deleted: std::collections::HashSet<_> = deleted.into_iter().collect();
    old.retain(|item| item.get(key).is_none_or(|value| !deleted.contains(value)));
    Ok((old, rest))
}

/// Elements that can be found by their key.
struct Keyed {
    items: Vec<Value>,
    places: HashMap<Value, usize>,
}

impl Keyed {
    fn new(items: Vec<Value>, key: &str) -> Self {
        let mut places = HashMap::new();
        for (place, item) in items.iter().enumerate() {
            if let Some(value) = item.get(key) {
                places.entry(value.clone()).or_insert(place);
            }
        }
        Self { items, places }
    }

    fn merge(&mut self, scope: Scope<'_>, element: Value, key: &str) -> Result<(), Refusal> {
        let value = key_of(&element, key)?;
        let place = self.places.get(value).copied();
        match (place.map(|place| &mut self.items[place]), element) {
            (Some(item), Value::Object(change)) => {
                let old = item.as_object_mut().map(std::mem::take).unwrap_or_default();
                *item = merge_members(scope, old, change)?.into();
            }
            (_, element) => {
                self.places.insert(element[key].clone(), self.items.len());
                self.items.push(element);
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Maps,
    Scalars,
}

/// What both lists hold; none where both are empty.
fn kind_of(old: &[Value], change: &[Value]) -> Result<Option<Kind>, Refusal> {
    let mut items = old.iter().chain(change);
    let Some(first) = items.next() else {
        return Ok(None);
    };
    if first.is_array() {
        return Err(Refusal::ListOfLists);
    }
    let same = |other: &Value| super::go::type_name(other) == super::go::type_name(first);
    if !items.all(same) {
        return Err(Refusal::mixed(old, change));
    }
    Ok(Some(if first.is_object() {
        Kind::Maps
    } else {
        Kind::Scalars
    }))
}
