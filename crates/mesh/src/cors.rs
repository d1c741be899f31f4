//! What browsers may do from other origins (Envoy's `cors` filter, which stands behind `fault`).

mod envoy;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::matching::{InvalidPattern, Text};
use crate::model::{self, UnmatchedPreflights};

/// A compiled `corsPolicy`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cors {
    origins: Vec<Text>,
    methods: Option<HeaderValue>,
    headers: Option<HeaderValue>,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
    credentials: bool,
    forwards_unmatched: bool,
}

/// What a policy makes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on; its answer stays as it is.
    Pass,
    /// It goes on; its answer is [granted](Cors::grant) to this origin.
    Grant(HeaderValue),
    /// It is a preflight, answered 200 with these headers.
    Answer(HeaderMap),
}

const TRUE: HeaderValue = HeaderValue::from_static("true");

impl Cors {
    /// Compiles a policy.
    ///
    /// # Errors
    ///
    /// A pattern is no RE2, or a list cannot stand in a header.
    pub fn compile(policy: &model::CorsPolicy) -> Result<Self, InvalidPattern> {
        let named = |error: InvalidPattern| error.at("corsPolicy.allowOrigins");
        let matchers = policy.allow_origins.iter().map(Text::compile);
        let mut origins: Vec<Text> = matchers
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()
            .map_err(named)?;
        if origins.is_empty() {
            let exact = policy.allow_origin.iter();
            origins = exact.map(|origin| Text::exact(origin)).collect();
        }
        Ok(Self {
            origins,
            methods: list(&policy.allow_methods)?,
            headers: list(&policy.allow_headers)?,
            exposed: list(&policy.expose_headers)?,
            max_age: policy.max_age.map(|age| age.0.as_secs().into()),
            credentials: policy.allow_credentials.unwrap_or_default(),
            forwards_unmatched: policy.unmatched_preflights != UnmatchedPreflights::Ignore,
        })
    }

    /// What becomes of a request.
    pub fn judge(&self, method: &Method, headers: &HeaderMap) -> Verdict {
        let filled = |name| headers.get(name).filter(|value| !value.is_empty());
        let Some(origin) = filled(ORIGIN) else {
            return Verdict::Pass;
        };
        let allowed = self.allows(origin);
        let asked = filled(ACCESS_CONTROL_REQUEST_METHOD);
        let Some(asked) = asked.filter(|_| method == Method::OPTIONS) else {
            return match allowed {
                true => Verdict::Grant(origin.clone()),
                false => Verdict::Pass,
            };
        };
        if !allowed && self.forwards_unmatched {
            return Verdict::Pass;
        }
        Verdict::Answer(self.preflight(allowed.then_some(origin), asked, headers))
    }

    /// Adds to an answer what its origin may know.
    pub fn grant(&self, origin: &HeaderValue, answer: &mut HeaderMap) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.credentials {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        set(answer, ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.as_ref());
    }

    /// Envoy: a matcher that takes a literal `*` takes every origin.
    fn allows(&self, origin: &HeaderValue) -> bool {
        let allows = |matcher: &Text| matcher.matches(b"*") || matcher.matches(origin.as_bytes());
        self.origins.iter().any(allows)
    }

    fn preflight(
        &self,
        allowed: Option<&HeaderValue>,
        method: &HeaderValue,
        request: &HeaderMap,
    ) -> HeaderMap {
        let mut answer = HeaderMap::new();
        if self.credentials {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        let asked_for = request.get(ACCESS_CONTROL_REQUEST_HEADERS);
        let methods = or_asked(self.methods.as_ref(), Some(method));
        set(&mut answer, ACCESS_CONTROL_ALLOW_METHODS, methods);
        let headers = or_asked(self.headers.as_ref(), asked_for);
        set(&mut answer, ACCESS_CONTROL_ALLOW_HEADERS, headers);
        set(&mut answer, ACCESS_CONTROL_MAX_AGE, self.max_age.as_ref());
        if let Some(origin) = allowed {
            self.grant(origin, &mut answer);
        }
        answer
    }
}

/// Envoy: `*` stands for whatever is asked for.
fn or_asked<'a>(
    written: Option<&'a HeaderValue>,
    asked: Option<&'a HeaderValue>,
) -> Option<&'a HeaderValue> {
    match written {
        Some(list) if list == "*" => asked,
        written => written,
    }
}

fn set(answer: &mut HeaderMap, name: HeaderName, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        answer.insert(name, value.clone());
    }
}

/// Istio: joined by commas without blanks; none for an empty list.
fn list(written: &[String]) -> Result<Option<HeaderValue>, InvalidPattern> {
    let joined = written.join(",");
    if joined.is_empty() {
        return Ok(None);
    }
    let value = HeaderValue::from_str(&joined).map_err(|_| {
        let cause = "no valid header value, use printable text".to_owned();
        InvalidPattern::new(&joined, cause).at("corsPolicy")
    })?;
    Ok(Some(value))
}

#[cfg(test)]
pub(crate) mod tests;
