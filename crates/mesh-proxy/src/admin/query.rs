//! The query of an admin request.

use mesh::matching::Pattern;
use percent_encoding::percent_decode_str;

use super::page::Page;

/// Keys and values in order; a key without `=` has an empty value.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(key), decode(value))
        };
        Self(
            text.split('&')
                .filter(|part| !part.is_empty())
                .map(pair)
                .collect(),
        )
    }

    /// The same with another value of a key.
    pub(super) fn with(&self, key: &str, value: &str) -> Self {
        let others = self.0.iter().filter(|(known, _)| known != key).cloned();
        Self(others.chain([(key.to_owned(), value.to_owned())]).collect())
    }

    /// The first value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    /// A regular expression, where the key is there.
    ///
    /// # Errors
    /// The answer to what is none.
    pub(super) fn pattern(&self, key: &str) -> Result<Option<Pattern>, Page> {
        let compile = |text| {
            let refusal = |_| Page::refusal(&format!("Invalid re2 regex: {text}"));
            Pattern::search(text).map_err(refusal)
        };
        self.get(key).map(compile).transpose()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_decoded_values_or_none() {
        let query = Query::parse("usedonly&filter=a%7Cb+c&filter=d&&format=json");
        assert!(query.has("usedonly") && !query.has("used"));
        assert_eq!(query.get("filter"), Some("a|b c"));
        assert_eq!(query.get("format"), Some("json"));
        assert_eq!(query.get("usedonly"), Some(""));
    }
}
