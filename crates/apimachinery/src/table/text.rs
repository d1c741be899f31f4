//! Ways of writing several values into one cell.

use serde_json::Value;

use super::column::items;
use crate::object;
use crate::selector::LabelSelector;

/// Kubernetes: what stands for nothing.
pub(super) const NONE: &str = "<none>";

/// A label selector in its object form.
pub(super) fn selector(selector: Option<&Value>) -> String {
    let Some(selector) = selector else {
        return NONE.to_owned();
    };
    match LabelSelector::from_object(selector) {
        Ok(selector) => or_none(selector.to_string()),
        Err(_) => "<error>".to_owned(),
    }
}

/// Labels, `a=b,c=d`.
pub(super) fn labels(labels: Option<&Value>) -> String {
    let labels = labels.and_then(Value::as_object);
    or_none(labels.map_or_else(String::new, |labels| {
        LabelSelector::from_labels(labels).to_string()
    }))
}

/// One member of each item, with commas between.
pub(super) fn member_of_each(list: &[Value], member: &str) -> String {
    let texts: Vec<_> = list
        .iter()
        .map(|item| object::text(item, &[member]))
        .collect();
    texts.join(",")
}

/// The containers of the pod template.
pub(super) fn containers(workload: &Value) -> &[Value] {
    items(workload, &["spec", "template", "spec", "containers"])
}

/// The first few of a list, and how many more there are. `separator` stands between them.
pub(super) fn first(list: &[String], limit: usize, separator: &str) -> String {
    let shown = list[..list.len().min(limit)].join(separator);
    match list.len().saturating_sub(limit) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

/// A number or a text, as it stands in YAML.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn or_none(text: String) -> String {
    if text.is_empty() {
        NONE.to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_is_sorted_by_key() {
        let object = json!({
            "matchExpressions": [
                {"key": "b", "operator": "In", "values": ["y", "x"]},
                {"key": "a", "operator": "Exists"},
            ],
            "matchLabels": {"c": "d"},
        });
        assert_eq!(selector(Some(&object)), "a,b in (x,y),c=d");
        assert_eq!(selector(Some(&json!({}))), "<none>");
        assert_eq!(selector(None), "<none>");
        let wrong = json!({"matchExpressions": [{"key": "a", "operator": "Like"}]});
        assert_eq!(selector(Some(&wrong)), "<error>");
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let list: Vec<_> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        assert_eq!(first(&list, 3, ","), "a,b,c + 2 more...");
        assert_eq!(first(&list[..3], 3, ","), "a,b,c");
        assert_eq!(first(&[], 3, ","), "");
    }
}
