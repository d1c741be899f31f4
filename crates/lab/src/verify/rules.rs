//! The mesh's rules in a cluster, and as a lesson has them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::client::Client;
use crate::manifest;

/// Where a cluster's API has them.
pub const RULES: &str = "/apis/networking.istio.io/v1/namespaces/theater-msa";
/// Kinds of rules, as in their URLs and in the files of a lesson.
pub const PLURALS: [&str; 2] = ["destinationrules", "virtualservices"];

/// What rules say, by `plural/name`.
pub type Rules = BTreeMap<String, Value>;

/// What a person wrote of an object: all but what the server adds.
fn said(object: &Value) -> Value {
    json!({"spec": object["spec"], "labels": object["metadata"]["labels"]})
}

/// The rules of a cluster.
///
/// # Errors
/// When its API does not tell them.
pub async fn of_cluster(api: &Client) -> Result<Rules> {
    let mut rules = Rules::new();
    for plural in PLURALS {
        let list = api.json(&format!("{RULES}/{plural}")).await?;
        let items = list["items"].as_array().context("a list has items")?;
        for object in items {
            rules.insert(format!("{plural}/{}", name(object)?), said(object));
        }
    }
    Ok(rules)
}

/// The rules in the files of a lesson.
///
/// # Errors
/// When a file cannot be read.
pub fn of_lesson(root: &Path, folder: &str) -> Result<Rules> {
    let folder = root.join("practice").join(folder);
    let mut rules = Rules::new();
    for plural in PLURALS {
        let file = folder.join(format!("{plural}.yaml"));
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        rules.extend(of_text(&text)?);
    }
    Ok(rules)
}

/// The rules in a YAML text, such as kustomize renders.
///
/// # Errors
/// When it is no YAML, or holds something else.
pub fn of_text(text: &str) -> Result<Rules> {
    let rule = |object: Value| {
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        let plural = format!("{kind}s");
        if !PLURALS.contains(&plural.as_str()) {
            bail!("{kind} is no rule");
        }
        Ok((format!("{plural}/{}", name(&object)?), said(&object)))
    };
    manifest::parse(text)?.into_iter().map(rule).collect()
}

fn name(object: &Value) -> Result<&str> {
    let name = object["metadata"]["name"].as_str();
    name.context("an object has a name")
}

/// Creates an object.
///
/// # Errors
/// When the API refuses it.
pub async fn create(api: &Client, plural: &str, object: &Value) -> Result<()> {
    let path = format!("{RULES}/{plural}");
    let answer = api.post(&path, object).await?;
    if answer.status != 201 {
        bail!(
            "POST {path} is answered {}: {}",
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

/// Deletes an object; one that is not there is fine.
///
/// # Errors
/// When the API refuses it.
pub async fn delete(api: &Client, plural: &str, name: &str) -> Result<()> {
    let path = format!("{RULES}/{plural}/{name}");
    let answer = api.delete(&path).await?;
    if ![200, 404].contains(&answer.status) {
        bail!(
            "DELETE {path} is answered {}: {}",
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

/// Fails with the first difference between what is there and what should be.
///
/// # Errors
/// When there is one.
pub fn must_equal(found: &Rules, wanted: &Rules) -> Result<()> {
    if let Some(surplus) = found.keys().find(|name| !wanted.contains_key(*name)) {
        bail!("{surplus} should not be there");
    }
    for (name, wanted) in wanted {
        match found.get(name) {
            None => bail!("{name} is missing"),
            Some(found) if found != wanted => bail!("{name} is {found}, not {wanted}"),
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(weight: u32) -> Rules {
        let text = format!(
            "kind: VirtualService\nmetadata: {{name: a}}\nspec: {{http: [{{weight: {weight}}}]}}\n"
        );
        of_text(&text).unwrap()
    }

    #[test]
    fn what_differs_is_named() {
        assert!(must_equal(&rule(1), &rule(1)).is_ok());
        let told =
            |found: &Rules, wanted: &Rules| must_equal(found, wanted).unwrap_err().to_string();
        assert!(told(&rule(1), &rule(2)).starts_with("virtualservices/a is "));
        assert_eq!(
            told(&Rules::new(), &rule(1)),
            "virtualservices/a is missing"
        );
        assert_eq!(
            told(&rule(1), &Rules::new()),
            "virtualservices/a should not be there"
        );
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        assert!(of_text("kind: Pod\nmetadata: {name: a}\n").is_err());
    }
}
