//! The order of a merged list.
//!
//! Kubernetes: elements of the patch stand as the patch has them, those only the server knows as
//! the server had them; of two from both sides, the server's goes first if it did so before.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// Places of elements by their keys; of equal ones the first counts.
pub(super) struct Order(HashMap<Value, usize>);

impl Order {
    /// Of elements told apart by a key, or by themselves.
    pub(super) fn of(items: &[Value], key: Option<&str>) -> Self {
        let mut places = HashMap::new();
        for (place, item) in items.iter().enumerate() {
            if let Some(value) = identity(item, key) {
                places.entry(value.clone()).or_insert(place);
            }
        }
        Self(places)
    }

    fn place(&self, item: &Value, key: Option<&str>) -> Option<usize> {
        self.0.get(identity(item, key)?).copied()
    }
}

fn identity<'a>(item: &'a Value, key: Option<&str>) -> Option<&'a Value> {
    key.map_or(Some(item), |key| item.get(key))
}

/// Leaves the first of equal elements.
pub(super) fn deduplicate(items: &mut Vec<Value>) {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.clone()));
}

/// The elements in the order wanted, with those it does not name where the server had them.
pub(super) fn arranged(
    items: Vec<Value>,
    key: Option<&str>,
    wanted: &Order,
    server: &Order,
) -> Vec<Value> {
    let in_patch = |item: &Value| wanted.place(item, key).is_some();
    let (mut patched, mut kept): (Vec<_>, Vec<_>) = items.into_iter().partition(in_patch);
    patched.sort_by_key(|item| wanted.place(item, key));
    kept.sort_by_key(|item| server.place(item, key));
    let mut arranged = Vec::with_capacity(patched.len() + kept.len());
    let mut kept = kept.into_iter().peekable();
    for item in patched {
        let before = server.place(&item, key);
        let precedes = |other: &Value| match (server.place(other, key), before) {
            (Some(other), Some(this)) => other < this,
            _ => false,
        };
        while let Some(earlier) = kept.next_if(|other| precedes(other)) {
            arranged.push(earlier);
        }
        arranged.push(item);
    }
    arranged.extend(kept);
    arranged
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(text: &str) -> Vec<Value> {
        text.chars().map(|c| json!(c.to_string())).collect()
    }

    #[test]
    fn elements_of_the_server_keep_their_place_before_those_that_followed() {
        for (items, wanted, server, result) in [
            ("abc", "c", "abc", "abc"),
            ("abcn", "na", "abc", "nabc"),
            ("abc", "ca", "abc", "bca"),
            ("ab", "ba", "ab", "ba"),
            ("xy", "", "yx", "yx"),
        ] {
            let wanted = Order::of(&list(wanted), None);
            let server = Order::of(&list(server), None);
            let arranged = arranged(list(items), None, &wanted, &server);
            assert_eq!(arranged, list(result), "{items}");
        }
    }
}
