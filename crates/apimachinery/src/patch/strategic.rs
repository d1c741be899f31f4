//! Strategic merge patches of built-in kinds.
//!
//! A patch looks like the object, only smaller: maps merge, a null removes a member, and lists
//! merge where the schema gives them a merge, or else are replaced. What this cannot say is said
//! by directives, members of the patch whose names start with `$`:
//!
//! - `$patch: replace | delete` beside members of a map, or as an element of a list,
//! - `$retainKeys: […]`: drop all other members of the map,
//! - `$setElementOrder/LIST: […]`: the order of a merged list,
//! - `$deleteFromPrimitiveList/LIST: […]`: values to take out of a list.

mod go;
mod list;
mod order;
mod refusal;

use serde_json::{Map, Value};

use crate::object::drop_nulls;
use crate::schema::{List, Merge, Shape, Struct};
pub(crate) use go::{printed, type_name};
pub use refusal::Refusal;

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER: &str = "$setElementOrder/";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";

type Members = Map<String, Value>;

/// The object after the patch. Both are of the kind `of` describes; neither needs to be valid, so
/// the result must be decoded like any object of a client.
///
/// # Errors
/// A patch that contradicts itself or the schema, in the words of a real API server.
pub fn merge(of: &Struct, object: Value, patch: Members) -> Result<Value, Refusal> {
    let object = match object {
        Value::Object(members) => members,
        _ => Members::new(),
    };
    merge_members(Scope::Struct(of), object, patch).map(Value::Object)
}

/// What is known of the members of a map.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// They are the fields of a message.
    Struct(&'a Struct),
    /// Any, without a schema: maps merge, lists are replaced.
    Free,
    /// Any, with values of one shape, which Kubernetes does not look into.
    Map,
}

impl<'a> Scope<'a> {
    fn of(shape: &'a Shape) -> Self {
        match shape {
            Shape::Struct(of) => Self::Struct(of),
            Shape::Map(_) => Self::Map,
            _ => Self::Free,
        }
    }

    /// The shape of a member; none where there is no schema.
    fn member(self, name: &str) -> Result<Option<&'a Shape>, Refusal> {
        match self {
            Self::Free => Ok(None),
            Self::Map => Err(Refusal::NoStruct),
            Self::Struct(of) => match of.field(name) {
                Some(field) => Ok(Some(&field.shape)),
                None => Err(Refusal::unknown_field(of, name)),
            },
        }
    }

    /// The scope of a member that is a map.
    fn map(self, name: &str) -> Result<Scope<'a>, Refusal> {
        Ok(self.member(name)?.map_or(Scope::Free, Scope::of))
    }

    /// What the schema says about a member that is a list.
    fn list(self, name: &str) -> Result<Option<&'a List>, Refusal> {
        match self.member(name)? {
            Some(Shape::List(list)) => Ok(Some(list)),
            Some(_) => Err(Refusal::NoList),
            None => Ok(None),
        }
    }
}

fn merge_members(
    scope: Scope<'_>,
    mut object: Members,
    mut patch: Members,
) -> Result<Members, Refusal> {
    if let Some(directive) = patch.get(PATCH) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(PATCH);
                Ok(patch)
            }
            Some("delete") => Ok(Members::new()),
            _ => Err(Refusal::unknown_directive(directive, &patch)),
        };
    }
    retain_keys(&mut object, &mut patch)?;
    merge_ordered_lists(scope, &mut object, &mut patch)?;
    for (name, value) in patch {
        match name.strip_prefix(DELETE_FROM_LIST) {
            Some(name) => delete_from_list(&mut object, name, value)?,
            None if name.starts_with(DELETE_FROM_LIST.trim_end_matches('/')) => {
                return Err(Refusal::MalformedDeletion);
            }
            None => merge_member(scope, &mut object, name, value)?,
        }
    }
    Ok(object)
}

/// Obeys `$retainKeys`: the object loses every member that is not listed.
fn retain_keys(object: &mut Members, patch: &mut Members) -> Result<(), Refusal> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let keys = keys.as_array().ok_or(Refusal::MalformedRetainKeys)?;
    let retained = |name: &str| keys.iter().any(|key| key == name);
    let is_directive = |name: &str| name.starts_with("$deleteFrom") || name.starts_with("$setElem");
    let stray = |(name, value): (&String, &Value)| {
        !value.is_null() && !is_directive(name) && !retained(name)
    };
    if patch.iter().any(stray) {
        return Err(Refusal::MalformedRetainKeys);
    }
    object.retain(|name, _| retained(name));
    Ok(())
}

/// Obeys every `$setElementOrder`, and merges the lists it is about; both leave the patch.
fn merge_ordered_lists(
    scope: Scope<'_>,
    object: &mut Members,
    patch: &mut Members,
) -> Result<(), Refusal> {
    const PREFIX: &str = "$setElementOrder";
    let is_order = |name: &&String| name.starts_with(PREFIX);
    let directives: Vec<_> = patch.keys().filter(is_order).cloned().collect();
    for directive in directives {
        let order = patch.remove(&directive).unwrap_or_default();
        let order = list::elements(order)?;
        let name = directive.strip_prefix(ELEMENT_ORDER);
        let name = name.ok_or(Refusal::MalformedOrder)?;
        let stored = object.get(name).cloned().map(list::elements).transpose()?;
        let change = patch.get(name).cloned().map(list::elements).transpose()?;
        let schema = scope.list(name)?;
        if let Some(merged) = list::merge_in_order(schema, stored, change, order)? {
            object.insert(name.to_owned(), merged.into());
            patch.remove(name);
        }
    }
    Ok(())
}

fn delete_from_list(object: &mut Members, name: &str, values: Value) -> Result<(), Refusal> {
    match (object.get_mut(name), values) {
        (Some(Value::Array(items)), Value::Array(values)) => {
            items.retain(|item| !values.contains(item));
        }
        (Some(_), Value::Null) => {
            object.remove(name);
        }
        _ => {}
    }
    Ok(())
}

fn merge_member(
    scope: Scope<'_>,
    object: &mut Members,
    name: String,
    value: Value,
) -> Result<(), Refusal> {
    let old = object.remove(&name);
    let merged = match (old, value) {
        (_, Value::Null) => None,
        (Some(Value::Object(old)), Value::Object(change)) => {
            let inner = scope.map(&name)?;
            Some(merge_members(inner, old, change)?.into())
        }
        (Some(Value::Array(old)), Value::Array(change)) => {
            Some(merge_list(scope.list(&name)?, old, change)?.into())
        }
        (_, mut value) => {
            drop_nulls(&mut value);
            without_directives(value)
        }
    };
    if let Some(merged) = merged {
        object.insert(name, merged);
    }
    Ok(())
}

fn merge_list(
    schema: Option<&List>,
    old: Vec<Value>,
    change: Vec<Value>,
) -> Result<Vec<Value>, Refusal> {
    match schema.and_then(|list| Some((list, list.patch.as_ref()?))) {
        Some((list, how)) => list::merge(list, how, old, change),
        None => Ok(change),
    }
}

/// What is left of a new value: a map with `$patch` is no value at all.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) if members.contains_key(PATCH) => None,
        Value::Object(members) => {
            let kept = members
                .into_iter()
                .filter_map(|(name, value)| Some((name, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(items.into_iter().filter_map(without_directives).collect()),
        scalar => Some(scalar),
    }
}

#[cfg(test)]
mod tests;
