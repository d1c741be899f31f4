//! The original's rules, beside ours: of two DestinationRules for one host the older silently wins.

use std::path::Path;

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

/// Puts the original's rules into a cluster that has those of a lesson.
///
/// # Errors
/// When the API refuses one.
pub async fn put(api: &Client, root: &Path, older: Older) -> Result<()> {
    let first = rules::of_lesson(root, "01-initial")?;
    for service in SERVICES {
        let ours = format!("{service}-service-dr");
        let theirs = format!("{service}-service-circuit-breaker");
        delete(api, PLURAL, &theirs).await?;
        create(
            api,
            PLURAL,
            &original(&theirs, &format!("{service}-service")),
        )
        .await?;
        if older == Older::Theirs {
            // Made again, ours is the younger one; within one second the name decides, for theirs.
            let said = first.get(&format!("{PLURAL}/{ours}"));
            let spec = &said.with_context(|| format!("01 has no {ours}"))?["spec"];
            delete(api, PLURAL, &ours).await?;
            create(api, PLURAL, &rule(&ours, spec.clone())).await?;
        }
    }
    Ok(())
}

/// As the original's `istio-circuit-breaker.yaml` has it.
fn original(name: &str, host: &str) -> Value {
    let outliers = json!({
        "consecutiveGatewayErrors": 2, "consecutive5xxErrors": 2, "interval": "10s",
        "baseEjectionTime": "30s", "maxEjectionPercent": 50, "minHealthPercent": 30,
    });
    let subset = |name: &str| json!({"name": name, "labels": {"cluster": name}});
    let spec = json!({
        "host": host,
        "trafficPolicy": {"outlierDetection": outliers},
        "subsets": [subset("ctx1"), subset("ctx2")],
    });
    rule(name, spec)
}

fn rule(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": name}, "spec": spec,
    })
}
