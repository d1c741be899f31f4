//! Holds a program that is not ours: it knows nothing of the link, so this
//! process holds it in its place, and ends it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::link::{FromPod, Link};

/// A store that does not accept connections by then has failed (loading a large file takes time).
const START_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// Another process may take a port between our look and the store's start.
const TRIES: usize = 3;

/// Runs redis-server until it ends or SIGTERM comes.
pub(super) async fn run(
    link: &Link,
    program: &Path,
    port: u16,
    dir: &Path,
    arguments: &[String],
) -> Result<()> {
    for preferred in std::iter::once(port).chain(std::iter::repeat_n(0, TRIES - 1)) {
        let address = free_address(preferred).await?;
        let mut child = spawn(program, address, dir, arguments)?;
        if accepts(&mut child, address).await? {
            link.say(&FromPod::Listening(address))?;
            return until_the_end(child).await;
        }
    }
    bail!(
        "{} did not start in {TRIES} tries; its log is above",
        program.display()
    )
}

fn spawn(program: &Path, address: SocketAddr, dir: &Path, arguments: &[String]) -> Result<Child> {
    Command::new(program)
        .args(arguments)
        // Of options given twice the last one counts.
        .args(["--bind", &address.ip().to_string()])
        .args(["--port", &address.port().to_string()])
        .arg("--dir")
        .arg(dir)
        .args(["--daemonize", "no", "--save", ""])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}; is it executable?", program.display()))
}

/// Whether the store came up; false where it ended instead.
async fn accepts(child: &mut Child, address: SocketAddr) -> Result<bool> {
    let waiting = async {
        loop {
            if child.try_wait()?.is_some() {
                return Ok(false);
            }
            if TcpStream::connect(address).await.is_ok() {
                return Ok(true);
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(START_LIMIT, waiting)
        .await
        .with_context(|| format!("the store did not accept connections within {START_LIMIT:?}"))?
}

async fn until_the_end(mut child: Child) -> Result<()> {
    let status = tokio::select! {
        status = child.wait() => status?,
        () = common::drain::terminated() => {
            if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            child.wait().await?;
            return Ok(());
        }
    };
    bail!("the store ended by itself: {status}")
}

async fn free_address(preferred: u16) -> std::io::Result<SocketAddr> {
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, preferred)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
    };
    listener.local_addr()
}
