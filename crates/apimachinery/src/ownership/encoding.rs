//! Sets of fields as they stand in `managedFields` (`FieldsV1`).
//!
//! A step is a member whose name tells its kind: `f:` a field, `k:` a key, `v:` a value, `i:` a
//! place. A path that ends where others go on is marked by the member `.`.

use serde_json::{Map, Value};

use super::path::{Scalar, Step};
use super::set::{Node, Set};

const SELF: &str = ".";

/// The set in JSON.
pub(super) fn encode(set: &Set) -> Value {
    let nodes = set.nodes().map(|(step, node)| {
        let mut inner = encode(&node.children);
        if let Some(members) = inner
            .as_object_mut()
            .filter(|it| node.member && !it.is_empty())
        {
            members.insert(SELF.into(), Value::Object(Map::new()));
        }
        (name_of(step), inner)
    });
    Value::Object(nodes.collect())
}

/// The set again; none where it is none.
pub(super) fn decode(value: &Value) -> Option<Set> {
    let mut set = Set::default();
    for (name, inner) in value.as_object()? {
        if name == SELF {
            continue;
        }
        let members = inner.as_object()?;
        let node = Node {
            member: members.is_empty() || members.contains_key(SELF),
            children: decode(inner)?,
        };
        set.put(step_of(name)?, node);
    }
    Some(set)
}

fn name_of(step: &Step) -> String {
    match step {
        Step::Field(name) => format!("f:{name}"),
        Step::Value(value) => format!("v:{}", value.to_value()),
        Step::Index(place) => format!("i:{place}"),
        Step::Key(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), value.to_value()));
            format!("k:{}", Value::Object(fields.collect()))
        }
    }
}

fn step_of(name: &str) -> Option<Step> {
    let (kind, rest) = name.split_once(':')?;
    match kind {
        "f" => Some(Step::Field(rest.into())),
        "i" => rest.parse().ok().map(Step::Index),
        "v" => Scalar::of(&serde_json::from_str(rest).ok()?).map(Step::Value),
        "k" => {
            let fields: Map<String, Value> = serde_json::from_str(rest).ok()?;
            let fields = fields
                .into_iter()
                .map(|(name, value)| Some((name, Scalar::of(&value)?)));
            fields.collect::<Option<_>>().map(Step::Key)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_set_is_read_as_it_was_written() {
        let text = json!({"f:spec": {
            "f:finalizers": {".": {}, "v:\"a\"": {}, "v:1": {}},
            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}},
            "i:3": {},
        }});
        let set = decode(&text).unwrap();
        assert_eq!(encode(&set), text);
        let paths = set.paths();
        let shown: Vec<_> = paths
            .iter()
            .map(|path| super::super::path::shown(path))
            .collect();
        let expected = [
            ".spec.finalizers",
            ".spec[3]",
            ".spec.finalizers[=1]",
            ".spec.finalizers[=\"a\"]",
            ".spec.ports[port=80,protocol=\"TCP\"]",
            ".spec.ports[port=80,protocol=\"TCP\"].port",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_no_set_is_none() {
        for text in [
            json!([]),
            json!({"x": {}}),
            json!({"f:a": 1}),
            json!({"k:{": {}}),
            json!({"v:{}": {}}),
        ] {
            assert_eq!(decode(&text), None, "{text}");
        }
    }
}
