//! Whether answers are what a lesson's `expect.yaml` says.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use futures_util::stream;

use super::client::Client;
use super::figure::Figure;

/// The theater's services, as in keys and paths.
pub const SERVICES: [&str; 3] = ["user", "movie", "booking"];
/// Requests at a time; below the lessons' limit of connections.
const CLIENTS: usize = 60;
/// Where requests are held back, most of those in flight have no connection: together below the
/// limits of connections and of those that wait for one.
const PATIENT_CLIENTS: usize = 180;

/// The numbers of a lesson.
#[derive(Debug)]
pub struct Expectation {
    numbers: BTreeMap<String, String>,
}

/// Circuit tests, at most: a fault of 90 % needs no more.
const CIRCUIT_TESTS: u32 = 2_000;

/// Requests of one kind.
#[derive(Debug, Clone, Copy)]
struct Sample {
    service: &'static str,
    header: Option<&'static str>,
    requests: u32,
}

/// What became of them.
#[derive(Debug, Default)]
struct Seen {
    all: u32,
    by_cluster: BTreeMap<String, u32>,
    aborted: u32,
    held: u32,
}

impl Expectation {
    /// Of a lesson in this checkout.
    ///
    /// # Errors
    /// When it has no `expect.yaml`.
    pub fn of(root: &Path, lesson: &str) -> Result<Self> {
        let file = root.join("practice").join(lesson).join("expect.yaml");
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.split_once(": "));
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.trim().to_owned());
        Self {
            numbers: pairs.map(owned).collect(),
        }
    }

    /// A number; 0 where the lesson has none.
    pub fn number(&self, key: &str) -> u32 {
        let value = self.numbers.get(key).and_then(|value| value.parse().ok());
        value.unwrap_or(0)
    }

    /// A number of milliseconds.
    pub fn millis(&self, key: &str) -> Duration {
        Duration::from_millis(self.number(key).into())
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.numbers.get(key).map(String::as_str)
    }

    /// Asks every service so often, with a tenth of canaries, and as many circuit tests; judges each
    /// figure. A fair draw is outside its band once in a million, so twice is a defect.
    ///
    /// # Errors
    /// When a figure does not fit twice, or an answer is neither a pod's nor an abort.
    pub async fn holds(&self, client: &Client, requests: u32) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        for sample in samples(requests) {
            let first = self.figures(client, sample).await?;
            let drawn = match first.iter().all(Figure::fits) {
                true => first,
                false => self.figures(client, sample).await?,
            };
            if let Some(odd) = drawn.iter().find(|it| !it.fits()) {
                bail!("twice outside its band: {odd}");
            }
            figures.extend(drawn);
        }
        Ok(figures)
    }

    async fn figures(&self, client: &Client, sample: Sample) -> Result<Vec<Figure>> {
        let seen = self.ask(client, sample).await?;
        Ok(self.judged(sample, &seen))
    }

    fn judged(&self, sample: Sample, seen: &Seen) -> Vec<Figure> {
        let service = sample.service;
        let answered = seen.by_cluster.values().sum();
        let of = |cluster: &str| seen.by_cluster.get(cluster).copied().unwrap_or(0);
        let figure = |what: String, found, of, percent| Figure {
            what,
            found,
            of,
            percent,
        };
        let share = |key: &str| self.number(&format!("{service}_{key}"));
        match sample.header {
            None => vec![
                figure(
                    format!("{service} ctx1"),
                    of("ctx1"),
                    answered,
                    share("ctx1_percent"),
                ),
                figure(
                    format!("{service} aborted"),
                    seen.aborted,
                    seen.all,
                    share("abort_percent"),
                ),
                figure(
                    format!("{service} held back"),
                    seen.held,
                    seen.all,
                    share("delay_percent"),
                ),
            ],
            Some("x-circuit-test") => {
                let key = format!("{service}_circuit_test_cluster");
                let tests = format!("{service} circuit tests");
                let percent = share("circuit_test_abort_percent");
                let mut figures = vec![figure(
                    format!("{tests} aborted"),
                    seen.aborted,
                    seen.all,
                    percent,
                )];
                if let Some(cluster) = self.word(&key).filter(|it| *it != "none") {
                    figures.push(figure(
                        format!("{tests} {cluster}"),
                        of(cluster),
                        answered,
                        100,
                    ));
                }
                figures
            }
            Some(_) => {
                let key = format!("{service}_canary_cluster");
                let cluster = self.word(&key).unwrap_or("no cluster");
                vec![figure(
                    format!("{service} canaries {cluster}"),
                    of(cluster),
                    seen.all,
                    100,
                )]
            }
        }
    }

    async fn ask(&self, client: &Client, sample: Sample) -> Result<Seen> {
        let path = format!("/{}s/?limit=1", sample.service);
        let key = |name: &str| format!("{}_{name}", sample.service);
        let delay = self.millis(&key("delay_ms"));
        let status = self.number(&key("abort_status"));
        let clients = if delay.is_zero() {
            CLIENTS
        } else {
            PATIENT_CLIENTS
        };
        let asking = (0..sample.requests).map(|_| client.get(&path, sample.header));
        let mut answers = stream::iter(asking).buffer_unordered(clients);
        let mut seen = Seen::default();
        while let Some(answer) = answers.next().await {
            let answer = answer?;
            seen.all += 1;
            seen.held += u32::from(!delay.is_zero() && answer.took >= delay);
            match (answer.status, &answer.cluster) {
                (200, Some(cluster)) => *seen.by_cluster.entry(cluster.clone()).or_default() += 1,
                (found, None) if u32::from(found) == status => seen.aborted += 1,
                (found, _) => bail!(
                    "{path} is answered {found} by {:?}: {}",
                    answer.pod,
                    answer.text()
                ),
            }
        }
        Ok(seen)
    }
}

fn samples(requests: u32) -> Vec<Sample> {
    let mut samples = Vec::new();
    for service in SERVICES {
        let sample = |header, requests| Sample {
            service,
            header,
            requests,
        };
        samples.push(sample(None, requests));
        samples.push(sample(Some("x-canary"), requests.div_ceil(10)));
    }
    // Only users have such a rule, and only in some lessons; elsewhere the header means nothing.
    samples.push(Sample {
        service: "user",
        header: Some("x-circuit-test"),
        requests: requests.min(CIRCUIT_TESTS),
    });
    samples
}

#[cfg(test)]
mod tests {
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
