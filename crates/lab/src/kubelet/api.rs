//! What clients ask of the pods that run here.

use std::io;
use std::sync::Arc;

use apiserver::kubelet::{ContainerRef, Exit, LogOptions, LogStream, Output, Terminal};
use apiserver::object;
use apiserver::status::Status;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;

use super::log::{self, Log};
use super::pod::PodRun;
use super::shell::Senders;
use super::{Kubelet, shell};

/// Which of a container's logs is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Current,
    Previous,
}

impl apiserver::kubelet::Kubelet for Kubelet {
    fn logs(&self, of: ContainerRef<'_>, options: LogOptions) -> Result<LogStream, Status> {
        let name = object::name(of.pod);
        let run = run_of(of, options.previous).map_err(Status::bad_request)?;
        let pod = self.find(of.pod);
        let log = pod
            .as_deref()
            .and_then(|pod| log_of(pod, of.container, run));
        let missing = || {
            Status::bad_request(format!(
                "container \"{}\" in pod \"{name}\" is not available",
                of.container
            ))
        };
        let log = log.ok_or_else(missing)?;
        log::read(log, options)
            .map_err(|error| Status::internal(format!("cannot read the log: {error}")))
    }

    fn exec(
        &self,
        of: ContainerRef<'_>,
        command: Vec<String>,
        terminal: Terminal,
    ) -> Result<BoxFuture<'static, Exit>, Status> {
        let pod = self.running(of)?;
        Ok(shell::exec(
            &pod,
            of.container,
            &command,
            terminal,
            Senders::Unknown,
        ))
    }

    /// The lab's containers start long before a client can attach, so it is shown all of the run.
    fn attach(
        &self,
        of: ContainerRef<'_>,
        terminal: Terminal,
    ) -> Result<BoxFuture<'static, Exit>, Status> {
        let pod = self.running(of)?;
        let log = log_of(&pod, of.container, Run::Current).ok_or_else(|| not_found(of))?;
        // Who attaches sees what comes, not what was.
        let options = LogOptions {
            follow: true,
            tail: Some(0),
            ..LogOptions::default()
        };
        let pages = log::read(log, options);
        let mut pages =
            pages.map_err(|error| Status::internal(format!("cannot read the log: {error}")))?;
        Ok(async move {
            while let Some(page) = pages.next().await {
                if terminal.output.send(Output::Stdout(page)).await.is_err() {
                    break;
                }
            }
            Ok(0)
        }
        .boxed())
    }

    fn connect(&self, pod: &Value, port: u16) -> BoxFuture<'static, io::Result<TcpStream>> {
        let real = self.find(pod).and_then(|pod| pod.listener(port));
        async move {
            let real = real.ok_or_else(|| {
                io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused")
            })?;
            TcpStream::connect(real).await
        }
        .boxed()
    }

    fn pod_metrics(&self) -> Vec<Value> {
        self.usage.pods(&self.pods())
    }

    fn node_metrics(&self) -> Vec<Value> {
        self.usage.nodes(&self.store, &self.pods())
    }
}

impl Kubelet {
    fn find(&self, pod: &Value) -> Option<Arc<PodRun>> {
        let uid = object::text(pod, &["metadata", "uid"]);
        self.pods().into_iter().find(|it| it.uid() == uid)
    }

    /// The pod of a container that runs now.
    fn running(&self, of: ContainerRef<'_>) -> Result<Arc<PodRun>, Status> {
        let state = status_of(of).map(|status| &status["state"]);
        match state.and_then(|state| state.get("running")) {
            Some(_) => self.find(of.pod).ok_or_else(|| not_found(of)),
            None => Err(not_found(of)),
        }
    }
}

fn not_found(of: ContainerRef<'_>) -> Status {
    Status::internal(format!("container not found (\"{}\")", of.container))
}

fn log_of(pod: &PodRun, container: &str, run: Run) -> Option<Arc<Log>> {
    let logs = pod.logs.get(container)?;
    match run {
        Run::Current => logs.current(),
        Run::Previous => logs.previous(),
    }
}

fn status_of<'a>(of: ContainerRef<'a>) -> Option<&'a Value> {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let all = lists
        .into_iter()
        .filter_map(|list| of.pod["status"][list].as_array())
        .flatten();
    all.into_iter()
        .find(|status| status["name"] == of.container)
}

/// Which log there is, by the container's state; else a kubelet's words for why there is none.
fn run_of(of: ContainerRef<'_>, previous: bool) -> Result<Run, String> {
    let (container, pod) = (of.container, object::name(of.pod));
    let Some(status) = status_of(of) else {
        return Err(format!(
            "container \"{container}\" in pod \"{pod}\" is not available"
        ));
    };
    let ended_before = !status["lastState"]["terminated"].is_null();
    let state = &status["state"];
    if previous {
        return match (ended_before, state.get("waiting")) {
            // The last run is over and no other has begun.
            (true, Some(_)) => Ok(Run::Current),
            (true, None) => Ok(Run::Previous),
            (false, _) => Err(format!(
                "previous terminated container \"{container}\" in pod \"{pod}\" not found"
            )),
        };
    }
    match state.get("waiting") {
        Some(waiting) if !ended_before => {
            let why = match waiting["reason"].as_str().unwrap_or_default() {
                "ErrImagePull" => "image can't be pulled",
                "ImagePullBackOff" => "trying and failing to pull image",
                other => other,
            };
            Err(format!(
                "container \"{container}\" in pod \"{pod}\" is waiting to start: {why}"
            ))
        }
        _ => Ok(Run::Current),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn which_log_there_is_follows_from_the_state() {
        let ended = json!({"terminated": {"exitCode": 1}});
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        let running = json!({"running": {}});
        let none = json!({});
        let starts = |why: &str| {
            Err(format!(
                "container \"c\" in pod \"p\" is waiting to start: {why}"
            ))
        };
        let never = Err("previous terminated container \"c\" in pod \"p\" not found".to_owned());
        let rows = [
            (&running, &none, false, Ok(Run::Current)),
            (&running, &none, true, never.clone()),
            (&running, &ended, true, Ok(Run::Previous)),
            (&ended, &none, false, Ok(Run::Current)),
            (
                &waiting("CrashLoopBackOff"),
                &ended,
                false,
                Ok(Run::Current),
            ),
            (&waiting("CrashLoopBackOff"), &ended, true, Ok(Run::Current)),
            (
                &waiting("ContainerCreating"),
                &none,
                false,
                starts("ContainerCreating"),
            ),
            (
                &waiting("ErrImagePull"),
                &none,
                false,
                starts("image can't be pulled"),
            ),
            (
                &waiting("ImagePullBackOff"),
                &none,
                false,
                starts("trying and failing to pull image"),
            ),
            (&waiting("ImagePullBackOff"), &none, true, never),
        ];
        for (state, last, previous, expected) in rows {
            let pod = json!({"metadata": {"name": "p"}, "status": {"containerStatuses": [
                {"name": "c", "state": state, "lastState": last},
            ]}});
            let of = ContainerRef {
                pod: &pod,
                container: "c",
            };
            assert_eq!(run_of(of, previous), expected, "{state} {last} {previous}");
        }
    }
}
