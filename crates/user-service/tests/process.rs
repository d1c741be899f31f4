//! The binary as a process: its exit codes and its leaving.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::Client;
use testkit::redis_server::{RedisServer, free_address};
use testkit::wait;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

const LIMIT: Duration = Duration::from_secs(20);

fn service(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_user-service"));
    command
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn unusable_configuration_exits_64_and_names_the_variable() {
    let rows = [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("REDIS_URL", "redis://:secret@host:port"),
        ("REDIS_URL", "http://redis:6379"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "=== nonsense"),
    ];
    for (variable, value) in rows {
        let output = tokio::time::timeout(LIMIT, service(&[(variable, value)]).output())
            .await
            .unwrap()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{variable}={value}: {said}");
        assert!(said.contains(variable), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[tokio::test]
async fn a_command_does_its_work_and_ends_with_its_code() {
    for (line, code, said) in [
        (&["wait-for-drain", "--seconds", "0"][..], 0, ""),
        (&["--help"], 0, "wait-for-drain"),
        (&["frob"], 64, "unrecognized subcommand 'frob'"),
    ] {
        let output = service(&[]).args(line).stdout(Stdio::piped()).output();
        let output = tokio::time::timeout(LIMIT, output).await.unwrap().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line:?}: {text}");
        assert!(text.contains(said), "{line:?}: {text}");
    }
}

#[tokio::test]
async fn called_by_the_name_of_a_client_it_is_that_client() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    let app = axum::Router::new().fallback(async |body: String| format!("got {body}"));
    tokio::spawn(axum::serve(listener, app).into_future());
    for (name, line, expected) in [
        ("curl", &["-s", "-d", "@-"][..], "got typed"),
        ("/usr/local/bin/wget", &["-qO-"], "got "),
    ] {
        let mut client = service(&[])
            .arg0(name)
            .args(line)
            .arg(&url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        stdin.write_all(b"typed").await.unwrap();
        drop(stdin);
        let output = tokio::time::timeout(LIMIT, client.wait_with_output());
        let output = output.await.unwrap().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_taken_port_is_a_failure_that_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = tokio::time::timeout(LIMIT, service(&[("PORT", &address)]).output())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&address) && said.contains("PORT"), "{said}");
}

async fn running(redis: SocketAddr) -> (Child, String, Client) {
    let address = free_address();
    let child = service(&[
        ("PORT", &address.to_string()),
        ("REDIS_URL", &redis.to_string()),
    ])
    .spawn()
    .unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{address}");
    wait::until("readiness", LIMIT, async || {
        client
            .get(format!("{url}/readyz"))
            .send()
            .await
            .is_ok_and(|it| it.status() == 200)
    })
    .await;
    (child, url, client)
}

#[tokio::test]
async fn sigterm_drains_not_ready_closing_still_serving_then_gone() {
    let Some(redis) = RedisServer::start().await else {
        return;
    };
    let (mut child, url, client) = running(redis.address()).await;
    let before = client.get(format!("{url}/users/")).send().await.unwrap();
    assert!(before.headers().get("connection").is_none());
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    wait::until("not ready", LIMIT, async || {
        client
            .get(format!("{url}/readyz"))
            .send()
            .await
            .unwrap()
            .status()
            == 503
    })
    .await;
    let during = client.get(format!("{url}/users/")).send().await.unwrap();
    assert_eq!(during.status(), 200, "a draining pod still serves");
    assert_eq!(during.headers()["connection"], "close");
    assert_eq!(during.headers()["x-service-name"], "user-service");
    let told = Instant::now();
    let status = tokio::time::timeout(LIMIT, child.wait())
        .await
        .expect("it leaves by itself")
        .unwrap();
    assert!(status.success(), "{status}");
    eprintln!("gone {:?} after it was told", told.elapsed());
}
