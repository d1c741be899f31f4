//! `kill -9` in the middle of writes: whatever was answered is there after the next start, and no
//! transaction is there by half.
#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

mod common;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;

use common::{LIMIT, RunningStore, Wire};
use embedded_redis::Config;

/// Tells the child which file to serve.
const FILE: &str = "STORE_TO_BE_KILLED";

/// Not a test of its own: the process that the other test kills.
#[test]
#[ignore = "runs as a child of the test below"]
fn serve_until_killed() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let append_file = Some(file.into());
    let store = RunningStore::start(Config {
        append_file,
        ..Config::default()
    });
    println!("\nlistening {}", store.address);
    let mut nothing = String::new();
    // The parent holds the other end until it is gone, however it went.
    let _ = std::io::stdin().read_line(&mut nothing);
}

struct Victim(Child);

impl Victim {
    fn start(file: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "serve_until_killed", "--nocapture"])
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    fn address(&mut self) -> String {
        let output = BufReader::new(self.0.stdout.as_mut().unwrap());
        let mut lines = output.lines().map_while(Result::ok);
        lines
            .find_map(|line| Some(line.strip_prefix("listening ")?.to_owned()))
            .unwrap()
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes transactions until the store is gone; returns how many were answered.
fn write_until_dead(address: &str, writer: usize, answered: &AtomicU64) -> u64 {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut client = Wire::new(stream);
    for n in 1.. {
        let transaction =
            format!("MULTI\r\nSET last:{writer} {n}\r\nRPUSH all:{writer} {n}\r\nEXEC\r\n");
        if !client.try_send(transaction.as_bytes()) {
            return n - 1;
        }
        for _ in 0..4 {
            let Some(reply) = client.try_reply() else {
                return n - 1;
            };
            assert_ne!(reply[0], b'-', "{}", reply.escape_ascii());
        }
        answered.fetch_add(1, SeqCst);
    }
    unreachable!("the store outlives all numbers")
}

#[test]
fn what_was_answered_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.aof");
    let mut victim = Victim::start(&file);
    let address = victim.address();
    let answered = AtomicU64::new(0);
    let counts: Vec<u64> = thread::scope(|scope| {
        let (address, answered) = (&address, &answered);
        let writers: Vec<_> = (0..8)
            .map(|writer| scope.spawn(move || write_until_dead(address, writer, answered)))
            .collect();
        let started = std::time::Instant::now();
        while answered.load(SeqCst) < 400 {
            assert!(started.elapsed() < LIMIT, "the store does not answer");
            thread::yield_now();
        }
        victim.kill();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    let store = RunningStore::start(Config {
        append_file: Some(file),
        ..Config::default()
    });
    let mut client = store.client();
    for (writer, answered) in counts.into_iter().enumerate() {
        let last = number(&client.text(&format!("GET last:{writer}")));
        let length = number(&client.text(&format!("LLEN all:{writer}")));
        assert_eq!(
            last, length,
            "writer {writer}: both halves of every transaction"
        );
        assert!(
            last >= answered,
            "writer {writer}: {answered} answered, {last} kept"
        );
    }
}

/// The number in `:5` or in the last line of a bulk string; none is zero.
fn number(reply: &str) -> u64 {
    let last = reply.trim_end().rsplit("\r\n").next().unwrap_or_default();
    last.trim_start_matches(':').parse().unwrap_or(0)
}
