//! A lab, and a shell from which the scripts are run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::kubectl::{self, Printed, Shell};
use crate::support::{Lab, Start};

/// Rules of a namespace in the API.
pub(crate) const RULES: &str = "/apis/networking.istio.io/v1/namespaces/theater-msa";
/// Kinds of rules, as in their URLs.
pub(crate) const PLURALS: [&str; 2] = ["destinationrules", "virtualservices"];

/// The repository.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// A running lab and a shell; the scripts find the lab by `THEATER_STATE_DIR`.
pub(crate) struct Stage {
    pub(crate) lab: Lab,
    pub(crate) shell: Shell,
}

impl Stage {
    /// With a lab that has deployed the theater; none after a loud skip.
    pub(crate) async fn up() -> Option<Self> {
        Self::with(Start::embedded()).await
    }

    pub(crate) async fn with(start: Start) -> Option<Self> {
        let kubectl = kubectl::current()?;
        let lab = start.up().await;
        let shell = Shell::new(&kubectl, &lab.kubeconfig())
            .env("THEATER_STATE_DIR", lab.state_dir.to_str().unwrap());
        Some(Self { lab, shell })
    }

    /// Runs `fault-injection-demo.sh --lab` with these words, from a folder that is not the repository.
    pub(crate) async fn demo(&self, words: &str) -> Printed {
        let script = root().join("fault-injection-demo.sh");
        self.shell
            .run(&format!("{} --lab {words}", script.display()))
            .await
    }

    /// The same, and it must succeed.
    pub(crate) async fn play(&self, words: &str) -> String {
        let printed = self.demo(words).await;
        assert_eq!(printed.exit, 0, "{words}: {}", printed.all());
        printed.all()
    }

    /// What the rules of a cluster say, by kind and name.
    pub(crate) async fn specs(&self, cluster: &str) -> BTreeMap<String, Value> {
        let mut specs = BTreeMap::new();
        for plural in PLURALS {
            for object in self.lab.list(cluster, &format!("{RULES}/{plural}")).await {
                let name = object["metadata"]["name"].as_str().unwrap();
                let said = json!({"spec": object["spec"], "labels": object["metadata"]["labels"]});
                specs.insert(format!("{plural}/{name}"), said);
            }
        }
        specs
    }

    /// Creates an object in ctx1.
    pub(crate) async fn create(&self, plural: &str, object: &Value) {
        let url = format!("{}{RULES}/{plural}", self.lab.api("ctx1"));
        let request = self
            .lab
            .client
            .post(url)
            .header("content-type", "application/json");
        let answer = request.body(object.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{object}");
    }

    /// Deletes an object in ctx1.
    pub(crate) async fn delete(&self, plural: &str, name: &str) {
        let url = format!("{}{RULES}/{plural}/{name}", self.lab.api("ctx1"));
        let answer = self.lab.client.delete(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{plural}/{name}");
    }
}

/// The objects of a lesson, by kind and name, as [`Stage::specs`] gives them.
pub(crate) fn lesson(folder: &str) -> BTreeMap<String, Value> {
    let folder = root().join("practice").join(folder);
    let mut specs = BTreeMap::new();
    for plural in PLURALS {
        let text = std::fs::read_to_string(folder.join(format!("{plural}.yaml"))).unwrap();
        for object in lab::manifest::parse(&text).unwrap() {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let said = json!({"spec": object["spec"], "labels": object["metadata"]["labels"]});
            specs.insert(format!("{plural}/{name}"), said);
        }
    }
    specs
}
