//! The webhook's rules for an AuthorizationPolicy.

mod attribute;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Complaints;
use crate::model::{Kind, Object};
use attribute::{addresses, no_empty, ports};

/// `spec` of an AuthorizationPolicy.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthorizationPolicySpec {
    action: String,
    rules: Option<Vec<Rule>>,
    provider: Option<Provider>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Provider {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    from: Vec<From>,
    to: Vec<To>,
    when: Vec<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct From {
    source: Option<Lists>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct To {
    operation: Option<Lists>,
}

/// A source or an operation: nothing but lists of texts.
type Lists = BTreeMap<String, Vec<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    key: String,
    values: Vec<String>,
    not_values: Vec<String>,
}

impl Kind for AuthorizationPolicySpec {
    const GROUP: &'static str = "security.istio.io";
    const KIND: &'static str = "AuthorizationPolicy";
}

pub(super) fn check(object: &Object<AuthorizationPolicySpec>) -> Complaints {
    let mut complaints = Complaints::default();
    let spec = &object.spec;
    action(spec, &mut complaints);
    for (index, rule) in spec.rules.iter().flatten().enumerate() {
        check_rule(rule, index, &mut complaints);
        if spec.action == "DENY" && rule.names_only_http() {
            complaints.warn(
                "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due \
                 to the use of only HTTP attributes in a DENY rule; it is recommended to explicitly \
                 specify the port",
            );
        }
    }
    let metadata = &object.metadata;
    complaints.prefixed(&format!(
        "invalid policy {}.{}: ",
        metadata.name, metadata.namespace
    ))
}

fn action(spec: &AuthorizationPolicySpec, complaints: &mut Complaints) {
    let custom = spec.action == "CUSTOM";
    match &spec.provider {
        Some(_) if !custom => {
            let action = if spec.action.is_empty() {
                "ALLOW"
            } else {
                &spec.action
            };
            complaints.add(format!(
                "`provider` must not be with non CUSTOM action, found {action}"
            ));
        }
        provider if custom && spec.rules.is_some() => {
            let named = provider.as_ref().is_some_and(|it| !it.name.is_empty());
            complaints.check(named, || "`provider.name` must not be empty".to_owned());
        }
        _ => {}
    }
    if (custom || spec.action == "DENY") && spec.rules.is_none() {
        complaints.add(format!(
            "{} action without `rules` is meaningless as it will never be triggered, add an empty rule \
             `{{}}` if you want it be triggered for every request",
            spec.action
        ));
    }
}

fn check_rule(rule: &Rule, index: usize, complaints: &mut Complaints) {
    for from in &rule.from {
        lists("from.source", from.source.as_ref(), index, complaints);
    }
    for to in &rule.to {
        lists("to.operation", to.operation.as_ref(), index, complaints);
    }
    for condition in &rule.when {
        check_condition(condition, complaints);
    }
}

fn lists(path: &str, found: Option<&Lists>, index: usize, complaints: &mut Complaints) {
    let Some(found) = found else {
        return complaints.add(format!("`{path}` must not be nil, found at rule {index}"));
    };
    complaints.check(found.values().any(|list| !list.is_empty()), || {
        format!("`{path}` must not be empty, found at rule {index}")
    });
    for (name, list) in found {
        match name.as_str() {
            "ipBlocks" | "notIpBlocks" | "remoteIpBlocks" | "notRemoteIpBlocks" => {
                addresses(list, complaints);
            }
            "ports" | "notPorts" => ports(list, complaints),
            _ => {}
        }
    }
    for (name, list) in found {
        no_empty(&go_name(name), list, complaints);
    }
}

/// `requestPrincipals` as Go names the field.
fn go_name(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn check_condition(condition: &Condition, complaints: &mut Complaints) {
    let key = &condition.key;
    if key.is_empty() {
        return complaints.add("`key` must not be empty");
    }
    if condition.values.is_empty() && condition.not_values.is_empty() {
        return complaints.add(format!(
            "at least one of `values` or `notValues` must be set for key {key}"
        ));
    }
    for (name, values) in [
        ("value", &condition.values),
        ("notValue", &condition.not_values),
    ] {
        let of_values = attribute::check(key, values);
        complaints.check(of_values.is_empty(), || {
            format!("invalid `{name}` for `key` {key}: {of_values}")
        });
    }
}

impl Rule {
    /// Istio: such a rule also fits every connection that is not HTTP.
    fn names_only_http(&self) -> bool {
        let has = |lists: &Lists, names: &[&str]| names.iter().any(|it| lists.contains_key(*it));
        let sources: Vec<_> = self
            .from
            .iter()
            .filter_map(|it| it.source.as_ref())
            .collect();
        let operations: Vec<_> = self
            .to
            .iter()
            .filter_map(|it| it.operation.as_ref())
            .collect();
        let of_tcp = |it: &&Lists| {
            has(
                it,
                &[
                    "principals",
                    "notPrincipals",
                    "namespaces",
                    "notNamespaces",
                    "ipBlocks",
                    "notIpBlocks",
                    "remoteIpBlocks",
                    "notRemoteIpBlocks",
                ],
            )
        };
        let from_only = !sources.is_empty() && operations.is_empty();
        let with_port = |it: &&Lists| has(it, &["ports", "notPorts"]);
        (from_only && !sources.iter().any(of_tcp))
            || (!operations.is_empty() && !operations.iter().any(with_port))
    }
}
