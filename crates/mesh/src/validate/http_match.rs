//! The webhook's rules for one match entry.

use regex::Regex;

use super::{Complaints, hosts};
use crate::model::{HttpMatch, StringMatch};

/// Istio: longer patterns are refused.
const LONGEST_REGEX: usize = 1024;

pub(super) fn check(entry: &HttpMatch, complaints: &mut Complaints) {
    for name in entry.headers.keys().chain(entry.without_headers.keys()) {
        complaints.check(is_header_name(name), || {
            format!("header name {name} is not a valid header name")
        });
    }
    entry
        .gateways
        .iter()
        .for_each(|gateway| hosts::gateway(gateway, complaints));
    let all = |texts: &std::collections::BTreeMap<String, StringMatch>,
               field,
               complaints: &mut Complaints| {
        texts
            .values()
            .for_each(|text| string(text, field, complaints));
    };
    all(&entry.headers, "headers", complaints);
    all(&entry.without_headers, "withoutHeaders", complaints);
    all(&entry.query_params, "queryParams", complaints);
    let single = [
        (&entry.uri, "uri"),
        (&entry.method, "method"),
        (&entry.scheme, "scheme"),
        (&entry.authority, "authority"),
    ];
    for (text, field) in single {
        text.iter().for_each(|text| string(text, field, complaints));
    }
}

fn string(text: &StringMatch, field: &str, complaints: &mut Complaints) {
    // Istio: an empty prefix is only known of paths.
    if text.prefix.as_deref() == Some("") && field != "uri" {
        complaints.add(format!(
            "{field:?}: prefix string match should not be empty"
        ));
    }
    match text.regex.as_deref() {
        // Presence of a header.
        Some("*") if field.ends_with("eaders") => {}
        Some("") => complaints.add(format!("{field:?}: regex string match should not be empty")),
        Some(pattern) => regex(field, pattern, complaints),
        None => {}
    }
}

/// Checks a pattern that is not empty.
pub(super) fn regex(field: &str, pattern: &str, complaints: &mut Complaints) {
    if pattern.len() > LONGEST_REGEX {
        complaints.add(format!(
            "{field:?}: regex is too large, max length allowed is {LONGEST_REGEX}"
        ));
    } else if let Some(error) = Regex::new(pattern).err() {
        complaints.add(format!("{field:?}: {}", go_regex_error(pattern, &error)));
    }
}

fn is_header_name(name: &str) -> bool {
    let name = name.strip_prefix(':').unwrap_or(name);
    !name.is_empty()
        && name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char))
}

/// A pattern's error as Go's regexp package says it, for the common ones.
pub(super) fn go_regex_error(pattern: &str, error: &regex::Error) -> String {
    let told = error.to_string();
    let cause = if told.contains("unclosed group") {
        format!("missing closing ): `{pattern}`")
    } else if told.contains("unclosed character class") {
        let from = pattern.rfind('[').unwrap_or(0);
        format!("missing closing ]: `{}`", &pattern[from..])
    } else if told.contains("look-around") {
        let known = ["(?=", "(?!", "(?<=", "(?<!"]
            .into_iter()
            .find(|start| pattern.contains(start));
        let start = known.map_or("(?", |start| if start.len() == 4 { "(?<" } else { start });
        format!("invalid or unsupported Perl syntax: `{start}`")
    } else if told.contains("unopened group") {
        format!("unexpected ): `{pattern}`")
    } else {
        format!(
            "{}: `{pattern}`",
            told.lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
        )
    };
    format!(
        "error parsing regexp: {cause}; Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)"
    )
}
