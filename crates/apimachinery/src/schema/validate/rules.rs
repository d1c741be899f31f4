//! `x-kubernetes-validations`: expressions in CEL that have to be true of a value.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, Program, extensions};
use serde_json::Value;

use super::member;
use super::node::{Node, Rule};
use crate::status::Cause;

/// The expressions of a schema, each compiled once however often it stands there.
pub(super) struct Programs(BTreeMap<String, Program>);

/// The language with what Kubernetes adds to it, as far as it exists here: functions on texts.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut language = Env::stdlib();
    language
        .add_extension(extensions::strings)
        .expect("no name of the extension is one of the standard library");
    Arc::new(language)
});

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Programs {
    pub(super) fn compile(root: &Node) -> Result<Self, String> {
        let mut rules = Vec::new();
        root.visit(&mut |node| rules.extend(&node.rules));
        let mut programs = BTreeMap::new();
        for Rule { rule, .. } in rules {
            if !programs.contains_key(rule) {
                let program = LANGUAGE.compile(rule);
                let program = program.map_err(|error| format!("rule {rule:?}: {error}"))?;
                programs.insert(rule.clone(), program);
            }
        }
        Ok(Self(programs))
    }

    /// Adds what the rules of a value and of its parts say.
    pub(super) fn ask(&self, node: &Node, path: &str, found: &Value, out: &mut Vec<Cause>) {
        if found.is_null() {
            return;
        }
        out.extend(self.broken(node, path, found));
        for schema in &node.all_of {
            self.ask(schema, path, found, out);
        }
        match found {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(schema) = &node.items {
                        self.ask(schema, &format!("{path}[{index}]"), item, out);
                    }
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    if let Some(schema) = node.properties.get(name) {
                        self.ask(schema, &member(path, name), value, out);
                    } else if let Some(schema) = &node.additional_properties {
                        self.ask(schema, &format!("{path}[{name}]"), value, out);
                    }
                }
            }
            _ => {}
        }
    }

    /// The rules of this value that are not true.
    fn broken(&self, node: &Node, path: &str, found: &Value) -> Vec<Cause> {
        if node.rules.is_empty() {
            return Vec::new();
        }
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        context.add_variable_from_value("self", to_cel(found));
        let judge = |rule: &Rule| match self.0[&rule.rule].execute(&context) {
            Ok(cel::Value::Bool(true)) => None,
            Ok(_) => Some(broken(path, found, rule.message.trim())),
            Err(error) => {
                let detail = format!("{} evaluating rule: {}", told(&error), rule.message.trim());
                Some(Cause::invalid(path, node.types(), detail))
            }
        };
        node.rules.iter().filter_map(judge).collect()
    }
}

/// Kubernetes: the value is shown unless it has parts.
fn broken(path: &str, found: &Value, message: &str) -> Cause {
    if found.is_object() || found.is_array() {
        let message = format!("Invalid value: {message}");
        return Cause::new("FieldValueInvalid", message, path);
    }
    Cause::invalid(path, found, message)
}

/// An error of an expression as cel-go says it: of those that a value can cause, conversions.
fn told(error: &ExecutionError) -> String {
    let name = match error {
        ExecutionError::FunctionError { function, .. } => function.as_str(),
        _ => return error.to_string(),
    };
    let wanted = match name {
        "duration" => "google.protobuf.Duration",
        other => other,
    };
    format!("type conversion error from 'string' to '{wanted}'")
}

fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => cel::Value::Int(number),
            None => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::from(text.as_str()),
        Value::Array(items) => cel::Value::from(items.iter().map(to_cel).collect::<Vec<_>>()),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), to_cel(value)));
            cel::Value::from(members.collect::<HashMap<_, _>>())
        }
    }
}
