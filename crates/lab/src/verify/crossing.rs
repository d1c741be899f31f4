//! What is lost on its way to the other cluster, at its real timeouts.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::sick::SECOND_PART;
use super::stage::Stage;

const PATH: &str = "/users/?limit=1";
const CANARY: Option<&str> = Some("x-canary");
/// Three tries, each as long as Istio's connect timeout of 10 s; measured: 30.0 s.
const THREE_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_secs(30)..=Duration::from_millis(31_500);
const TEXT: &str = "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: connection timeout";
/// What the client's sidecar notes of such a request.
const LOGGED: &str = "503 URX,UF";

/// Row 105: ctx2's east-west gateway takes connections and never answers.
///
/// One request: a timeout fails everybody who waits for the same host, also who tries again.
///
/// # Errors
/// When the answer is not as measured, or ctx2 does not come back.
pub async fn swallowed(stage: &Stage) -> Result<Vec<String>> {
    // With a connection for each request, nobody asks over one that is up already.
    stage.apply(SECOND_PART).await?;
    let before = logged(stage).await?;
    stage.lab.order("swallow ctx2").await?;
    stage.settle().await;
    let lost = stage.lab.client.get(PATH, CANARY).await;
    stage.lab.order("pass ctx2").await?;
    stage.settle().await;
    let (lost, again) = (lost?, stage.lab.client.get(PATH, CANARY).await?);
    let (status, took) = (lost.status, lost.took);
    ensure!(
        status == 503 && THREE_TIMEOUTS.contains(&took),
        "a canary is answered {status} after {took:?}, not 503 after {THREE_TIMEOUTS:?}"
    );
    ensure!(lost.text() == TEXT, "a canary is told \"{}\"", lost.text());
    let noted = logged(stage).await?.saturating_sub(before);
    ensure!(noted == 1, "the sidecar noted {noted} as {LOGGED}, not 1");
    ensure!(
        again.status == 200,
        "afterwards a canary is answered {}: {}",
        again.status,
        again.text()
    );
    let seconds = took.as_secs_f64();
    Ok(vec![format!("{LOGGED} after {seconds:.2} s, then 200")])
}

/// Requests that the gateway's sidecar has noted as lost on their way.
async fn logged(stage: &Stage) -> Result<usize> {
    let line = "logs --context ctx1 -n theater-msa -l app=api-gateway -c istio-proxy --tail=-1";
    let log = stage.kubectl(line).await?;
    Ok(log.lines().filter(|line| line.contains(LOGGED)).count())
}
