//! The DevTools protocol over two pipes: JSON messages, each ended by a zero byte. A message with an
//! `id` answers the command of that id; one without is an event of the page session it names.

use std::collections::HashMap;
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin as Input, ChildStdout as Output};
use tokio::sync::oneshot;

use super::console::{self, Entry};

/// A browser that needs longer for one command is stuck; generous, because tests share two cores.
const LIMIT: Duration = Duration::from_secs(30);
const END_OF_MESSAGE: u8 = 0;

/// Both directions to one browser.
#[derive(Debug)]
pub(super) struct Wire {
    input: tokio::sync::Mutex<Input>,
    last_id: AtomicU64,
    shared: Arc<Mutex<Shared>>,
}

/// What the reading task hands out.
#[derive(Debug, Default)]
struct Shared {
    /// Who waits for the answer of which command.
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    /// What was written to the console, by session.
    consoles: HashMap<String, Vec<Entry>>,
}

impl Wire {
    /// Starts to read.
    pub(super) fn new(input: ChildStdin, output: ChildStdout) -> Arc<Self> {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let output = Output::from_std(output).expect("a pipe can be made asynchronous");
        tokio::spawn(read(BufReader::new(output), shared.clone()));
        let input = Input::from_std(input).expect("a pipe can be made asynchronous");
        Arc::new(Self {
            input: tokio::sync::Mutex::new(input),
            last_id: AtomicU64::new(0),
            shared,
        })
    }

    /// The result of one command, in a page's session or of the browser itself.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let (answer, answered) = oneshot::channel();
        lock(&self.shared).waiting.insert(id, answer);
        let exchange = async {
            self.send(&message).await;
            answered.await
        };
        let answer = tokio::time::timeout(LIMIT, exchange).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method}: no answer within {LIMIT:?}"));
        let mut answer = answer.unwrap_or_else(|_| panic!("{method}: the browser has ended"));
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].take()
    }

    /// Everything written to the console of a page so far.
    pub(super) fn console(&self, session: &str) -> Vec<Entry> {
        let shared = lock(&self.shared);
        shared.consoles.get(session).cloned().unwrap_or_default()
    }

    async fn send(&self, message: &Value) {
        let mut bytes = message.to_string().into_bytes();
        bytes.push(END_OF_MESSAGE);
        let mut input = self.input.lock().await;
        // A browser that has ended shows in the answer that does not come.
        let _ = input.write_all(&bytes).await;
    }
}

/// Reads until the browser ends; those who still wait are then told by their closed channel.
async fn read(mut output: BufReader<Output>, shared: Arc<Mutex<Shared>>) {
    let mut bytes = Vec::new();
    while let Ok(1..) = output.read_until(END_OF_MESSAGE, &mut bytes).await {
        let message =
            serde_json::from_slice(bytes.strip_suffix(&[END_OF_MESSAGE]).unwrap_or(&bytes));
        lock(&shared).receive(message.unwrap_or_default());
        bytes.clear();
    }
    lock(&shared).waiting.clear();
}

impl Shared {
    fn receive(&mut self, message: Value) {
        if let Some(id) = message["id"].as_u64() {
            // Nobody waits any more when a limit has passed.
            if let Some(waiting) = self.waiting.remove(&id) {
                let _ = waiting.send(message);
            }
        } else if let (Some(session), Some(entry)) =
            (message["sessionId"].as_str(), console::entry(&message))
        {
            self.consoles
                .entry(session.to_owned())
                .or_default()
                .push(entry);
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
