//! `/stats`: every statistic that is kept, in the form asked for.

use serde_json::json;

use super::page::Page;
use super::prometheus;
use super::query::Query;
use super::stat::{Kind, Stat};

/// The answer to `/stats`; `stats` are in order of their names.
pub(super) fn page(mut stats: Vec<Stat>, query: &Query) -> Page {
    let kinds: &[Kind] = match query.get("type").unwrap_or("All") {
        "All" => &[Kind::Counter, Kind::Gauge],
        "Counters" => &[Kind::Counter],
        "Gauges" => &[Kind::Gauge],
        // Nothing of these kinds is measured.
        "Histograms" | "TextReadouts" => &[],
        _ => return Page::refusal("invalid &type= param"),
    };
    let filter = match query.pattern("filter") {
        Ok(filter) => filter,
        Err(refusal) => return refusal,
    };
    let used_only = query.has("usedonly");
    stats.retain(|stat| {
        kinds.contains(&stat.kind)
            && (stat.used || !used_only)
            && filter
                .as_ref()
                .is_none_or(|filter| filter.is_match(stat.full_name().as_bytes()))
    });
    match query.get("format").unwrap_or("text") {
        "text" => Page::text(lines(&stats)),
        "json" => Page::json(&values(&stats)),
        "prometheus" => Page::text(prometheus::render(&stats)),
        _ => Page::refusal("usage: /stats?format=(json|prometheus|text)\n\n"),
    }
}

/// The answer to `/stats/prometheus`: its form is fixed.
pub(super) fn prometheus(stats: Vec<Stat>, query: &Query) -> Page {
    page(stats, &query.with("format", "prometheus"))
}

fn lines(stats: &[Stat]) -> String {
    stats.iter().map(|stat| format!("{stat}\n")).collect()
}

fn values(stats: &[Stat]) -> serde_json::Value {
    let value = |stat: &Stat| json!({"name": stat.full_name(), "value": stat.value});
    json!({"stats": stats.iter().map(value).collect::<Vec<_>>()})
}
