//! The access log.

use std::sync::{Arc, Mutex};

use mesh::registry::Protocol;
use mesh_proxy::{AccessLog, Role, Settings};
use serde_json::{Value, json};

use crate::support::*;

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl AccessLog for Lines {
    fn line(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

/// The line of one request, without its time and duration, and with ports hidden.
async fn line(http: Value, upstreams: &[std::net::SocketAddr]) -> String {
    let lines = Arc::new(Lines::default());
    let settings = |wires: Arc<Wires>| Settings {
        access_log: Some(lines.clone()),
        pod_ip: Some([10, 1, 0, 9].into()),
        seed: Some(7),
        ..Settings::new(Role::Outbound, wires)
    };
    let subsets = Some(subsets("ROUND_ROBIN"));
    let mesh = Mesh::with(
        settings,
        Protocol::Sniffed,
        Some(rules(http)),
        subsets,
        upstreams,
    )
    .await;
    let headers = [("x-request-id", "id-1"), ("user-agent", "test")];
    let mut client = mesh.client().await;
    client.get_with("/p?q=1", &headers).await;
    until(|| lines.0.lock().unwrap().len() == 1).await;
    let line = lines.0.lock().unwrap().remove(0);
    let (time, rest) = line.split_once("] ").unwrap();
    assert_eq!((time.len(), time.ends_with('Z')), (25, true), "{time}");
    let mut words: Vec<&str> = rest.split(' ').collect();
    assert!(words[10].parse::<u64>().is_ok(), "duration: {rest}");
    words[10] = "MS";
    if words[11].parse::<u64>().is_ok() {
        words[11] = "UPSTREAM";
    }
    // Both are addresses of the pod: first this end of the upstream's connection, if there is one.
    let mut own: Vec<_> = words
        .iter_mut()
        .filter(|word| word.starts_with("10.1.0.9:"))
        .collect();
    **own.last_mut().unwrap() = "REMOTE";
    own.pop();
    if let Some(local) = own.pop() {
        *local = "LOCAL";
    }
    words.join(" ")
}

#[tokio::test]
async fn a_line_has_istios_default_format() {
    let a = Upstream::named("abc").await;
    let to_a = json!([{"name": "weighted", "route": to("ctx1")}]);
    assert_eq!(
        line(to_a, &[a.address]).await,
        r#""GET /p?q=1 HTTP/1.1" 200 - via_upstream - "-" 0 3 MS UPSTREAM "-" "test" "id-1" "svc:8080" "10.1.0.1:8080" outbound|8080|ctx1|svc.t.svc.cluster.local LOCAL 10.96.0.7:8080 REMOTE - weighted"#
    );
    let abort = json!([{
        "fault": {
            "delay": {"fixedDelay": "1ms", "percentage": {"value": 100}},
            "abort": {"httpStatus": 503, "percentage": {"value": 100}},
        },
        "route": to("ctx1"),
    }]);
    assert_eq!(
        line(abort, &[a.address]).await,
        r#""GET /p?q=1 HTTP/1.1" 503 DI,FI fault_filter_abort - "-" 0 18 MS - "-" "test" "id-1" "svc:8080" "-" outbound|8080|ctx1|svc.t.svc.cluster.local - 10.96.0.7:8080 REMOTE - -"#
    );
    let missing = line(json!([{"route": to("nope")}]), &[a.address]).await;
    assert!(
        missing.contains(" 503 NC cluster_not_found - \"-\" 0 0 MS - "),
        "{missing}"
    );
    let refused = line(json!([{"route": to("ctx1")}]), &[refusing().await]).await;
    assert!(
        refused.contains(" 503 URX,UF upstream_reset_before_response_started{"),
        "{refused}"
    );
    assert!(refused.contains(" 0 121 MS - "), "{refused}");
}
