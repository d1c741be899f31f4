//! A real redis-server on a free port.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{tools, wait};

/// A running redis-server; it ends with this handle.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    folder: TempDir,
    address: SocketAddr,
    child: Child,
}

impl RedisServer {
    /// Starts one, `appendfsync always`, data in a temporary folder; none after a loud skip.
    ///
    /// # Panics
    /// When it does not come up within ten seconds.
    pub async fn start() -> Option<Self> {
        let program = tools::find_any(&["redis-server", "valkey-server"])?;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let address = free_address();
        let child = spawn(&program, &folder, address);
        let mut server = Self {
            program,
            folder,
            address,
            child,
        };
        server.wait_until_it_listens().await;
        Some(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it; data stays for [`RedisServer::restart`].
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Starts it again on the same address and data.
    pub async fn restart(&mut self) {
        self.child = spawn(&self.program, &self.folder, self.address);
        self.wait_until_it_listens().await;
    }

    async fn wait_until_it_listens(&mut self) {
        let address = self.address;
        wait::until(
            "redis-server to listen",
            Duration::from_secs(10),
            async || tokio::net::TcpStream::connect(address).await.is_ok(),
        )
        .await;
    }
}

fn spawn(program: &PathBuf, folder: &TempDir, address: SocketAddr) -> Child {
    Command::new(program)
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        .args([
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
        ])
        .arg("--dir")
        .arg(folder.path())
        .stdout(Stdio::null())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server can be started")
}

/// An address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("loopback has a free port")
}
