//! The original's rules, beside ours: of two DestinationRules for one host the older silently wins.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::client::Client;
use super::expectation::SERVICES;
use super::rules::{self, create, delete};

const PLURAL: &str = "destinationrules";

/// Whose rules are older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// The original's: they win until they are gone.
    Theirs,
    /// Ours.
    Ours,
}

/// Puts the original's rules into a cluster that has those of a lesson, which stay as they are.
///
/// # Errors
/// When the API refuses one.
pub async fn put(api: &Client, older: Older) -> Result<()> {
    let ours = rules::of_cluster(api).await?;
    remove(api).await?;
    for service in SERVICES {
        let host = format!("{service}-service");
        create(api, PLURAL, &rule(&theirs(service), original(&host))).await?;
        if older == Older::Theirs {
            // Made again, ours is the younger one; within one second the name decides, for theirs.
            let name = format!("{host}-dr");
            let said = ours.get(&format!("{PLURAL}/{name}"));
            let said = said.with_context(|| format!("the cluster has no {name}"))?;
            delete(api, PLURAL, &name).await?;
            create(api, PLURAL, &rule(&name, said["spec"].clone())).await?;
        }
    }
    Ok(())
}

/// Removes them where they are.
///
/// # Errors
/// When the API refuses it.
pub async fn remove(api: &Client) -> Result<()> {
    for service in SERVICES {
        delete(api, PLURAL, &theirs(service)).await?;
    }
    Ok(())
}

fn theirs(service: &str) -> String {
    format!("{service}-service-circuit-breaker")
}

/// As the original's `istio-circuit-breaker.yaml` has it.
fn original(host: &str) -> Value {
    let outliers = json!({
        "consecutiveGatewayErrors": 2, "consecutive5xxErrors": 2, "interval": "10s",
        "baseEjectionTime": "30s", "maxEjectionPercent": 50, "minHealthPercent": 30,
    });
    let subset = |name: &str| json!({"name": name, "labels": {"cluster": name}});
    json!({
        "host": host,
        "trafficPolicy": {"outlierDetection": outliers},
        "subsets": [subset("ctx1"), subset("ctx2")],
    })
}

fn rule(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": name}, "spec": spec,
    })
}
