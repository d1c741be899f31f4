//! The server as bytes on a socket: order, limits, durability across restarts.
#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

mod common;

use std::net::TcpListener;
use std::thread;

use common::{LIMIT, RunningStore};
use embedded_redis::{Config, Server, StartError};

fn persistent(directory: &tempfile::TempDir) -> Config {
    Config {
        append_file: Some(directory.path().join("store.aof")),
        ..Config::default()
    }
}

fn info(store: &RunningStore, field: &str) -> u64 {
    let text = store.client().text("INFO");
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value
        .unwrap_or_else(|| panic!("{field} in {text}"))
        .parse()
        .unwrap()
}

#[test]
fn a_pipeline_is_answered_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let store = RunningStore::start(persistent(&directory));
    let mut client = store.client();
    let pipeline: String = (0..2000)
        .map(|n| format!("SET k {n}\r\nGET k\r\n"))
        .collect();
    client.send(pipeline.as_bytes());
    for n in 0..2000 {
        assert_eq!(client.reply(), b"+OK\r\n");
        let value = n.to_string();
        assert_eq!(
            client.reply(),
            format!("${}\r\n{value}\r\n", value.len()).as_bytes()
        );
    }
    assert!(
        info(&store, "aof_fsyncs") < 500,
        "a pipeline shares its fsyncs"
    );
}

#[test]
fn many_writers_share_fsyncs_and_all_they_wrote_survives() {
    let directory = tempfile::tempdir().unwrap();
    let store = RunningStore::start(persistent(&directory));
    let (writers, rounds, depth) = (16, 20, 8);
    thread::scope(|scope| {
        for writer in 0..writers {
            let mut client = store.client();
            scope.spawn(move || {
                for round in 0..rounds {
                    let line = |n| format!("SET {writer}:{round}:{n} v\r\n");
                    client.send((0..depth).map(line).collect::<String>().as_bytes());
                    (0..depth).for_each(|_| assert_eq!(client.reply(), b"+OK\r\n"));
                }
            });
        }
    });
    let writes = writers * rounds * depth;
    let fsyncs = info(&store, "aof_fsyncs");
    assert!(
        fsyncs > 0 && fsyncs <= (writes / 4) as u64,
        "{fsyncs} fsyncs for {writes} writes"
    );
    store.stop().unwrap();
    let store = RunningStore::start(persistent(&directory));
    assert_eq!(store.client().text("DBSIZE"), format!(":{writes}\r\n"));
}

#[test]
fn a_restart_brings_everything_back() {
    let directory = tempfile::tempdir().unwrap();
    let lines = [
        "SET a 1 EX 1000",
        "RPUSH l x y z",
        "ZADD z 1 m 2 n",
        "XADD s * f v",
        "HSET h f v",
        "SADD t m",
        "XADD e 5-1 f v",
        "XDEL e 5-1",
    ];
    let looks = [
        "TTL a",
        "LRANGE l 0 -1",
        "ZRANGE z 0 -1 WITHSCORES",
        "XRANGE s - +",
        "HGETALL h",
        "SMEMBERS t",
        "XADD e 5-1 f v",
    ];
    let store = RunningStore::start(persistent(&directory));
    let mut client = store.client();
    for line in lines {
        assert_ne!(client.line(line)[0], b'-', "{line}");
    }
    let before = looks.map(|line| client.text(line));
    store.stop().unwrap();
    let store = RunningStore::start(persistent(&directory));
    let mut client = store.client();
    assert_eq!(looks.map(|line| client.text(line)), before);
}

#[test]
fn a_second_store_on_the_same_file_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let store = RunningStore::start(persistent(&directory));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Server::build(listener, persistent(&directory))
            .await
            .err()
            .unwrap()
    });
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    assert_eq!(store.client().text("PING"), "+PONG\r\n");
}

#[test]
fn one_connection_too_many_is_told_so() {
    let store = RunningStore::start(Config {
        max_connections: 2,
        ..Config::default()
    });
    let (mut first, mut second) = (store.client(), store.client());
    assert_eq!(first.text("PING"), "+PONG\r\n");
    assert_eq!(second.text("PING"), "+PONG\r\n");
    assert_eq!(
        store.client().rest(),
        b"-ERR max number of clients reached\r\n"
    );
    drop(second);
    let started = std::time::Instant::now();
    while store.client().rest_after("PING") != b"+PONG\r\n+OK\r\n" {
        assert!(started.elapsed() < LIMIT, "a free seat is not given away");
        thread::yield_now();
    }
}

#[test]
fn what_is_no_request_is_answered_once_and_ends_the_connection() {
    let store = RunningStore::start(Config::default());
    for (bytes, error) in [
        (
            &b"PING\r\n*1\r\n:1\r\n"[..],
            "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n",
        ),
        (
            b"*99999999\r\n",
            "-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            b"*1\r\n$99999999\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            b"GET \"a\r\nPING\r\n",
            "-ERR Protocol error: unbalanced quotes in request\r\n",
        ),
    ] {
        let mut client = store.client();
        client.send(bytes);
        assert_eq!(String::from_utf8_lossy(&client.rest()), error);
    }
}

#[test]
fn a_form_sent_by_a_web_page_runs_no_command() {
    let store = RunningStore::start(Config::default());
    let mut page = store.client();
    page.send(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET hacked yes\r\n");
    assert_eq!(page.rest(), b"");
    assert_eq!(store.client().text("EXISTS hacked"), ":0\r\n");
}

#[test]
fn before_the_password_requests_are_small() {
    let config = Config {
        password: Some("secret".into()),
        ..Config::default()
    };
    let store = RunningStore::start(config);
    let mut client = store.client();
    assert_eq!(client.text("GET a"), "-NOAUTH Authentication required.\r\n");
    assert_eq!(client.text("AUTH secret"), "+OK\r\n");
    assert_eq!(client.text("GET a"), "$-1\r\n");
    let mut stranger = store.client();
    stranger.send(b"*2\r\n$3\r\nGET\r\n$20000\r\n");
    assert_eq!(
        stranger.rest(),
        b"-ERR Protocol error: invalid bulk length\r\n"
    );
}

#[test]
fn a_large_value_goes_in_and_out() {
    let store = RunningStore::start(Config::default());
    let mut client = store.client();
    let value = vec![b'x'; 9 * 1024 * 1024];
    client.send(format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n", value.len()).as_bytes());
    client.send(&[&value[..], b"\r\n"].concat());
    assert_eq!(client.reply(), b"+OK\r\n");
    let reply = client.line("GET a");
    assert_eq!(
        &reply[reply.len() - value.len() - 2..reply.len() - 2],
        value
    );
}

#[test]
fn a_reply_too_large_is_an_error_and_the_connection_goes_on() {
    let store = RunningStore::start(Config::default());
    let mut client = store.client();
    let value = "x".repeat(9 * 1024 * 1024);
    for key in 0..8 {
        let header = format!("*3\r\n$3\r\nSET\r\n$1\r\n{key}\r\n${}\r\n", value.len());
        client.send(format!("{header}{value}\r\n").as_bytes());
        assert_eq!(client.reply(), b"+OK\r\n");
    }
    assert!(
        client
            .text("MGET 0 1 2 3 4 5 6 7")
            .starts_with("-ERR reply larger than")
    );
    assert_eq!(client.text("PING"), "+PONG\r\n");
}

#[test]
fn expired_keys_leave_without_being_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let store = RunningStore::start(persistent(&directory));
    let mut client = store.client();
    assert_eq!(client.text("SET a 1 PX 1"), "+OK\r\n");
    let started = std::time::Instant::now();
    while client.text("DBSIZE") != ":0\r\n" {
        assert!(started.elapsed() < LIMIT, "the sweep does not come");
        thread::yield_now();
    }
    store.stop().unwrap();
    assert_eq!(
        RunningStore::start(persistent(&directory))
            .client()
            .text("DBSIZE"),
        ":0\r\n"
    );
}

#[test]
fn quit_is_answered_and_ends_the_connection() {
    let store = RunningStore::start(Config::default());
    let mut client = store.client();
    client.send(b"QUIT\r\nPING\r\n");
    assert_eq!(client.rest(), b"+OK\r\n");
}

#[test]
fn a_stopped_store_frees_its_port_and_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = RunningStore::start(persistent(&directory));
    let address = store.address;
    let mut idle = store.client();
    assert_eq!(idle.text("SET a 1"), "+OK\r\n");
    store.stop().unwrap();
    assert_eq!(idle.rest(), b"");
    TcpListener::bind(address).unwrap();
    RunningStore::start(persistent(&directory)).stop().unwrap();
}
