//! What clients ask of the kubelets through the API: logs, commands, connections, figures.
//!
//! A real API server hands these requests to the node's kubelet. Here the caller of [`router`]
//! gives each cluster one [`Kubelet`]; this crate speaks the protocols (chunked text, WebSocket,
//! SPDY) and knows nothing of processes.
//!
//! [`router`]: crate::router

use std::io;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::status::Status;

/// One container of one pod.
#[derive(Clone, Copy, Debug)]
pub struct ContainerRef<'a> {
    /// The pod as it is stored; it is bound to a node.
    pub pod: &'a Value,
    /// Name of a container that its spec has.
    pub container: &'a str,
}

/// What is wanted of a log, `PodLogOptions` of Kubernetes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogOptions {
    /// Stay and send what is written from now on, until the container ends.
    pub follow: bool,
    /// The log of the container's run before this one.
    pub previous: bool,
    /// Begin each line with its time.
    pub timestamps: bool,
    /// Only lines that are not older.
    pub since: Option<Timestamp>,
    /// Only this many of the last lines.
    pub tail: Option<u64>,
    /// End after this many bytes.
    pub limit: Option<u64>,
}

/// Pages of a log, as they come.
pub type LogStream = BoxStream<'static, Bytes>;

/// A page of what a command wrote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// To its standard output.
    Stdout(Bytes),
    /// To its standard error.
    Stderr(Bytes),
}

/// The two ends that a command has with its client.
#[derive(Debug)]
pub struct Terminal {
    /// What the client types; closed at its end. None: the client gave no input.
    pub stdin: Option<mpsc::Receiver<Bytes>>,
    /// What the command writes; a slow client holds the command up.
    pub output: mpsc::Sender<Output>,
}

/// How a command ended: its exit code, or why it could not be run.
pub type Exit = Result<i32, Status>;

/// Runs the pods of one cluster.
pub trait Kubelet: Send + Sync {
    /// Opens a container's log.
    ///
    /// # Errors
    /// The answer to the client, where there is no such log yet.
    fn logs(&self, of: ContainerRef<'_>, options: LogOptions) -> Result<LogStream, Status>;

    /// Runs a command in a container. What can be refused before the client's connection becomes
    /// a terminal is refused at once.
    ///
    /// # Errors
    /// The answer to the client, where the container does not run.
    fn exec(
        &self,
        of: ContainerRef<'_>,
        command: Vec<String>,
        terminal: Terminal,
    ) -> Result<BoxFuture<'static, Exit>, Status>;

    /// Shows what a running container writes from now on, until it ends.
    ///
    /// # Errors
    /// The answer to the client, where the container does not run.
    fn attach(
        &self,
        of: ContainerRef<'_>,
        terminal: Terminal,
    ) -> Result<BoxFuture<'static, Exit>, Status>;

    /// Connects to a port of a pod, as from inside it.
    ///
    /// # Errors
    /// When nothing of the pod listens there.
    fn connect(&self, pod: &Value, port: u16) -> BoxFuture<'static, io::Result<TcpStream>>;

    /// `PodMetrics` of the pods that can be measured.
    fn pod_metrics(&self) -> Vec<Value>;

    /// `NodeMetrics` of the nodes.
    fn node_metrics(&self) -> Vec<Value>;
}

/// No kubelet: pods are only objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKubelet;

impl NoKubelet {
    fn refusal() -> Status {
        Status::internal("no kubelet runs the pods of this cluster")
    }
}

impl Kubelet for NoKubelet {
    fn logs(&self, _: ContainerRef<'_>, _: LogOptions) -> Result<LogStream, Status> {
        Err(Self::refusal())
    }

    fn exec(
        &self,
        _: ContainerRef<'_>,
        _: Vec<String>,
        _: Terminal,
    ) -> Result<BoxFuture<'static, Exit>, Status> {
        Err(Self::refusal())
    }

    fn attach(&self, _: ContainerRef<'_>, _: Terminal) -> Result<BoxFuture<'static, Exit>, Status> {
        Err(Self::refusal())
    }

    fn connect(&self, _: &Value, _: u16) -> BoxFuture<'static, io::Result<TcpStream>> {
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    fn pod_metrics(&self) -> Vec<Value> {
        Vec::new()
    }

    fn node_metrics(&self) -> Vec<Value> {
        Vec::new()
    }
}
