//! Each line of `same_as_redis/*.redis` goes to a real `redis-server` and to the store; the replies
//! must be the same bytes, in RESP2 and in RESP3. Lines with `~` in front hold elements in an order
//! that Redis leaves open: their lines are compared sorted.
#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

mod common;
#[path = "common/lines.rs"]
mod lines;

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use common::{LIMIT, RunningStore, Wire};
use embedded_redis::Config;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// A `redis-server` on a socket in a directory of its own; ends with the test.
struct RealRedis {
    process: Child,
    directory: tempfile::TempDir,
}

impl RealRedis {
    /// `None` where no `redis-server` is installed.
    fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let spawned = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .args(["--dir".as_ref(), directory.path().as_os_str()])
            .args([
                "--unixsocket".as_ref(),
                directory.path().join("socket").as_os_str(),
            ])
            .stdout(Stdio::null())
            .spawn();
        match spawned {
            Ok(process) => Some(Self { process, directory }),
            Err(cause) if cause.kind() == ErrorKind::NotFound => None,
            Err(cause) => panic!("redis-server does not start: {cause}"),
        }
    }

    fn client(&self) -> Wire<UnixStream> {
        let started = Instant::now();
        loop {
            match UnixStream::connect(self.directory.path().join("socket")) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(LIMIT)).unwrap();
                    return Wire::new(stream);
                }
                Err(cause) => assert!(started.elapsed() < LIMIT, "no redis-server: {cause}"),
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for RealRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A real Redis, or none where it may be missing.
fn real_redis() -> Option<RealRedis> {
    let redis = RealRedis::start();
    if redis.is_none() {
        let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(
            !in_ci,
            "redis-server is missing: install it, this comparison must run in CI"
        );
        eprintln!("SKIPPED: no redis-server on PATH, nothing was compared");
    }
    redis
}

#[test]
fn replies_are_the_bytes_of_a_real_redis() {
    let Some(redis) = real_redis() else { return };
    let store = RunningStore::start(Config::default());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/same_as_redis");
    let mut differences = Vec::new();
    let mut lines = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let script = std::fs::read_to_string(&path).unwrap();
        for resp3 in [false, true] {
            let (mut real, mut ours) = (redis.client(), store.client());
            begin(&mut real, resp3);
            begin(&mut ours, resp3);
            for (number, line) in script.lines().enumerate() {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                lines += 1;
                let name = path.file_name().unwrap().display();
                if let Some(difference) = compare(&mut real, &mut ours, line) {
                    differences.push(format!("{name}:{} resp3={resp3} {difference}", number + 1));
                }
            }
        }
    }
    assert!(lines > 500, "only {lines} lines were compared");
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// What no list of cases thought of; a failure is shrunk to its shortest script.
#[test]
fn random_scripts_are_answered_as_by_a_real_redis() {
    let Some(redis) = real_redis() else { return };
    let store = RunningStore::start(Config::default());
    let scripts = (
        prop::collection::vec(lines::comparable_line(), 1..100),
        any::<bool>(),
    );
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..<_>::default()
    });
    let outcome = runner.run(&scripts, |(script, resp3)| {
        let (mut real, mut ours) = (redis.client(), store.client());
        begin(&mut real, resp3);
        begin(&mut ours, resp3);
        for line in &script {
            // Members of hashes and sets come in any order, in transactions too.
            let unordered = ["HGETALL", "SMEMBERS", "EXEC"]
                .iter()
                .any(|name| line.starts_with(name));
            let line = if unordered {
                format!("~{line}")
            } else {
                line.clone()
            };
            if let Some(difference) = compare(&mut real, &mut ours, &line) {
                return Err(TestCaseError::fail(difference));
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

fn begin(client: &mut Wire<impl Read + Write>, resp3: bool) {
    client.resp3 = resp3;
    if resp3 {
        client.line("HELLO 3");
    }
    assert_eq!(client.text("FLUSHALL"), "+OK\r\n");
}

fn compare(
    real: &mut Wire<impl Read + Write>,
    ours: &mut Wire<impl Read + Write>,
    line: &str,
) -> Option<String> {
    let (command, unordered) = match line.strip_prefix('~') {
        Some(command) => (command.trim(), true),
        None => (line, false),
    };
    let (expected, found) = (real.line(command), ours.line(command));
    let same = if unordered {
        sorted(&expected) == sorted(&found)
    } else {
        expected == found
    };
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
    (!same).then(|| {
        format!(
            "{command}\n  redis {}\n  store {}",
            shown(&expected),
            shown(&found)
        )
    })
}

fn sorted(reply: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = reply.split(|&byte| byte == b'\n').collect();
    lines.sort_unstable();
    lines
}
