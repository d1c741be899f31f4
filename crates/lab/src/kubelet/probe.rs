//! Probes of a container, asked as the manifest says.

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::Probe as Spec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One probe, with Kubernetes' defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// What is asked.
    pub question: Question,
    /// Pause between two questions.
    pub period: Duration,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Failures in a row that count.
    pub failures: u32,
    /// Successes in a row that count.
    pub successes: u32,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// GET of a path; 200 to 399 is good.
    Http {
        /// Path and query.
        path: String,
    },
    /// A connection.
    Tcp,
}

impl Probe {
    /// Reads a probe; none where there is none, or only a kind the lab cannot ask (exec, gRPC).
    pub(super) fn of(spec: Option<&Spec>) -> Option<Self> {
        let spec = spec?;
        let question = match (&spec.http_get, &spec.tcp_socket) {
            (Some(http), _) => Question::Http {
                path: http.path.clone().unwrap_or_else(|| "/".to_owned()),
            },
            (None, Some(_)) => Question::Tcp,
            (None, None) => return None,
        };
        let seconds = |value: Option<i32>, default: u32| {
            let value = value
                .and_then(|it| u32::try_from(it).ok())
                .filter(|it| *it > 0);
            value.unwrap_or(default)
        };
        Some(Self {
            question,
            period: Duration::from_secs(seconds(spec.period_seconds, 10).into()),
            timeout: Duration::from_secs(seconds(spec.timeout_seconds, 1).into()),
            failures: seconds(spec.failure_threshold, 3),
            successes: seconds(spec.success_threshold, 1),
        })
    }

    /// Asks the application at its real address.
    pub(super) async fn ask(&self, application: SocketAddr) -> bool {
        let asking = async {
            let stream = TcpStream::connect(application).await?;
            match &self.question {
                Question::Tcp => Ok(true),
                Question::Http { path } => get(stream, path).await,
            }
        };
        let answer: Result<std::io::Result<bool>, _> =
            tokio::time::timeout(self.timeout, asking).await;
        matches!(answer, Ok(Ok(true)))
    }
}

/// The smallest GET there is; only the status line is read.
async fn get(mut stream: TcpStream, path: &str) -> std::io::Result<bool> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: probe\r\nuser-agent: kube-probe/1.35\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line).await?;
    let good = matches!(&status_line[8..10], b" 2" | b" 3");
    // Read to the end: a connection closed on unread data would be a reset in the pod's log. How
    // that goes does not change the answer.
    let _ = tokio::io::copy(&mut stream.take(64 * 1024), &mut tokio::io::sink()).await;
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};
    use tokio::net::TcpListener;

    #[test]
    fn defaults_are_kubernetes_defaults() {
        let spec = from_value(json!({"httpGet": {"path": "/readyz", "port": "http"}})).unwrap();
        let probe = Probe::of(Some(&spec)).unwrap();
        assert_eq!((probe.period.as_secs(), probe.timeout.as_secs()), (10, 1));
        assert_eq!((probe.failures, probe.successes), (3, 1));
        assert_eq!(
            probe.question,
            Question::Http {
                path: "/readyz".to_owned()
            }
        );
    }

    #[tokio::test]
    async fn a_good_status_is_yes_anything_else_is_no() {
        for (status, expected) in [
            ("200 OK", true),
            ("302 Found", true),
            ("404 Not Found", false),
            ("503 X", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let answer =
                    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            let spec = from_value(json!({"httpGet": {"path": "/", "port": 1}})).unwrap();
            assert_eq!(
                Probe::of(Some(&spec)).unwrap().ask(address).await,
                expected,
                "{status}"
            );
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_no() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let spec = from_value(json!({"tcpSocket": {"port": 1}})).unwrap();
        assert!(!Probe::of(Some(&spec)).unwrap().ask(address).await);
    }
}
