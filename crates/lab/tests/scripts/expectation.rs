//! Whether answers are what a lesson's `expect.yaml` says.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use testkit::band::band;

use crate::stage::root;
use crate::support::Lab;

/// Requests at a time; below the lessons' limit of connections.
const CLIENTS: usize = 90;

/// The numbers of a lesson.
pub(crate) struct Expectation {
    lesson: &'static str,
    numbers: BTreeMap<String, String>,
}

/// What became of some requests.
#[derive(Debug, Default)]
struct Seen {
    all: u32,
    by_cluster: BTreeMap<String, u32>,
    aborted: u32,
    held: u32,
}

impl Expectation {
    pub(crate) fn of(lesson: &'static str) -> Self {
        let file = root().join("practice").join(lesson).join("expect.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        let pair = |line: &str| {
            let (key, value) = line.split_once(": ")?;
            (!key.starts_with('#')).then(|| (key.to_owned(), value.to_owned()))
        };
        Self {
            lesson,
            numbers: text.lines().filter_map(pair).collect(),
        }
    }

    fn number(&self, key: &str) -> u32 {
        self.numbers
            .get(key)
            .map_or(0, |value| value.parse().unwrap())
    }

    /// Asks every service so often, and its canaries and circuit tests, and judges each figure.
    pub(crate) async fn holds(&self, lab: &Lab, requests: u32) {
        for service in ["user", "movie", "booking"] {
            self.weights_and_faults(lab, service, requests).await;
            let canaries = self.ask(lab, service, Some("x-canary"), 10).await;
            let cluster = &self.numbers[&format!("{service}_canary_cluster")];
            let expected = BTreeMap::from([(cluster.clone(), 10)]);
            assert_eq!(
                canaries.by_cluster, expected,
                "{}: {service} canaries",
                self.lesson
            );
        }
        let tested = self
            .ask(lab, "user", Some("x-circuit-test"), requests)
            .await;
        let percent = self.number("user_circuit_test_abort_percent");
        self.judge("aborted circuit tests", tested.aborted, requests, percent);
    }

    async fn weights_and_faults(&self, lab: &Lab, service: &str, requests: u32) {
        let seen = self.ask(lab, service, None, requests).await;
        let answered = seen.by_cluster.values().sum();
        let ctx1 = seen.by_cluster.get("ctx1").copied().unwrap_or(0);
        let figures = [
            ("ctx1", ctx1, answered, "ctx1_percent"),
            ("aborted", seen.aborted, seen.all, "abort_percent"),
            ("held back", seen.held, seen.all, "delay_percent"),
        ];
        for (what, found, of, key) in figures {
            let percent = self.number(&format!("{service}_{key}"));
            self.judge(&format!("{service} {what}"), found, of, percent);
        }
    }

    fn judge(&self, what: &str, found: u32, of: u32, percent: u32) {
        let band = band(of, f64::from(percent) / 100.0);
        let lesson = self.lesson;
        eprintln!("{lesson}: {what}: {found} of {of}, {percent} % is {band:?}");
        assert!(
            band.contains(&found),
            "{lesson}: {what}: {found} of {of} is outside {band:?}"
        );
    }

    async fn ask(&self, lab: &Lab, service: &str, header: Option<&str>, count: u32) -> Seen {
        let path = format!("/{service}s/");
        let header = header.map(|name| (name, "true"));
        let delay = Duration::from_millis(self.number(&format!("{service}_delay_ms")).into());
        let asking = stream::iter(0..count).map(|_| async {
            let began = Instant::now();
            let answer = lab.cluster_of(&path, header).await;
            (answer, began.elapsed())
        });
        let answers: Vec<_> = asking.buffer_unordered(CLIENTS).collect().await;
        let mut seen = Seen::default();
        for ((status, cluster), took) in answers {
            seen.all += 1;
            seen.held += u32::from(!delay.is_zero() && took >= delay);
            match (status, cluster) {
                (200, Some(cluster)) => *seen.by_cluster.entry(cluster).or_default() += 1,
                (500, None) => seen.aborted += 1,
                other => panic!("{}: {service}: {other:?}", self.lesson),
            }
        }
        seen
    }
}
