//! What a container's process is started with.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use common::env::CONTAINER_ROOT;
use k8s_openapi::api::core::v1::Container;

use super::environment::expand;
use super::folders;
use super::image::Image;
use super::pod::PodRun;
use super::process::{Answers, Process, Said, Written};
use super::program::{self, Program};
use crate::state::VOLUMES;

/// A process that has just begun, its link and its output.
pub(super) type Started = (Process, Said, Answers, Written);

/// What the container runs.
///
/// # Errors
/// When its volume cannot be made.
pub(super) fn program_of(pod: &PodRun, image: Image, container: &Container) -> Result<Program> {
    let kubelet = &pod.kubelet;
    if image != Image::Redis {
        return Ok(program::program(
            image,
            container,
            &kubelet.backend,
            0,
            &pod.scratch,
        ));
    }
    let port = if pod.is_theaters_store() {
        kubelet.redis_port()
    } else {
        0
    };
    let volume = volume(pod)?;
    Ok(program::program(
        image,
        container,
        &kubelet.backend,
        port,
        &volume,
    ))
}

/// The folder behind the pod's claim; without one, the pod's own.
fn volume(pod: &PodRun) -> Result<PathBuf> {
    let kubelet = &pod.kubelet;
    let Some(claim) = program::claim_of(&pod.pod) else {
        fs::create_dir_all(&pod.scratch).context("cannot make the pod's folder")?;
        return Ok(pod.scratch.clone());
    };
    let volumes = kubelet.state.path(VOLUMES);
    folders::claim(&volumes, kubelet.facts.name, &pod.key.namespace, claim)
        .with_context(|| format!("cannot make the volume of claim {claim}"))
}

/// Starts the process of a container.
///
/// # Errors
/// When its volumes cannot be mounted or the process cannot be started.
pub(super) fn process(
    pod: &PodRun,
    image: Image,
    container: &Container,
    arguments: &[String],
    mut variables: BTreeMap<String, String>,
) -> Result<Started> {
    let kubelet = &pod.kubelet;
    // Kubernetes: a command and its arguments may name the container's variables.
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| expand(argument, &variables))
        .collect();
    pod.volumes
        .mount(container)
        .context("cannot mount its volumes")?;
    let root = pod.volumes.root(&container.name).display().to_string();
    variables.insert(CONTAINER_ROOT.to_owned(), root);
    variables.retain(|name, _| !program::is_dangerous(name));
    if image == Image::Service("api-gateway") {
        // Stands for the service account's token and the remote Secret, which need https.
        let kubeconfig = kubelet.state.path("kubeconfig").display().to_string();
        variables.insert("KUBECONFIG".to_owned(), kubeconfig);
    }
    let started = Process::start(&kubelet.program, &arguments, &variables)
        .context("cannot start the container's process")?;
    kubelet.leftovers.note(started.0.leader());
    Ok(started)
}

/// The ports a container's application listens on in the pod's network: those it declares, else
/// the one its variables name.
pub(super) fn ports(container: &Container, variables: &BTreeMap<String, String>) -> Vec<u16> {
    let declared = container.ports.iter().flatten();
    let mut ports: Vec<u16> = declared
        .filter_map(|port| u16::try_from(port.container_port).ok())
        .collect();
    if ports.is_empty() {
        let named = variables
            .get("PORT")
            .and_then(|port| port.parse::<u16>().ok());
        ports.extend(named);
    }
    ports
}

/// containerd's words around what runc says of a command that cannot be started.
pub(super) fn runtime_refuses(why: &str) -> String {
    format!(
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: \
         runc create failed: unable to start container process: error during container init: {why}: unknown"
    )
}
