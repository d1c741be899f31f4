//! Whether what came back is what must come back. Each complaint is a sentence.

use regex::Regex;
use testkit::band::band;

use crate::case::{Answers, ClusterView, Count, Reached, Step};
use crate::driver::Cluster;
use crate::pods::{Hit, Pod};
use crate::traffic::Answer;

/// What is wrong with the answers of a step.
pub(crate) fn answers(step: &Step, answers: &[Answer], lag: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    if !step.answers.is_empty() {
        wrong.extend(kinds(&step.answers, answers, lag));
    }
    if !step.in_order.is_empty() {
        wrong.extend(runs(&step.in_order, answers, lag));
    }
    if step.alternating && answers.windows(2).any(|pair| pair[0].from == pair[1].from) {
        wrong.push("two answers in a row are of one pod".to_owned());
    }
    wrong
}

/// Every answer is of the first kind that it fits, and there are as many of each as there must be.
fn kinds(kinds: &[Answers], answers: &[Answer], lag: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut counts = vec![0_u64; kinds.len()];
    let mut first_of_one: Option<&Option<String>> = None;
    for answer in answers {
        let Some(kind) = kinds.iter().position(|kind| kind.fits(answer, lag)) else {
            wrong.push(format!("no kind of answer expected: {}", describe(answer)));
            continue;
        };
        counts[kind] += 1;
        if kinds[kind].from.as_deref() == Some("one")
            && *first_of_one.get_or_insert(&answer.from) != &answer.from
        {
            wrong.push(format!("another pod than before: {}", describe(answer)));
        }
    }
    wrong.truncate(3);
    let total = u32::try_from(answers.len()).unwrap();
    for (kind, count) in kinds.iter().zip(counts) {
        wrong.extend(kind.complaint(count, total));
    }
    wrong
}

/// The answers are runs of these kinds, one after another, and nothing else.
fn runs(kinds: &[Answers], answers: &[Answer], lag: u64) -> Vec<String> {
    let mut rest = answers;
    for (number, kind) in kinds.iter().enumerate() {
        let most = match kind.count {
            Some(Count::Exactly(most) | Count::Between([_, most])) => {
                usize::try_from(most).unwrap()
            }
            _ => usize::MAX,
        };
        let run = rest
            .iter()
            .take_while(|answer| kind.fits(answer, lag))
            .count()
            .min(most);
        let enough = kind.count.unwrap_or(Count::AtLeast { at_least: 1 });
        if !enough.allows(run as u64) {
            let next = rest.get(run).map_or_else(|| "nothing".to_owned(), describe);
            return vec![format!("run {number} is {run} long, then came {next}")];
        }
        rest = &rest[run..];
    }
    let left = rest.first().map(describe);
    left.map(|left| format!("after all runs came {left}"))
        .into_iter()
        .collect()
}

impl Answers {
    fn fits(&self, answer: &Answer, lag: u64) -> bool {
        let from = match self.from.as_deref() {
            None => true,
            Some("nobody") => answer.from.is_none(),
            Some("one") => answer.from.is_some(),
            from => answer.from.as_deref() == from,
        };
        let log = answer.log.as_ref();
        let same = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        from && self.status.is_none_or(|status| status == answer.status)
            && same(&self.body, Some(&answer.body))
            && self
                .body_bytes
                .is_none_or(|bytes| bytes == answer.body.len())
            && same(&self.flags, log.map(|log| log.flags.as_str()))
            && same(&self.details, log.map(|log| log.details.as_str()))
            && self.ms.is_none_or(|ms| ms.allows(answer.ms, lag))
            && self
                .headers
                .iter()
                .all(|(name, value)| header_fits(answer, name, value.as_deref()))
    }

    fn complaint(&self, count: u64, total: u32) -> Option<String> {
        if let Some(percent) = self.share {
            let band = band(total, percent / 100.0);
            let within = band.contains(&u32::try_from(count).unwrap());
            return (!within)
                .then(|| format!("{count} of {total} instead of {percent} %: {self:?}"));
        }
        let wanted = self.count?;
        (!wanted.allows(count))
            .then(|| format!("{count} of {total} instead of {wanted:?}: {self:?}"))
    }

    /// Whether the access log must be read.
    pub(crate) fn needs_log(&self) -> bool {
        self.flags.is_some() || self.details.is_some()
    }
}

fn header_fits(answer: &Answer, name: &str, wanted: Option<&str>) -> bool {
    let value = answer
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap());
    match (wanted, value) {
        (None, value) => value.is_none(),
        (Some(wanted), Some(value)) => match wanted.strip_prefix('~') {
            Some(pattern) => Regex::new(&format!("^(?:{pattern})$"))
                .unwrap()
                .is_match(value),
            None => wanted == value,
        },
        (Some(_), None) => false,
    }
}

fn describe(answer: &Answer) -> String {
    let Answer {
        from,
        status,
        body,
        ms,
        log,
        headers,
        ..
    } = answer;
    let log = log
        .as_ref()
        .map(|log| format!(" {} {}", log.flags, log.details))
        .unwrap_or_default();
    format!(
        "{status} of {from:?} after {ms} ms, {:?}{log} {headers:?}",
        &body[..body.len().min(130)]
    )
}

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

/// What is wrong with what a proxy says of a cluster.
pub(crate) fn cluster(subset: &str, wanted: &ClusterView, cluster: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(ejected) = wanted.ejected.as_ref().filter(|it| **it != cluster.ejected) {
        wrong.push(format!(
            "ejected from {subset:?}: {:?} instead of {ejected:?}",
            cluster.ejected
        ));
    }
    let hosts = wanted.hosts.iter().flat_map(|(pod, wanted)| {
        let is = cluster.hosts.get(pod);
        wanted
            .iter()
            .map(move |(name, count)| (name, count, is.and_then(|is| is.get(name))))
    });
    let own = [
        (&wanted.counters, &cluster.counters),
        (&wanted.limits, &cluster.limits),
    ];
    let own = own.into_iter().flat_map(|(wanted, is)| {
        wanted
            .iter()
            .map(|(name, count)| (name, count, is.get(name)))
    });
    for (name, count, is) in hosts.chain(own) {
        if !is.is_some_and(|is| count.allows(*is)) {
            wrong.push(format!(
                "{name} of {subset:?} is {is:?} instead of {count:?}"
            ));
        }
    }
    wrong
}
