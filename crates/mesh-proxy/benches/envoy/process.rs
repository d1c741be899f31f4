//! The measured proxy as a process: started on its core, read, ended.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The core of the measured proxy.
const PROXY: usize = 0;
/// The core of everything else.
pub(crate) const REST: usize = 1;
/// Linux counts processor time in hundredths of a second for every user program.
const TICK: Duration = Duration::from_millis(10);

/// A proxy that runs.
#[derive(Debug)]
pub(crate) struct Measured {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Measured {
    /// Starts a program on the proxy's core; `listening` finds out where it does.
    pub(crate) fn start(
        program: &str,
        arguments: &[&str],
        listening: impl FnOnce(&mut Child) -> SocketAddr,
    ) -> Self {
        let mut child = Command::new("taskset")
            .args(["--cpu-list", &PROXY.to_string(), program])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = listening(&mut child);
        Self { child, address }
    }

    /// Processor time used so far, of the program and of the kernel for it.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = self.read("stat");
        // After the name in brackets; `utime` and `stime` are the 14th and 15th field of all.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u32 = ticks.map(|it| it.parse::<u32>().unwrap()).sum();
        TICK * ticks
    }

    /// Its proportional share of memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let rollup = self.read("smaps_rollup");
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next());
        kibibytes.unwrap().parse::<u64>().unwrap() * 1024
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What this benchmark needs and does not find.
pub(crate) fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") || std::thread::available_parallelism().unwrap().get() < 2 {
        return Some("Linux with two cores is needed".into());
    }
    let tool = ["taskset", "envoy"].into_iter().find(|tool| {
        let version = Command::new(tool).arg("--version").output();
        !version.is_ok_and(|output| output.status.success())
    });
    tool.map(|tool| format!("{tool} is not on PATH"))
}

/// Keeps this process to one core.
pub(crate) fn keep_to_core(core: usize) {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args([
            "--all-tasks",
            "--cpu-list",
            "--pid",
            &core.to_string(),
            &pid,
        ])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(pinned.success(), "taskset pins this process");
}
