//! `theater-lab verify`: what needs many requests or real time, checked in labs of its own.
//!
//! ```text
//! plan ── which checks, shuffled by a seed; lanes of them run beside one another
//!  ├─ lessons      by apply and by script: rules (rules) and answers (expectation, figure)
//!  ├─ change       every verb beside the original's rules (originals), under steady requests (load)
//!  ├─ deployment   empty clusters, by script and by apply
//!  ├─ sick         ejections at their real intervals (episodes)
//!  ├─ crossing     what is lost between the clusters, at its real timeouts
//!  ├─ sight        how soon a verb has seen its first answer
//!  └─ durability   acknowledged writes under kill -9
//! stage ── a lab (process), its clients (client), kubectl and the scripts of the checkout (house)
//! ```

pub mod change;
pub mod client;
pub mod crossing;
pub mod deployment;
pub mod durability;
pub mod episodes;
pub mod expectation;
pub mod figure;
pub mod house;
pub mod lessons;
pub mod load;
pub mod originals;
pub mod plan;
pub mod process;
pub mod report;
pub mod rules;
pub mod sick;
pub mod sight;
pub mod stage;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use common::drain;
use futures_util::future;

use house::House;
use plan::{Check, Lane, lanes};
use report::{Outcome, table};
use stage::Stage;

/// Flags of `verify`.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Everything: thousands of requests, every verb, ejections at real intervals (minutes).
    #[arg(long)]
    full: bool,
    /// The order of the checks; it is printed, so that a run can be repeated.
    #[arg(long)]
    seed: Option<u64>,
    /// Only checks with this in their name.
    #[arg(long, default_value = "")]
    only: String,
    /// The checkout; without, the one around the current folder.
    #[arg(long)]
    repo: Option<PathBuf>,
}

/// Runs the checks; fails when one does.
pub fn main(options: &Options) -> ExitCode {
    let outcome = common::program::runtime()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(options)));
    common::program::exit_code("theater-lab verify", outcome)
}

async fn run(options: &Options) -> Result<()> {
    let house = House::find(options.repo.as_deref())?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let lanes = lanes(options.full, &options.only, seed);
    if lanes.is_empty() {
        bail!("no check has \"{}\" in its name", options.only);
    }
    say(&format!(
        "verify: {} checks, --seed {seed}",
        lanes.iter().flatten().count()
    ));
    let running = future::try_join_all(lanes.iter().map(|lane| play(&house, lane)));
    let outcomes: Vec<Outcome> = tokio::select! {
        outcomes = running => outcomes?.into_iter().flatten().collect(),
        () = drain::terminated() => bail!("interrupted; its labs end with it"),
    };
    say(&format!("\n{}", table(&outcomes)));
    let failed = outcomes.iter().filter(|it| !it.holds()).count();
    if failed > 0 {
        bail!("{failed} checks failed; again in the same order: --seed {seed}");
    }
    Ok(())
}

/// The checks of a lane, one after the other; what one leaves behind is the next one's start.
async fn play(house: &House, lane: &Lane) -> Result<Vec<Outcome>> {
    let stage = Stage::open(house).await?;
    let mut outcomes = Vec::new();
    for &check in lane {
        let outcome = judge(check, &stage).await;
        say(&outcome.long());
        outcomes.push(outcome);
    }
    stage.end().await?;
    Ok(outcomes)
}

async fn judge(check: Check, stage: &Stage) -> Outcome {
    let began = Instant::now();
    let limit = check.limit();
    let result = tokio::time::timeout(limit, check.run(stage)).await;
    Outcome {
        check,
        took: began.elapsed(),
        result: result
            .with_context(|| format!("it was not done within {limit:?}"))
            .and_then(std::convert::identity),
    }
}

/// Prints for whoever watches; one who closed the pipe does not want it.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}
