//! Which route a request takes: one file per part of the request.

mod envoy;
mod headers;
mod path;
mod pattern;
mod query;
mod uri;

use http::HeaderMap;

pub use headers::HeaderMatch;
pub use path::normalize;
pub use pattern::{InvalidPattern, Pattern, Text};
pub use query::QueryMatch;
pub use uri::UriMatch;

use crate::model::HttpMatch;

/// What routing looks at.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Method.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host header as sent.
    pub authority: &'a str,
    /// Path without query, [normalized](normalize).
    pub path: &'a str,
    /// Query without its `?`; empty when there is none.
    pub query: &'a str,
    /// Headers.
    pub headers: &'a HeaderMap,
}

/// Conditions, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RouteMatch {
    /// Condition on the path.
    pub uri: UriMatch,
    method: Option<Text>,
    scheme: Option<Text>,
    authority: Option<Text>,
    headers: Vec<HeaderMatch>,
    query: Vec<QueryMatch>,
}

impl RouteMatch {
    /// Compiles a `match` entry; its conditions on the client are [`crate::compile`]'s.
    ///
    /// # Errors
    ///
    /// A pattern is no RE2; the error names the field.
    pub fn compile(entry: &HttpMatch) -> Result<Self, InvalidPattern> {
        let headers = entry
            .headers
            .iter()
            .map(|(name, text)| HeaderMatch::compile(name, text, false));
        let without = entry
            .without_headers
            .iter()
            .map(|(name, text)| HeaderMatch::compile(name, text, true));
        let query = entry
            .query_params
            .iter()
            .map(|(name, text)| QueryMatch::compile(name, text));
        Ok(Self {
            uri: UriMatch::compile(entry.uri.as_ref(), entry.ignore_uri_case)
                .map_err(|error| error.at("uri"))?,
            method: Text::optional(entry.method.as_ref()).map_err(|error| error.at("method"))?,
            scheme: Text::optional(entry.scheme.as_ref()).map_err(|error| error.at("scheme"))?,
            authority: Text::optional(entry.authority.as_ref())
                .map_err(|error| error.at("authority"))?,
            headers: headers
                .chain(without)
                .collect::<Result<_, _>>()
                .map_err(|e| e.at("headers"))?,
            query: query
                .collect::<Result<_, _>>()
                .map_err(|error| error.at("queryParams"))?,
        })
    }

    /// Whether a request meets all conditions.
    pub fn matches(&self, request: &Request<'_>) -> bool {
        let text = |condition: &Option<Text>, value: &str| {
            condition
                .as_ref()
                .is_none_or(|text| text.matches(value.as_bytes()))
        };
        self.uri.matches(request.path)
            && text(&self.method, request.method)
            && text(&self.scheme, request.scheme)
            && text(&self.authority, request.authority)
            && self.headers.iter().all(|header| header.matches(request))
            && self
                .query
                .iter()
                .all(|parameter| parameter.matches(request.query))
    }

    /// Whether every request matches, as Istio sees it: it generates no route behind such a one.
    pub fn is_catch_all(&self) -> bool {
        let texts = [&self.method, &self.scheme, &self.authority];
        self.uri.is_catch_all()
            && texts.iter().all(|text| text.is_none())
            && self.headers.is_empty()
            && self.query.is_empty()
    }
}

#[cfg(test)]
pub(crate) mod tests;
