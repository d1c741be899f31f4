//! What a query string asks for.

use std::str::FromStr;
use std::time::Duration;

use axum::extract;
use http::Uri;

use super::target::Place;
use crate::selector::{FieldSelector, LabelSelector, Selector};
use crate::status::{Cause, Status};

const META: &str = "meta.k8s.io";
const NOT_OLDER_THAN: &str = "NotOlderThan";

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

/// Options of a list or watch.
#[derive(Debug)]
pub(super) struct ListOptions {
    pub(super) selector: Selector,
    /// As given; empty where it is missing.
    pub(super) resource_version: String,
    pub(super) watch: bool,
    pub(super) send_initial_events: bool,
    pub(super) bookmarks: bool,
    pub(super) timeout: Option<Duration>,
}

impl ListOptions {
    pub(super) fn parse(query: &Query, place: &Place) -> Result<Self, Status> {
        let refuse =
            |error: crate::selector::InvalidSelector| Status::bad_request(error.to_string());
        let labels =
            LabelSelector::parse(query.get("labelSelector").unwrap_or_default()).map_err(refuse)?;
        let fields = query.get("fieldSelector").unwrap_or_default();
        let fields = FieldSelector::parse(place.resource, fields).map_err(refuse)?;
        query.number::<i64>("limit")?;
        let options = Self {
            selector: Selector { labels, fields },
            resource_version: query.get("resourceVersion").unwrap_or_default().to_owned(),
            watch: query.flag("watch"),
            send_initial_events: query.flag("sendInitialEvents"),
            bookmarks: query.flag("allowWatchBookmarks"),
            timeout: query.number("timeoutSeconds")?.map(Duration::from_secs),
        };
        options.check_match(query.get("resourceVersionMatch").unwrap_or_default())?;
        Ok(options)
    }

    fn check_match(&self, version_match: &str) -> Result<(), Status> {
        let refuse = |detail: &str| {
            let causes = vec![Cause::forbidden("resourceVersionMatch", detail)];
            Err(Status::invalid_kind(META, "ListOptions", "", causes))
        };
        match (self.send_initial_events, version_match) {
            (true, _) if !self.watch => {
                let causes = vec![Cause::forbidden(
                    "sendInitialEvents",
                    "sendInitialEvents is forbidden for list",
                )];
                Err(Status::invalid_kind(META, "ListOptions", "", causes))
            }
            (true, NOT_OLDER_THAN) | (false, "") => Ok(()),
            (true, _) => {
                refuse("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
            }
            (false, _) if self.watch => refuse("resourceVersionMatch is forbidden for watch"),
            (false, _) if self.resource_version.is_empty() => {
                refuse("resourceVersionMatch is forbidden unless resourceVersion is provided")
            }
            (false, _) => Ok(()),
        }
    }
}

/// Checks the options every write may carry, and says whether it is only to be tried.
pub(super) fn dry_run(query: &Query, kind: &str) -> Result<bool, Status> {
    let values: Vec<_> = query
        .all("dryRun")
        .into_iter()
        .filter(|value| !value.is_empty())
        .collect();
    let validation = query.get("fieldValidation").unwrap_or_default();
    let mut causes = Vec::new();
    if values.iter().any(|value| *value != "All") {
        causes.push(Cause::not_supported("dryRun", &values, &["All"]));
    }
    if !["", "Ignore", "Strict", "Warn"].contains(&validation) {
        let supported = ["", "Ignore", "Strict", "Warn"];
        causes.push(Cause::not_supported(
            "fieldValidation",
            validation,
            &supported,
        ));
    }
    // Only server-side apply can be forced.
    if kind == "PatchOptions" && query.get("force").is_some() {
        causes.push(Cause::forbidden(
            "force",
            "may not be specified for non-apply patch",
        ));
    }
    if causes.is_empty() {
        Ok(!values.is_empty())
    } else {
        Err(Status::invalid_kind(META, kind, "", causes))
    }
}

/// How Go words a text that is no number.
pub(super) fn no_number(function: &str, text: &str) -> String {
    format!("strconv.{function}: parsing {text:?}: invalid syntax")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::rows;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap())
    }

    fn list(text: &str) -> Result<ListOptions, Status> {
        let place = Place {
            resource: &rows::PODS,
            version: "v1",
            namespace: None,
        };
        ListOptions::parse(&query(text), &place)
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
            assert_eq!(list(text).unwrap().watch, on, "{text}");
        }
    }

    #[test]
    fn initial_events_need_the_matching_rule() {
        let good = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        assert!(list(good).unwrap().send_initial_events);
        assert!(list("watch=1&sendInitialEvents=true").is_err());
        assert!(list("sendInitialEvents=true&resourceVersionMatch=NotOlderThan").is_err());
        assert!(list("resourceVersionMatch=Exact").is_err());
        assert!(list("resourceVersionMatch=Exact&resourceVersion=5").is_ok());
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
