//! The client library that the services use, against the store.
#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

mod common;

use common::RunningStore;
use embedded_redis::Config;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisResult, Value, pipe};

fn on_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(common::LIMIT, future).await.unwrap() })
}

async fn manager(store: &RunningStore, options: &str) -> ConnectionManager {
    let client = redis::Client::open(format!("{}/{options}", store.url())).unwrap();
    client.get_connection_manager().await.unwrap()
}

#[test]
fn a_create_is_one_transaction_and_pages_come_from_the_index() {
    let store = RunningStore::start(Config::default());
    for options in ["", "?protocol=resp3"] {
        on_runtime(async {
            let mut con = manager(&store, options).await;
            let _: () = redis::cmd("FLUSHALL").query_async(&mut con).await.unwrap();
            for id in ["a", "b", "c"] {
                let (set, added): (String, i64) = pipe()
                    .atomic()
                    .set(format!("user:{id}"), format!("{{\"id\":\"{id}\"}}"))
                    .zadd("users", id, 0)
                    .query_async(&mut con)
                    .await
                    .unwrap();
                assert_eq!((set.as_str(), added), ("OK", 1));
            }
            let page: Vec<String> = con
                .zrangebylex_limit("users", "(a", "+", 0, 10)
                .await
                .unwrap();
            assert_eq!(page, ["b", "c"]);
            let objects: Vec<Option<String>> = con.mget(&["user:b", "user:x"]).await.unwrap();
            assert_eq!(objects, [Some("{\"id\":\"b\"}".to_owned()), None]);
            let scored: Vec<(String, f64)> = con.zrange_withscores("users", 0, -1).await.unwrap();
            assert_eq!(scored[2], ("c".to_owned(), 0.0));
        });
    }
}

#[test]
fn many_tasks_share_one_connection() {
    let directory = tempfile::tempdir().unwrap();
    let append_file = Some(directory.path().join("store.aof"));
    let store = RunningStore::start(Config {
        append_file,
        ..Config::default()
    });
    on_runtime(async {
        let con = manager(&store, "").await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..200_i64 {
            let mut con = con.clone();
            tasks.spawn(async move {
                let _: () = con.set(format!("k{n}"), n).await.unwrap();
                let read: i64 = con.get(format!("k{n}")).await.unwrap();
                assert_eq!(read, n);
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
}

#[test]
fn sample_data_is_written_once_ever() {
    let store = RunningStore::start(Config::default());
    on_runtime(async {
        let mut con = manager(&store, "").await;
        let rows = [("seeded", "1"), ("user:1", "홍길동"), ("user:2", "이순신")];
        assert!(con.mset_nx::<_, _, bool>(&rows).await.unwrap());
        let _: () = con.del("user:1").await.unwrap();
        assert!(!con.mset_nx::<_, _, bool>(&rows).await.unwrap());
        assert!(!con.exists::<_, bool>("user:1").await.unwrap());
    });
}

#[test]
fn a_scan_by_the_library_finds_every_key() {
    let store = RunningStore::start(Config::default());
    on_runtime(async {
        let mut con = manager(&store, "").await;
        for n in 0..300 {
            let _: () = con.set(format!("user:{n}"), n).await.unwrap();
            let _: () = con.set(format!("other:{n}"), n).await.unwrap();
        }
        let mut found = std::collections::BTreeSet::new();
        let mut keys = con.scan_match::<_, String>("user:*").await.unwrap();
        while let Some(key) = keys.next_item().await {
            found.insert(key.unwrap());
        }
        assert_eq!(found.len(), 300);
    });
}

#[test]
fn a_capped_stream_keeps_its_newest_entries() {
    use redis::streams::{StreamMaxlen, StreamRangeReply};
    let store = RunningStore::start(Config::default());
    on_runtime(async {
        let mut con = manager(&store, "?protocol=resp3").await;
        for n in 0..20 {
            let cap = StreamMaxlen::Equals(5);
            let _: String = con
                .xadd_maxlen("history", cap, "*", &[("n", n)])
                .await
                .unwrap();
        }
        let newest: StreamRangeReply = con.xrevrange_count("history", "+", "-", 2).await.unwrap();
        let numbers: Vec<i64> = newest
            .ids
            .iter()
            .filter_map(|entry| entry.get("n"))
            .collect();
        assert_eq!(numbers, [19, 18]);
        assert_eq!(con.xlen::<_, usize>("history").await.unwrap(), 5);
    });
}

#[test]
fn a_password_in_the_url_opens_the_store() {
    let config = Config {
        password: Some("secret".into()),
        ..Config::default()
    };
    let store = RunningStore::start(config);
    on_runtime(async {
        for options in ["", "?protocol=resp3"] {
            let url = format!("redis://:secret@{}/{options}", store.address);
            let client = redis::Client::open(url).unwrap();
            let mut con = client.get_connection_manager().await.unwrap();
            let pong: String = redis::cmd("PING").query_async(&mut con).await.unwrap();
            assert_eq!(pong, "PONG");
        }
        let wrong = redis::Client::open(format!("redis://:no@{}", store.address)).unwrap();
        assert!(wrong.get_multiplexed_async_connection().await.is_err());
    });
}

#[test]
fn errors_reach_the_caller_with_their_code() {
    let store = RunningStore::start(Config::default());
    on_runtime(async {
        let mut con = manager(&store, "").await;
        let _: () = con.set("text", "x").await.unwrap();
        let error = con.lpush::<_, _, i64>("text", 1).await.unwrap_err();
        assert_eq!(error.code(), Some("WRONGTYPE"));
        let script: RedisResult<Value> = redis::cmd("EVAL")
            .arg("return 1")
            .arg(0)
            .query_async(&mut con)
            .await;
        assert!(script.unwrap_err().to_string().contains("embedded store"));
    });
}
