//! Requests to the published port or to an API, and what their answers say of themselves.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer that is not whole by then is none; longer than any fault of the lessons, and than three
/// connect timeouts.
const LIMIT: Duration = Duration::from_secs(45);

/// Somebody who asks one address, and keeps connections as browsers do.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// The cluster that says it answered; none where no pod did.
    pub cluster: Option<String>,
    /// The pod that says it answered.
    pub pod: Option<String>,
    /// Whether it came by an order to be sick.
    pub is_sick: bool,
    /// Its text.
    pub body: Bytes,
    /// From the request to its last byte.
    pub took: Duration,
}

impl Client {
    /// For paths below `base`.
    pub fn of(base: &str) -> Self {
        Self {
            pool: Pool::builder(TokioExecutor::new()).build_http(),
            base: base.to_owned(),
        }
    }

    /// Asks for a path; `header` is sent with the value `true`.
    ///
    /// # Errors
    /// When no whole answer comes in time.
    pub async fn get(&self, path: &str, header: Option<&str>) -> Result<Answer> {
        let mut request = Request::get(format!("{}{path}", self.base));
        if let Some(name) = header {
            request = request.header(name, "true");
        }
        self.send(request.body(Full::default())?).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// When no whole answer comes in time.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = Request::post(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))?;
        self.send(request).await
    }

    /// Deletes what is at a path.
    ///
    /// # Errors
    /// When no whole answer comes in time.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        let request = Request::delete(format!("{}{path}", self.base));
        self.send(request.body(Full::default())?).await
    }

    /// The JSON at a path.
    ///
    /// # Errors
    /// When it is not answered 200 with JSON.
    pub async fn json(&self, path: &str) -> Result<Value> {
        let answer = self.get(path, None).await?;
        if answer.status != 200 {
            bail!("{path} is answered {}: {}", answer.status, answer.text());
        }
        Ok(serde_json::from_slice(&answer.body)?)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let asked = request.uri().path().to_owned();
        let began = Instant::now();
        let whole = async {
            let (head, body) = self.pool.request(request).await?.into_parts();
            anyhow::Ok((head, body.collect().await?.to_bytes()))
        };
        let (head, body) = tokio::time::timeout(LIMIT, whole)
            .await
            .with_context(|| format!("no whole answer to {asked} within {LIMIT:?}"))?
            .with_context(|| format!("no whole answer to {asked}"))?;
        Ok(Answer {
            status: head.status.as_u16(),
            cluster: text(&head.headers, "x-service-cluster"),
            pod: text(&head.headers, "x-pod-name"),
            is_sick: head.headers.contains_key("x-chaos"),
            body,
            took: began.elapsed(),
        })
    }
}

impl Answer {
    /// Its text, for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
