//! Reading and writing the parts of an object that every kind has.

use serde_json::{Map, Value};

/// The value at a path of member names; `None` where any step is missing.
pub fn at<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, step| value.get(step))
}

/// The text at a path; empty where it is missing or no text.
pub fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// `metadata.name`; empty when missing.
pub fn name(object: &Value) -> &str {
    text(object, &["metadata", "name"])
}

/// `metadata.namespace`; empty when missing.
pub fn namespace(object: &Value) -> &str {
    text(object, &["metadata", "namespace"])
}

/// `metadata.uid`; empty when missing.
pub fn uid(object: &Value) -> &str {
    text(object, &["metadata", "uid"])
}

/// `metadata.resourceVersion` of a stored object; 0 when missing or no number.
pub fn resource_version(object: &Value) -> u64 {
    text(object, &["metadata", "resourceVersion"])
        .parse()
        .unwrap_or(0)
}

/// `metadata.generation`; 0 when missing.
pub fn generation(object: &Value) -> u64 {
    at(object, &["metadata", "generation"])
        .and_then(Value::as_u64)
        .unwrap_or(0)
}

/// `metadata.labels`, where there are any.
pub fn labels(object: &Value) -> Option<&Map<String, Value>> {
    at(object, &["metadata", "labels"])?.as_object()
}

/// Whether `metadata.deletionTimestamp` is set.
pub fn is_terminating(object: &Value) -> bool {
    at(object, &["metadata", "deletionTimestamp"]).is_some()
}

/// The `spec.replicas` of a scalable object; 1 where it is missing, as Kubernetes defaults it.
pub fn replicas(object: &Value) -> i64 {
    at(object, &["spec", "replicas"])
        .and_then(Value::as_i64)
        .unwrap_or(1)
}

/// The member as an object, made one where it is missing or something else.
pub fn member_mut<'a>(object: &'a mut Value, member: &str) -> &'a mut Map<String, Value> {
    map_mut(map_mut(object).entry(member).or_insert(Value::Null))
}

/// `metadata` as an object, made one where it is missing or something else.
pub fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    member_mut(object, "metadata")
}

/// Sets a member, or removes it for `None`.
pub fn put(object: &mut Map<String, Value>, member: &str, value: Option<Value>) {
    match value {
        Some(value) => object.insert(member.to_owned(), value),
        None => object.remove(member),
    };
}

/// Removes null members at every depth, as typed kinds do when they are decoded.
pub fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Roughly how many bytes of heap a value keeps alive; for budgets, not for accounting.
pub fn approximate_bytes(value: &Value) -> usize {
    /// A map keeps its members in nodes of eleven places, which are filled to two thirds.
    const PLACES: usize = 11;
    const NODE: usize = PLACES * (size_of::<String>() + size_of::<Value>());
    // What an allocator takes for a text: at least two blocks of sixteen bytes.
    let of_text = |text: &str| (text.len() + 8).next_multiple_of(16).max(32);
    match value {
        Value::String(text) => of_text(text),
        Value::Array(items) => {
            size_of_val(items.as_slice()) + items.iter().map(approximate_bytes).sum::<usize>()
        }
        Value::Object(members) => {
            let nodes = (members.len() * 3).div_ceil(PLACES * 2);
            let member = |(key, value): (&String, _)| of_text(key) + approximate_bytes(value);
            nodes * NODE + members.iter().map(member).sum::<usize>()
        }
        _ => 0,
    }
}

/// The value as an object, made an empty one where it is something else.
pub fn map_mut(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was just made an object")
}

/// Removes what says the kind: it is no field of it.
pub fn untype(object: &mut Value) {
    if let Some(members) = object.as_object_mut() {
        members.remove("apiVersion");
        members.remove("kind");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_parts_read_as_empty() {
        assert_eq!(name(&json!({})), "");
        assert_eq!(namespace(&json!({"metadata": 5})), "");
        assert_eq!(
            resource_version(&json!({"metadata": {"resourceVersion": "x"}})),
            0
        );
        assert!(!is_terminating(&json!({"metadata": {}})));
    }

    #[test]
    fn metadata_is_made_where_it_is_missing() {
        let mut object = json!({"metadata": null});
        metadata_mut(&mut object).insert("name".into(), "a".into());
        assert_eq!(object, json!({"metadata": {"name": "a"}}));
    }

    #[test]
    fn nulls_are_dropped_at_every_depth_but_not_from_lists() {
        let mut object = json!({"a": null, "b": [{"c": null, "d": 1}, null]});
        drop_nulls(&mut object);
        assert_eq!(object, json!({"b": [{"d": 1}, null]}));
    }
}
