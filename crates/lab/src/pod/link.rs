//! The socket between the lab and a pod's process; the process has it as standard input.
//!
//! ```text
//! pod → lab   {"listening":"127.0.0.1:40123"}
//!             {"resolve":{"id":1,"name":"redis","port":6379}}
//! lab → pod   {"resolved":{"id":1,"address":"127.0.0.1:40200"}}
//! ```
//!
//! It is the lifeline too: when the lab is gone, however it went, reading ends
//! and so does the process, with its whole process group. A thread reads, not
//! the async runtime, so that a busy or hung pod ends as surely as an idle one.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use common::outbound::{Resolve, Resolving};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// What a pod's process says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FromPod {
    /// The application accepts connections here.
    Listening(SocketAddr),
    /// Which address stands for this name and port?
    Resolve {
        /// Repeated in the answer.
        id: u64,
        /// A service's name, short or long.
        name: String,
        /// The service's port.
        port: u16,
    },
}

/// What the lab says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToPod {
    /// Answer to [`FromPod::Resolve`].
    Resolved {
        /// As in the question.
        id: u64,
        /// Where to connect; none: no such name.
        address: Option<SocketAddr>,
    },
}

/// The pod's end.
pub struct Link {
    socket: UnixStream,
    next_id: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u64, oneshot::Sender<Option<SocketAddr>>>,
    /// A listener of the sidecar lives as long as the pod, so an answer never changes.
    known: HashMap<(String, u16), SocketAddr>,
}

impl Link {
    /// Takes standard input and starts reading.
    ///
    /// # Errors
    /// When standard input is closed.
    pub fn on_stdin() -> io::Result<Arc<Self>> {
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        let link = Arc::new(Self {
            socket: UnixStream::from(stdin),
            next_id: AtomicU64::new(1),
            state: Mutex::default(),
        });
        let reader = link.socket.try_clone()?;
        let listener = Arc::clone(&link);
        std::thread::Builder::new()
            .name("lifeline".to_owned())
            .spawn(move || {
                listener.read(reader);
                end_process_group();
            })?;
        Ok(link)
    }

    /// Sends one message.
    ///
    /// # Errors
    /// When the lab is gone.
    pub fn say(&self, message: &FromPod) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        (&self.socket).write_all(&line)
    }

    fn read(&self, socket: UnixStream) {
        for line in BufReader::new(socket).lines() {
            let Ok(line) = line else { return };
            match serde_json::from_str(&line) {
                Ok(ToPod::Resolved { id, address }) => {
                    if let Some(asker) = self.state().waiting.remove(&id) {
                        let _ = asker.send(address);
                    }
                }
                Err(error) => tracing::error!(%error, "the lab said something unintelligible"),
            }
        }
    }

    async fn ask(&self, name: &str, port: u16) -> io::Result<SocketAddr> {
        let key = (name.to_owned(), port);
        if let Some(address) = self.state().known.get(&key) {
            return Ok(*address);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (asker, answer) = oneshot::channel();
        self.state().waiting.insert(id, asker);
        let name = key.0.clone();
        self.say(&FromPod::Resolve { id, name, port })?;
        let unknown = || {
            let text = format!("no service {}:{port} in this cluster", key.0);
            io::Error::new(io::ErrorKind::NotFound, text)
        };
        let address = answer.await.ok().flatten().ok_or_else(unknown)?;
        self.state().known.insert(key, address);
        Ok(address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Resolve for Link {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(async move { Ok(vec![self.ask(name, port).await?]) })
    }
}

/// The lab made this process the leader of a group of its own; children are in it.
fn end_process_group() -> ! {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::KILL);
    std::process::exit(1)
}
