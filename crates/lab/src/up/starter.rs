//! The program that started a lab with `--lifeline`: it holds the lab's standard input.
//!
//! The lab ends when that is closed, and obeys its lines. They are for tests of failures that no
//! object of Kubernetes can order; whoever only has the API cannot write there.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use crate::mesh::Mesh;

/// No order is longer; what comes in one piece beyond it is none.
const LONGEST_ORDER: u64 = 256;

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order<'a> {
    /// `swallow ctx2`: who connects to this cluster's east-west gateway waits in vain.
    Swallow(&'a str),
    /// `pass ctx2`: the gateway does its work again.
    Pass(&'a str),
}

impl<'a> Order<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        match *line.split_whitespace().collect::<Vec<_>>() {
            ["swallow", cluster] => Some(Self::Swallow(cluster)),
            ["pass", cluster] => Some(Self::Pass(cluster)),
            _ => None,
        }
    }

    /// Whether there is such a cluster.
    fn obey(self, mesh: &Mesh) -> bool {
        match self {
            Self::Swallow(cluster) => mesh.swallow(cluster, true),
            Self::Pass(cluster) => mesh.swallow(cluster, false),
        }
    }
}

/// Returns when the starter has let go of standard input; never, where nobody is said to hold it.
pub(super) async fn let_go(lifeline: bool, mesh: Arc<Mesh>) {
    if !lifeline {
        return std::future::pending().await;
    }
    let reading = move || {
        each_line(io::stdin().lock(), |line| {
            if !Order::parse(line).is_some_and(|order| order.obey(&mesh)) {
                tracing::warn!(line, "no order: swallow CLUSTER and pass CLUSTER are");
            }
        })
    };
    if let Ok(Err(error)) = tokio::task::spawn_blocking(reading).await {
        tracing::warn!(%error, "standard input cannot be read, which counts as closed");
    }
}

fn each_line(mut input: impl BufRead, mut obey: impl FnMut(&str)) -> io::Result<()> {
    let mut line = Vec::new();
    while input
        .by_ref()
        .take(LONGEST_ORDER)
        .read_until(b'\n', &mut line)?
        > 0
    {
        obey(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_order_or_none() {
        assert_eq!(Order::parse("swallow ctx2"), Some(Order::Swallow("ctx2")));
        assert_eq!(Order::parse("pass ctx1"), Some(Order::Pass("ctx1")));
        for line in ["", "swallow", "swallow ctx1 ctx2", "end ctx1"] {
            assert_eq!(Order::parse(line), None, "{line}");
        }
    }

    #[test]
    fn lines_come_one_by_one_and_no_line_is_endless() {
        let long = "x".repeat(1_000);
        let input = format!("swallow ctx2\n{long}\npass ctx2");
        let mut seen = Vec::new();
        each_line(input.as_bytes(), |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(seen.first().unwrap(), "swallow ctx2");
        assert_eq!(seen.last().unwrap(), "pass ctx2");
        assert!(seen.iter().all(|line| line.len() <= 256));
    }
}
