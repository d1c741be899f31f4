//! Requests, and what came back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::{HeaderMap, Method, Request};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::case::Send;
use crate::driver::LogLine;
use crate::pods::FROM;
use crate::support::{Body, Client, request};

/// An answer, or that there was none.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// `x-request-id`.
    pub(crate) id: String,
    /// The pod; none = the proxy itself.
    pub(crate) from: Option<String>,
    /// 0 = the client gave up.
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) ms: u64,
    /// Its line in the access log, where it was asked for.
    pub(crate) log: Option<LogLine>,
}

/// Who sends, and what it remembers from step to step.
pub(crate) struct Sender {
    address: SocketAddr,
    /// Begins its requests' ids.
    name: String,
    sent: Arc<AtomicUsize>,
    cookie: Option<String>,
}

impl Sender {
    pub(crate) fn new(address: SocketAddr, name: &str) -> Self {
        Self {
            address,
            name: name.to_owned(),
            sent: Arc::default(),
            cookie: None,
        }
    }

    /// Sends it all; the answers in the order of their requests' beginnings.
    pub(crate) async fn send(&mut self, send: &Send) -> Vec<Answer> {
        let mut clients = JoinSet::new();
        for number in 0..send.clients {
            let requests = send.requests / send.clients;
            clients.spawn(self.client(send, number, requests));
        }
        let mut answers: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
        answers.sort_by_key(|(began, _)| *began);
        let answers: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
        if send.keep_cookies {
            self.cookie = answers.iter().rev().find_map(cookie).or(self.cookie.take());
        }
        answers
    }

    /// One client's requests.
    fn client(
        &self,
        send: &Send,
        number: usize,
        requests: usize,
    ) -> impl Future<Output = Vec<(Instant, Answer)>> + use<> {
        let (address, name, sent) = (self.address, self.name.clone(), self.sent.clone());
        let (mut send, cookie) = (
            send.clone(),
            self.cookie.clone().filter(|_| send.keep_cookies),
        );
        send.headers
            .extend(cookie.map(|cookie| ("cookie".to_owned(), cookie)));
        async move {
            let mut client = Client::connect(address).await;
            sleep(Duration::from_millis(send.apart_ms * number as u64)).await;
            let mut answers = Vec::new();
            for _ in 0..requests {
                let began = Instant::now();
                let id = format!("{name}-{}", sent.fetch_add(1, Ordering::Relaxed));
                let answer = one(&mut client, &send, id).await;
                if answer.status == 0 {
                    client = Client::connect(address).await;
                }
                answers.push((began, answer));
                let pace = Duration::from_millis(send.every_ms);
                sleep(pace.saturating_sub(began.elapsed())).await;
            }
            answers
        }
    }
}

async fn one(client: &mut Client, send: &Send, id: String) -> Answer {
    let began = Instant::now();
    let silence = Duration::from_millis(send.silent_ms);
    let answered = client.converse(build(send, &id), silence, &send.says);
    let patience = Duration::from_millis(send.give_up_ms.unwrap_or(u64::MAX / 2));
    let answer = timeout(patience, answered).await.ok();
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap();
    let from = answer
        .as_ref()
        .and_then(|it| it.header(FROM))
        .map(str::to_owned);
    let (status, headers, body) = answer
        .map(|it| (it.status, it.headers, it.body))
        .unwrap_or_default();
    Answer {
        id,
        from,
        status,
        headers,
        body,
        ms,
        log: None,
    }
}

fn build(send: &Send, id: &str) -> Request<Body> {
    let own = send
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let headers: Vec<_> = own.chain([("x-request-id", id)]).collect();
    let method = Method::from_bytes(send.method.as_bytes()).unwrap();
    request(method, &send.path, &headers, &send.body)
}

/// `name=value` of the cookie that an answer sets.
fn cookie(answer: &Answer) -> Option<String> {
    let set = answer.headers.get("set-cookie")?.to_str().ok()?;
    set.split(';').next().map(str::to_owned)
}
