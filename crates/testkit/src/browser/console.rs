//! What a developer would read in the console of a page: its own lines, what nobody caught, and what
//! the browser has to say (a failed request, a refused policy).

use serde_json::Value;

/// One line of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `log`, `info`, `warning`, `error`, …; an exception that nobody caught is an `error`.
    pub level: String,
    /// The text, for the browser's own lines with the address they are about.
    pub text: String,
}

impl Entry {
    /// Whether something is wrong with the page.
    pub fn is_trouble(&self) -> bool {
        matches!(self.level.as_str(), "warning" | "error" | "assert")
    }
}

/// The line that an event of the DevTools protocol stands for, if it is one.
pub(super) fn entry(event: &Value) -> Option<Entry> {
    let params = &event["params"];
    let (level, text) = match event["method"].as_str()? {
        "Runtime.consoleAPICalled" => (text(&params["type"]), arguments(&params["args"])),
        "Runtime.exceptionThrown" => ("error".to_owned(), exception(&params["exceptionDetails"])),
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let about = format!("{} {}", text(&entry["text"]), text(&entry["url"]));
            (text(&entry["level"]), about.trim_end().to_owned())
        }
        _ => return None,
    };
    Some(Entry { level, text })
}

/// What was thrown, as the browser words it: with the stack where there is one.
pub(super) fn exception(details: &Value) -> String {
    let thrown = &details["exception"];
    let thrown = [&thrown["description"], &thrown["value"], &details["text"]];
    thrown
        .into_iter()
        .find(|it| !it.is_null())
        .map(text)
        .unwrap_or_default()
}

fn arguments(arguments: &Value) -> String {
    let shown = |it: &Value| {
        text(if it["value"].is_null() {
            &it["description"]
        } else {
            &it["value"]
        })
    };
    let arguments = arguments.as_array().map(Vec::as_slice).unwrap_or_default();
    arguments.iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_line_keeps_its_level_and_text() {
        let rows = [
            (
                json!({"method": "Runtime.consoleAPICalled", "params": {"type": "info", "args": [{"type": "string", "value": "n"}, {"type": "number", "value": 3}]}}),
                Some(("info", "n 3")),
            ),
            (
                json!({"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": {"text": "Uncaught", "exception": {"description": "Error: no\n at x"}}}}),
                Some(("error", "Error: no\n at x")),
            ),
            (
                json!({"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": {"text": "Uncaught", "exception": {"value": 7}}}}),
                Some(("error", "7")),
            ),
            (
                json!({"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": "404", "url": "http://a/b"}}}),
                Some(("error", "404 http://a/b")),
            ),
            (json!({"method": "Page.loadEventFired", "params": {}}), None),
        ];
        for (event, expected) in rows {
            let expected = expected.map(|(level, text)| Entry {
                level: level.to_owned(),
                text: text.to_owned(),
            });
            assert_eq!(entry(&event), expected, "{event}");
        }
    }
}
