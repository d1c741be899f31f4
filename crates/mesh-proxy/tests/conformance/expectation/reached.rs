//! What reached a pod.

use crate::case::{Count, Reached};
use crate::pods::{Hit, Pod};

/// A longer time without a request is a pause.
const PAUSE_MS: u64 = 1000;

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
    let (bursts, pauses) = bursts(&gaps);
    if let Some(wanted) = &wanted.pauses_ms {
        let within = |([low, high], it): (&[u64; 2], &u64)| (*low..=high + lag).contains(it);
        let fits = pauses.len() >= wanted.len() && wanted.iter().zip(&pauses).all(within);
        check("pauses", fits, format!("{pauses:?}"));
    }
    if let Some(wanted) = &wanted.hits_before_pauses {
        let mut each = wanted.iter().zip(&bursts);
        let fits = bursts.len() >= wanted.len() && each.all(|(count, it)| count.allows(*it));
        check("hits before pauses", fits, format!("{bursts:?}"));
    }
    wrong
}

/// Gaps of over a second, and how many hits were before each.
fn bursts(gaps: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let (mut hits, mut bursts, mut pauses) = (1, Vec::new(), Vec::new());
    for gap in gaps {
        if *gap > PAUSE_MS {
            bursts.push(std::mem::take(&mut hits));
            pauses.push(*gap);
        }
        hits += 1;
    }
    (bursts, pauses)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_counted_from_pause_to_pause() {
        let gaps = [200, 200, 2_000, 200, 3_000, 100];
        assert_eq!(bursts(&gaps), (vec![3, 2], vec![2_000, 3_000]));
        assert_eq!(bursts(&[]), (vec![], vec![]));
    }
}
