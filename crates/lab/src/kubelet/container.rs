//! One container of a pod: pulled, started, probed, started again, ended.
//!
//! ```text
//! image unknown ──► ErrImagePull ⇄ ImagePullBackOff
//! settings missing ──► CreateContainerConfigError, looked at again
//! started ──► running ──► ended ──► policy ──► back-off ──► started
//!               ├─ another image: the same, then a run of its own
//!               └─ a wish: preStop, SIGTERM, grace, SIGKILL
//! ```

mod next;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Container;
use tokio::sync::watch;

use self::next::Next;
use super::Wish;
use super::attend::Attended;
use super::backoff::Backoff;
use super::definition::{Definition, redefined};
use super::image::Image;
use super::log::{AccessLines, Log};
use super::pod::{PodRun, container_id};
use super::process::Ending;
use super::program::{self, Program};
use super::runner::grace;
use super::{environment, start};
use crate::controllers::now;

/// One container while its pod lives.
pub(super) struct ContainerRun<'a> {
    pub pod: &'a Arc<PodRun>,
    pub container: &'a Container,
    pub wishes: watch::Receiver<Wish>,
    pub definitions: watch::Receiver<Definition>,
    is_init: bool,
    backoff: Backoff,
    pulls: Backoff,
}

/// How a container left for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With exit code 0.
    Succeeded,
    /// Otherwise, or as wished.
    Left,
    /// It is to run again as another image.
    Redefined,
}

/// How one try to run it went.
enum Try {
    /// It ran and ended by itself, or by its probes.
    Ended(Ending),
    /// The runtime could not start its command: exit code and message.
    Unstartable(i32, String),
    /// It was not created: reason and message.
    NotCreated(&'static str, String),
    /// Its image is not here.
    NotPulled(String),
    /// It was ended to run as another image.
    Redefined,
    /// It ended as wished.
    Wished,
}

impl<'a> ContainerRun<'a> {
    pub(super) fn new(
        pod: &'a Arc<PodRun>,
        container: &'a Container,
        wishes: watch::Receiver<Wish>,
        is_init: bool,
    ) -> Self {
        Self {
            pod,
            container,
            wishes,
            definitions: pod.definition(),
            is_init,
            backoff: Backoff::default(),
            pulls: Backoff::default(),
        }
    }

    /// Runs it until it has left for good.
    pub(super) async fn run(mut self) -> Outcome {
        loop {
            let began = Instant::now();
            let next = match self.attempt().await {
                Try::Wished => return Outcome::Left,
                Try::Redefined => return Outcome::Redefined,
                Try::Ended(ending) => self.ended(ending, began.elapsed()),
                Try::Unstartable(code, message) => self.unstartable(code, &message),
                Try::NotCreated(reason, message) => self.not_created(reason, message),
                Try::NotPulled(message) => self.not_pulled(&message).await,
            };
            let pause = match next {
                Next::Again(pause) => pause,
                Next::Leave(outcome) => return outcome,
            };
            if let Some(outcome) = self.pause(pause).await {
                return outcome;
            }
        }
    }

    /// Waits, unless something else is wanted before.
    async fn pause(&mut self, pause: Duration) -> Option<Outcome> {
        tokio::select! {
            () = tokio::time::sleep(pause) => None,
            _ = grace(&mut self.wishes) => Some(Outcome::Left),
            () = redefined(&mut self.definitions, self.container) => Some(Outcome::Redefined),
        }
    }

    async fn attempt(&mut self) -> Try {
        if *self.wishes.borrow() != Wish::Run {
            return Try::Wished;
        }
        let reference = self.container.image.clone().unwrap_or_default();
        let Some(image) = Image::of_container(self.container) else {
            return Try::NotPulled(format!(
                "failed to pull and unpack image \"{reference}\": not found; the lab has the theater's images, redis and curl"
            ));
        };
        self.tell_of_image(&reference);
        let variables =
            environment::environment(&self.pod.pod, self.container, &self.pod.place, &**self.pod);
        let variables = match variables {
            Ok(variables) => variables,
            Err(missing) => return Try::NotCreated("CreateContainerConfigError", missing),
        };
        self.start(image, variables).await
    }

    fn tell_of_image(&self, reference: &str) {
        let (pod, container) = (self.pod, self.container);
        if container.image_pull_policy.as_deref() == Some("Always") {
            pod.tell(
                container,
                "Pulling",
                format!("Pulling image \"{reference}\""),
            );
        }
        pod.tell(
            container,
            "Pulled",
            format!("Container image \"{reference}\" already present on machine and can be accessed by the pod"),
        );
    }

    async fn start(&mut self, image: Image, variables: BTreeMap<String, String>) -> Try {
        let log = match self.pod.logs[&self.container.name].begin() {
            Ok(log) => log,
            Err(error) => {
                return Try::NotCreated(
                    "CreateContainerError",
                    format!("cannot write its log: {error}"),
                );
            }
        };
        let tried = match start::program_of(self.pod, image, self.container) {
            Err(error) => Try::NotCreated("CreateContainerError", format!("{error:#}")),
            Ok(Program::Missing(name)) => {
                self.pod
                    .tell(self.container, "Created", "Container created");
                let message = start::runtime_refuses(&program::no_executable(&name));
                self.pod
                    .warn(self.container, "Failed", format!("Error: {message}"));
                Try::Unstartable(128, message)
            }
            Ok(Program::Done) => {
                self.begun();
                Try::Ended(Ending {
                    code: 0,
                    out_of_memory: false,
                })
            }
            Ok(Program::Task) => {
                self.begun();
                let lines = AccessLines::into_log(Arc::clone(&log));
                self.pod.attachment.set_access_log(Arc::new(lines));
                self.run_as_task().await
            }
            Ok(Program::External(address)) => {
                self.begun();
                let ports = start::ports(self.container, &variables);
                self.pod.set_application(Some((address, ports)));
                self.run_as_task().await
            }
            Ok(Program::Process(arguments)) => {
                self.run_process(image, &arguments, variables, &log).await
            }
        };
        log.end();
        tried
    }

    async fn run_process(
        &mut self,
        image: Image,
        arguments: &[String],
        variables: BTreeMap<String, String>,
        log: &Arc<Log>,
    ) -> Try {
        let ports = start::ports(self.container, &variables);
        self.pod.set_environment(&self.container.name, &variables);
        let started = match start::process(self.pod, image, self.container, arguments, variables) {
            Ok(started) => started,
            Err(error) => return Try::NotCreated("CreateContainerError", format!("{error:#}")),
        };
        self.begun();
        match self.attend(image, started, ports, log).await {
            Attended::Ended(ending) => Try::Ended(ending),
            Attended::Wished => Try::Wished,
            Attended::Redefined => Try::Redefined,
        }
    }

    /// The container exists and runs.
    fn begun(&self) {
        self.pod
            .tell(self.container, "Created", "Container created");
        let name = &self.container.name;
        self.pod.update(|view| {
            if let Some(container) = view.container(name) {
                container.begin(container_id(), &now());
            }
        });
        self.pod
            .tell(self.container, "Started", "Container started");
    }

    /// A proxy is a task of the lab, an external store somebody else's process: both are ready.
    async fn run_as_task(&mut self) -> Try {
        let name = self.container.name.clone();
        self.pod.update(|view| {
            if let Some(container) = view.container(&name) {
                (container.started, container.ready) = (true, true);
            }
        });
        tokio::select! {
            _ = grace(&mut self.wishes) => {}
            () = redefined(&mut self.definitions, self.container) => {
                self.tell_redefined();
                self.replaced(0, "Completed");
                return Try::Redefined;
            }
        }
        self.tell_stopping();
        self.pod.update(|view| {
            if let Some(container) = view.container(&name) {
                container.end(0, "Completed", &now());
            }
        });
        Try::Wished
    }

    /// Kubernetes' words for a container whose image was changed.
    pub(super) fn tell_redefined(&self) {
        let name = &self.container.name;
        let message = format!("Container {name} definition changed, will be restarted");
        self.pod.tell(self.container, "Killing", message);
    }

    /// Another run follows, whatever the pod's policy.
    pub(super) fn replaced(&self, code: i32, reason: &'static str) {
        let name = &self.container.name;
        self.pod.update(|view| {
            if let Some(container) = view.container(name) {
                container.replace(code, reason, &now());
            }
        });
    }

    pub(super) fn tell_stopping(&self) {
        let name = &self.container.name;
        self.pod.tell(
            self.container,
            "Killing",
            format!("Stopping container {name}"),
        );
    }
}
