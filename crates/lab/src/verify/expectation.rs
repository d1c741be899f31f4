//! Whether answers are what a lesson's `expect.yaml` says.

mod judged;
#[cfg(test)]
mod measured;
mod sample;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::client::Client;
use super::figure::Figure;
use sample::{Sample, samples};

/// The theater's services, as in keys and paths.
pub const SERVICES: [&str; 3] = ["user", "movie", "booking"];
/// The numbers of a lesson.
#[derive(Debug)]
pub struct Expectation {
    numbers: BTreeMap<String, String>,
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
}
