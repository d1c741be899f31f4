//! What the scripts compute in awk is what the rest of the house computes.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use mesh::cause::{self, Answer};
use mesh::local_reply::{LocalReply, Reason, Reset, local_reply};
use testkit::band::band;

use crate::stage::root;

fn awk(arguments: &[&str], input: &str) -> String {
    use std::io::Write;
    let mut child = Command::new("awk")
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn file(name: &str) -> PathBuf {
    root().join("scripts/lib").join(name)
}

#[test]
fn the_band_is_the_one_that_tests_use() {
    let rows = [
        (10, 0.5),
        (60, 0.3),
        (100, 0.7),
        (2_000, 0.9),
        (5_000, 0.5),
        (100, 0.0),
        (100, 1.0),
        (1, 0.7),
    ];
    let program = std::fs::read_to_string(file("binomial.awk")).unwrap()
        + "\n{ print band_low($1, $2), band_high($1, $2) }";
    let input: String = rows.iter().map(|(n, p)| format!("{n} {p}\n")).collect();
    let said = awk(&[&program], &input);
    let expected: String = rows
        .iter()
        .map(|&(n, p)| band(n, p))
        .map(|band| format!("{} {}\n", band.start(), band.end()))
        .collect();
    assert_eq!(said, expected);
}

/// As curl -i prints it.
fn printed(reply: &LocalReply) -> String {
    let response = reply.response(false, false);
    let mut text = format!("HTTP/1.1 {}\r\n", response.status());
    for (name, value) in response.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    text + "\r\n" + &String::from_utf8_lossy(response.body())
}

#[test]
fn causes_are_named_as_in_the_mesh() {
    let resets = Reset::ALL
        .into_iter()
        .flat_map(|reset| [false, true].map(|retried| Reason::Reset { reset, retried }));
    let abort = Reason::Abort(mesh::fault::AbortStatus::Http(500));
    let others = [
        Reason::NoRoute,
        Reason::NoCluster,
        Reason::NoHealthyUpstream,
        Reason::RouteTimeout,
        abort,
    ];
    for reason in resets.chain(others) {
        let reply = local_reply(&reason);
        let response = reply.response(false, false);
        let mut headers = response.headers().clone();
        headers.insert("server", "envoy".parse().unwrap());
        let text = reply.text();
        let answer = Answer::new(reply.status, &headers, Some(&text));
        let expected = cause::cause(&answer).kind.as_str();
        let input = format!("{}\nend {} 0.0015\n", printed(&reply), reply.status);
        let file = file("answers.awk");
        let row = awk(&["-v", "marker=end", "-f", file.to_str().unwrap()], &input);
        let expected = format!("{} 1.5 - - {expected} -\n", reply.status);
        assert_eq!(row, expected, "{reason:?}");
    }
}

#[test]
fn a_services_own_answer_is_its_own_whatever_its_text() {
    let rows = [
        (
            "500 Internal Server Error",
            "x-chaos: user-service status=500\r\n",
            "500 1.5 ctx2 p app sick\n",
        ),
        ("503 Service Unavailable", "", "503 1.5 ctx2 p app -\n"),
        ("404 Not Found", "", "404 1.5 ctx2 p ok -\n"),
    ];
    for (status, more, expected) in rows {
        let input = format!(
            "HTTP/1.1 {status}\r\nX-Service-Cluster: ctx2\r\nx-pod-name: p\r\nx-service-name: user-service\r\n{more}\r\nfault filter abort\nend {} 0.0015\n",
            &status[..3]
        );
        let file = file("answers.awk");
        let row = awk(&["-v", "marker=end", "-f", file.to_str().unwrap()], &input);
        assert_eq!(row, expected);
    }
}
