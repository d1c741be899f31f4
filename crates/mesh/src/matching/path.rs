//! Path normalization, as Istio's `NormalizePath` has Envoy do it.

use std::borrow::Cow;

/// Normalizes a path (no query): `.` and `..` segments go, `\` becomes `/`, and percent-encoded
/// unreserved characters are decoded. Other escapes and doubled slashes stay.
pub fn normalize(path: &str) -> Cow<'_, str> {
    if is_normal(path) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(without_dots(&decode_unreserved(path)))
}

/// A cheap test that almost every path passes.
fn is_normal(path: &str) -> bool {
    !path.bytes().any(|byte| matches!(byte, b'%' | b'\\')) && !path.contains("/.")
}

/// RFC 3986, 2.3: letters, digits, `-._~` mean the same encoded or not.
fn decode_unreserved(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find(['%', '\\']) {
        decoded.push_str(&rest[..at]);
        let (plain, length) = match rest.as_bytes()[at] {
            b'\\' => (Some('/'), 1),
            _ => (rest.get(at + 1..at + 3).and_then(unreserved), 3),
        };
        match plain {
            Some(plain) => {
                decoded.push(plain);
                rest = &rest[at + length..];
            }
            None => {
                decoded.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    decoded + rest
}

fn unreserved(hex: &str) -> Option<char> {
    let valid = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let char = char::from(u8::from_str_radix(hex, 16).ok().filter(|_| valid)?);
    (char.is_ascii_alphanumeric() || "-._~".contains(char)).then_some(char)
}

/// Removes dot segments; the slash before a last one stays.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_normalized_as_envoy_does() {
        let rows = [
            ("/", "/"),
            ("/api", "/api"),
            ("/./api", "/api"),
            ("/%61pi", "/api"),
            ("/a/../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a/%2e%2E/b", "/b"),
            ("//a", "//a"),
            ("/a//b", "/a//b"),
            ("/a//../b", "/a/b"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a%20b", "/a%20b"),
            ("/a%", "/a%"),
            ("/a%zz", "/a%zz"),
            ("/a\\b", "/a/b"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a...", "/a..."),
            ("/%EA%B0%80", "/%EA%B0%80"),
        ];
        for (path, expected) in rows {
            assert_eq!(normalize(path), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn dot_segments_never_survive(path in "/[a-z./%2eE\\\\]{0,24}") {
            let normal = normalize(&path);
            prop_assert!(normal.starts_with('/'));
            prop_assert!(!normal.split('/').any(|segment| segment == "." || segment == ".."));
        }

        #[test]
        fn any_text_is_accepted(path in "\\PC{0,24}") {
            let _ = normalize(&path);
        }
    }
}
