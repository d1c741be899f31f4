//! A container's process while it runs: its link, its probes, its memory, its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::LifecycleHandler;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::container::ContainerRun;
use super::definition::redefined;
use super::image::Image;
use super::log::{Log, Origin, collect};
use super::pod::PodRun;
use super::probe::{Application, Probe, Question};
use super::probing::{Ask, Finding, Kind, Probes};
use super::process::{Answers, Ending, Process, Said, Written};
use super::runner::{grace, grace_of};
use super::shell::Senders;
use super::start::Started;
use super::{memory, shell};
use crate::pod::link::{FromPod, ToPod};

/// Longest wait for every proxy to learn that a pod leaves, before it is told to; on a machine that
/// is not busy it takes milliseconds.
const UNLEARN: Duration = Duration::from_secs(10);
/// How long output may still come after the process ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why a process is no longer attended.
pub(super) enum Attended {
    /// It ended by itself, or by its probes or its memory.
    Ended(Ending),
    /// The pod was wished to end, and it did.
    Wished,
    /// It was ended to run as another image.
    Redefined,
}

/// What happened to a running process.
enum Event {
    Said(Option<FromPod>),
    Found(Finding),
    OutOfMemory,
    Ended(Ending),
    Wished(Duration),
    Redefined,
}

/// The process and what belongs to its run.
struct Attendance {
    process: Process,
    said: Option<Said>,
    answers: Answers,
    found: mpsc::Receiver<Finding>,
    findings: mpsc::Sender<Finding>,
    probing: Option<AbortOnDropHandle<()>>,
    memory: memory::Watch,
}

/// Asks over the network or runs a command in the container.
struct Asker {
    pod: Arc<PodRun>,
    container: String,
    application: Application,
}

impl Ask for Asker {
    async fn ask(&self, probe: &Probe) -> Result<(), String> {
        match &probe.question {
            Question::Exec(command) => {
                let run = shell::succeeds(&self.pod, &self.container, command, Senders::Unknown);
                tokio::time::timeout(probe.timeout, run)
                    .await
                    .unwrap_or_else(|_| {
                        Err(format!(
                            "command timed out: {command:?} timed out after {:?}",
                            probe.timeout
                        ))
                    })
            }
            _ => probe.ask(&self.application).await,
        }
    }
}

impl ContainerRun<'_> {
    /// Attends a process until it has ended.
    pub(super) async fn attend(
        &mut self,
        image: Image,
        (process, said, answers, written): Started,
        ports: Vec<u16>,
        log: &Arc<Log>,
    ) -> Attended {
        self.pod
            .set_process(&self.container.name, Some(process.leader()));
        // A task, so that a full pipe never holds the process up.
        let output = tokio::spawn(collect_both(written, Arc::clone(log)));
        let (findings, found) = mpsc::channel(8);
        let mut attendance = Attendance {
            memory: memory::Watch::new(process.leader(), memory::limit(self.container)),
            process,
            said: Some(said),
            answers,
            found,
            findings,
            probing: None,
        };
        let attended = self.attend_events(image, &mut attendance, &ports).await;
        // What a process leaves running would keep its pipes open.
        attendance.process.kill();
        let _ = tokio::time::timeout(LAST_WORDS, output).await;
        self.pod.set_process(&self.container.name, None);
        if self.is_application() {
            self.pod.set_application(None);
        }
        attended
    }

    async fn attend_events(
        &mut self,
        image: Image,
        attendance: &mut Attendance,
        ports: &[u16],
    ) -> Attended {
        if self.listens_to_nothing(image) {
            attendance.probe(self, None, ports);
        }
        loop {
            match attendance.next(self).await {
                Event::Ended(ending) => return Attended::Ended(ending),
                Event::OutOfMemory => return Attended::Ended(attendance.out_of_memory().await),
                Event::Said(None) => attendance.said = None,
                Event::Said(Some(FromPod::Listening(real))) => {
                    self.application_is_up(image, real, ports);
                    attendance.probe(self, Some(real), ports);
                }
                Event::Said(Some(FromPod::Resolve { id, name, port })) => {
                    let address = self.pod.resolve(&name, port);
                    attendance
                        .answers
                        .send(&ToPod::Resolved { id, address })
                        .await;
                }
                Event::Found(Finding::Restart(kind)) => {
                    self.tell_failed(kind);
                    return Attended::Ended(self.restart(attendance).await);
                }
                Event::Found(finding) => self.note(finding),
                Event::Redefined => {
                    self.tell_redefined();
                    let ending = self.restart(attendance).await;
                    self.replaced(ending.code, ending.reason());
                    return Attended::Redefined;
                }
                Event::Wished(grace) => {
                    drop(attendance.probing.take());
                    self.stop(&mut attendance.process, grace).await;
                    return Attended::Wished;
                }
            }
        }
    }

    /// A client has no socket to be probed on: it is ready when it runs.
    fn listens_to_nothing(&self, image: Image) -> bool {
        let has_command = self.container.command.is_some();
        matches!(image, Image::Curl) || (matches!(image, Image::Service(_)) && has_command)
    }

    /// Kubernetes knows no main container; the lab connects the first one to the pod's network.
    fn is_application(&self) -> bool {
        let containers = self
            .pod
            .pod
            .spec
            .as_ref()
            .map(|spec| spec.containers.as_slice());
        containers
            .and_then(<[_]>::first)
            .is_some_and(|first| first.name == self.container.name)
    }

    fn application_is_up(&self, image: Image, real: SocketAddr, ports: &[u16]) {
        if self.is_application() {
            self.pod.set_application(Some((real, ports.to_vec())));
        }
        if image == Image::Redis && self.pod.is_theaters_store() {
            self.pod.kubelet.note_redis(real);
        }
    }

    fn note(&self, finding: Finding) {
        let name = &self.container.name;
        match finding {
            Finding::Failed(kind, why) => {
                let message = format!("{} probe failed: {why}", kind.title());
                self.pod.warn(self.container, "Unhealthy", message);
            }
            Finding::Started => self.pod.update(|view| {
                if let Some(container) = view.container(name) {
                    container.started = true;
                }
            }),
            Finding::Ready(ready) => self.pod.update(|view| {
                if let Some(container) = view.container(name) {
                    container.ready = ready;
                }
            }),
            Finding::Restart(_) => {}
        }
    }

    fn tell_failed(&self, kind: Kind) {
        let (name, kind) = (&self.container.name, kind.name());
        let message = format!("Container {name} failed {kind} probe, will be restarted");
        self.pod.tell(self.container, "Killing", message);
    }

    /// Ends the process while its pod stays.
    async fn restart(&mut self, attendance: &mut Attendance) -> Ending {
        drop(attendance.probing.take());
        let grace = grace_of(self.pod);
        self.hook(grace, Senders::Unknown).await;
        end(&mut attendance.process, grace).await
    }

    /// Ends the process as wished: first nothing new comes to it, then it is asked, then made to.
    async fn stop(&mut self, process: &mut Process, grace: Duration) {
        self.tell_stopping();
        let began = tokio::time::Instant::now();
        if !grace.is_zero() {
            // Answers under way say that the pod leaves, then nobody chooses it any more, and no
            // idle connection still leads to it.
            self.pod.attachment.drain();
            let mesh = &self.pod.kubelet.mesh;
            let settled = tokio::time::timeout(UNLEARN.min(grace), mesh.settled()).await;
            mesh.leave_gateways();
            let senders = settled.map_or(Senders::Unknown, |()| Senders::Gone);
            self.hook(grace, senders).await;
        }
        // Kubernetes: the hook's time counts, but two seconds are always left.
        let left = grace
            .saturating_sub(began.elapsed())
            .max(grace.min(Duration::from_secs(2)));
        let ending = end(process, left).await;
        let name = &self.container.name;
        self.pod.update(|view| {
            view.ending = true;
            if let Some(container) = view.container(name) {
                container.end(ending.code, ending.reason(), &crate::controllers::now());
            }
        });
    }

    /// Runs the container's preStop hook, within the grace period.
    async fn hook(&self, grace: Duration, senders: Senders) {
        let lifecycle = self.container.lifecycle.as_ref();
        let Some(hook) = lifecycle.and_then(|it| it.pre_stop.as_ref()) else {
            return;
        };
        let run = run_hook(self.pod, &self.container.name, hook, senders);
        let ran = tokio::time::timeout(grace, run).await;
        if !matches!(ran, Ok(Ok(()))) {
            self.pod
                .warn(self.container, "FailedPreStopHook", "PreStopHook failed");
        }
    }
}

async fn run_hook(
    pod: &Arc<PodRun>,
    container: &str,
    hook: &LifecycleHandler,
    senders: Senders,
) -> Result<(), String> {
    if let Some(sleep) = &hook.sleep {
        tokio::time::sleep(Duration::from_secs(
            u64::try_from(sleep.seconds).unwrap_or(0),
        ))
        .await;
    }
    match &hook.exec {
        Some(exec) => {
            let command = exec.command.clone().unwrap_or_default();
            shell::succeeds(pod, container, &command, senders).await
        }
        None => Ok(()),
    }
}

impl Attendance {
    async fn next(&mut self, run: &mut ContainerRun<'_>) -> Event {
        let said = async {
            match &mut self.said {
                Some(said) => said.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ending = self.process.wait() => Event::Ended(ending),
            said = said => Event::Said(said),
            Some(finding) = self.found.recv() => Event::Found(finding),
            () = self.memory.exceeded() => Event::OutOfMemory,
            grace = grace(&mut run.wishes) => Event::Wished(grace),
            () = redefined(&mut run.definitions, run.container) => Event::Redefined,
        }
    }

    fn probe(&mut self, run: &ContainerRun<'_>, real: Option<SocketAddr>, ports: &[u16]) {
        let asker = Asker {
            pod: Arc::clone(run.pod),
            container: run.container.name.clone(),
            application: Application {
                pod_ip: run.pod.place.pod_ip,
                real: real.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
                ports: if real.is_some() {
                    ports.to_vec()
                } else {
                    Vec::new()
                },
            },
        };
        let probes = Probes::of(run.container).run(asker, self.findings.clone());
        self.probing = Some(AbortOnDropHandle::new(tokio::spawn(probes)));
    }

    async fn out_of_memory(&mut self) -> Ending {
        self.process.kill();
        Ending {
            out_of_memory: true,
            ..self.process.wait().await
        }
    }
}

async fn collect_both(written: Written, log: Arc<Log>) {
    tokio::join!(
        collect(written.stdout, Origin::Stdout, Arc::clone(&log)),
        collect(written.stderr, Origin::Stderr, Arc::clone(&log)),
    );
}

/// SIGTERM, the grace period, SIGKILL.
async fn end(process: &mut Process, grace: Duration) -> Ending {
    if !grace.is_zero() {
        process.terminate();
        if let Ok(ending) = tokio::time::timeout(grace, process.wait()).await {
            return ending;
        }
    }
    process.kill();
    process.wait().await
}
