//! What a query string asks for.

mod list;

use std::str::FromStr;

use apimachinery::decode::Strictness;
use axum::extract;
use http::Uri;

use crate::status::{Cause, Status};

pub(super) use list::{ListOptions, VersionMatch};

const META: &str = "meta.k8s.io";
const FIELD_MANAGER: &str = "fieldManager";
/// Kubernetes: the longest name of a manager.
const MAX_MANAGER: usize = 128;

/// The pairs of a query string in order; empty ones are skipped, of a repeated name the first counts.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        Self(pairs.map(|pairs| pairs.0).unwrap_or_default())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a name that may be repeated.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// Kubernetes: everything but `false` and `0` switches on.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| !value.eq_ignore_ascii_case("false") && value != "0")
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Status> {
        let Some(text) = self.get(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let number = text
            .parse()
            .map_err(|_| Status::bad_request(no_number("ParseInt", text)));
        number.map(Some)
    }
}

/// Checks the options every write may carry, and says whether it is only to be tried.
pub(super) fn dry_run(query: &Query, kind: &str) -> Result<bool, Status> {
    let mut causes = Vec::new();
    // Only server-side apply can be forced.
    if kind == "PatchOptions" && query.get("force").is_some() {
        let detail = "may not be specified for non-apply patch";
        causes.push(Cause::forbidden("force", detail));
    }
    write_options(query, kind, causes)
}

/// Options of a server-side apply.
#[derive(Debug)]
pub(super) struct ApplyOptions {
    pub(super) dry_run: bool,
    pub(super) force: bool,
}

impl ApplyOptions {
    pub(super) fn parse(query: &Query) -> Result<Self, Status> {
        let mut causes = Vec::new();
        if query.get(FIELD_MANAGER).unwrap_or_default().is_empty() {
            let detail = "is required for apply patch";
            causes.push(Cause::required(FIELD_MANAGER, detail));
        }
        Ok(Self {
            dry_run: write_options(query, "PatchOptions", causes)?,
            force: query.flag("force"),
        })
    }
}

fn write_options(query: &Query, kind: &str, mut causes: Vec<Cause>) -> Result<bool, Status> {
    let values: Vec<_> = query
        .all("dryRun")
        .into_iter()
        .filter(|value| !value.is_empty())
        .collect();
    let validation = query.get("fieldValidation").unwrap_or_default();
    if values.iter().any(|value| *value != "All") {
        causes.push(Cause::not_supported("dryRun", &values, &["All"]));
    }
    let manager = query.get(FIELD_MANAGER).unwrap_or_default();
    if manager.len() > MAX_MANAGER {
        causes.push(Cause::too_long(FIELD_MANAGER, MAX_MANAGER));
    }
    if Strictness::parse(validation).is_none() {
        let supported = ["", "Ignore", "Strict", "Warn"];
        causes.push(Cause::not_supported(
            "fieldValidation",
            validation,
            &supported,
        ));
    }
    if causes.is_empty() {
        Ok(!values.is_empty())
    } else {
        Err(Status::invalid_kind(META, kind, "", causes))
    }
}

/// What the client wants to happen with fields that are not kept.
pub(super) fn strictness(query: &Query) -> Strictness {
    let validation = query.get("fieldValidation").unwrap_or_default();
    Strictness::parse(validation).unwrap_or_default()
}

/// Who writes: the manager a client names, or the program it says it is.
pub(super) fn manager(query: &Query, user_agent: Option<&str>) -> String {
    match query.get(FIELD_MANAGER).filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => {
            let program = user_agent.unwrap_or_default().split('/').next();
            let printable = program
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control());
            printable.take(MAX_MANAGER).collect()
        }
    }
}

/// How Go words a text that is no number.
pub(super) fn no_number(function: &str, text: &str) -> String {
    format!("strconv.{function}: parsing {text:?}: invalid syntax")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap())
    }

    #[test]
    fn a_query_may_start_with_an_ampersand_and_encode_its_values() {
        let query = query("&limit=500&labelSelector=a%3Db%2Cc&x=1+2");
        assert_eq!(query.get("limit"), Some("500"));
        assert_eq!(query.get("labelSelector"), Some("a=b,c"));
        assert_eq!(query.get("x"), Some("1 2"));
        assert_eq!(query.get("y"), None);
    }

    #[test]
    fn everything_but_false_and_zero_switches_on() {
        for (text, on) in [
            ("watch=true", true),
            ("watch=1", true),
            ("watch=maybe", true),
            ("watch=0", false),
            ("watch=False", false),
            ("", false),
        ] {
            assert_eq!(query(text).flag("watch"), on, "{text}");
        }
    }

    #[test]
    fn a_dry_run_is_all_or_nothing() {
        assert_eq!(dry_run(&query("dryRun=All"), "CreateOptions"), Ok(true));
        assert_eq!(
            dry_run(&query("fieldManager=x"), "CreateOptions"),
            Ok(false)
        );
        assert!(dry_run(&query("dryRun=yes"), "CreateOptions").is_err());
        assert!(dry_run(&query("fieldValidation=Foo"), "CreateOptions").is_err());
        assert!(dry_run(&query("force=true"), "PatchOptions").is_err());
    }
}
