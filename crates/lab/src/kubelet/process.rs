//! A container's process: started, talked to over its link, ended by its process group.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::pod::link::{FromPod, ToPod};

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    leader: Pid,
}

/// Messages of a process.
#[derive(Debug)]
pub(super) struct Said(Lines<BufReader<OwnedReadHalf>>);

/// Messages to a process.
#[derive(Debug)]
pub(super) struct Answers(OwnedWriteHalf);

/// What a process writes.
#[derive(Debug)]
pub(super) struct Written {
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Exit code; 128 + the signal's number where one ended it.
    pub code: i32,
    /// It had taken more memory than its limit.
    pub out_of_memory: bool,
}

impl Process {
    /// Starts `program` with a link as standard input; gives both directions of the link, and
    /// what it writes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(
        program: &Path,
        arguments: &[String],
        environment: &BTreeMap<String, String>,
    ) -> io::Result<(Self, Said, Answers, Written)> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C reaches only the lab, and one signal ends all of it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let leader =
            leader.ok_or_else(|| io::Error::other("the process ended before it had a pid"))?;
        let (stdout, stderr) = child
            .stdout
            .take()
            .zip(child.stderr.take())
            .ok_or_else(|| io::Error::other("the process has no output"))?;
        let (reader, writer) = UnixStream::from_std(ours)?.into_split();
        let said = Said(BufReader::new(reader).lines());
        let process = Self { child, leader };
        Ok((process, said, Answers(writer), Written { stdout, stderr }))
    }

    /// The leader of its process group.
    pub(super) fn leader(&self) -> Pid {
        self.leader
    }

    /// Waits for its end; may be dropped and called again.
    pub(super) async fn wait(&mut self) -> Ending {
        match self.child.wait().await {
            Ok(status) => Ending::of(status),
            Err(error) => {
                tracing::error!(%error, "cannot wait for a process");
                Ending {
                    code: -1,
                    out_of_memory: false,
                }
            }
        }
    }

    /// Asks it to leave.
    pub(super) fn terminate(&self) {
        let _ = kill_process(self.leader, Signal::TERM);
    }

    /// Ends it and all its children now.
    pub(super) fn kill(&self) {
        let _ = kill_process_group(self.leader, Signal::KILL);
    }
}

/// A child of a pod's main process must not outlive it.
impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Said {
    /// The next message; none when the process closed its end.
    pub(super) async fn next(&mut self) -> Option<FromPod> {
        loop {
            let line = self.0.next_line().await.ok()??;
            match serde_json::from_str(&line) {
                Ok(message) => return Some(message),
                Err(error) => tracing::warn!(%error, "a pod said something unintelligible"),
            }
        }
    }
}

impl Answers {
    /// Sends one message; a process that is gone does not mind.
    pub(super) async fn send(&mut self, message: &ToPod) {
        let mut line = serde_json::to_vec(message).expect("a message is plain data");
        line.push(b'\n');
        let _ = self.0.write_all(&line).await;
    }
}

impl Ending {
    fn of(status: ExitStatus) -> Self {
        Self {
            code: status.code().unwrap_or(128 + status.signal().unwrap_or(0)),
            out_of_memory: false,
        }
    }

    /// Kubernetes' reason of a terminated container.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self {
                out_of_memory: true,
                ..
            } => "OOMKilled",
            Self { code: 0, .. } => "Completed",
            Self { .. } => "Error",
        }
    }
}
