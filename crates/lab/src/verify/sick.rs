//! Lesson 06 at its real intervals: a sick pod of ctx1 is taken out and comes back, one of ctx2 never is.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::client::Answer;
use super::episodes::{Episode, episodes};
use super::expectation::Expectation;
use super::figure::Figure;
use super::stage::Stage;

/// Its folder.
pub const LESSON: &str = "06-sick-pod";
/// The folder of its second part.
pub const SECOND_PART: &str = "06-sick-pod/each-request-its-connection";
/// Its verb.
pub const VERB: &str = "circuit";

const SERVICE: &str = "user-service";
const PATH: &str = "/users/?limit=1";
const CANARY: Option<&str> = Some("x-canary");
/// From one request to the next. So slow that the second in which an ejection has not reached the
/// balancer holds fewer requests to the pod than the lesson's limit.
const PACE: Duration = Duration::from_millis(100);
/// A change of hosts is told to the balancer at once only when there was none for a second.
const CALM: Duration = Duration::from_millis(1_100);
/// Until a pod that is asked about every 300 ms is surely asked again.
const ASKED: Duration = Duration::from_secs(2);
/// How long a pod that is back goes on failing: the second in which its ejection does not reach the
/// balancer, or until it was asked twice. Less than one in 100 million is later.
const RELAPSE: Duration = Duration::from_secs(2);
/// Two ejections and the beginning of the third.
const EJECTIONS_LIMIT: Duration = Duration::from_secs(130);
/// Requests of a serial client.
const RUN: usize = 20;
/// Runs until both kinds were surely seen.
const RUNS: usize = 60;
/// Clients at a time that make a serial client's next connection another one.
const CROWD: usize = 6;
/// Requests whose share is judged.
const SAMPLE: u32 = 800;

/// One of ctx1's two pods: out after exactly so many failures, back, out for longer.
///
/// # Errors
/// When a figure is not the lesson's.
pub async fn ejections(stage: &Stage) -> Result<Vec<String>> {
    let expect = Expectation::of(&stage.house.root, LESSON)?;
    let sick = prepare(stage, LESSON, "ctx1").await?;
    let (failures, figure) = failures(stage, &sick, &expect).await?;
    heal(stage).await?;
    let [first, second, third, ..] = &*episodes(&failures) else {
        bail!("the pod was not taken out twice within {EJECTIONS_LIMIT:?}: {failures:?}");
    };
    ensure!(figure.fits(), "shares meanwhile: {figure}");
    judge(&expect, [first, second, third])?;
    let seconds = |from: &Episode, to: &Episode| (to.begin - from.end).as_secs_f64();
    Ok(vec![
        format!(
            "{} failures, out {:.1} s",
            first.failures,
            seconds(first, second)
        ),
        format!(
            "back: {} failures in {:.1} s, out {:.1} s",
            second.failures,
            (second.end - second.begin).as_secs_f64(),
            seconds(second, third)
        ),
        figure.to_string(),
    ])
}

fn judge(expect: &Expectation, [first, second, third]: [&Episode; 3]) -> Result<()> {
    let exact = expect.number("sick_ctx1_failures_before_ejection");
    ensure!(
        first.failures == exact,
        "{} failures before it was out, not {exact}",
        first.failures
    );
    let most = expect.number("sick_ctx1_failures_after_return_max");
    let relapse = second.end - second.begin;
    ensure!(
        second.failures <= most && relapse <= RELAPSE,
        "{} failures in {relapse:?} after it was back, not at most {most} in {RELAPSE:?}",
        second.failures
    );
    for (time, out) in [
        ("first", second.begin - first.end),
        ("second", third.begin - second.end),
    ] {
        let key = |end| expect.millis(&format!("sick_ctx1_{time}_ejection_ms_{end}"));
        let (least, most) = (key("min"), key("max") + ASKED);
        ensure!(
            (least..=most).contains(&out),
            "out for {out:?}, not {least:?} to {most:?}"
        );
    }
    Ok(())
}

/// When the sick pod failed, until it did so in three episodes; and ctx1's share meanwhile.
async fn failures(
    stage: &Stage,
    sick: &str,
    expect: &Expectation,
) -> Result<(Vec<Duration>, Figure)> {
    let began = Instant::now();
    let mut tick = tokio::time::interval(PACE);
    let mut failures = Vec::new();
    let mut figure = Figure {
        what: "user ctx1".to_owned(),
        found: 0,
        of: 0,
        percent: expect.number("user_ctx1_percent"),
    };
    while episodes(&failures).len() < 3 && began.elapsed() < EJECTIONS_LIMIT {
        tick.tick().await;
        let answer = stage.lab.client.get(PATH, None).await?;
        figure.of += 1;
        figure.found += u32::from(answer.cluster.as_deref() == Some("ctx1"));
        if fails_on_order(&answer, sick)? {
            failures.push(began.elapsed());
        }
    }
    Ok((failures, figure))
}

/// One of ctx2's two pods: seen from ctx1 it is never out, and a client that keeps its connection sees
/// all fail or none; with a connection for each request it sees the true share.
///
/// # Errors
/// When a figure is not the lesson's.
pub async fn never_ejected(stage: &Stage) -> Result<Vec<String>> {
    let sick = prepare(stage, LESSON, "ctx2").await?;
    let (mut all, mut none) = (0, 0);
    for _ in 0..RUNS {
        match serial_failures(stage, &sick).await? {
            0 => none += 1,
            RUN => all += 1,
            // The crowd's last answers may still come when a run begins.
            _ => {}
        }
        if all > 1 && none > 1 {
            break;
        }
        crowd(stage, CROWD).await?;
    }
    ensure!(
        all > 1 && none > 1,
        "of {RUNS} runs all failed in {all}, none in {none}"
    );
    stage.apply(SECOND_PART).await?;
    let expect = Expectation::of(&stage.house.root, SECOND_PART)?;
    let answers = crowd(stage, SAMPLE as usize).await?;
    let mut figure = Figure {
        what: "with a connection for each request failed".to_owned(),
        found: 0,
        of: SAMPLE,
        percent: expect.number("sick_ctx2_failed_percent"),
    };
    for answer in &answers {
        figure.found += u32::from(fails_on_order(answer, &sick)?);
    }
    heal(stage).await?;
    ensure!(figure.fits(), "{figure}");
    Ok(vec![
        format!("serial runs of {RUN}: all failed in {all}, none in {none}, never out"),
        figure.to_string(),
    ])
}

async fn serial_failures(stage: &Stage, sick: &str) -> Result<usize> {
    let mut failed = 0;
    for _ in 0..RUN {
        let answer = stage.lab.client.get(PATH, CANARY).await?;
        failed += usize::from(fails_on_order(&answer, sick)?);
    }
    Ok(failed)
}

async fn crowd(stage: &Stage, requests: usize) -> Result<Vec<Answer>> {
    let asking = (0..requests).map(|_| stage.lab.client.get(PATH, CANARY));
    stream::iter(asking)
        .buffer_unordered(CROWD)
        .try_collect()
        .await
}

/// Whether it is the sick pod's failure; nobody else's is expected.
fn fails_on_order(answer: &Answer, sick: &str) -> Result<bool> {
    match (answer.status, answer.pod.as_deref()) {
        (200, _) => Ok(false),
        (500, Some(pod)) if pod == sick && answer.is_sick => Ok(true),
        (status, pod) => bail!("{PATH} is answered {status} by {pod:?}: {}", answer.text()),
    }
}

/// Plays the lesson's rules, and gives one pod of a cluster the order to answer 500; its name.
async fn prepare(stage: &Stage, lesson: &str, cluster: &str) -> Result<String> {
    stage.apply(lesson).await?;
    let line = format!("get pods --context {cluster} -n theater-msa -l app={SERVICE} -o name");
    let pods = stage.kubectl(&line).await?;
    let pod = pods.lines().next().context("there is no pod of users")?;
    tokio::time::sleep(CALM).await;
    order(stage, cluster, pod, "set --status 500 --ttl 5m").await?;
    Ok(pod.trim_start_matches("pod/").to_owned())
}

async fn order(stage: &Stage, cluster: &str, whose: &str, words: &str) -> Result<String> {
    let place = format!("--context {cluster} -n theater-msa -c {SERVICE}");
    let line = format!("exec {whose} {place} -- {SERVICE} order {words}");
    stage.kubectl(&line).await
}

/// The orders of both clusters, as the service lists them.
///
/// # Errors
/// When kubectl fails.
pub async fn orders(stage: &Stage) -> Result<String> {
    let said = order(stage, "ctx1", "deploy/user-service-ctx1", "list").await?;
    Ok(said.trim().to_owned())
}

/// Takes back every order, and waits until no answer is by one.
///
/// # Errors
/// When answers stay sick.
pub async fn heal(stage: &Stage) -> Result<()> {
    order(stage, "ctx1", "deploy/user-service-ctx1", "clear --all").await?;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        let mut answers = crowd(stage, RUN).await?;
        for _ in 0..RUN {
            answers.push(stage.lab.client.get(PATH, None).await?);
        }
        if answers.iter().all(|it| !it.is_sick) {
            return Ok(());
        }
    }
    bail!("answers are still by an order that was taken back")
}
