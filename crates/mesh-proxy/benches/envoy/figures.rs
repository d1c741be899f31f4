//! What is measured of a proxy, and the medians of all pairs.

use std::fmt;
use std::time::Duration;

use crate::Proxy;
use crate::load::{Latencies, Saturated};

/// One proxy in one pair.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Processor time per request at saturation.
    cpu: Duration,
    /// Requests per second at saturation.
    throughput: f64,
    /// What the proxy adds at half of saturation.
    p50: Duration,
    p99: Duration,
    /// Bytes of its own with a thousand connections.
    memory: u64,
}

/// All pairs.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    ours: Vec<Figures>,
    envoy: Vec<Figures>,
}

/// A figure's name, what it is of one proxy, and how it is written.
type Row = (&'static str, fn(&Figures) -> f64, fn(f64) -> String);

const ROWS: [Row; 5] = [
    ("CPU per request", |it| it.cpu.as_secs_f64(), micros),
    (
        "requests per second",
        |it| it.throughput,
        |rate| format!("{rate:.0}"),
    ),
    ("added p50", |it| it.p50.as_secs_f64(), micros),
    ("added p99", |it| it.p99.as_secs_f64(), micros),
    (
        "memory, 1,000 connections",
        |it| it.memory as f64,
        mebibytes,
    ),
];

impl Figures {
    pub(crate) fn new(
        saturated: &Saturated,
        cpu: Duration,
        steady: &Latencies,
        direct: &Latencies,
        memory: u64,
    ) -> Self {
        Self {
            cpu: cpu / u32::try_from(saturated.answers).unwrap(),
            throughput: saturated.rate(),
            p50: steady.quantile(0.50).saturating_sub(direct.quantile(0.50)),
            p99: steady.quantile(0.99).saturating_sub(direct.quantile(0.99)),
            memory,
        }
    }
}

impl Pairs {
    pub(crate) fn add(&mut self, proxy: Proxy, figures: Figures) {
        match proxy {
            Proxy::Ours => self.ours.push(figures),
            Proxy::Envoy => self.envoy.push(figures),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = |(name, of, write): &Row| format!("{name} {}", write(of(self)));
        write!(
            f,
            "{}",
            ROWS.iter().map(figure).collect::<Vec<_>>().join(", ")
        )
    }
}

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28}{:>12}{:>12}{:>9}",
            "median", "ours", "Envoy", "ratio"
        )?;
        for (name, of, write) in ROWS {
            let ours = median(self.ours.iter().map(of));
            let envoy = median(self.envoy.iter().map(of));
            // Of each pair, so that what disturbs both does not count.
            let ratio = median(
                self.ours
                    .iter()
                    .zip(&self.envoy)
                    .map(|(a, b)| of(a) / of(b)),
            );
            writeln!(
                f,
                "{name:<28}{:>12}{:>12}{ratio:>9.2}",
                write(ours),
                write(envoy)
            )?;
        }
        Ok(())
    }
}

fn micros(seconds: f64) -> String {
    format!("{:.1} µs", seconds * 1e6)
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
