//! A rewrite in Envoy's words: fields of a route's action.

use serde_json::{Value, json};

use super::{PathRewrite, Rewrite};

impl Rewrite {
    /// Writes the rewrite into a route's action.
    pub(crate) fn write_envoy(&self, action: &mut Value) {
        match &self.path {
            None => {}
            Some(PathRewrite::Prefix { to, .. }) => action["prefix_rewrite"] = to.as_str().into(),
            Some(PathRewrite::Whole(to)) => action["regex_rewrite"] = regex("^.*$", to),
            Some(PathRewrite::Regex { pattern, to }) => {
                action["regex_rewrite"] = regex(pattern.as_str(), to)
            }
        }
        if let Some(authority) = &self.authority {
            action["host_rewrite_literal"] = String::from_utf8_lossy(authority.as_bytes()).into();
        }
    }
}

fn regex(pattern: &str, to: &str) -> Value {
    json!({"pattern": {"regex": pattern}, "substitution": substitution(to)})
}

/// Envoy's `\1` for our `${1}`, and a plain `$` for our `$$`.
fn substitution(to: &str) -> String {
    let mut out = String::with_capacity(to.len());
    let mut rest = to;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = match (
            after.strip_prefix('$'),
            after.strip_prefix('{').and_then(|it| it.split_once('}')),
        ) {
            (Some(plain), _) => {
                out.push('$');
                plain
            }
            (None, Some((group, after))) => {
                out.push('\\');
                out.push_str(group);
                after
            }
            (None, None) => {
                out.push('$');
                after
            }
        };
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_as_envoy_writes_them() {
        for (ours, envoys) in [
            ("/v2${1}", r"/v2\1"),
            ("$$5", "$5"),
            ("/x", "/x"),
            ("$", "$"),
        ] {
            assert_eq!(substitution(ours), envoys);
        }
    }
}
