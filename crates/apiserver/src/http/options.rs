//! What a query string asks for.

use std::str::FromStr;
use std::time::Duration;

use apimachinery::decode::Strictness;
use axum::extract;
use http::Uri;

use super::target::Place;
use crate::resource::Resource;
use crate::selector::{FieldSelector, LabelSelector, Selector};
use crate::status::{Cause, Status};

const META: &str = "meta.k8s.io";
const MATCH: &str = "resourceVersionMatch";
const EXACT: &str = "Exact";
const NOT_OLDER_THAN: &str = "NotOlderThan";
const NOT_WITH_CONTINUE: &str = "resourceVersionMatch is forbidden when continue is provided";
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

/// Options of a list or watch.
#[derive(Debug)]
pub(super) struct ListOptions {
    pub(super) selector: Selector,
    /// As given; empty where it is missing.
    pub(super) resource_version: String,
    /// How the version is meant; none by the rules of old.
    pub(super) version_match: Option<VersionMatch>,
    /// At most so many items; 0 for all.
    pub(super) limit: i64,
    /// Leads to the next page; empty for the first.
    pub(super) continue_token: String,
    pub(super) watch: bool,
    pub(super) send_initial_events: Option<bool>,
    pub(super) bookmarks: bool,
    pub(super) timeout: Option<Duration>,
}

/// How a resourceVersion is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum VersionMatch {
    /// The state at that version.
    Exact,
    /// A state at or after that version.
    NotOlderThan,
}

impl ListOptions {
    pub(super) fn parse(query: &Query, place: &Place) -> Result<Self, Status> {
        Self::parse_for(query, place, query.flag("watch"))
    }

    /// Where the path has said already that it is a watch.
    pub(super) fn parse_watch(query: &Query, place: &Place) -> Result<Self, Status> {
        Self::parse_for(query, place, true)
    }

    /// Selects one object, which no selector of the query may contradict.
    pub(super) fn select_name(&mut self, resource: &Resource, name: &str) -> Result<(), Status> {
        let only = FieldSelector::parse(resource, &format!("metadata.name={name}"))
            .map_err(|error| Status::bad_request(error.to_string()))?;
        if self.selector.fields != FieldSelector::default() && self.selector.fields != only {
            let message = "fieldSelector metadata.name doesn't match requested name";
            return Err(Status::bad_request(message));
        }
        self.selector.fields = only;
        Ok(())
    }

    fn parse_for(query: &Query, place: &Place, watch: bool) -> Result<Self, Status> {
        let refuse =
            |error: crate::selector::InvalidSelector| Status::bad_request(error.to_string());
        let labels =
            LabelSelector::parse(query.get("labelSelector").unwrap_or_default()).map_err(refuse)?;
        let fields = query.get("fieldSelector").unwrap_or_default();
        let fields = FieldSelector::parse(place.resource, fields).map_err(refuse)?;
        let initial = query
            .get("sendInitialEvents")
            .filter(|text| !text.is_empty());
        let mut options = Self {
            selector: Selector { labels, fields },
            resource_version: query.get("resourceVersion").unwrap_or_default().to_owned(),
            version_match: None,
            limit: query.number("limit")?.unwrap_or(0),
            continue_token: query.get("continue").unwrap_or_default().to_owned(),
            watch,
            send_initial_events: initial.map(|_| query.flag("sendInitialEvents")),
            bookmarks: query.flag("allowWatchBookmarks"),
            timeout: query.number("timeoutSeconds")?.map(Duration::from_secs),
        };
        let wanted = query.get("resourceVersionMatch").unwrap_or_default();
        let faults = if options.watch {
            options.faults_of_watch(wanted)
        } else {
            options.faults_of_list(wanted)
        };
        if !faults.is_empty() {
            return Err(Status::invalid_kind(META, "ListOptions", "", faults));
        }
        options.version_match = match wanted {
            EXACT => Some(VersionMatch::Exact),
            NOT_OLDER_THAN => Some(VersionMatch::NotOlderThan),
            _ => None,
        };
        Ok(options)
    }

    /// The version as a number; 0 where it is missing.
    pub(super) fn version(&self) -> Result<u64, Cause> {
        let text = self.resource_version.as_str();
        if text.is_empty() {
            return Ok(0);
        }
        let why = |_| Cause::invalid("resourceVersion", text, no_number("ParseUint", text));
        text.parse().map_err(why)
    }

    fn faults_of_list(&self, wanted: &str) -> Vec<Cause> {
        let mut faults = Vec::new();
        let mut refuse = |detail| faults.push(Cause::forbidden(MATCH, detail));
        if !wanted.is_empty() && self.resource_version.is_empty() {
            refuse("resourceVersionMatch is forbidden unless resourceVersion is provided");
        }
        if !wanted.is_empty() && !self.continue_token.is_empty() {
            refuse(NOT_WITH_CONTINUE);
        }
        if wanted == EXACT && self.resource_version == "0" {
            refuse("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        }
        if !["", EXACT, NOT_OLDER_THAN].contains(&wanted) {
            faults.push(Cause::not_supported(
                MATCH,
                wanted,
                &[EXACT, NOT_OLDER_THAN, ""],
            ));
        }
        if self.send_initial_events.is_some() {
            let detail = "sendInitialEvents is forbidden for list";
            faults.push(Cause::forbidden("sendInitialEvents", detail));
        }
        faults
    }

    fn faults_of_watch(&self, wanted: &str) -> Vec<Cause> {
        let mut faults = Vec::new();
        let mut refuse = |detail| faults.push(Cause::forbidden(MATCH, detail));
        if self.send_initial_events.is_some() && wanted != NOT_OLDER_THAN {
            refuse("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        if self.send_initial_events.is_none() && !wanted.is_empty() {
            refuse(
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
        if !wanted.is_empty() && !self.continue_token.is_empty() {
            refuse(NOT_WITH_CONTINUE);
        }
        if !["", NOT_OLDER_THAN].contains(&wanted) {
            faults.push(Cause::not_supported(MATCH, wanted, &[NOT_OLDER_THAN]));
        }
        faults
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
        assert_eq!(list(good).unwrap().send_initial_events, Some(true));
        for (query, faults) in [
            ("watch=1&sendInitialEvents=true", 1),
            ("watch=1&sendInitialEvents=false", 1),
            ("watch=1&resourceVersionMatch=NotOlderThan", 1),
            ("watch=1&resourceVersionMatch=Exact", 2),
            (
                "watch=1&sendInitialEvents=1&resourceVersionMatch=NotOlderThan&continue=x",
                1,
            ),
            (
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=1",
                1,
            ),
            ("resourceVersionMatch=Exact", 1),
            ("resourceVersionMatch=Exact&resourceVersion=0", 1),
            ("resourceVersionMatch=Exact&resourceVersion=1&continue=x", 1),
            ("resourceVersionMatch=Newest&resourceVersion=1", 1),
        ] {
            let refusal = list(query).unwrap_err().message().to_owned();
            let found = refusal.matches("resourceVersionMatch: ").count()
                + refusal.matches("sendInitialEvents: ").count();
            assert_eq!(found, faults, "{query}: {refusal}");
        }
        let exact = list("resourceVersionMatch=Exact&resourceVersion=5").unwrap();
        assert_eq!(exact.version_match, Some(VersionMatch::Exact));
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
