//! Lists in pages: where a page begins, where it ends, and the token that leads to the next.
//!
//! A token says which version the list is of and the key to begin at, so that all pages together
//! are the list of one moment.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::options::{ListOptions, VersionMatch};
use crate::object;
use crate::selector::Selector;
use crate::status::Status;
use crate::store::List;
use crate::view::ListMeta;

const TOKEN_VERSION: &str = "meta.k8s.io/v1";
/// Kubernetes: in a token, the latest version.
const LATEST: i64 = -1;

/// Which part of which list is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    /// The version the list is of; none for the latest.
    pub(super) version: Option<u64>,
    /// The key to begin at: of a list over all namespaces `namespace/name`, else the name.
    pub(super) start: Option<String>,
    /// At most so many items; none for all.
    pub(super) limit: Option<usize>,
}

#[derive(Deserialize, Serialize)]
struct Token {
    v: String,
    #[serde(default)]
    rv: i64,
    #[serde(default)]
    start: String,
}

impl Page {
    /// Kubernetes: without a rule, a page of a version is of exactly that version, and the
    /// version 0, any, is served whole.
    ///
    /// # Errors
    /// The token is none, or comes with a version beside it.
    pub(super) fn of(options: &ListOptions) -> Result<Self, Status> {
        let limit = usize::try_from(options.limit)
            .ok()
            .filter(|limit| *limit > 0);
        if !options.continue_token.is_empty() {
            return Self::after(&options.continue_token, options, limit);
        }
        let version = options
            .version()
            .map_err(|fault| Status::bad_request(format!("invalid resource version: {fault}")))?;
        let exact = match options.version_match {
            Some(VersionMatch::Exact) => true,
            Some(VersionMatch::NotOlderThan) => false,
            None => limit.is_some() && version != 0,
        };
        let any = options.resource_version == "0" && options.version_match.is_none();
        Ok(Self {
            version: exact.then_some(version),
            start: None,
            limit: limit.filter(|_| !any),
        })
    }

    fn after(token: &str, options: &ListOptions, limit: Option<usize>) -> Result<Self, Status> {
        let token = Token::decode(token).map_err(|why| {
            Status::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        })?;
        if !matches!(options.resource_version.as_str(), "" | "0") {
            let message = "specifying resource version is not allowed when using continue";
            return Err(Status::bad_request(message));
        }
        Ok(Self {
            version: u64::try_from(token.rv).ok(),
            start: Some(token.start),
            limit,
        })
    }

    /// The items of this page, and what the list says of itself.
    pub(super) fn cut(
        &self,
        list: List,
        all_namespaces: bool,
        selector: &Selector,
    ) -> (Vec<Arc<Value>>, ListMeta) {
        let mut items = list.items;
        items.retain(|object| selector.matches(object) && self.reaches(object, all_namespaces));
        let left = self
            .limit
            .map_or(0, |limit| items.len().saturating_sub(limit));
        items.truncate(items.len() - left);
        let next = items.last().filter(|_| left > 0).map(|last| {
            let version = i64::try_from(list.resource_version).unwrap_or(LATEST);
            Token::encode(version, format!("{}\0", key(last, all_namespaces)))
        });
        let metadata = ListMeta {
            resource_version: list.resource_version.to_string(),
            r#continue: next,
            // Kubernetes: with a selector nobody has counted the rest.
            remaining_item_count: (left > 0 && *selector == Selector::default()).then_some(left),
        };
        (items, metadata)
    }

    fn reaches(&self, object: &Value, all_namespaces: bool) -> bool {
        let Some(start) = &self.start else {
            return true;
        };
        let (namespace, name) = (object::namespace(object), object::name(object));
        match start.split_once('/') {
            Some(start) if all_namespaces => (namespace, name) >= start,
            _ => name >= start.as_str(),
        }
    }

    /// 410 for a page of a version that is forgotten, with a token that goes on all the same.
    pub(super) fn expired(&self) -> Status {
        match &self.start {
            Some(start) => {
                Status::expired(INCONSISTENT).continued(Token::encode(LATEST, start.clone()))
            }
            None => Status::expired("The resourceVersion for the provided list is too old."),
        }
    }
}

/// Kubernetes' words.
const INCONSISTENT: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

impl Token {
    fn encode(rv: i64, start: String) -> String {
        let token = Self {
            v: TOKEN_VERSION.to_owned(),
            rv,
            start,
        };
        let json = serde_json::to_vec(&token).expect("texts and a number always serialize");
        URL_SAFE_NO_PAD.encode(json)
    }

    fn decode(text: &str) -> Result<Self, String> {
        let json = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| error.to_string())?;
        let token: Self = serde_json::from_slice(&json).map_err(|_| json_fault(&json))?;
        if token.v != TOKEN_VERSION {
            return Err(format!(
                "server does not recognize this encoded version {}",
                token.v
            ));
        }
        if token.rv == 0 {
            return Err(format!(
                "incorrect encoded start resourceVersion (version {TOKEN_VERSION})"
            ));
        }
        if token.start.is_empty() {
            return Err(format!("encoded start key empty (version {TOKEN_VERSION})"));
        }
        let key = token.start.strip_prefix('/').unwrap_or(&token.start);
        if key.split('/').any(|step| matches!(step, "" | "." | "..")) {
            return Err(token.start);
        }
        Ok(token)
    }
}

/// How Go words that a text is no JSON object.
fn json_fault(json: &[u8]) -> String {
    match json.first() {
        Some(first) if *first != b'{' => {
            format!(
                "invalid character {:?} looking for beginning of value",
                char::from(*first)
            )
        }
        _ => "unexpected end of JSON input".to_owned(),
    }
}

fn key(object: &Value, all_namespaces: bool) -> String {
    let name = object::name(object);
    match object::namespace(object) {
        namespace if all_namespaces && !namespace.is_empty() => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn list(names: &[(&str, &str)]) -> List {
        let object = |(namespace, name): &(&str, &str)| {
            Arc::new(json!({"metadata": {"namespace": namespace, "name": name}}))
        };
        List {
            items: names.iter().map(object).collect(),
            resource_version: 7,
        }
    }

    fn names(items: &[Arc<Value>]) -> Vec<&str> {
        items.iter().map(|item| object::name(item)).collect()
    }

    fn page(start: Option<String>, limit: usize) -> Page {
        Page {
            version: None,
            start,
            limit: Some(limit),
        }
    }

    fn next(token: &str, limit: usize) -> Page {
        page(Some(Token::decode(token).unwrap().start), limit)
    }

    #[test]
    fn the_pages_together_are_the_list() {
        let all = [("a", "x"), ("a-b", "w"), ("b", "x"), ("b", "y"), ("c", "a")];
        for limit in 1..=6 {
            let (mut seen, mut at) = (Vec::new(), page(None, limit));
            loop {
                let (items, metadata) = at.cut(list(&all), true, &Selector::default());
                seen.extend(items.iter().map(|item| object::name(item).to_owned()));
                assert_eq!(metadata.resource_version, "7");
                assert_eq!(
                    metadata.remaining_item_count.unwrap_or(0),
                    all.len() - seen.len()
                );
                match metadata.r#continue {
                    Some(token) => at = next(&token, limit),
                    None => break,
                }
            }
            assert_eq!(seen, ["x", "w", "x", "y", "a"], "{limit}");
        }
    }

    #[test]
    fn an_object_deleted_between_two_pages_is_no_stumbling_block() {
        let before = list(&[("s", "a"), ("s", "b"), ("s", "c")]);
        let (_, metadata) = page(None, 2).cut(before, false, &Selector::default());
        let next = next(&metadata.r#continue.unwrap(), 2);
        let after = list(&[("s", "a"), ("s", "bb"), ("s", "c")]);
        let (items, metadata) = next.cut(after, false, &Selector::default());
        assert_eq!(names(&items), ["bb", "c"]);
        assert_eq!(
            (metadata.r#continue, metadata.remaining_item_count),
            (None, None)
        );
    }

    #[test]
    fn a_token_that_is_none_says_why() {
        let encoded = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for (token, why) in [
            (
                "abc".to_owned(),
                "invalid character 'i' looking for beginning of value",
            ),
            (encoded("{"), "unexpected end of JSON input"),
            (
                encoded(r#"{"v":"x"}"#),
                "server does not recognize this encoded version x",
            ),
            (
                encoded(r#"{"v":"meta.k8s.io/v1","start":"a"}"#),
                "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
            ),
            (
                encoded(r#"{"v":"meta.k8s.io/v1","rv":1}"#),
                "encoded start key empty (version meta.k8s.io/v1)",
            ),
            (
                encoded(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../a"}"#),
                "../a",
            ),
        ] {
            assert_eq!(Token::decode(&token).err().as_deref(), Some(why));
        }
    }

    proptest! {
        #[test]
        fn no_token_panics(token in "[A-Za-z0-9_-]{0,64}", json in "\\PC*") {
            let _ = Token::decode(&token);
            let _ = Token::decode(&URL_SAFE_NO_PAD.encode(json));
        }
    }
}
