//! Pods as a trainee meets them, by real kubectl: logs, commands, connections, figures, ends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "pods/admin.rs"]
mod admin;
#[path = "pods/kubectl.rs"]
mod kubectl;
mod support;

use std::process::Stdio;
use std::time::Duration;

use kubectl::{Kubectl, text};
use support::{Lab, Start};
use testkit::wait;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn logs_are_shown_as_asked() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    let deployment = "deploy/user-service-ctx1";
    let all = kubectl.says(&format!("logs {deployment}")).await;
    assert!(all.contains("serving"), "{all}");
    let last = kubectl
        .says(&format!("logs {deployment} --tail=1 --timestamps"))
        .await;
    let time = last.split(' ').next().unwrap();
    assert!(
        time.parse::<jiff::Timestamp>().is_ok() && last.lines().count() == 1,
        "{last}"
    );
    assert_eq!(
        kubectl
            .says(&format!("logs {deployment} --limit-bytes=5"))
            .await
            .len(),
        5
    );
    let future = kubectl
        .says(&format!(
            "logs {deployment} --since-time=2100-01-01T00:00:00Z"
        ))
        .await;
    assert_eq!(future, "");
    assert_eq!(lab.get("/users/").await.status(), 200);
    let line = "logs deploy/api-gateway -c istio-proxy";
    wait::until("the access log to tell of the request", LIMIT, async || {
        kubectl
            .says(line)
            .await
            .contains("\"GET /users/ HTTP/1.1\" 200 - via_upstream")
    })
    .await;
    let (code, said) = kubectl
        .fails(&format!("logs {deployment} --previous -c user-service"))
        .await;
    assert_eq!(code, 1);
    assert!(
        said.contains("previous terminated container \"user-service\" in pod"),
        "{said}"
    );
}

#[tokio::test]
async fn a_follower_sees_what_comes_and_ends_with_the_container() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    let line = "get pods -l app=booking-service -o jsonpath={.items[0].metadata.name}";
    let pod = kubectl.says(line).await;
    let mut following = kubectl.command(&format!("logs -f {pod}")).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = tokio::time::timeout(LIMIT, lines.next_line()).await;
        line.expect("a line comes").unwrap()
    };
    let first = next().await.expect("the log is followed");
    assert!(first.contains("serving"), "{first}");
    kubectl
        .says(&format!("delete pod {pod} --wait=false"))
        .await;
    let mut rest = String::new();
    while let Some(line) = next().await {
        rest += &line;
    }
    assert!(rest.contains("told to leave"), "{rest}");
    let ended = tokio::time::timeout(LIMIT, following.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(ended.success());
}

#[tokio::test]
async fn commands_run_through_the_pods_sidecar_and_nothing_of_this_machine_does() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    let exec = "exec deploy/api-gateway -- ";
    let code = kubectl
        .says(&format!(
            "{exec}curl -s -o /dev/null -w %{{http_code}} http://movie-service:8082/movies/"
        ))
        .await;
    assert_eq!(code, "200");
    let body = kubectl
        .says(&format!("{exec}wget -qO- http://user-service:8081/users/"))
        .await;
    assert!(body.contains("\"email\""), "{body}");
    let (code, said) = kubectl
        .fails(&format!("{exec}curl -sS http://nowhere:1/"))
        .await;
    assert_eq!(code, 6);
    assert!(
        said.contains("curl: (6) Could not resolve host: nowhere"),
        "{said}"
    );
    for nobody in ["movie-service", "localhost"] {
        let line = format!("{exec}curl -sS http://{nobody}:1/");
        let (code, said) = kubectl.fails(&line).await;
        assert_eq!(code, 7, "{said}");
        let expected = format!("curl: (7) Failed to connect to {nobody} port 1");
        assert!(said.contains(&expected), "{said}");
    }
    let own = kubectl.says(&format!("{exec}api-gateway --help")).await;
    assert!(own.contains("wait-for-drain"), "{own}");
    let (code, said) = kubectl.fails(&format!("{exec}api-gateway frob")).await;
    assert_eq!(code, 64);
    assert!(said.contains("unrecognized subcommand 'frob'"), "{said}");
    let (code, said) = kubectl.fails(&format!("{exec}sh -c id")).await;
    assert_eq!(code, 1);
    let refusal = "error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \"";
    assert!(said.starts_with(refusal), "{said}");
    assert!(said.ends_with("unable to start container process: exec: \"sh\": executable file not found in $PATH: unknown\n"), "{said}");
    admin::is_reached_from_its_pod(&kubectl).await;
    admin::is_seen_by_address(&kubectl).await;
    let typed = async {
        let line = "exec -i deploy/api-gateway -- curl -s -X POST -d @- -o /dev/null -w %{http_code} http://user-service:8081/users/";
        let mut child = kubectl.command(line).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"{").await.unwrap();
        text(&child.wait_with_output().await.unwrap().stdout)
    };
    let answer = tokio::time::timeout(LIMIT, typed).await.unwrap();
    assert!(
        answer.starts_with('4'),
        "half a JSON object is refused: {answer}"
    );
}

#[tokio::test]
async fn who_attaches_sees_what_is_written_from_then_on() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    let of = "deploy/api-gateway -c istio-proxy";
    assert_eq!(lab.get("/users/").await.status(), 200);
    wait::until("the first request to be logged", LIMIT, async || {
        let log = kubectl.says(&format!("logs {of}")).await;
        log.contains("GET /users/ ")
    })
    .await;
    let mut attached = kubectl.command(&format!("attach {of}")).spawn().unwrap();
    let mut lines = BufReader::new(attached.stdout.take().unwrap()).lines();
    // Nothing says when the client is attached, so it asks until it is seen.
    let asking = async {
        loop {
            lab.get("/movies/").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let first = tokio::select! {
        line = tokio::time::timeout(LIMIT, lines.next_line()) => line.unwrap().unwrap().unwrap(),
        () = asking => unreachable!("it asks for ever"),
    };
    assert!(first.contains("GET /movies/ "), "{first}");
    attached.kill().await.unwrap();
}

/// Processes of the lab that have a pod's name; elsewhere than on Linux nobody knows.
fn processes_of(lab: &Lab, pod: &str) -> usize {
    let variable = format!("HOSTNAME={pod}");
    let of_pod = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|it| it == variable.as_bytes())
    };
    let all = support::descendants(lab.pid());
    all.iter().filter(|pid| of_pod(pid)).count()
}

#[tokio::test]
async fn a_hurried_end_waits_for_nobody() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    let hook =
        r#"{"preStop":{"exec":{"command":["user-service","wait-for-drain","--seconds","300"]}}}"#;
    for (pod, options, verb) in [
        ("forced", "--force --grace-period=0", "force deleted"),
        ("hurried", "--now", "deleted"),
    ] {
        let container = format!(r#"{{"name":"{pod}","image":"user-service","lifecycle":{hook}}}"#);
        let spec = format!(
            r#"{{"spec":{{"terminationGracePeriodSeconds":300,"containers":[{container}]}}}}"#
        );
        let run = format!("run {pod} --image=user-service --overrides={spec}");
        kubectl.says(&run).await;
        let ready = format!("wait pod/{pod} --for=condition=Ready --timeout=20s");
        kubectl.says(&ready).await;
        assert!(processes_of(&lab, pod) > 0 || !cfg!(target_os = "linux"));
        let said = kubectl.says(&format!("delete pod {pod} {options}")).await;
        let expected = format!("pod \"{pod}\" {verb} from theater-msa namespace\n");
        assert_eq!(said, expected);
        let (code, said) = kubectl.fails(&format!("get pod {pod}")).await;
        assert_eq!(code, 1);
        assert!(
            said.contains(&format!("pods \"{pod}\" not found")),
            "{said}"
        );
        wait::until("its processes to be gone", LIMIT, async || {
            processes_of(&lab, pod) == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_ports_connections_reach_the_pod() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    let mut forwarding = kubectl
        .command("port-forward svc/user-service :8081")
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(forwarding.stdout.take().unwrap()).lines();
    let first = tokio::time::timeout(LIMIT, lines.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let port: u16 = first
        .split(" -> ")
        .next()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let get = async || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = b"GET /users/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answers = futures_util::future::join_all((0..20).map(|_| get())).await;
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn bare_pods_end_as_their_policy_says() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    let run = "run --restart=Never --image=curlimages/curl";
    kubectl
        .says(&format!(
            "{run} good -- -s http://user-service:8081/healthz"
        ))
        .await;
    kubectl
        .says("wait pod/good --for=jsonpath={.status.phase}=Succeeded --timeout=20s")
        .await;
    kubectl
        .says(&format!("{run} bad -- -sS http://nowhere/"))
        .await;
    kubectl
        .says("wait pod/bad --for=jsonpath={.status.phase}=Failed --timeout=20s")
        .await;
    let code = "{.status.containerStatuses[0].state.terminated.exitCode}";
    assert_eq!(
        kubectl
            .says(&format!("get pod bad -o jsonpath={code}"))
            .await,
        "6"
    );
    assert_eq!(
        kubectl.says("logs bad").await,
        "curl: (6) Could not resolve host: nowhere\n"
    );
}

#[tokio::test]
async fn a_pre_stop_hook_runs_the_images_own_command() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    for (pod, hook) in [
        (
            "good",
            r#"["user-service","wait-for-drain","--seconds","300"]"#,
        ),
        ("bad", r#"["user-service","frob"]"#),
    ] {
        let hook = format!(r#"{{"preStop":{{"exec":{{"command":{hook}}}}}}}"#);
        let container = format!(r#"{{"name":"{pod}","image":"user-service","lifecycle":{hook}}}"#);
        let spec = format!(r#"{{"spec":{{"containers":[{container}]}}}}"#);
        kubectl
            .says(&format!(
                "run {pod} --image=user-service --overrides={spec}"
            ))
            .await;
        kubectl
            .says(&format!(
                "wait pod/{pod} --for=condition=Ready --timeout=20s"
            ))
            .await;
        // The lab knows when every proxy has forgotten the pod: no need to wait the whole time.
        kubectl.says(&format!("delete pod {pod}")).await;
    }
    let failed = "get events --field-selector reason=FailedPreStopHook -o custom-columns=O:.involvedObject.name --no-headers";
    wait::until("the event of the failed hook alone", LIMIT, async || {
        kubectl.says(failed).await.trim() == "bad"
    })
    .await;
}

#[tokio::test]
async fn trouble_is_told_by_state_and_events() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    kubectl.says("run nowhere --image=nginx").await;
    kubectl
        .says("run crash --image=curlimages/curl -- -sS http://nowhere/")
        .await;
    kubectl.says("run small --image=user-service --overrides={\"spec\":{\"containers\":[{\"name\":\"small\",\"image\":\"user-service\",\"resources\":{\"limits\":{\"memory\":\"1Mi\"}}}]}}").await;
    let waiting = |pod: &str| {
        format!("get pod {pod} -o jsonpath={{.status.containerStatuses[0].state.waiting.reason}}")
    };
    for (pod, reason) in [
        ("nowhere", "ImagePullBackOff"),
        ("crash", "CrashLoopBackOff"),
    ] {
        wait::until(reason, LIMIT, async || {
            kubectl.says(&waiting(pod)).await == reason
        })
        .await;
    }
    let (_, said) = kubectl.fails("logs nowhere -c nowhere").await;
    assert!(
        said.contains("is waiting to start: trying and failing to pull image"),
        "{said}"
    );
    // It ran twice; the restart it waits for has not been.
    let restarts = "get pod crash -o jsonpath={.status.containerStatuses[0].restartCount}";
    assert_eq!(kubectl.says(restarts).await, "1");
    let last = "{.status.containerStatuses[0].lastState.terminated.reason}";
    wait::until("OOMKilled", LIMIT, async || {
        kubectl
            .says(&format!("get pod small -o jsonpath={last}"))
            .await
            == "OOMKilled"
    })
    .await;
    let events = kubectl
        .says("get events -o custom-columns=R:.reason,M:.message")
        .await;
    for expected in [
        "Back-off pulling image \"nginx\"",
        "Back-off restarting failed container crash",
        "Container started",
    ] {
        assert!(
            events.contains(expected),
            "{expected} is missing in {events}"
        );
    }
}

#[tokio::test]
async fn top_shows_what_was_measured_and_autoscalers_go_by_it() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    wait::until("two measurements", LIMIT, async || {
        let shown = kubectl.run("top pods --no-headers").await;
        let shown = text(&shown.stdout);
        let memory = |line: &str| {
            line.split_whitespace()
                .nth(2)
                .and_then(|it| it.strip_suffix("Mi")?.parse().ok())
        };
        // Three services twice, and the gateway.
        shown.lines().count() == 7
            && shown
                .lines()
                .all(|line| memory(line).is_some_and(|it: u32| it > 0))
    })
    .await;
    let nodes = kubectl.says("top nodes --no-headers").await;
    assert_eq!(nodes.lines().count(), 2, "{nodes}");
    grow(&kubectl).await;
}

/// Any process has more memory than this target: the autoscaler adds pods up to its bound.
async fn grow(kubectl: &Kubectl) {
    let name = "user-service-ctx1";
    kubectl
        .says(&format!(
            "autoscale deployment {name} --memory=1Mi --min=1 --max=3"
        ))
        .await;
    wait::until("a third pod", LIMIT, async || {
        let ready = "jsonpath={.status.readyReplicas}";
        kubectl.says(&format!("get deploy {name} -o {ready}")).await == "3"
    })
    .await;
    let told = kubectl
        .says(
            "get events --field-selector reason=SuccessfulRescale -o jsonpath={.items[*].message}",
        )
        .await;
    assert_eq!(told, "New size: 3; reason: memory resource above target");
    wait::until("a row with figures", LIMIT, async || {
        let row = kubectl.says("get hpa --no-headers").await;
        let cells: Vec<&str> = row.split_whitespace().collect();
        cells[2] == "memory:" && cells[3].ends_with("/1Mi") && cells[4..7] == ["1", "3", "3"]
    })
    .await;
    let conditions = "jsonpath={.status.conditions[*].reason}";
    let told = kubectl
        .says(&format!("get hpa {name} -o {conditions}"))
        .await;
    assert_eq!(told, "ReadyForNewScale ValidMetricFound TooManyReplicas");
}

#[tokio::test]
async fn a_config_maps_change_reaches_the_files_of_its_pods() {
    let lab = Start::embedded().up().await;
    let kubectl = Kubectl::of(&lab);
    let asset = async || lab.get("/ui/hello.js").await.text().await.unwrap();
    for expected in ["first", "second"] {
        let patch = format!(
            "patch configmap ui --type=merge -p {{\"data\":{{\"hello.js\":\"{expected}\"}}}}"
        );
        kubectl.says(&patch).await;
        wait::until("the file to be served", LIMIT, async || {
            asset().await == expected
        })
        .await;
    }
}
