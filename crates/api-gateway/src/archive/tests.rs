use std::collections::HashMap;
use std::sync::Mutex;

use common::drain::Drain;
use common::outbound::Dns;
use http::StatusCode;
use redis::{Value, parse_redis_value_async};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Longest wait for something that is due at once.
const SOON: Duration = Duration::from_secs(10);

/// As much of a store as the archive's two commands need.
#[derive(Clone, Default)]
struct FakeStore(Arc<Mutex<HashMap<String, Vec<[String; 2]>>>>);

impl FakeStore {
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let store = self.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(store.clone().serve(socket));
            }
        });
        address
    }

    async fn serve(self, socket: TcpStream) {
        let (read, mut write) = socket.into_split();
        let mut read = tokio::io::BufReader::new(read);
        let mut parser = Default::default();
        while let Ok(command) = parse_redis_value_async(&mut parser, &mut read).await {
            let words: Vec<String> = redis::from_redis_value(command).unwrap();
            let reply = self.reply(&words.iter().map(String::as_str).collect::<Vec<_>>());
            write.write_all(reply.as_bytes()).await.unwrap();
        }
    }

    fn reply(&self, words: &[&str]) -> String {
        let mut streams = self.0.lock().unwrap();
        match words {
            [
                "XADD",
                key,
                "MAXLEN",
                "~",
                "100",
                "*",
                "id",
                id,
                "answer",
                answer,
            ] => {
                let stream = streams.entry((*key).to_owned()).or_default();
                stream.push([(*id).to_owned(), (*answer).to_owned()]);
                format!("+{}-0\r\n", stream.len())
            }
            ["XREVRANGE", key, "+", "-", "COUNT", "100"] => {
                let entries = streams.get(*key).cloned().unwrap_or_default();
                let newest_first = entries.iter().enumerate().rev().take(100);
                let items = newest_first.map(|(n, [id, answer])| {
                    let fields = ["id", id, "answer", answer].map(bulk).concat();
                    format!("*2\r\n{}*4\r\n{fields}", bulk(&format!("{n}-0")))
                });
                format!(
                    "*{}\r\n{}",
                    entries.len().min(100),
                    items.collect::<String>()
                )
            }
            ["CLIENT", ..] => "+OK\r\n".to_owned(),
            other => panic!("not in the command list: {other:?}"),
        }
    }

    fn len(&self, key: &str) -> usize {
        self.0.lock().unwrap().get(key).map_or(0, Vec::len)
    }
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn answer(service: Service, t: i64) -> Answer {
    Answer::from_nowhere(service, t, Duration::ZERO, StatusCode::OK)
}

async fn archive(url: &str, boot: i64) -> (Archive, Queue, Health) {
    let (queue, health) = (Queue::new(boot), Health::without_store(Drain::default()));
    let env = Env::from([("REDIS_URL", url)]);
    let archive = Archive::new(
        &env,
        Arc::new(Dns::default()),
        health.clone(),
        queue.clone(),
    )
    .await;
    (archive.unwrap(), queue, health)
}

async fn until(mut condition: impl FnMut() -> bool) {
    testkit::wait::until("the condition", SOON, async || condition()).await;
}

#[tokio::test]
async fn answers_survive_the_process() {
    let store = FakeStore::default();
    let url = store.listen().await;
    let (first, queue, health) = archive(&url, 1).await;
    let life = tokio::spawn(first.keep(Hub::new(1)));
    for t in 0..3 {
        queue.push(&answer(Service::User, t));
    }
    queue.push(&answer(Service::Movie, 9));
    until(|| store.len("history:user") == 3 && store.len("history:movie") == 1).await;
    assert!(health.store_reachable());
    life.abort();

    let (second, _, _) = archive(&url, 2).await;
    let hub = Hub::new(2);
    let life = tokio::spawn(second.keep(hub.clone()));
    until(|| hub.answers().user.total() == 3).await;
    assert_eq!(hub.answers().movie.total(), 1);
    assert_eq!(hub.answers().booking.total(), 0);
    life.abort();
}

#[tokio::test]
async fn what_waits_at_the_end_is_written_at_the_end() {
    let store = FakeStore::default();
    let (archive, queue, _) = archive(&store.listen().await, 1).await;
    queue.push(&answer(Service::Booking, 1));
    archive.finish().await;
    assert_eq!(store.len("history:booking"), 1);
}

#[tokio::test]
async fn a_malformed_address_is_refused_and_an_absent_store_is_not() {
    let health = || Health::without_store(Drain::default());
    let open = async |url: &str| {
        let env = Env::from([("REDIS_URL", url)]);
        Archive::new(&env, Arc::new(Dns::default()), health(), Queue::new(1)).await
    };
    assert_eq!(
        open("nonsense://x").await.err().unwrap().variable,
        "REDIS_URL"
    );
    assert!(open("127.0.0.1:1").await.is_ok());
}

#[test]
fn entries_are_turned_round_taken_once_and_foreign_ones_left_out() {
    let entry = |id: &str, answer: &str| StreamId {
        map: [("id", id), ("answer", answer)]
            .map(|(key, value)| (key.to_owned(), Value::BulkString(value.into())))
            .into(),
        ..StreamId::default()
    };
    let json = |t| serde_json::to_string(&answer(Service::User, t)).unwrap();
    let newest_first = vec![
        entry("a-2", &json(2)),
        entry("a-1", &json(1)),
        entry("a-1", &json(1)),
        entry("x", "not ours"),
        entry("a-0", &json(0)),
    ];
    let times: Vec<i64> = answers(newest_first)
        .iter()
        .map(|answer| answer.t)
        .collect();
    assert_eq!(times, [0, 1, 2]);
}
