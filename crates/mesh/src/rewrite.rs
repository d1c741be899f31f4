//! Rewrites: changes of path and authority on the way to the destination.

mod envoy;

use std::borrow::Cow;

use http::HeaderValue;

use crate::matching::{InvalidPattern, Pattern, UriMatch};
use crate::model;

/// A rewrite.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewrite {
    path: Option<PathRewrite>,
    /// New Host header.
    pub authority: Option<HeaderValue>,
}

#[derive(Debug, Clone, PartialEq)]
enum PathRewrite {
    /// Replaces the first bytes, those that matched.
    Prefix { length: usize, to: String },
    /// Replaces the whole path.
    Whole(String),
    /// Replaces every hit of a pattern.
    Regex { pattern: Pattern, to: String },
}

impl Rewrite {
    /// Compiles `rewrite` for a route that matches `uri`.
    ///
    /// # Errors
    ///
    /// The pattern is no RE2, or the authority no header value.
    pub fn compile(rewrite: &model::Rewrite, uri: &UriMatch) -> Result<Self, InvalidPattern> {
        let path = match &rewrite.uri_regex_rewrite {
            Some(regex) => Some(PathRewrite::Regex {
                pattern: Pattern::search(&regex.pattern)?,
                to: expansion(&regex.rewrite),
            }),
            None if rewrite.uri.is_empty() => None,
            None => Some(match uri.prefix_length() {
                Some(length) => PathRewrite::Prefix {
                    length,
                    to: rewrite.uri.clone(),
                },
                None => PathRewrite::Whole(rewrite.uri.clone()),
            }),
        };
        let authority = match rewrite.authority.as_str() {
            "" => None,
            authority => Some(HeaderValue::from_str(authority).map_err(|_| {
                InvalidPattern::new(authority, "no valid authority, use a host name".to_owned())
            })?),
        };
        Ok(Self { path, authority })
    }

    /// The new path of `path` (no query); borrowed when it stays.
    pub fn path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        match &self.path {
            None => Cow::Borrowed(path),
            Some(PathRewrite::Whole(to)) => Cow::Owned(to.clone()),
            Some(PathRewrite::Prefix { length, to }) => {
                Cow::Owned(format!("{to}{}", path.get(*length..).unwrap_or_default()))
            }
            Some(PathRewrite::Regex { pattern, to }) => pattern.replace(path, to),
        }
    }

    /// Whether the path changes at all.
    pub fn changes_path(&self) -> bool {
        self.path.is_some()
    }
}

/// RE2's `\1` in the notation of the regex crate, `${1}`.
fn expansion(substitution: &str) -> String {
    let mut expansion = String::with_capacity(substitution.len());
    let mut chars = substitution.chars();
    while let Some(char) = chars.next() {
        match (char, char == '\\') {
            (_, true) => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => {
                    expansion.push_str(&format!("${{{digit}}}"))
                }
                Some(other) => expansion.push(other),
                None => expansion.push('\\'),
            },
            ('$', _) => expansion.push_str("$$"),
            (char, _) => expansion.push(char),
        }
    }
    expansion
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StringMatch;

    fn uri(kind: &str, value: &str) -> UriMatch {
        let mut written = StringMatch::default();
        let field = match kind {
            "exact" => &mut written.exact,
            "prefix" => &mut written.prefix,
            _ => &mut written.regex,
        };
        *field = Some(value.to_owned());
        UriMatch::compile(Some(&written), false).unwrap()
    }

    #[test]
    fn a_prefix_is_replaced_and_other_matches_replace_the_whole_path() {
        let rows = [
            ("prefix", "/old", "/new", "/oldx", "/newx"),
            ("prefix", "/old", "/v2", "/old/x", "/v2/x"),
            ("prefix", "/p/", "/q", "/p/x", "/qx"),
            ("prefix", "/", "/v2", "/foo", "/v2foo"),
            ("exact", "/ex", "/ey", "/ex", "/ey"),
            ("regex", "/rx/.*", "/ry", "/rx/1/2", "/ry"),
        ];
        for (kind, matched, to, path, expected) in rows {
            let written = model::Rewrite {
                uri: to.to_owned(),
                ..Default::default()
            };
            let rewrite = Rewrite::compile(&written, &uri(kind, matched)).unwrap();
            assert_eq!(rewrite.path(path), expected, "{kind} {matched}");
        }
    }

    #[test]
    fn a_pattern_rewrites_with_its_groups() {
        let regex = |pattern: &str, to: &str| model::Rewrite {
            uri_regex_rewrite: Some(model::RegexRewrite {
                pattern: pattern.into(),
                rewrite: to.into(),
            }),
            ..Default::default()
        };
        let rows = [
            ("/g/([^/]+)(.*)", r"/h/\1", "/g/a/b", "/h/a"),
            ("/r/(.*)", r"/q/\1", "/r/x$y", "/q/x$y"),
            ("/a", "$1", "/a/a", "$1$1"),
            ("/nothing", "/x", "/g", "/g"),
        ];
        for (pattern, to, path, expected) in rows {
            let rewrite = Rewrite::compile(&regex(pattern, to), &uri("prefix", "/")).unwrap();
            assert_eq!(rewrite.path(path), expected, "{pattern}");
        }
    }
}
