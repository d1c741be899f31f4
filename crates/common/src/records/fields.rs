//! Strict reading of a create request: every wrong field is named, not just the first.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::problem::{FieldError, Problem};

/// The fields of a request body, taken one by one; what is left over is unknown.
#[derive(Debug)]
pub struct Fields {
    rest: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The fields of `object`.
    pub fn new(object: Map<String, Value>) -> Self {
        Self {
            rest: object,
            errors: Vec::new(),
        }
    }

    /// A required text of so many characters, not blank, without control characters.
    pub fn text(&mut self, field: &str, length: RangeInclusive<usize>) -> String {
        match self.optional_text(field, length) {
            Some(text) => text,
            None => {
                if !self.errors.iter().any(|error| error.field == field) {
                    self.refuse(field, "is required".to_owned());
                }
                String::new()
            }
        }
    }

    /// Like [`Fields::text`], but the field may be absent or null.
    pub fn optional_text(&mut self, field: &str, length: RangeInclusive<usize>) -> Option<String> {
        let text = match self.rest.remove(field) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => text,
            Some(other) => {
                self.refuse(field, format!("is {}, not a text", kind(&other)));
                return None;
            }
        };
        let found = text.chars().count();
        if !length.contains(&found) {
            let (least, most) = (length.start(), length.end());
            self.refuse(
                field,
                format!("has {found} characters; {least} to {most} are accepted"),
            );
            None
        } else if text.trim().is_empty() {
            self.refuse(field, "is blank".to_owned());
            None
        } else if text.chars().any(char::is_control) {
            self.refuse(field, "holds control characters".to_owned());
            None
        } else {
            Some(text)
        }
    }

    /// A required mail address: `local@domain`, at most 254 characters, no blanks.
    pub fn email(&mut self, field: &str) -> String {
        let text = self.text(field, 3..=254);
        let well_formed = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        }) && !text.contains(char::is_whitespace);
        if !text.is_empty() && !well_formed {
            self.refuse(field, "is no mail address; write name@domain".to_owned());
        }
        text
    }

    /// A required whole number in `range`.
    pub fn integer(&mut self, field: &str, range: RangeInclusive<i64>) -> i64 {
        let (least, most) = (*range.start(), *range.end());
        match self.rest.remove(field) {
            None | Some(Value::Null) => self.refuse(field, "is required".to_owned()),
            Some(value) => match value.as_i64() {
                Some(number) if range.contains(&number) => return number,
                Some(number) => {
                    self.refuse(
                        field,
                        format!("is {number}; {least} to {most} are accepted"),
                    );
                }
                None => self.refuse(field, format!("is {}, not a whole number", kind(&value))),
            },
        }
        least
    }

    /// All refusals as one 422, unknown fields included.
    ///
    /// # Errors
    /// When any field was refused.
    pub fn finish(mut self) -> Result<(), Problem> {
        for field in std::mem::take(&mut self.rest).keys() {
            let shown: String = field.chars().take(50).collect();
            self.refuse(&shown, "is unknown; leave it out".to_owned());
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid_fields(self.errors))
        }
    }

    fn refuse(&mut self, field: &str, message: String) {
        let field = field.to_owned();
        self.errors.push(FieldError { field, message });
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusals(body: Value, read: impl FnOnce(&mut Fields)) -> Vec<String> {
        let Value::Object(object) = body else {
            panic!("a test passes an object")
        };
        let mut fields = Fields::new(object);
        read(&mut fields);
        match fields.finish() {
            Ok(()) => Vec::new(),
            Err(problem) => serde_json::to_value(problem).unwrap()["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| {
                    format!(
                        "{} {}",
                        it["field"].as_str().unwrap(),
                        it["message"].as_str().unwrap()
                    )
                })
                .collect(),
        }
    }

    #[test]
    fn every_wrong_field_is_named_and_unknown_ones_too() {
        let body = json!({"name": 7, "year": 1700, "email": "nobody", "extra": 1});
        let found = refusals(body, |fields| {
            fields.text("name", 1..=10);
            fields.text("title", 1..=10);
            fields.integer("year", 1888..=2200);
            fields.email("email");
        });
        assert_eq!(
            found,
            [
                "name is a number, not a text",
                "title is required",
                "year is 1700; 1888 to 2200 are accepted",
                "email is no mail address; write name@domain",
                "extra is unknown; leave it out",
            ]
        );
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert!(
            refusals(json!({"name": "홍길동🎬"}), |it| drop(
                it.text("name", 1..=4)
            ))
            .is_empty()
        );
        let long = json!({"name": "가".repeat(101)});
        let found = refusals(long, |it| drop(it.text("name", 1..=100)));
        assert_eq!(found, ["name has 101 characters; 1 to 100 are accepted"]);
    }

    #[test]
    fn control_characters_and_blanks_are_refused() {
        for (text, reason) in [("a\u{0}b", "holds control characters"), ("  ", "is blank")] {
            let found = refusals(json!({"name": text}), |it| drop(it.text("name", 1..=9)));
            assert_eq!(found, [format!("name {reason}")]);
        }
    }
}
