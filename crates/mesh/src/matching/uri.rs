//! Conditions on the path.

use super::pattern::{InvalidPattern, Pattern};
use crate::model::StringMatch;

/// A condition on the path without its query.
#[derive(Debug, Clone, PartialEq)]
pub enum UriMatch {
    /// The whole path.
    Exact {
        /// Path.
        path: Box<str>,
        /// Whether case counts.
        ignore_case: bool,
    },
    /// A plain string prefix: `/api` is one of `/apix`.
    Prefix {
        /// Prefix.
        prefix: Box<str>,
        /// Whether case counts.
        ignore_case: bool,
    },
    /// The whole path; case always counts.
    Regex {
        /// Pattern.
        pattern: Pattern,
        /// Whether it is `.*`, which Istio knows to match everything.
        any: bool,
    },
}

impl Default for UriMatch {
    fn default() -> Self {
        Self::Prefix {
            prefix: "/".into(),
            ignore_case: false,
        }
    }
}

impl UriMatch {
    /// Compiles `uri` and `ignoreUriCase`; nothing written is the prefix `/`.
    ///
    /// # Errors
    ///
    /// The pattern is no RE2.
    pub fn compile(uri: Option<&StringMatch>, ignore_case: bool) -> Result<Self, InvalidPattern> {
        let Some(uri) = uri else {
            return Ok(Self::default());
        };
        Ok(match (&uri.exact, &uri.prefix, &uri.regex) {
            (Some(path), ..) => Self::Exact {
                path: path.as_str().into(),
                ignore_case,
            },
            (_, Some(prefix), _) => Self::Prefix {
                prefix: prefix.as_str().into(),
                ignore_case,
            },
            (_, _, Some(regex)) => Self::Regex {
                pattern: Pattern::full(regex)?,
                any: regex == ".*",
            },
            _ => Self::default(),
        })
    }

    /// Whether a path meets the condition.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact {
                path: exact,
                ignore_case: false,
            } => **exact == *path,
            Self::Exact {
                path: exact,
                ignore_case: true,
            } => exact.eq_ignore_ascii_case(path),
            Self::Prefix {
                prefix,
                ignore_case: false,
            } => path.starts_with(&**prefix),
            Self::Prefix {
                prefix,
                ignore_case: true,
            } => path
                .as_bytes()
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes())),
            Self::Regex { any: true, .. } => true,
            Self::Regex { pattern, .. } => pattern.is_match(path.as_bytes()),
        }
    }

    /// Whether every path matches, as Istio sees it.
    pub fn is_catch_all(&self) -> bool {
        match self {
            Self::Prefix { prefix, .. } => &**prefix == "/",
            Self::Regex { any, .. } => *any,
            Self::Exact { .. } => false,
        }
    }

    /// The length of the part that a rewrite replaces; none = the whole path.
    pub fn prefix_length(&self) -> Option<usize> {
        match self {
            Self::Prefix { prefix, .. } => Some(prefix.len()),
            _ => None,
        }
    }
}
