//! Conditions in Envoy's words (`envoy.config.route.v3.RouteMatch`).

use serde_json::{Value, json};

use super::headers::Name;
use super::{HeaderMatch, Pattern, RouteMatch, Text, UriMatch};

impl RouteMatch {
    /// As Envoy's RouteMatch.
    pub(crate) fn envoy(&self) -> Value {
        let mut headers: Vec<Value> = self.headers.iter().map(header).collect();
        let pseudo = [
            (":method", &self.method),
            (":scheme", &self.scheme),
            (":authority", &self.authority),
        ];
        for (name, text) in pseudo {
            let condition = text
                .iter()
                .map(|text| json!({"name": name, "string_match": text.envoy()}));
            headers.extend(condition);
        }
        let query = self.query.iter().map(|parameter| match &parameter.text {
            Some(text) => json!({"name": parameter.name, "string_match": text.envoy()}),
            None => json!({"name": parameter.name, "present_match": true}),
        });
        let mut route = self.uri.envoy();
        for (key, list) in [("headers", headers), ("query_parameters", query.collect())] {
            if !list.is_empty() {
                route[key] = list.into();
            }
        }
        route
    }
}

impl UriMatch {
    fn envoy(&self) -> Value {
        match self {
            Self::Exact { path, ignore_case } => {
                json!({"path": path, "case_sensitive": !ignore_case})
            }
            Self::Prefix {
                prefix,
                ignore_case,
            } => json!({"prefix": prefix, "case_sensitive": !ignore_case}),
            Self::Regex { pattern, .. } => {
                json!({"safe_regex": {"regex": source(pattern)}, "case_sensitive": true})
            }
        }
    }
}

impl Text {
    /// As Envoy's StringMatcher.
    pub(crate) fn envoy(&self) -> Value {
        match self {
            Self::Exact(exact) => json!({"exact": String::from_utf8_lossy(exact)}),
            Self::Prefix(prefix) => json!({"prefix": String::from_utf8_lossy(prefix)}),
            Self::Regex(pattern) => json!({"safe_regex": {"regex": source(pattern)}}),
        }
    }
}

fn header(header: &HeaderMatch) -> Value {
    let mut envoy = match &header.text {
        Some(text) => json!({"string_match": text.envoy()}),
        None => json!({"present_match": true}),
    };
    envoy["name"] = header.name.as_str().into();
    if header.inverted {
        envoy["invert_match"] = true.into();
        if header.text.is_some() {
            envoy["treat_missing_header_as_empty"] = true.into();
        }
    }
    envoy
}

impl Name {
    fn as_str(&self) -> &str {
        match self {
            Self::Header(name) => name.as_str(),
            Self::Method => ":method",
            Self::Path => ":path",
            Self::Authority => ":authority",
            Self::Scheme => ":scheme",
        }
    }
}

/// A full pattern as it was written.
fn source(pattern: &Pattern) -> &str {
    let source = pattern.as_str();
    let inner = source
        .strip_prefix(r"\A(?:")
        .and_then(|rest| rest.strip_suffix(r")\z"));
    inner.unwrap_or(source)
}
