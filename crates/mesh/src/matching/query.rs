//! Conditions on query parameters.

use super::pattern::{InvalidPattern, Text};
use crate::model::StringMatch;

/// A condition on the first occurrence of one parameter; nothing is percent-decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryMatch {
    pub(super) name: Box<str>,
    /// None asks for presence: `?p` and `?p=` are present.
    pub(super) text: Option<Text>,
}

impl QueryMatch {
    /// Compiles one entry.
    ///
    /// # Errors
    ///
    /// The pattern is no RE2.
    pub fn compile(name: &str, text: &StringMatch) -> Result<Self, InvalidPattern> {
        Ok(Self {
            name: name.into(),
            text: Text::compile(text)?,
        })
    }

    /// Whether a query (without its `?`) meets the condition.
    pub fn matches(&self, query: &str) -> bool {
        let pairs = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let value = pairs
            .into_iter()
            .find(|(name, _)| *name == &*self.name)
            .map(|(_, value)| value);
        match (value, &self.text) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(value), Some(text)) => text.matches(value.as_bytes()),
        }
    }
}
