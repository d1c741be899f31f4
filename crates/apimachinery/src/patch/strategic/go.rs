//! How Go prints JSON values in messages.

use serde_json::Value;

/// `%v`: members sorted, texts bare.
pub(crate) fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => printed_list(items),
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{name}:{}", printed(value)))
                .collect();
            format!("map[{}]", members.join(" "))
        }
        other => other.to_string(),
    }
}

/// `%v` of a list.
pub(super) fn printed_list(items: &[Value]) -> String {
    let items: Vec<_> = items.iter().map(printed).collect();
    format!("[{}]", items.join(" "))
}

/// `%s` of something that should be a text.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "%!s(<nil>)".into(),
        other => format!("%!s({}={})", type_name(other), printed(other)),
    }
}

/// The type a value is decoded to.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
