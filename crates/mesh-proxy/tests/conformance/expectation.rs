//! Whether what came back is what must come back. Each complaint is a sentence.

mod cluster;
mod reached;

use regex::Regex;
use testkit::band::band;

use crate::case::{Answers, Count, Step};
use crate::traffic::Answer;

pub(crate) use cluster::cluster;
pub(crate) use reached::reached;

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
            && self
                .bytes
                .is_none_or(|bytes| log.is_some_and(|log| log.bytes == bytes))
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
        self.flags.is_some() || self.details.is_some() || self.bytes.is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(from: &str, status: u16, ms: u64) -> Answer {
        Answer {
            id: "row-0-0".to_owned(),
            from: Some(from.to_owned()),
            status,
            headers: [("x-r".parse().unwrap(), "abc".parse().unwrap())]
                .into_iter()
                .collect(),
            body: "seats".to_owned(),
            ms,
            log: None,
        }
    }

    /// Complaints of a step about 10 answers of A (after 10 ms each) and then 2 of B (503).
    fn complaints(step: &str) -> usize {
        let step: Step = serde_saphyr::from_str(step).unwrap();
        let mut all = vec![answer("A", 200, 10); 10];
        all.extend(vec![answer("B", 503, 400); 2]);
        answers(&step, &all, 0).len()
    }

    #[test]
    fn what_came_as_wanted_is_no_complaint() {
        for step in [
            "answers: [{from: A, status: 200, count: 10}, {from: B, count: 2}]",
            "answers: [{status: 200, share: 80}, {ms: 400}]",
            "in_order: [{from: A, count: [9, 11]}, {body: seats, headers: {x-r: '~[a-c]+'}}]",
            "answers: [{from: A, ms: [0, 20]}, {status: 503, headers: {x-other: null}}]",
        ] {
            assert_eq!(complaints(step), 0, "{step}");
        }
    }

    #[test]
    fn what_came_otherwise_is_a_complaint() {
        for step in [
            "answers: [{from: A}]",
            "answers: [{from: A, count: 9}, {from: B}]",
            "answers: [{from: A, count: 10}, {from: B, count: {at_least: 3}}]",
            "answers: [{status: 200, share: 10}, {status: 503}]",
            "answers: [{from: nobody}, {from: A}]",
            "answers: [{from: one}]",
            "answers: [{from: A}, {from: B, ms: 300}]",
            "answers: [{from: A, headers: {x-r: ab}}, {from: B}]",
            "answers: [{from: A, headers: {x-r: null}}, {from: B}]",
            "answers: [{from: A, flags: UF}, {from: B}]",
            "in_order: [{from: B}, {from: A}]",
            "in_order: [{from: A, count: 9}, {from: B}]",
            "in_order: [{from: A}, {from: B}, {status: 404}]",
            "in_order: [{from: A}]",
            "alternating: true",
        ] {
            assert!(complaints(step) > 0, "{step}");
        }
    }
}
