//! `wait-for-drain`: what a preStop hook needs.
//!
//! Kubernetes takes a pod that is to end out of its Services and runs the hook at the same time;
//! proxies learn of it later. SIGTERM comes after the hook, so the wait keeps the pod serving
//! until they know.

use std::time::Duration;

use clap::Args;
use futures_util::future::BoxFuture;

use super::Said;

/// Options of the subcommand.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Options {
    /// Longest wait; less than the pod's terminationGracePeriodSeconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=300))]
    seconds: u64,
}

/// Waits until `left`, but no longer than it may.
pub(super) async fn run(options: &Options, left: BoxFuture<'static, ()>) -> Said {
    let _ = tokio::time::timeout(Duration::from_secs(options.seconds), left).await;
    Said::default()
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Setting, Task, parse};
    use super::*;
    use crate::env::Env;

    fn task(line: &[&str]) -> Task {
        match parse("s", line) {
            Ok(Asked::Task(task)) => task,
            other => panic!("{line:?} is {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_its_seconds_where_nobody_knows_who_still_sends() {
        for (line, seconds) in [
            (&["wait-for-drain"][..], 5),
            (&["wait-for-drain", "--seconds", "12"], 12),
            (&["wait-for-drain", "--seconds=0"], 0),
        ] {
            let began = tokio::time::Instant::now();
            let said = task(line).run(Setting::of_process(Env::default())).await;
            assert_eq!(said, Said::default());
            let waited = began.elapsed();
            let full = Duration::from_secs(seconds);
            assert!(
                (full..full + Duration::from_millis(2)).contains(&waited),
                "{line:?}: {waited:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_at_once_where_the_host_knows_that_nobody_sends() {
        let began = tokio::time::Instant::now();
        let left = Box::pin(std::future::ready(()));
        let setting = Setting {
            left,
            ..Setting::of_process(Env::default())
        };
        task(&["wait-for-drain"]).run(setting).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
