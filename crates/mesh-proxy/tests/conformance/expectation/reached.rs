//! What reached a pod.

use crate::case::{Count, Reached};
use crate::pods::{Hit, Pod};

/// What is wrong with what reached a pod.
pub(crate) fn reached(name: &str, wanted: &Reached, pod: &Pod, lag: u64) -> Vec<String> {
    let hits = pod.hits();
    let last = hits.last();
    let mut wrong = Vec::new();
    let mut check = |what: &str, fits: bool, is: String| {
        if !fits {
            wrong.push(format!("{what} of pod {name}: {is}, wanted {wanted:?}"));
        }
    };
    let allows =
        |count: Option<Count>, number: usize| count.is_none_or(|it| it.allows(number as u64));
    check(
        "hits",
        allows(wanted.hits, hits.len()),
        hits.len().to_string(),
    );
    let connections = pod.connections();
    check(
        "connections",
        allows(wanted.connections, connections),
        connections.to_string(),
    );
    let attempts: Vec<u32> = hits.iter().map(attempt).collect();
    let same = wanted
        .attempts
        .as_ref()
        .is_none_or(|wanted| *wanted == attempts);
    check("attempts", same, format!("{attempts:?}"));
    let path = last.map(|hit| hit.path.clone());
    check(
        "path",
        wanted.path.is_none() || wanted.path == path,
        format!("{path:?}"),
    );
    let body = last.map(|hit| hit.body.clone());
    check(
        "body",
        wanted.body.is_none() || wanted.body == body,
        format!("{body:?}"),
    );
    for (header, values) in &wanted.headers {
        let is = last.map(|hit| values_of(hit, header)).unwrap_or_default();
        check(header, is == *values, format!("{is:?}"));
    }
    let gaps = gaps(&hits);
    if let Some(most) = &wanted.gaps_at_most_ms {
        let fits = gaps.len() == most.len()
            && gaps
                .iter()
                .zip(most)
                .all(|(gap, most)| *gap <= most + 30 + lag);
        check("gaps", fits, format!("{gaps:?}"));
    }
    if let Some(pauses) = &wanted.pauses_ms {
        let long: Vec<u64> = gaps.into_iter().filter(|gap| *gap > 1000).collect();
        let fits = long.len() >= pauses.len()
            && pauses
                .iter()
                .zip(&long)
                .all(|([low, high], it)| (*low..=high + lag).contains(it));
        check("pauses", fits, format!("{long:?}"));
    }
    wrong
}

fn attempt(hit: &Hit) -> u32 {
    let count = hit.headers.get("x-envoy-attempt-count");
    count.map_or(0, |count| count.to_str().unwrap().parse().unwrap())
}

fn values_of(hit: &Hit, header: &str) -> Vec<String> {
    let values = hit.headers.get_all(header).iter();
    values
        .map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

fn gaps(hits: &[Hit]) -> Vec<u64> {
    let gap = |pair: &[Hit]| u64::try_from((pair[1].at - pair[0].at).as_millis()).unwrap();
    hits.windows(2).map(gap).collect()
}
