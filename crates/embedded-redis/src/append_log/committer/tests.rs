use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::append_log::load;
use crate::config::Config;
use crate::db::{Db, Now};
use crate::session::Session;
use crate::status::Status;
use crate::store::Ticket;
use crate::wire::Reply;

const LIMIT: Duration = Duration::from_secs(30);

struct Bench {
    store: Arc<Store>,
    session: Session,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            append_file: Some("anything".into()),
            ..Config::default()
        };
        let store = Arc::new(Store::new(Db::default(), Status::new(&config, 0, Now(0))));
        let session = Session::new(1, "127.0.0.1:1".parse().unwrap(), true);
        Self {
            store,
            session,
            directory,
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("store.aof")
    }

    fn write(&mut self, line: &str) -> (Reply, Option<Ticket>) {
        let request = line
            .split(' ')
            .map(|word| Bytes::copy_from_slice(word.as_bytes()))
            .collect();
        let answer = self
            .store
            .execute(&mut self.session, request, Now(1_000_000));
        (answer.reply, answer.ticket)
    }

    fn spawn(&self, rewrite_above: u64) -> JoinHandle<()> {
        let (_, file) = load(&self.path()).unwrap();
        Committer::new(Arc::clone(&self.store), file, rewrite_above)
            .spawn()
            .unwrap()
    }

    fn durable(&self, ticket: Ticket) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let wait = async { tokio::time::timeout(LIMIT, self.store.durable(ticket)).await };
        runtime
            .block_on(wait)
            .expect("within the limit")
            .map_err(|error| error.reason.to_string())
    }

    fn stop(&self, thread: JoinHandle<()>) {
        self.store.close();
        thread.join().unwrap();
    }
}

fn keyspace_of(path: &Path) -> Db {
    load(path).unwrap().0
}

#[test]
fn writes_that_wait_together_share_one_fsync() {
    let mut bench = Bench::new();
    let last = (0..16)
        .filter_map(|n| bench.write(&format!("SET k{n} v")).1)
        .last()
        .unwrap();
    assert_eq!(last, 16);
    let thread = bench.spawn(u64::MAX);
    bench.durable(last).unwrap();
    let store = Arc::clone(&bench.store);
    let figures = &store.status.append_file;
    assert_eq!(figures.fsyncs.load(Relaxed), 1);
    let (_, ticket) = bench.write("SET again v");
    bench.durable(ticket.unwrap()).unwrap();
    assert_eq!(figures.fsyncs.load(Relaxed), 2);
    assert_eq!(
        figures.bytes.load(Relaxed),
        std::fs::metadata(bench.path()).unwrap().len()
    );
    bench.stop(thread);
    assert_eq!(keyspace_of(&bench.path()), bench.store.keyspace());
}

#[test]
fn reads_and_writes_without_effect_wait_for_nothing() {
    let mut bench = Bench::new();
    bench.write("SET a 1");
    for line in ["GET a", "SET a 2 NX", "DEL nope", "PING"] {
        assert_eq!(bench.write(line).1, None, "{line}");
    }
}

#[test]
fn what_is_pending_at_the_end_is_written() {
    let mut bench = Bench::new();
    bench.write("SET a 1");
    let thread = bench.spawn(u64::MAX);
    bench.stop(thread);
    assert_eq!(keyspace_of(&bench.path()), bench.store.keyspace());
}

#[test]
fn a_disk_that_fails_never_yields_an_ok() {
    let mut bench = Bench::new();
    load(&bench.path()).unwrap();
    let file = AppendFile::read_only(&bench.path());
    let ticket = bench.write("SET a 1").1.unwrap();
    let thread = Committer::new(Arc::clone(&bench.store), file, u64::MAX)
        .spawn()
        .unwrap();
    let reason = bench.durable(ticket).unwrap_err();
    assert!(
        reason.starts_with("MISCONF append file") && reason.contains("store.aof"),
        "{reason}"
    );
    thread.join().unwrap();
    assert_eq!(bench.write("SET b 1").0, Reply::Error(reason.clone()));
    assert_eq!(bench.write("GET a").0, Reply::text("1"), "reads go on");
    assert_eq!(bench.store.failure().as_deref(), Some(reason.as_str()));
    assert_eq!(keyspace_of(&bench.path()), Db::default());
}

#[test]
fn a_grown_file_is_rewritten_while_writes_go_on() {
    let mut bench = Bench::new();
    let thread = bench.spawn(4096);
    let figures = |bench: &Bench| bench.store.status.append_file.rewrites.load(Relaxed);
    let mut round = 0;
    // How many writes pass meanwhile is up to the two threads; each must be in the new file.
    while figures(&bench) < 3 {
        let line = format!("SET k{} {round}", round % 50);
        bench.write(&line);
        let (_, ticket) = bench.write(&format!("RPUSH list{} {round}", round % 7));
        bench.durable(ticket.unwrap()).unwrap();
        bench.write("LTRIM list0 -3 -1");
        round += 1;
        assert!(round < 100_000, "no rewrite happens");
    }
    bench.stop(thread);
    assert_eq!(keyspace_of(&bench.path()), bench.store.keyspace());
    assert!(std::fs::metadata(bench.path()).unwrap().len() > 0);
}

#[test]
fn a_rewrite_that_cannot_be_written_leaves_the_file_growing() {
    let mut bench = Bench::new();
    let thread = bench.spawn(100);
    // A directory in its place: the new file cannot be created.
    std::fs::create_dir(bench.path().with_extension("aof.rewrite")).unwrap();
    for round in 0..200 {
        let (_, ticket) = bench.write(&format!("SET k {round}"));
        bench.durable(ticket.unwrap()).unwrap();
    }
    std::fs::remove_dir(bench.path().with_extension("aof.rewrite")).unwrap();
    bench.stop(thread);
    assert_eq!(bench.store.failure(), None);
    assert_eq!(keyspace_of(&bench.path()), bench.store.keyspace());
}
