//! Header changes of a rule or of a destination.

mod envoy;

use std::borrow::Cow;

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};

use crate::model;

/// Changes to request and response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderOps {
    /// On the way to the destination.
    pub request: Ops,
    /// On the way back.
    pub response: Ops,
}

/// Changes to one set of headers: first the removals, then the rest in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ops {
    remove: Vec<HeaderName>,
    write: Vec<Write>,
    host: Option<HeaderValue>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Write {
    name: HeaderName,
    value: HeaderValue,
    append: bool,
}

/// A header change that HTTP cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "header operation {name:?}: {value:?} is not a valid header, use a token and printable text"
)]
pub struct InvalidHeader {
    name: String,
    value: String,
}

impl HeaderOps {
    /// Compiles `headers`.
    ///
    /// # Errors
    ///
    /// A name or value cannot be sent.
    pub fn compile(headers: Option<&model::Headers>) -> Result<Self, InvalidHeader> {
        let Some(headers) = headers else {
            return Ok(Self::default());
        };
        Ok(Self {
            request: Ops::compile(headers.request.as_ref())?,
            response: Ops::compile(headers.response.as_ref())?,
        })
    }

    /// Appends later changes.
    ///
    /// Istio: those of a single destination are appended to the rule's, so that its `set` wins;
    /// among several destinations they are applied first, and the rule's `set` wins.
    pub fn append(&mut self, later: Self) {
        self.request.append(later.request);
        self.response.append(later.response);
    }
}

impl Ops {
    fn compile(ops: Option<&model::HeaderOperations>) -> Result<Self, InvalidHeader> {
        let mut compiled = Self::default();
        let Some(ops) = ops else { return Ok(compiled) };
        for name in &ops.remove {
            compiled.remove.push(header(name, "")?.0);
        }
        let sets = ops.set.iter().map(|pair| (pair, false));
        let adds = ops.add.iter().map(|pair| (pair, true));
        for ((name, value), append) in sets.chain(adds) {
            compiled.write(name, value, append)?;
        }
        Ok(compiled)
    }

    fn write(&mut self, name: &str, value: &str, append: bool) -> Result<(), InvalidHeader> {
        // Istio: writing `host` or `:authority` rewrites the authority.
        if name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority") {
            self.host = Some(header("host", value)?.1);
            return Ok(());
        }
        let (name, value) = header(name, value)?;
        self.write.push(Write {
            name,
            value,
            append,
        });
        Ok(())
    }

    fn append(&mut self, later: Self) {
        self.remove.extend(later.remove);
        self.write.extend(later.write);
        self.host = later.host.or(self.host.take());
    }

    /// The Host header they write.
    pub fn host(&self) -> Option<&HeaderValue> {
        self.host.as_ref()
    }

    /// Changes headers, except the Host header.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for name in self.remove.iter().filter(|name| **name != HOST) {
            headers.remove(name);
        }
        for write in &self.write {
            if write.append {
                headers.append(&write.name, write.value.clone());
            } else {
                headers.insert(&write.name, write.value.clone());
            }
        }
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), InvalidHeader> {
    // Envoy: `%%` is a percent sign; a single one starts a variable, which validation refuses.
    let text = if value.contains("%%") {
        Cow::Owned(value.replace("%%", "%"))
    } else {
        value.into()
    };
    let invalid = || InvalidHeader {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    Ok((
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?,
        HeaderValue::from_str(&text).map_err(|_| invalid())?,
    ))
}

#[cfg(test)]
mod tests;
