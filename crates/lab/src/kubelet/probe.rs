//! One probe of a container: its question and its words.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe as Spec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One probe, with Kubernetes' defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// What is asked.
    pub question: Question,
    /// Time from the container's start to the first question.
    pub delay: Duration,
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
        /// The container's port.
        port: u16,
        /// More headers.
        headers: Vec<(String, String)>,
    },
    /// A connection to the container's port.
    Tcp(u16),
    /// A command that succeeds.
    Exec(Vec<String>),
}

/// Where a container's application is, by its virtual and by its real address.
#[derive(Clone, Debug)]
pub(super) struct Application {
    /// The pod's address, which messages show.
    pub pod_ip: Ipv4Addr,
    /// Where it really listens.
    pub real: SocketAddr,
    /// The ports it listens on in the pod's network.
    pub ports: Vec<u16>,
}

impl Probe {
    /// Reads a probe; none where there is none, or only a kind the lab cannot ask (gRPC).
    pub(super) fn of(spec: Option<&Spec>, container: &Container) -> Option<Self> {
        let spec = spec?;
        let question = question(spec, container)?;
        let seconds = |value: Option<i32>, default: u32| {
            let value = value
                .and_then(|it| u32::try_from(it).ok())
                .filter(|it| *it > 0);
            value.unwrap_or(default)
        };
        Some(Self {
            question,
            delay: Duration::from_secs(seconds(spec.initial_delay_seconds, 0).into()),
            period: Duration::from_secs(seconds(spec.period_seconds, 10).into()),
            timeout: Duration::from_secs(seconds(spec.timeout_seconds, 1).into()),
            failures: seconds(spec.failure_threshold, 3),
            successes: seconds(spec.success_threshold, 1),
        })
    }

    /// Asks over the network, in time.
    ///
    /// # Errors
    /// Why the answer is no, in the words of a kubelet.
    pub(super) async fn ask(&self, application: &Application) -> Result<(), String> {
        let asking = async {
            match &self.question {
                Question::Tcp(port) => connect(application, *port).await.map(drop),
                Question::Http {
                    path,
                    port,
                    headers,
                } => http(application, *port, path, headers).await,
                // Asked by whoever runs commands.
                Question::Exec(_) => Ok(()),
            }
        };
        match tokio::time::timeout(self.timeout, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(self.too_late(application)),
        }
    }

    fn too_late(&self, application: &Application) -> String {
        match &self.question {
            Question::Http { path, port, .. } => format!(
                "Get \"{}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                url(application, *port, path)
            ),
            Question::Tcp(port) => format!("dial tcp {}:{port}: i/o timeout", application.pod_ip),
            Question::Exec(command) => {
                format!(
                    "command timed out: {:?} timed out after {:?}",
                    command.join(" "),
                    self.timeout
                )
            }
        }
    }
}

/// The number of a port that is named or numbered.
fn number(port: &IntOrString, container: &Container) -> Option<u16> {
    match port {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(name) => {
            let ports = container.ports.as_deref().unwrap_or_default();
            let named = ports.iter().find(|port| port.name.as_deref() == Some(name));
            u16::try_from(named?.container_port).ok()
        }
    }
}

fn question(spec: &Spec, container: &Container) -> Option<Question> {
    if let Some(exec) = &spec.exec {
        return Some(Question::Exec(exec.command.clone().unwrap_or_default()));
    }
    if let Some(tcp) = &spec.tcp_socket {
        return Some(Question::Tcp(number(&tcp.port, container).unwrap_or(0)));
    }
    let http = spec.http_get.as_ref()?;
    let headers = http.http_headers.iter().flatten();
    Some(Question::Http {
        path: http.path.clone().unwrap_or_else(|| "/".to_owned()),
        port: number(&http.port, container).unwrap_or(0),
        headers: headers
            .map(|it| (it.name.clone(), it.value.clone()))
            .collect(),
    })
}

async fn connect(application: &Application, port: u16) -> Result<TcpStream, String> {
    let refused = || {
        format!(
            "dial tcp {}:{port}: connect: connection refused",
            application.pod_ip
        )
    };
    if !application.ports.contains(&port) {
        return Err(refused());
    }
    TcpStream::connect(application.real)
        .await
        .map_err(|_| refused())
}

fn url(application: &Application, port: u16, path: &str) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("http://{}:{port}{slash}{path}", application.pod_ip)
}

async fn http(
    application: &Application,
    port: u16,
    path: &str,
    headers: &[(String, String)],
) -> Result<(), String> {
    let url = url(application, port, path);
    let stream = connect(application, port)
        .await
        .map_err(|why| format!("Get \"{url}\": {why}"))?;
    let authority = format!("{}:{port}", application.pod_ip);
    match get(stream, path, &authority, headers).await {
        Ok(200..=399) => Ok(()),
        Ok(code) => Err(format!("HTTP probe failed with statuscode: {code}")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(format!("Get \"{url}\": EOF"))
        }
        Err(error) => Err(format!("Get \"{url}\": {error}")),
    }
}

/// The smallest GET there is; only the status line is read.
async fn get(
    mut stream: TcpStream,
    path: &str,
    authority: &str,
    headers: &[(String, String)],
) -> std::io::Result<u16> {
    let named = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    let host = named("host").map_or(authority, |(_, value)| value);
    let mut request =
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: kube-probe/1.35\r\n");
    for (name, value) in headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
    {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("accept: */*\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line).await?;
    let code = std::str::from_utf8(&status_line[9..])
        .ok()
        .and_then(|code| code.parse().ok());
    // Read to the end: a connection closed on unread data would be a reset in the pod's log. How
    // that goes does not change the answer.
    let _ = tokio::io::copy(&mut stream.take(64 * 1024), &mut tokio::io::sink()).await;
    code.ok_or_else(|| std::io::Error::other("malformed HTTP response"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};
    use tokio::net::TcpListener;

    fn probe(spec: Value) -> Probe {
        let container = json!({"name": "c", "ports": [{"name": "http", "containerPort": 8081}]});
        let (spec, container): (Spec, Container) =
            (from_value(spec).unwrap(), from_value(container).unwrap());
        Probe::of(Some(&spec), &container).unwrap()
    }

    fn application(real: SocketAddr) -> Application {
        Application {
            pod_ip: Ipv4Addr::new(10, 1, 0, 2),
            real,
            ports: vec![8081],
        }
    }

    #[test]
    fn defaults_are_kubernetes_defaults_and_ports_have_names() {
        let probe = probe(json!({"httpGet": {"path": "/readyz", "port": "http"}}));
        assert_eq!((probe.period.as_secs(), probe.timeout.as_secs()), (10, 1));
        assert_eq!(
            (probe.failures, probe.successes, probe.delay.as_secs()),
            (3, 1, 0)
        );
        let question = Question::Http {
            path: "/readyz".to_owned(),
            port: 8081,
            headers: vec![],
        };
        assert_eq!(probe.question, question);
    }

    #[tokio::test]
    async fn a_good_status_is_yes_anything_else_is_no() {
        for (status, expected) in [
            ("200 OK", Ok(())),
            ("302 Found", Ok(())),
            (
                "404 Not Found",
                Err("HTTP probe failed with statuscode: 404"),
            ),
            ("503 X", Err("HTTP probe failed with statuscode: 503")),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let answer =
                    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            let probe = probe(json!({"httpGet": {"path": "/", "port": 8081}}));
            let answer = probe.ask(&application(address)).await;
            assert_eq!(answer, expected.map_err(str::to_owned), "{status}");
        }
    }

    #[tokio::test]
    async fn a_closed_port_and_one_that_nobody_listens_on_are_refused_by_their_virtual_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let refused = "dial tcp 10.1.0.2:9: connect: connection refused";
        let asked = probe(json!({"tcpSocket": {"port": 9}}))
            .ask(&application(address))
            .await;
        assert_eq!(
            asked,
            Err(refused.to_owned()),
            "the container has another port"
        );
        drop(listener);
        let http = probe(json!({"httpGet": {"path": "/x", "port": "http"}}));
        let asked = http.ask(&application(address)).await;
        let refused =
            "Get \"http://10.1.0.2:8081/x\": dial tcp 10.1.0.2:8081: connect: connection refused";
        assert_eq!(asked, Err(refused.to_owned()));
    }

    #[tokio::test]
    async fn silence_is_no_after_the_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut probe = probe(json!({"httpGet": {"path": "/x", "port": 8081}}));
        probe.timeout = Duration::from_millis(20);
        let answer = probe.ask(&application(address)).await.unwrap_err();
        assert!(answer.contains("context deadline exceeded"), "{answer}");
    }
}
