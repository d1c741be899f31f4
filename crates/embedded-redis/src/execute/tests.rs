use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::db::dump_entry;
use crate::wire::{RequestLimits, RequestParser};

#[path = "../../tests/common/lines.rs"]
mod lines;

use lines::any_line;

/// A keyspace with one session, a clock that the test turns, and the log so far.
struct Bench {
    db: Db,
    log: Vec<u8>,
    session: Session,
    status: Status,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        Self::with(&Config::default())
    }

    fn with(config: &Config) -> Self {
        let status = Status::new(config, 6379, Now(0));
        let peer = "127.0.0.1:1".parse().unwrap();
        let session = Session::new(1, peer, status.password.is_none());
        Self {
            db: Db::default(),
            log: Vec::new(),
            session,
            status,
            now: Now(1_000_000_000),
        }
    }

    fn run(&mut self, line: &str) -> Reply {
        self.request(
            line.split(' ')
                .map(|word| Bytes::copy_from_slice(word.as_bytes()))
                .collect(),
        )
    }

    fn request(&mut self, request: Request) -> Reply {
        Engine {
            db: &mut self.db,
            effects: &mut self.log,
            read_only: None,
            status: &self.status,
            now: self.now,
        }
        .execute(&mut self.session, request)
    }

    fn check(&mut self, rows: &[(&str, Reply)]) {
        for (line, expected) in rows {
            assert_eq!(self.run(line), *expected, "{line}");
        }
    }

    /// What has been logged since the last call.
    fn logged(&mut self) -> String {
        let words = commands(&std::mem::take(&mut self.log))
            .into_iter()
            .map(|request| {
                let words = request
                    .iter()
                    .map(|word| String::from_utf8_lossy(word).into_owned());
                words.collect::<Vec<_>>().join(" ")
            });
        words.collect::<Vec<_>>().join("; ")
    }
}

fn commands(log: &[u8]) -> Vec<Request> {
    let (mut input, mut parser) = (log.into(), RequestParser::default());
    std::iter::from_fn(|| parser.next(&mut input, RequestLimits::NONE).unwrap()).collect()
}

fn replayed(log: &[u8]) -> Db {
    let mut db = Db::default();
    for request in commands(log) {
        replay(&mut db, &request).unwrap();
    }
    db
}

fn error_of(reply: Reply) -> String {
    match reply {
        Reply::Error(text) => text,
        other => panic!("{other:?} is no error"),
    }
}

#[test]
fn effects_do_the_same_on_any_day() {
    let mut bench = Bench::new();
    for (line, logged) in [
        ("SET a 1", "SET a 1"),
        ("SET a 2 NX", ""),
        ("SET a 2 EX 10", "SET a 2 PXAT 1010000"),
        ("SET a 3 KEEPTTL GET", "SET a 3 KEEPTTL"),
        ("EXPIRE a 7", "PEXPIREAT a 1007000"),
        ("EXPIRE a -1", "DEL a"),
        ("EXPIRE a 7", ""),
        ("GET a", ""),
        ("DEL a", ""),
        ("XADD s * f v", "XADD s 1000000-0 f v"),
        ("XADD s MAXLEN ~ 1 * f v", "XADD s MAXLEN = 1 1000000-1 f v"),
        ("XADD s MAXLEN 9 * f v", "XADD s 1000000-2 f v"),
        ("ZADD z INCR 2 m", "ZADD z 2 m"),
        ("ZADD z XX CH 2 m 3 n", ""),
        ("ZADD z GT 1 m 4 n", "ZADD z 4 n"),
        ("LREM nope 0 x", ""),
        ("LPUSH l x", "lpush l x"),
        ("MULTI", ""),
        ("INCR n", ""),
        ("INCR n", ""),
        ("EXEC", "incr n; incr n"),
        ("FLUSHALL", "FLUSHALL"),
        ("FLUSHALL", ""),
    ] {
        bench.run(line);
        assert_eq!(bench.logged(), logged, "{line}");
    }
}

#[test]
fn a_key_past_its_deadline_is_gone_and_its_end_is_logged_before_the_next_change() {
    let mut bench = Bench::new();
    bench.run("SET a 5 PX 100");
    bench.run("RPUSH l x");
    bench.run("PEXPIRE l 100");
    bench.logged();
    bench.now = Now(bench.now.micros() + 100_000);
    assert_eq!(bench.run("KEYS *"), Reply::Array(vec![]));
    assert_eq!(
        bench.run("SCAN 0"),
        Reply::Array(vec![Reply::text("0"), Reply::Array(vec![])])
    );
    assert_eq!(bench.run("RANDOMKEY"), Reply::Nil);
    assert_eq!(bench.logged(), "", "looking at all keys removes none");
    assert_eq!(bench.run("INCR a"), Reply::Integer(1));
    assert_eq!(bench.logged(), "DEL a; incr a");
    assert_eq!(bench.run("LRANGE l 0 -1"), Reply::Array(vec![]));
    assert_eq!(bench.logged(), "DEL l");
}

#[test]
fn a_sweep_removes_the_longest_overdue_first() {
    let mut bench = Bench::new();
    for (key, millis) in [("c", 30), ("a", 10), ("b", 20)] {
        bench.run(&format!("SET {key} v PX {millis}"));
    }
    bench.logged();
    sweep(
        &mut bench.db,
        &mut bench.log,
        Now(bench.now.micros() + 60_000),
        2,
    );
    assert_eq!(bench.logged(), "DEL a; DEL b");
    assert_eq!(bench.db.len(), 1);
}

#[test]
fn times_to_live_follow_the_given_clock() {
    let mut bench = Bench::new();
    bench.run("SET a v EX 10");
    bench.now = Now(bench.now.micros() + 4_400_000);
    bench.check(&[
        ("PTTL a", Reply::Integer(5600)),
        ("TTL a", Reply::Integer(6)),
    ]);
    bench.now = Now(1_234_567);
    bench.check(&[(
        "TIME",
        Reply::Array(vec![Reply::text("1"), Reply::text("234567")]),
    )]);
}

#[test]
fn random_keys_come_from_the_whole_keyspace() {
    let mut bench = Bench::new();
    (0..8).for_each(|n| drop(bench.run(&format!("SET k{n} v"))));
    let mut seen = std::collections::HashSet::new();
    for micros in 0..400 {
        bench.now = Now(micros);
        let Reply::Bulk(key) = bench.run("RANDOMKEY") else {
            panic!("there are keys")
        };
        seen.insert(key);
    }
    assert_eq!(seen.len(), 8);
}

#[test]
fn unknown_commands_say_what_this_is_and_what_to_do() {
    let mut bench = Bench::new();
    let text = error_of(bench.run("EVAL x 0"));
    assert!(
        text.starts_with("ERR unknown command 'EVAL'") && text.contains("--redis"),
        "{text}"
    );
    let text = error_of(bench.run("WATCH a"));
    assert!(text.contains("WATCH") && text.contains("--redis"), "{text}");
    assert!(error_of(bench.run("CLIENT KILL x")).contains("CLIENT"));
    assert!(error_of(bench.run("CONFIG SET a b")).contains("CONFIG"));
    let long = error_of(bench.run(&"x".repeat(100_000)));
    assert!(long.len() < 1000, "{} bytes", long.len());
}

#[test]
fn without_the_password_nothing_runs() {
    let mut bench = Bench::with(&Config {
        password: Some("pw".into()),
        ..Config::default()
    });
    assert_eq!(
        error_of(bench.run("GET a")),
        "NOAUTH Authentication required."
    );
    assert_eq!(
        error_of(bench.run("MULTI")),
        "NOAUTH Authentication required."
    );
    assert!(error_of(bench.run("HELLO 3")).starts_with("NOAUTH HELLO"));
    assert!(error_of(bench.run("AUTH no")).starts_with("WRONGPASS"));
    assert!(error_of(bench.run("HELLO 3 AUTH default no")).starts_with("WRONGPASS"));
    assert!(error_of(bench.run("AUTH nobody pw")).starts_with("WRONGPASS"));
    assert_eq!(
        error_of(bench.run("PING")),
        "NOAUTH Authentication required."
    );
    bench.check(&[("AUTH pw", Reply::OK), ("PING", Reply::Simple("PONG"))]);
    bench.check(&[("RESET", Reply::Simple("RESET"))]);
    assert_eq!(
        error_of(bench.run("PING")),
        "NOAUTH Authentication required."
    );
    assert!(matches!(
        bench.run("HELLO 3 AUTH default pw SETNAME me"),
        Reply::Map(_)
    ));
    bench.check(&[("CLIENT GETNAME", Reply::text("me"))]);
}

#[test]
fn a_read_only_store_refuses_writes_alone_and_in_transactions() {
    let mut bench = Bench::new();
    bench.run("SET a 1");
    for (line, expected) in [
        ("GET a", "Bulk"),
        ("SET a 2", "MISCONF"),
        ("MULTI", "OK"),
        ("GET a", "QUEUED"),
        ("SET a 2", "MISCONF"),
        ("EXEC", "EXECABORT"),
        ("GET a", "Bulk(b\"1\")"),
    ] {
        let request = line
            .split(' ')
            .map(|word| Bytes::copy_from_slice(word.as_bytes()))
            .collect();
        let reply = Engine {
            db: &mut bench.db,
            effects: &mut bench.log,
            read_only: Some("MISCONF no disk"),
            status: &bench.status,
            now: bench.now,
        }
        .execute(&mut bench.session, request);
        assert!(format!("{reply:?}").contains(expected), "{line}: {reply:?}");
    }
}

#[test]
fn a_transaction_too_large_is_refused_whole() {
    let mut bench = Bench::new();
    bench.run("MULTI");
    let value = Bytes::from(vec![b'v'; 16 * 1024 * 1024]);
    let set = || {
        vec![
            Bytes::from_static(b"SET"),
            Bytes::from_static(b"a"),
            value.clone(),
        ]
    };
    for _ in 0..3 {
        assert_eq!(bench.request(set()), Reply::Simple("QUEUED"));
    }
    assert!(error_of(bench.request(set())).contains("too large"));
    assert!(error_of(bench.run("EXEC")).starts_with("EXECABORT"));
    assert!(bench.db.is_empty());
}

#[test]
fn info_counts_and_nothing_else() {
    let mut bench = Bench::new();
    bench.run("SET a 1 EX 10");
    bench.now = Now(7_000_000);
    let Reply::Text(text) = bench.run("INFO") else {
        panic!("text")
    };
    for line in [
        "uptime_in_seconds:7",
        "aof_enabled:0",
        "db0:keys=1,expires=1,avg_ttl=0",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let Reply::Text(text) = bench.run("INFO keyspace") else {
        panic!("text")
    };
    assert!(
        !text.contains("uptime") && text.starts_with("# Keyspace\r\n"),
        "{text}"
    );
}

fn index_of(members: usize) -> Bench {
    let mut bench = Bench::new();
    for first in (0..members).step_by(1000) {
        let members = (first..first + 1000)
            .map(|n| format!("0 {n:06}"))
            .collect::<Vec<_>>();
        bench.run(&format!("ZADD index {}", members.join(" ")));
        bench.log.clear();
    }
    bench
}

fn time_of_pages(bench: &mut Bench, middle: usize) -> Duration {
    let rounds = (0..7).map(|_| {
        let started = Instant::now();
        for _ in 0..50 {
            bench.run(&format!("ZRANGE index ({middle:06} + BYLEX LIMIT 0 100"));
        }
        started.elapsed()
    });
    rounds.min().unwrap()
}

/// A walk from the start of the index would cost a hundred times as much.
#[test]
fn a_page_costs_the_same_in_a_large_index() {
    let (mut small, mut large) = (index_of(1000), index_of(200_000));
    let expected: Vec<_> = (150_001..=150_100)
        .map(|n| Reply::text(format!("{n:06}")))
        .collect();
    let page = large.run("ZRANGE index (150000 + BYLEX LIMIT 0 100");
    assert_eq!(page, Reply::Array(expected));
    let (in_small, in_large) = (
        time_of_pages(&mut small, 500),
        time_of_pages(&mut large, 150_000),
    );
    assert!(
        in_large < in_small * 15,
        "{in_small:?} in 1,000, {in_large:?} in 200,000"
    );
}

proptest! {
    /// Nothing panics, and both the log and a dump rebuild the keyspace exactly.
    #[test]
    fn a_replay_ends_in_the_same_keyspace(
        script in prop::collection::vec((any_line(), 0..3_u64), 0..120),
    ) {
        let mut bench = Bench::new();
        for (line, seconds) in script {
            bench.now = Now(bench.now.micros() + seconds * 700_000);
            bench.run(&line);
        }
        prop_assert_eq!(&replayed(&bench.log), &bench.db);
        let mut dump = Vec::new();
        bench.db.iter().for_each(|(key, entry)| dump_entry(key, entry, &mut dump));
        prop_assert_eq!(&replayed(&dump), &bench.db);
    }

    /// No command, with any arguments, brings the engine down.
    #[test]
    fn words_without_sense_are_answered(
        words in prop::collection::vec("[A-Za-z0-9*+()\\[\\]-]{0,6}", 1..6),
        command in 0..200_usize,
    ) {
        let mut bench = Bench::new();
        ["SET s 1", "RPUSH l a b", "ZADD z 1 m", "XADD x 1-1 f v", "HSET h f v", "SADD t m"]
            .iter().for_each(|line| drop(bench.run(line)));
        let all = cmd::all();
        let mut request: Request = vec![all[command % all.len()].name.into()];
        request.extend(words.into_iter().map(Bytes::from));
        bench.request(request);
    }
}
