//! String matchers: exact, prefix, regex.

use std::borrow::Cow;

use regex::bytes::Regex;

use crate::model::StringMatch;

/// A condition on a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    /// Equal.
    Exact(Box<[u8]>),
    /// Starts with.
    Prefix(Box<[u8]>),
    /// Matches as a whole.
    Regex(Pattern),
}

/// A compiled regular expression, equal to others of the same source.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

/// A regular expression that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field:?}: {pattern:?}: {cause}")]
pub struct InvalidPattern {
    field: &'static str,
    pattern: String,
    cause: String,
}

impl InvalidPattern {
    pub(crate) fn new(pattern: &str, cause: String) -> Self {
        Self {
            field: "rewrite",
            pattern: pattern.to_owned(),
            cause,
        }
    }

    pub(crate) fn at(self, field: &'static str) -> Self {
        Self { field, ..self }
    }
}

impl Pattern {
    /// A pattern that must match the whole text, as Envoy's `safe_regex` does.
    ///
    /// # Errors
    ///
    /// It is no regular expression of the RE2 kind.
    pub fn full(pattern: &str) -> Result<Self, InvalidPattern> {
        // Compiled alone first: wrapped, an unbalanced `)` would close the wrapping group.
        Self::search(pattern)?;
        Self::search(&format!(r"\A(?:{pattern})\z"))
    }

    /// A pattern that is looked for anywhere.
    ///
    /// # Errors
    ///
    /// It is no regular expression of the RE2 kind.
    pub fn search(pattern: &str) -> Result<Self, InvalidPattern> {
        let regex = Regex::new(pattern).map_err(|error| {
            let cause = error.to_string();
            InvalidPattern::new(
                pattern,
                cause.lines().last().unwrap_or_default().trim().to_owned(),
            )
        })?;
        Ok(Self { regex })
    }

    /// Its source; a full pattern's is wrapped.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether the text matches.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Replaces every hit; `${1}` in `to` is the first group.
    pub fn replace<'a>(&self, text: &'a str, to: &str) -> Cow<'a, str> {
        match self.regex.replace_all(text.as_bytes(), to.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Text {
    /// Takes one text only.
    pub fn exact(text: &str) -> Self {
        Self::Exact(text.as_bytes().into())
    }

    /// Compiles a matcher; none when it asks for presence only.
    ///
    /// # Errors
    ///
    /// The pattern is no RE2.
    pub fn compile(text: &StringMatch) -> Result<Option<Self>, InvalidPattern> {
        Ok(match (&text.exact, &text.prefix, &text.regex) {
            (Some(exact), ..) => Some(Self::exact(exact)),
            (_, Some(prefix), _) => Some(Self::Prefix(prefix.as_bytes().into())),
            (_, _, Some(pattern)) => Some(Self::Regex(Pattern::full(pattern)?)),
            _ => None,
        })
    }

    /// Compiles a matcher that may be missing.
    ///
    /// # Errors
    ///
    /// The pattern is no RE2.
    pub fn optional(text: Option<&StringMatch>) -> Result<Option<Self>, InvalidPattern> {
        text.map_or(Ok(None), Self::compile)
    }

    /// Whether a text meets the condition.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => **exact == *text,
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Regex(pattern) => pattern.is_match(text),
        }
    }
}
