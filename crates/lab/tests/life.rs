//! A lab's start, its end, and what it leaves behind: nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{Start, descendants, is_alive};
use testkit::redis_server::free_address;
use testkit::wait;
use tokio::io::{AsyncBufReadExt, BufReader};

/// How long the end of everything may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_is_left_however_the_lab_ends() {
    for store in ["embedded", "auto"] {
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            let mut lab = Start::with(&["--redis", store]).up().await;
            let processes = descendants(lab.pid());
            assert!(
                processes.len() >= 14,
                "14 pods are processes: {}",
                processes.len()
            );
            let sockets = sockets_of(&processes, lab.pid());
            let open = listening(&sockets);
            assert!(open.len() > 14, "the lab and its pods listen: {open:?}");
            let ended = Instant::now();
            lab.end_by(signal).await;
            wait::until("every process to end", LEAVE_LIMIT, async || {
                processes.iter().all(|pid| !is_alive(*pid))
            })
            .await;
            eprintln!(
                "{store} {signal:?}: nothing left after {:?}",
                ended.elapsed()
            );
            // A process with threads counts as ended before its last thread closes its sockets.
            wait::until("every port to close", LEAVE_LIMIT, async || {
                listening(&sockets).is_empty()
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_lab_that_a_program_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let start = Start::with(&["--redis", "embedded", "--empty", "--lifeline"]);
    let mut command = start.command(&folder.path().join("state"));
    let mut lab = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(lab.stdout.take().unwrap()).lines();
    while let Some(line) = said.next_line().await.unwrap() {
        if line.contains("store") {
            break;
        }
    }
    assert!(
        lab.try_wait().unwrap().is_none(),
        "its starter is still there"
    );
    drop(lab.stdin.take());
    let ended = tokio::time::timeout(LEAVE_LIMIT, lab.wait()).await;
    assert!(ended.expect("it ends").unwrap().success());
}

/// Inodes of the sockets of these processes; unlike a port, an inode is not taken by another lab.
#[cfg(target_os = "linux")]
fn sockets_of(processes: &[u32], lab: u32) -> Vec<String> {
    let mut inodes = Vec::new();
    for pid in processes.iter().copied().chain([lab]) {
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            let target = target.to_string_lossy();
            let inode = target.strip_prefix("socket:[");
            inodes.extend(inode.map(|it| it.trim_end_matches(']').to_owned()));
        }
    }
    inodes
}

/// Addresses on which these sockets listen now.
#[cfg(target_os = "linux")]
fn listening(sockets: &[String]) -> Vec<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // proc(5): 0A is LISTEN; field 9 is the socket's inode.
        let ours = fields[3] == "0A" && sockets.iter().any(|inode| inode == fields[9]);
        ours.then(|| fields[1].to_owned())
    };
    table.lines().skip(1).filter_map(listens).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_stopped_pod_is_ended_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut lab = Start::embedded().state_dir(&state).up().await;
    let stopped = descendants(lab.pid())[0];
    kill_process(Pid::from_raw(stopped.cast_signed()).unwrap(), Signal::STOP).unwrap();
    lab.end_by(Signal::KILL).await;
    // A stopped process cannot notice its lifeline. Some kernels end it all the same (SIGHUP to an
    // orphaned group with a stopped member); the next lab does in any case.
    let _next = Start::embedded().state_dir(&state).up().await;
    wait::until("the stopped pod to end", LEAVE_LIMIT, async || {
        !is_alive(stopped)
    })
    .await;
}

#[tokio::test]
async fn a_second_start_names_the_first_ones_port_and_what_to_do() {
    let lab = Start::embedded().up().await;
    let said = failure(&Start::embedded(), &lab.state_dir, &[]).await;
    for word in [
        &*format!("pid {}", lab.pid()),
        &*lab.url,
        "--state-dir",
        "--port",
    ] {
        assert!(said.contains(word), "{word} is missing in {said}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_flag_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    for flag in ["--port", "--api-port"] {
        let said = failure(
            &Start::embedded(),
            &folder.path().join(flag),
            &[flag, &port],
        )
        .await;
        assert!(
            said.contains(&format!("port {port}")) && said.contains(flag),
            "{said}"
        );
    }
}

/// What a lab that cannot start says before it leaves with a failure.
async fn failure(start: &Start, state_dir: &std::path::Path, more: &[&str]) -> String {
    let mut command = start.command(state_dir);
    // Of a flag given twice clap would complain, so the later one replaces the earlier.
    let mut arguments = vec![
        "up".to_owned(),
        "--state-dir".to_owned(),
        state_dir.display().to_string(),
    ];
    for flag in ["--port", "--api-port"] {
        if !more.contains(&flag) {
            arguments.extend([flag.to_owned(), "0".to_owned()]);
        }
    }
    arguments.extend(more.iter().map(|&it| it.to_owned()));
    command = {
        let program = command.as_std().get_program().to_owned();
        let mut fresh = tokio::process::Command::new(program);
        fresh.args(arguments).kill_on_drop(true);
        fresh
    };
    let running = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output();
    let output = tokio::time::timeout(support::START_LIMIT, running)
        .await
        .expect("it gives up")
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn poisoned_proxy_variables_change_nothing() {
    let nowhere = format!("http://{}", free_address());
    let mut start = Start::embedded();
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        start = start.env(name, &nowhere);
    }
    let lab = start.up().await;
    assert_eq!(
        lab.cluster_of("/users/", Some(("x-canary", "true"))).await,
        (200, Some("ctx2".to_owned()))
    );
    wait::until(
        "the gateway to see both clusters",
        Duration::from_secs(10),
        async || {
            let text = lab.get("/deployment-status").await.text().await.unwrap();
            text.matches("\"live\"").count() >= 2
        },
    )
    .await;
}

#[tokio::test]
async fn a_pod_that_is_killed_starts_again_and_a_deleted_one_is_replaced() {
    let lab = Start::embedded().up().await;
    let pods = lab
        .list("ctx1", "/api/v1/namespaces/theater-msa/pods")
        .await;
    let user = pods
        .iter()
        .find(|pod| pod["metadata"]["labels"]["app"] == "user-service")
        .unwrap();
    let name = user["metadata"]["name"].as_str().unwrap().to_owned();
    let url = format!(
        "{}/api/v1/namespaces/theater-msa/pods/{name}",
        lab.api("ctx1")
    );
    assert_eq!(lab.client.delete(&url).send().await.unwrap().status(), 200);
    wait::until(
        "another pod in its place",
        Duration::from_secs(30),
        async || {
            let pods = lab
                .list("ctx1", "/api/v1/namespaces/theater-msa/pods")
                .await;
            let users: Vec<_> = pods
                .iter()
                .filter(|pod| pod["metadata"]["labels"]["app"] == "user-service")
                .collect();
            let ready =
                |pod: &&&serde_json::Value| pod["status"]["containerStatuses"][0]["ready"] == true;
            users.len() == 2
                && users.iter().filter(ready).count() == 2
                && users.iter().all(|pod| pod["metadata"]["name"] != *name)
        },
    )
    .await;
}

#[tokio::test]
async fn an_empty_lab_has_what_a_fresh_cluster_has_and_no_theater() {
    let lab = Start::with(&["--empty"]).up().await;
    let names = async |path: &str| -> Vec<String> {
        let items = lab.list("ctx1", path).await;
        items
            .iter()
            .map(|it| it["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("/api/v1/nodes").await, ["ctx1-node-1", "ctx1-node-2"]);
    assert!(
        !names("/api/v1/namespaces")
            .await
            .contains(&"theater-msa".to_owned())
    );
    assert_eq!(
        names("/apis/networking.istio.io/v1/gateways").await,
        ["cp-gateway"]
    );
    assert_eq!(lab.get("/").await.status(), 404);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_container_that_crashes_starts_again_in_its_own_pod() {
    let lab = Start::embedded().up().await;
    let users = async || -> Vec<serde_json::Value> {
        let mut pods = lab
            .list("ctx1", "/api/v1/namespaces/theater-msa/pods")
            .await;
        pods.retain(|pod| pod["metadata"]["labels"]["app"] == "user-service");
        pods
    };
    let names = |pods: &[serde_json::Value]| -> Vec<String> {
        pods.iter()
            .map(|pod| pod["metadata"]["name"].to_string())
            .collect()
    };
    let before = names(&users().await);
    let is_user = |pid: &u32| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        line.is_ok_and(|line| line.contains("user-service"))
    };
    // Pods of ctx2 are processes of the same kind, so all are ended.
    for pid in descendants(lab.pid()).into_iter().filter(is_user) {
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    }
    wait::until(
        "both containers to run again",
        Duration::from_secs(20),
        async || {
            let pods = users().await;
            assert_eq!(names(&pods), before, "no pod is replaced");
            pods.iter().all(|pod| {
                let status = &pod["status"]["containerStatuses"][0];
                assert_eq!(pod["status"]["phase"], "Running");
                status["restartCount"] == 1 && status["ready"] == true
            })
        },
    )
    .await;
}
