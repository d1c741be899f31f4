//! What requests became of, beside a lesson's numbers.

use super::super::figure::Figure;
use super::Expectation;
use super::sample::{Sample, Seen};

impl Expectation {
    /// Each figure of a sample, with the percent that the lesson says.
    pub(super) fn judged(&self, sample: Sample, seen: &Seen) -> Vec<Figure> {
        match sample.header {
            None => self.plain(sample.service, seen),
            Some("x-circuit-test") => self.circuit_tests(sample.service, seen),
            Some(_) => self.canaries(sample.service, seen),
        }
    }

    fn plain(&self, service: &str, seen: &Seen) -> Vec<Figure> {
        let rows = [
            ("ctx1", "ctx1_percent", seen.of("ctx1"), seen.answered()),
            ("aborted", "abort_percent", seen.aborted, seen.all),
            ("held back", "delay_percent", seen.held, seen.all),
        ];
        let figure = |(what, key, found, of): (&str, &str, u32, u32)| Figure {
            what: format!("{service} {what}"),
            found,
            of,
            percent: self.number(&format!("{service}_{key}")),
        };
        rows.map(figure).into()
    }

    fn circuit_tests(&self, service: &str, seen: &Seen) -> Vec<Figure> {
        let key = |name: &str| format!("{service}_circuit_test_{name}");
        let aborted = Figure {
            what: format!("{service} circuit tests aborted"),
            found: seen.aborted,
            of: seen.all,
            percent: self.number(&key("abort_percent")),
        };
        let cluster = self.word(&key("cluster")).filter(|it| *it != "none");
        let rest = cluster.map(|cluster| Figure {
            what: format!("{service} circuit tests {cluster}"),
            found: seen.of(cluster),
            of: seen.answered(),
            percent: 100,
        });
        [aborted].into_iter().chain(rest).collect()
    }

    fn canaries(&self, service: &str, seen: &Seen) -> Vec<Figure> {
        let key = format!("{service}_canary_cluster");
        let cluster = self.word(&key).unwrap_or("no cluster");
        vec![Figure {
            what: format!("{service} canaries {cluster}"),
            found: seen.of(cluster),
            of: seen.all,
            percent: 100,
        }]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const TEXT: &str = "# a: 1\nuser_ctx1_percent: 70\nuser_canary_cluster: ctx2\nuser_circuit_test_abort_percent: 90\nuser_circuit_test_cluster: ctx1\n";

    fn seen(all: u32, ctx1: u32, aborted: u32) -> Seen {
        Seen {
            all,
            by_cluster: BTreeMap::from([("ctx1".to_owned(), ctx1)]),
            aborted,
            held: 0,
        }
    }

    fn told(header: Option<&'static str>, seen: &Seen) -> Vec<String> {
        let sample = Sample {
            service: "user",
            header,
            requests: seen.all,
        };
        let figures = Expectation::parse(TEXT).judged(sample, seen);
        let odd = figures.iter().filter(|it| !it.fits());
        odd.map(|it| it.what.clone()).collect()
    }

    #[test]
    fn every_figure_is_judged_by_its_own_number() {
        let nothing = Vec::<String>::new();
        assert_eq!(told(None, &seen(700, 700, 0)), ["user ctx1"]);
        assert_eq!(told(None, &seen(0, 0, 0)), nothing);
        assert_eq!(told(None, &seen(1, 0, 1)), ["user aborted"]);
        assert_eq!(
            told(Some("x-canary"), &seen(10, 10, 0)),
            ["user canaries ctx2"]
        );
        assert_eq!(told(Some("x-circuit-test"), &seen(100, 10, 90)), nothing);
        assert_eq!(
            told(Some("x-circuit-test"), &seen(100, 100, 0)),
            ["user circuit tests aborted"]
        );
    }
}
