//! What names, labels and annotations may look like, with the texts of a real API server.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::object;
use crate::resource::{NameRule, Resource};
use crate::status::Cause;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
    or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
    regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or \
    '-', start with an alphabetic character, and end with an alphanumeric character (e.g. \
    'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and \
    must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
    '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or \
    '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
    '[-._a-zA-Z0-9]+')";

const MAX_LABEL: usize = 63;
const MAX_SUBDOMAIN: usize = 253;
/// Kubernetes: all annotations of an object together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Every fault of an object's names, labels and annotations.
pub fn faults(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = name_faults(resource, object);
    causes.extend(label_faults("metadata.labels", object::labels(object)));
    if let Some(Value::Object(annotations)) = object::at(object, &["metadata", "annotations"]) {
        causes.extend(annotation_faults(annotations));
    }
    causes
}

/// Faults of a map of labels under `field`; also for selectors and templates.
pub fn label_faults(field: &str, labels: Option<&Map<String, Value>>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in labels.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        causes.extend(key_fault(key).map(|why| Cause::invalid(field, key, why)));
        causes.extend(value_fault(value).map(|why| Cause::invalid(field, value, why)));
    }
    causes
}

/// Why a label key (or a qualified name of another kind) is not one.
pub fn key_fault(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    match prefix {
        Some("") => return Some("prefix part must be non-empty".into()),
        Some(prefix) if !is_subdomain(prefix) => return Some(format!("prefix part {SUBDOMAIN}")),
        _ => {}
    }
    if name.is_empty() {
        Some("name part must be non-empty".into())
    } else if name.len() > MAX_LABEL {
        Some(format!("name part {}", too_long(MAX_LABEL)))
    } else {
        (!is_word(name)).then(|| NAME_PART.into())
    }
}

/// Why a label value is not one.
pub fn value_fault(value: &str) -> Option<String> {
    if value.len() > MAX_LABEL {
        Some(too_long(MAX_LABEL))
    } else {
        (!value.is_empty() && !is_word(value)).then(|| LABEL_VALUE.into())
    }
}

/// Why a text is no RFC 1123 label.
pub fn dns_label_fault(name: &str) -> Option<String> {
    if name.len() > MAX_LABEL {
        Some(too_long(MAX_LABEL))
    } else {
        (!is_label(name)).then(|| LABEL.into())
    }
}

/// Why a text names no port of a container.
pub fn port_name_fault(name: &str) -> Option<String> {
    const MAX: usize = 15;
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let why = if name.len() > MAX {
        return Some(too_long(MAX));
    } else if !name.bytes().all(plain) {
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    } else if !name.bytes().any(|c| c.is_ascii_lowercase()) {
        "must contain at least one letter (a-z)"
    } else if name.contains("--") {
        "must not contain consecutive hyphens"
    } else if name.starts_with('-') || name.ends_with('-') {
        "must not begin or end with a hyphen"
    } else {
        return None;
    };
    Some(why.into())
}

/// Why a text is no key of a ConfigMap or Secret.
pub fn config_key_fault(key: &str) -> Option<String> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    if key.len() > MAX_SUBDOMAIN {
        Some(too_long(MAX_SUBDOMAIN))
    } else if key.is_empty() || !key.bytes().all(plain) {
        Some(CONFIG_KEY.into())
    } else if key == "." || key.starts_with("..") {
        let shown = if key.len() > 2 {
            "start with '..'"
        } else {
            &format!("be '{key}'")
        };
        Some(format!("must not {shown}"))
    } else {
        None
    }
}

/// A name for an object that gave only `generateName`: the prefix, cut so that the whole is a
/// label, and five characters taken from the id. Kubernetes leaves out what could spell words.
pub fn generated(prefix: &str, id: Uuid) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    const SUFFIX: usize = 5;
    let mut rest = id.as_u128();
    let mut name: String = prefix.chars().take(MAX_LABEL - SUFFIX).collect();
    for _ in 0..SUFFIX {
        name.push(char::from(ALPHABET[(rest % 27) as usize]));
        rest /= 27;
    }
    name
}

fn name_faults(resource: &Resource, object: &Value) -> Vec<Cause> {
    let name = object::name(object);
    let prefix = object::text(object, &["metadata", "generateName"]);
    let (field, text, checked) = match (name, prefix) {
        ("", "") => {
            let detail = "name or generateName is required";
            return vec![Cause::required("metadata.name", detail)];
        }
        // A prefix may end in what a name may not: the suffix follows.
        ("", prefix) => (
            "metadata.generateName",
            prefix,
            prefix.trim_end_matches(['-', '.']),
        ),
        (name, _) => ("metadata.name", name, name),
    };
    rule_faults(resource.names, checked)
        .into_iter()
        .map(|why| Cause::invalid(field, text, why))
        .collect()
}

fn rule_faults(rule: NameRule, name: &str) -> Vec<String> {
    match rule {
        NameRule::Subdomain if name.len() > MAX_SUBDOMAIN => vec![too_long(MAX_SUBDOMAIN)],
        NameRule::Subdomain => fault(!is_subdomain(name), SUBDOMAIN),
        NameRule::Label | NameRule::Label1035 if name.len() > MAX_LABEL => {
            vec![too_long(MAX_LABEL)]
        }
        NameRule::Label if is_subdomain(name) => fault(name.contains('.'), "must not contain dots"),
        NameRule::Label => fault(true, LABEL),
        NameRule::Label1035 => fault(
            !is_label(name) || !name.starts_with(|c: char| c.is_ascii_lowercase()),
            LABEL_1035,
        ),
        NameRule::PathSegment => match name {
            "." | ".." => vec![format!("may not be '{name}'")],
            _ => ['/', '%']
                .into_iter()
                .filter(|c| name.contains(*c))
                .map(|c| format!("may not contain '{c}'"))
                .collect(),
        },
    }
}

fn annotation_faults(annotations: &Map<String, Value>) -> Vec<Cause> {
    const FIELD: &str = "metadata.annotations";
    let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    // Kubernetes: keys of annotations are checked as if they were lower case.
    let mut causes: Vec<_> = annotations
        .keys()
        .filter_map(|key| Some((key, key_fault(&key.to_lowercase())?)))
        .map(|(key, why)| Cause::invalid(FIELD, key, why))
        .collect();
    if annotations.iter().map(size).sum::<usize>() > MAX_ANNOTATIONS {
        causes.push(Cause::too_long(FIELD, MAX_ANNOTATIONS));
    }
    causes
}

fn fault(wrong: bool, text: &str) -> Vec<String> {
    if wrong {
        vec![text.to_owned()]
    } else {
        Vec::new()
    }
}

fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} characters")
}

fn is_subdomain(name: &str) -> bool {
    name.len() <= MAX_SUBDOMAIN && name.split('.').all(is_label)
}

/// Lower case letters, digits and inner dashes; the length is the caller's business.
fn is_label(name: &str) -> bool {
    let alphanumeric = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    is_framed(name, alphanumeric, |c| alphanumeric(c) || c == b'-')
}

/// Letters, digits, and inside also `-`, `_` and `.`.
fn is_word(name: &str) -> bool {
    is_framed(
        name,
        |c| c.is_ascii_alphanumeric(),
        |c| c.is_ascii_alphanumeric() || b"-_.".contains(&c),
    )
}

fn is_framed(name: &str, end: impl Fn(u8) -> bool, inside: impl Fn(u8) -> bool) -> bool {
    match name.as_bytes() {
        [] => false,
        [first, rest @ ..] => {
            end(*first) && end(*rest.last().unwrap_or(first)) && rest.iter().all(|c| inside(*c))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::rows;

    fn messages(resource: &Resource, metadata: Value) -> Vec<String> {
        let object = json!({"metadata": metadata});
        faults(resource, &object)
            .iter()
            .map(Cause::to_string)
            .collect()
    }

    #[test]
    fn good_names_pass_their_rule() {
        for (resource, name) in [
            (&rows::CONFIG_MAPS, "kube-root-ca.crt"),
            (&rows::SERVICES, "a"),
            (&rows::NAMESPACES, "0-x"),
            (&rows::ROLES, "system:Node:x.y"),
            (&rows::VIRTUAL_SERVICES, "user-service-vs"),
        ] {
            assert!(
                messages(resource, json!({"name": name})).is_empty(),
                "{name}"
            );
        }
    }

    #[test]
    fn bad_names_are_told_which_rule_they_break() {
        for (resource, name, start) in [
            (
                &rows::CONFIG_MAPS,
                "A_b",
                r#"metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain"#,
            ),
            (
                &rows::CONFIG_MAPS,
                "a..b",
                r#"metadata.name: Invalid value: "a..b": a lowercase RFC 1123 subdomain"#,
            ),
            (
                &rows::CONFIG_MAPS,
                "a-",
                r#"metadata.name: Invalid value: "a-": a lowercase RFC 1123 subdomain"#,
            ),
            (
                &rows::SERVICES,
                "1s",
                r#"metadata.name: Invalid value: "1s": a DNS-1035 label"#,
            ),
            (
                &rows::SERVICES,
                "s.t",
                r#"metadata.name: Invalid value: "s.t": a DNS-1035 label"#,
            ),
            (
                &rows::NAMESPACES,
                "a.b",
                r#"metadata.name: Invalid value: "a.b": must not contain dots"#,
            ),
            (
                &rows::NAMESPACES,
                "A",
                r#"metadata.name: Invalid value: "A": a lowercase RFC 1123 label"#,
            ),
            (
                &rows::ROLES,
                "..",
                r#"metadata.name: Invalid value: "..": may not be '..'"#,
            ),
            (
                &rows::ROLES,
                "a/b",
                r#"metadata.name: Invalid value: "a/b": may not contain '/'"#,
            ),
        ] {
            let found = messages(resource, json!({"name": name}));
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found[0].starts_with(start), "{name}: {found:?}");
        }
    }

    #[test]
    fn a_prefix_may_end_in_a_dash() {
        assert!(messages(&rows::PODS, json!({"generateName": "web-"})).is_empty());
        assert_eq!(
            messages(&rows::PODS, json!({"generateName": "Web-"})).len(),
            1
        );
    }

    #[test]
    fn labels_and_annotations_are_checked_key_by_key() {
        let good = json!({"app": "x", "app.kubernetes.io/name": "", "a": "1_2.3"});
        assert!(messages(&rows::PODS, json!({"name": "p", "labels": good})).is_empty());
        for labels in [
            json!({"a": "b c"}),
            json!({"a b": "c"}),
            json!({"/a": "c"}),
            json!({"x/": "c"}),
        ] {
            assert_eq!(
                messages(&rows::PODS, json!({"name": "p", "labels": labels})).len(),
                1
            );
        }
        let long = json!({"a": "x".repeat(MAX_ANNOTATIONS)});
        assert_eq!(
            messages(&rows::PODS, json!({"name": "p", "annotations": long})),
            ["metadata.annotations: Too long: may not be more than 262144 bytes"]
        );
        assert!(
            messages(
                &rows::PODS,
                json!({"name": "p", "annotations": {"Upper/Case": "any text"}})
            )
            .is_empty()
        );
    }

    #[test]
    fn a_generated_name_keeps_the_prefix_and_stays_a_label() {
        let name = generated("web-6b6569c874-", Uuid::from_u128(123_456_789));
        assert!(
            name.starts_with("web-6b6569c874-") && name.len() == 20,
            "{name}"
        );
        let long = generated(&"x".repeat(80), Uuid::from_u128(7));
        assert_eq!(long.len(), 63);
        assert_ne!(
            generated("a", Uuid::from_u128(1)),
            generated("a", Uuid::from_u128(2))
        );
    }
}
