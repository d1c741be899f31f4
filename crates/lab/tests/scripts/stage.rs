//! A lab, and a shell from which the scripts are run.

use std::path::{Path, PathBuf};

use lab::verify::client::Client;
use lab::verify::expectation::Expectation;
use lab::verify::rules;
pub(crate) use lab::verify::rules::{RULES, Rules};

use crate::support::kubectl::{self, Printed, Shell};
use crate::support::{Lab, Start};

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

    /// The API of a cluster.
    pub(crate) fn api(&self, cluster: &str) -> Client {
        Client::of(&self.lab.api(cluster))
    }

    /// The published port.
    pub(crate) fn client(&self) -> Client {
        Client::of(&self.lab.url)
    }

    /// What the rules of a cluster say.
    pub(crate) async fn specs(&self, cluster: &str) -> Rules {
        rules::of_cluster(&self.api(cluster)).await.unwrap()
    }

    /// Asks every service so often: answers are as a lesson's `expect.yaml` says.
    pub(crate) async fn expects(&self, lesson: &str, requests: u32) {
        let expectation = Expectation::of(&root(), lesson).unwrap();
        let figures = expectation.holds(&self.client(), requests).await;
        let figures = figures.unwrap_or_else(|error| panic!("{lesson}: {error:#}"));
        figures.iter().for_each(|it| eprintln!("{lesson}: {it}"));
    }
}

/// The objects of a lesson, as [`Stage::specs`] gives them.
pub(crate) fn lesson(folder: &str) -> Rules {
    rules::of_lesson(&root(), folder).unwrap()
}
