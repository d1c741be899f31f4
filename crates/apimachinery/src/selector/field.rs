//! Field selectors: `status.phase!=Running,spec.nodeName=n1`.

use serde_json::Value;

use super::InvalidSelector;
use crate::object;
use crate::resource::Resource;

/// Fields every kind can be selected by.
const COMMON: [&str; 2] = ["metadata.name", "metadata.namespace"];

/// Terms that must all hold; none selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldSelector(Vec<Term>);

#[derive(Clone, Debug, PartialEq)]
struct Term {
    path: Vec<String>,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Reads terms joined by commas; `\` takes the meaning from a comma, `=` or `\` in a value.
    ///
    /// # Errors
    /// A term without operator, or a field this kind cannot be selected by.
    pub fn parse(resource: &Resource, text: &str) -> Result<Self, InvalidSelector> {
        let terms = split_terms(text)
            .into_iter()
            .filter(|term| !term.is_empty());
        terms
            .map(|term| parse_term(resource, text, term))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether all terms hold; a missing field equals the empty text.
    pub fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|term| (shown(object, &term.path) == term.value) == term.equal)
    }
}

fn parse_term(resource: &Resource, whole: &str, term: &str) -> Result<Term, InvalidSelector> {
    let (field, value, equal) = split_operator(term).ok_or_else(|| {
        InvalidSelector(format!(
            "invalid selector: '{whole}'; can't understand '{term}'"
        ))
    })?;
    if !COMMON.contains(&field) && !resource.fields.contains(&field) {
        return Err(unsupported(resource, field));
    }
    let path = field.split('.').map(str::to_owned).collect();
    Ok(Term {
        path,
        value: unescape(value),
        equal,
    })
}

/// Kubernetes: kinds without selectable fields of their own answer in other words.
fn unsupported(resource: &Resource, field: &str) -> InvalidSelector {
    InvalidSelector(if resource.custom || !resource.fields.is_empty() {
        format!("field label not supported: {field}")
    } else {
        let [name, namespace] = COMMON;
        format!("{field:?} is not a known field selector: only {name:?}, {namespace:?}")
    })
}

/// At commas that no backslash precedes.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

/// At the first `!=`, `==` or `=`.
fn split_operator(term: &str) -> Option<(&str, &str, bool)> {
    let at = term.find('=')?;
    if let Some(field) = term[..at].strip_suffix('!') {
        return Some((field, &term[at + 1..], false));
    }
    let value = &term[at + 1..];
    Some((&term[..at], value.strip_prefix('=').unwrap_or(value), true))
}

fn unescape(value: &str) -> String {
    let mut chars = value.chars();
    let mut plain = String::with_capacity(value.len());
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            c
        });
    }
    plain
}

/// A field as selectors compare it: text as it is, numbers and booleans as written.
fn shown(object: &Value, path: &[String]) -> String {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    match object::at(object, &path) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        // Kubernetes: a boolean that is not set selects as false.
        None if path == ["spec", "unschedulable"] => "false".into(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::rows;

    fn matches(selector: &str) -> bool {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "a,b"},
            "spec": {"nodeName": "n1"}, "status": {"phase": "Running"},
        });
        FieldSelector::parse(&rows::PODS, selector)
            .unwrap()
            .matches(&pod)
    }

    #[test]
    fn all_terms_must_hold() {
        assert!(matches(""));
        assert!(matches("metadata.name=p"));
        assert!(matches("metadata.name==p,spec.nodeName=n1"));
        assert!(matches("status.phase!=Pending"));
        assert!(!matches("status.phase!=Running"));
        assert!(!matches("metadata.name=p,spec.nodeName=n2"));
        assert!(matches("spec.schedulerName="));
        assert!(matches(r"metadata.namespace=a\,b"));
    }

    #[test]
    fn a_node_without_the_flag_is_schedulable() {
        let selector = FieldSelector::parse(&rows::NODES, "spec.unschedulable=false").unwrap();
        assert!(selector.matches(&json!({"spec": {}})));
        assert!(!selector.matches(&json!({"spec": {"unschedulable": true}})));
    }

    #[test]
    fn unknown_fields_are_refused_in_the_words_of_the_kind() {
        let refusal = |resource, text| {
            FieldSelector::parse(resource, text)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal(&rows::PODS, "spec.foo=1"),
            "field label not supported: spec.foo"
        );
        assert_eq!(
            refusal(&rows::VIRTUAL_SERVICES, "spec.hosts=x"),
            "field label not supported: spec.hosts"
        );
        assert_eq!(
            refusal(&rows::CONFIG_MAPS, "data.a=1"),
            r#""data.a" is not a known field selector: only "metadata.name", "metadata.namespace""#
        );
        assert_eq!(
            refusal(&rows::PODS, "foo"),
            "invalid selector: 'foo'; can't understand 'foo'"
        );
    }
}
