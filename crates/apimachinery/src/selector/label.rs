//! Label selectors: `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>3`.

use std::fmt;

use serde_json::{Map, Value};

use super::{InvalidSelector, parse};
use crate::names;

/// Requirements that must all hold; none selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Requirement {
    pub(super) key: String,
    pub(super) operator: Operator,
    pub(super) values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Equals,
    NotEquals,
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

impl LabelSelector {
    /// Reads the text form of query strings.
    ///
    /// # Errors
    /// Anything that is no selector, with the message of a real API server.
    pub fn parse(text: &str) -> Result<Self, InvalidSelector> {
        parse::requirements(text).map(Self)
    }

    /// Reads the object form of `spec.selector`: `matchLabels` and `matchExpressions`.
    ///
    /// # Errors
    /// An expression whose operator is unknown or whose values do not fit it.
    pub fn from_object(selector: &Value) -> Result<Self, InvalidSelector> {
        let mut requirements = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            requirements.extend(labels.iter().map(|(key, value)| equals(key, value)));
        }
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.into_iter().flatten() {
            requirements.push(Requirement::from_expression(expression)?);
        }
        // Kubernetes: the text form is sorted, by key and within an expression.
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        for requirement in &mut requirements {
            requirement.values.sort_unstable();
        }
        Ok(Self(requirements))
    }

    /// Reads the plain map of a Service's `spec.selector`.
    pub fn from_labels(labels: &Map<String, Value>) -> Self {
        Self(
            labels
                .iter()
                .map(|(key, value)| equals(key, value))
                .collect(),
        )
    }

    /// Whether nothing is required, so that everything is selected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all requirements hold for these labels.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }
}

impl fmt::Display for LabelSelector {
    /// The text form, as a Scale's `status.selector` carries it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, requirement) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

impl Requirement {
    fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        let value = labels
            .and_then(|labels| labels.get(&self.key))
            .and_then(Value::as_str);
        let listed = value.is_some_and(|value| self.values.iter().any(|wanted| wanted == value));
        match self.operator {
            Operator::Equals | Operator::In => listed,
            Operator::NotEquals | Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan => self.compare(value, |label, limit| label > limit),
            Operator::LessThan => self.compare(value, |label, limit| label < limit),
        }
    }

    fn compare(&self, label: Option<&str>, holds: impl Fn(i64, i64) -> bool) -> bool {
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
        let limit = number(self.values.first().map(String::as_str));
        number(label)
            .zip(limit)
            .is_some_and(|(label, limit)| holds(label, limit))
    }

    fn from_expression(expression: &Value) -> Result<Self, InvalidSelector> {
        let text = |member| {
            expression
                .get(member)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let values = expression.get("values").and_then(Value::as_array);
        let values: Vec<_> = values
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let operator = match text("operator") {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            other => {
                let message = format!("{other:?} is not a valid label selector operator");
                return Err(InvalidSelector(message));
            }
        };
        Self {
            key: text("key").to_owned(),
            operator,
            values,
        }
        .checked()
    }

    /// Kubernetes: keys and values of a selector must be such that a label could match.
    pub(super) fn checked(self) -> Result<Self, InvalidSelector> {
        let wrong = |field: &str, value: &str, why: String| {
            InvalidSelector(format!("{field}: Invalid value: {value:?}: {why}"))
        };
        if let Some(why) = names::key_fault(&self.key) {
            return Err(wrong("key", &self.key, why));
        }
        let listed = matches!(self.operator, Operator::In | Operator::NotIn);
        if listed && self.values.is_empty() {
            let message =
                "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty";
            return Err(InvalidSelector(message.into()));
        }
        for (at, value) in self.values.iter().enumerate() {
            if let Some(why) = names::value_fault(value) {
                return Err(wrong(&format!("values[{at}][{}]", self.key), value, why));
            }
        }
        Ok(self)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => write!(f, "{key}"),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

fn equals(key: &str, value: &Value) -> Requirement {
    let values = vec![value.as_str().unwrap_or_default().to_owned()];
    Requirement {
        key: key.to_owned(),
        operator: Operator::Equals,
        values,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(selector: &str) -> bool {
        let labels = json!({"app": "web", "tier": "front", "n": "7", "empty": ""});
        LabelSelector::parse(selector)
            .unwrap()
            .matches(labels.as_object())
    }

    #[test]
    fn each_operator_selects_as_documented() {
        for selector in [
            "",
            "app",
            "app=web",
            "app==web",
            " app = web , tier=front ",
            "app!=api",
            "none!=x",
            "app in (web, api)",
            "app notin (api)",
            "none notin (x)",
            "!none",
            "! none",
            "n>6",
            "n<8",
            "empty=",
            "empty",
            "tier in (front)",
            "app=web,!x,n",
            "empty in (,a)",
        ] {
            assert!(matches(selector), "{selector}");
        }
        for selector in [
            "none",
            "app=api",
            "app!=web",
            "app in (api)",
            "app notin (web)",
            "!app",
            "n>7",
            "app>1",
            "none=x",
        ] {
            assert!(!matches(selector), "{selector}");
        }
    }

    #[test]
    fn an_object_without_labels_matches_only_what_asks_for_none() {
        assert!(LabelSelector::default().matches(None));
        assert!(LabelSelector::parse("!a,b!=c").unwrap().matches(None));
        assert!(!LabelSelector::parse("a").unwrap().matches(None));
    }

    #[test]
    fn mistakes_are_told_in_the_servers_words() {
        for (selector, message) in [
            (
                "a===b",
                "unable to parse requirement: found '=', expected: identifier",
            ),
            (
                "a in x",
                "unable to parse requirement: found 'x' expected: '('",
            ),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            ("a,", "found '', expected: identifier after ','"),
            (
                "=b",
                "found '=', expected: !, identifier, or 'end of string'",
            ),
            (
                "a in (b",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            (
                "a in ()",
                "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
            ),
        ] {
            assert_eq!(
                LabelSelector::parse(selector).unwrap_err().to_string(),
                message,
                "{selector}"
            );
        }
        assert!(LabelSelector::parse("a_=b").is_err());
        assert!(LabelSelector::parse("a=-").is_err());
    }

    #[test]
    fn the_object_form_reads_like_the_text_form() {
        let selector = LabelSelector::from_object(&json!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "back"]},
                {"key": "old", "operator": "DoesNotExist"},
            ],
        }))
        .unwrap();
        assert_eq!(selector.to_string(), "app=web,!old,tier in (back,front)");
        assert_eq!(LabelSelector::parse(&selector.to_string()), Ok(selector));
        assert!(
            LabelSelector::from_object(
                &json!({"matchExpressions": [{"key": "a", "operator": "Like"}]})
            )
            .is_err()
        );
    }
}
