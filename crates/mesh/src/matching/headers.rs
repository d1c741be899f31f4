//! Conditions on headers: `headers` and `withoutHeaders`.

use http::HeaderName;

use super::Request;
use super::pattern::{InvalidPattern, Text};
use crate::model::StringMatch;

/// A condition on one header.
#[derive(Debug, Clone, PartialEq)]
pub struct HeaderMatch {
    pub(super) name: Name,
    /// None asks for presence; an empty value is present.
    pub(super) text: Option<Text>,
    /// `withoutHeaders`: the opposite, where a missing header counts as empty.
    pub(super) inverted: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Name {
    Header(HeaderName),
    Method,
    Path,
    Authority,
    Scheme,
}

impl HeaderMatch {
    /// Compiles one entry.
    ///
    /// # Errors
    ///
    /// The pattern is no RE2, or the name is no header name.
    pub fn compile(name: &str, text: &StringMatch, inverted: bool) -> Result<Self, InvalidPattern> {
        // Istio: the regex `*` asks for presence, like an empty matcher.
        let presence = text.regex.as_deref() == Some("*");
        Ok(Self {
            name: Name::compile(name)?,
            text: if presence { None } else { Text::compile(text)? },
            inverted,
        })
    }

    /// Whether a request meets the condition.
    pub fn matches(&self, request: &Request<'_>) -> bool {
        self.holds(request) != self.inverted
    }

    fn holds(&self, request: &Request<'_>) -> bool {
        let one = |value: &[u8]| {
            self.text
                .as_ref()
                .is_none_or(|text| text.matches(value.trim_ascii()))
        };
        match &self.name {
            Name::Header(name) if !request.headers.contains_key(name) => self.holds_when_missing(),
            // Envoy 1.39 and later: each value of a repeated header is tried alone.
            Name::Header(name) => request
                .headers
                .get_all(name)
                .iter()
                .any(|value| one(value.as_bytes())),
            Name::Method => one(request.method.as_bytes()),
            Name::Authority => one(request.authority.as_bytes()),
            Name::Scheme => one(request.scheme.as_bytes()),
            Name::Path => one(full_path(request).as_bytes()),
        }
    }

    fn holds_when_missing(&self) -> bool {
        self.inverted && self.text.as_ref().is_some_and(|text| text.matches(b""))
    }
}

impl Name {
    fn compile(name: &str) -> Result<Self, InvalidPattern> {
        Ok(match name {
            ":method" => Self::Method,
            ":path" => Self::Path,
            ":authority" => Self::Authority,
            ":scheme" => Self::Scheme,
            _ => Self::Header(HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                InvalidPattern::new(
                    name,
                    "no valid header name, use letters, digits and -".to_owned(),
                )
            })?),
        })
    }
}

fn full_path(request: &Request<'_>) -> String {
    match request.query {
        "" => request.path.to_owned(),
        query => format!("{}?{query}", request.path),
    }
}
