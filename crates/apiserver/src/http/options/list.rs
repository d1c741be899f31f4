//! What a list or a watch is asked with, and which options exclude each other.

use std::time::Duration;

use super::{META, Query, no_number};
use crate::http::target::Place;
use crate::resource::Resource;
use crate::selector::{FieldSelector, InvalidSelector, LabelSelector, Selector};
use crate::status::{Cause, Status};

const MATCH: &str = "resourceVersionMatch";
const EXACT: &str = "Exact";
const NOT_OLDER_THAN: &str = "NotOlderThan";
const NOT_WITH_CONTINUE: &str = "resourceVersionMatch is forbidden when continue is provided";

/// Options of a list or watch.
#[derive(Debug)]
pub(in crate::http) struct ListOptions {
    pub(in crate::http) selector: Selector,
    /// As given; empty where it is missing.
    pub(in crate::http) resource_version: String,
    /// How the version is meant; none by the rules of old.
    pub(in crate::http) version_match: Option<VersionMatch>,
    /// At most so many items; 0 for all.
    pub(in crate::http) limit: i64,
    /// Leads to the next page; empty for the first.
    pub(in crate::http) continue_token: String,
    pub(in crate::http) watch: bool,
    pub(in crate::http) send_initial_events: Option<bool>,
    pub(in crate::http) bookmarks: bool,
    pub(in crate::http) timeout: Option<Duration>,
}

/// How a resourceVersion is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::http) enum VersionMatch {
    /// The state at that version.
    Exact,
    /// A state at or after that version.
    NotOlderThan,
}

impl ListOptions {
    pub(in crate::http) fn parse(query: &Query, place: &Place) -> Result<Self, Status> {
        Self::parse_for(query, place, query.flag("watch"))
    }

    /// Where the path has said already that it is a watch.
    pub(in crate::http) fn parse_watch(query: &Query, place: &Place) -> Result<Self, Status> {
        Self::parse_for(query, place, true)
    }

    /// Selects one object, which no selector of the query may contradict.
    pub(in crate::http) fn select_name(
        &mut self,
        resource: &Resource,
        name: &str,
    ) -> Result<(), Status> {
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
        let refuse = |error: InvalidSelector| Status::bad_request(error.to_string());
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
    pub(in crate::http) fn version(&self) -> Result<u64, Cause> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::rows;

    fn list(text: &str) -> Result<ListOptions, Status> {
        let place = Place {
            resource: &rows::PODS,
            version: "v1",
            namespace: None,
        };
        let query = Query::of(&format!("/x?{text}").parse().unwrap());
        ListOptions::parse(&query, &place)
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
}
