//! From empty clusters to the theater: by the script, and by the two commands of the page.

use anyhow::Result;

use super::expectation::Expectation;
use super::figure::told;
use super::house::House;
use super::lessons::{FIRST, rules_are};
use super::stage::Stage;

/// How the theater comes into empty clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `deploy-all.sh --lab`, which waits and verifies itself.
    Script,
    /// `kubectl apply -k` of both overlays, ctx2 first.
    Apply,
}

/// Deploys in a lab of its own, and asks.
///
/// # Errors
/// When the theater does not come up, or not as `01-initial`.
pub async fn of_everything(house: &House, way: Way, requests: u32) -> Result<Vec<String>> {
    let stage = Stage::with(house, &["--redis", "embedded", "--empty"]).await?;
    match way {
        Way::Script => stage.script("deploy-all.sh", "--lab").await.map(drop)?,
        Way::Apply => apply(&stage).await?,
    }
    for cluster in ["ctx1", "ctx2"] {
        rules_are(&stage, cluster, FIRST).await?;
    }
    let expectation = Expectation::of(&house.root, FIRST)?;
    let figures = expectation.holds(&stage.lab.client, requests).await?;
    stage.end().await?;
    Ok(told(&figures))
}

async fn apply(stage: &Stage) -> Result<()> {
    let clusters = ["ctx2", "ctx1"];
    for cluster in clusters {
        let overlay = stage.house.root.join("k8s").join(cluster);
        let line = format!("apply -k {} --context {cluster}", overlay.display());
        stage.kubectl(&line).await?;
    }
    for cluster in clusters {
        let line = format!(
            "wait deployment --all -n theater-msa --for=condition=Available --timeout=60s --context {cluster}"
        );
        stage.kubectl(&line).await?;
    }
    stage.settle().await;
    Ok(())
}
