//! Warnings of http rules that no request reaches.

use std::collections::BTreeMap;

use super::Complaints;
use crate::model::{HttpMatch, HttpRoute, StringMatch};

/// A rule with its name as warnings have it.
struct Rule<'a> {
    name: String,
    matches: &'a [HttpMatch],
}

/// Warns of rules after one that takes everything, of entries written twice, and of prefixes within
/// earlier ones.
pub(super) fn check(routes: &[HttpRoute], complaints: &mut Complaints) {
    let rules: Vec<_> = routes
        .iter()
        .enumerate()
        .map(|(index, rule)| Rule {
            name: named(&rule.name, index),
            matches: &rule.matches,
        })
        .collect();
    let mut taken = false;
    let mut seen: Vec<(HttpMatch, &str)> = Vec::new();
    for rule in &rules {
        if taken {
            unused(rule, "route without matches defined before", complaints);
        } else if rule.matches.is_empty() {
            taken = true;
        } else {
            repeated(rule, &mut seen, complaints);
        }
    }
    covered_prefixes(&rules, complaints);
}

fn named(name: &str, index: usize) -> String {
    match name {
        "" => format!("#{index}"),
        name => format!("{name:?}"),
    }
}

fn unused(rule: &Rule<'_>, why: &str, complaints: &mut Complaints) {
    complaints.warn(format!(
        "virtualService rule {} not used ({why})",
        rule.name
    ));
}

fn ineffective(rule: &str, entry: &str, by: &str, complaints: &mut Complaints) {
    complaints.warn(format!(
        "virtualService rule {rule} match {entry} is not used (duplicate/overlapping match in rule {by})"
    ));
}

/// Entries that some rule before has too; Istio: their names do not count.
fn repeated<'a>(
    rule: &'a Rule<'_>,
    seen: &mut Vec<(HttpMatch, &'a str)>,
    complaints: &mut Complaints,
) {
    let mut repeats = 0;
    for (index, entry) in rule.matches.iter().enumerate() {
        let nameless = HttpMatch {
            name: String::new(),
            ..entry.clone()
        };
        match seen.iter().find(|(known, _)| *known == nameless) {
            Some((_, by)) => {
                ineffective(&rule.name, &named(&entry.name, index), by, complaints);
                repeats += 1;
            }
            None => seen.push((nameless, &rule.name)),
        }
    }
    if repeats == rule.matches.len() {
        unused(rule, "all matches used by prior rules", complaints);
    }
}

/// An entry with a prefix, as far as prefixes are compared.
struct Prefix<'a> {
    rule: &'a str,
    entry: String,
    prefix: &'a str,
    conditions: &'a HttpMatch,
}

fn covered_prefixes(rules: &[Rule<'_>], complaints: &mut Complaints) {
    let entries = |rule| prefixes(rule);
    let all: Vec<Prefix<'_>> = rules.iter().flat_map(entries).collect();
    for (index, wide) in all.iter().enumerate() {
        for narrow in &all[index + 1..] {
            if narrow.prefix != wide.prefix && wide.covers(narrow) {
                let entry = format!("{} of prefix {}", narrow.entry, narrow.prefix);
                let by = format!("{} of prefix {} on {}", wide.entry, wide.prefix, wide.rule);
                ineffective(narrow.rule, &entry, &by, complaints);
            }
        }
    }
}

fn prefixes<'a>(rule: &'a Rule<'_>) -> Vec<Prefix<'a>> {
    let entries = rule
        .matches
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| {
            let prefix = entry.uri.as_ref()?.prefix.as_deref()?;
            Some(Prefix {
                rule: &rule.name,
                entry: named(&entry.name, index),
                prefix,
                conditions: entry,
            })
        });
    entries.filter(|entry| !entry.prefix.is_empty()).collect()
}

impl Prefix<'_> {
    /// Istio: the narrower one has the same conditions, or shorter ones of the same names.
    fn covers(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.conditions, other.conditions);
        other.prefix.starts_with(self.prefix)
            && ours.port == theirs.port
            && method(ours).starts_with(&method(theirs))
            && text(ours.authority.as_ref()).starts_with(&text(theirs.authority.as_ref()))
            && texts_cover(&ours.headers, &theirs.headers)
            && texts_cover(&ours.query_params, &theirs.query_params)
            && texts_cover(&ours.without_headers, &theirs.without_headers)
    }
}

fn method(entry: &HttpMatch) -> String {
    match text(entry.method.as_ref()) {
        none if none.is_empty() => "exact:GET".to_owned(),
        method => method,
    }
}

/// One text for an exact match or a prefix; Istio does not compare patterns.
fn text(condition: Option<&StringMatch>) -> String {
    let written = condition.map(|it| (it.exact.as_deref(), it.prefix.as_deref()));
    match written {
        Some((Some(exact), _)) if !exact.is_empty() => format!("exact:{exact}"),
        Some((_, Some(prefix))) if !prefix.is_empty() => format!("prefix:{prefix}"),
        _ => String::new(),
    }
}

fn texts_cover(
    ours: &BTreeMap<String, StringMatch>,
    theirs: &BTreeMap<String, StringMatch>,
) -> bool {
    let covers = |(name, ours): (&String, &StringMatch)| {
        let theirs = theirs.get(name);
        theirs.is_some_and(|theirs| text(Some(ours)).starts_with(&text(Some(theirs))))
    };
    ours.len() == theirs.len() && ours.iter().all(covers)
}
