//! The admin interface of a pod's proxy, as trainees reach it on a real cluster.

use testkit::wait;

use super::{Kubectl, LIMIT};

/// A deployment's proxy, asked by its own command.
fn asked(deployment: &str, path: &str) -> String {
    format!("exec deploy/{deployment} -c istio-proxy -- pilot-agent request GET {path}")
}

/// Shows hosts to everybody in the pod, statistics as far as the pod includes them, and to other
/// pods only the metrics.
pub(super) async fn is_reached_from_its_pod(kubectl: &Kubectl) {
    let clusters = kubectl.says(&asked("api-gateway", "clusters")).await;
    for host in [
        "outbound|8081|ctx1|user-service.theater-msa.svc.cluster.local::10.1.",
        // All of ctx2 is one host: its east-west gateway.
        "outbound|8081|ctx2|user-service.theater-msa.svc.cluster.local::203.0.113.12:15443::health_flags::healthy",
        "inbound|8080||::10.1.",
    ] {
        assert!(clusters.contains(host), "{host}: {clusters}");
    }
    let gateway = kubectl.says("exec -n istio-system deploy/istio-eastwestgateway -c istio-proxy -- pilot-agent request GET clusters");
    assert!(gateway.await.contains("outbound_.8081_.ctx1_.user-service"));
    statistics(kubectl).await;
    let ip = kubectl
        .says("get pods -l app=api-gateway -o jsonpath={.items[0].status.podIP}")
        .await;
    let curl = |port: u16, path: &str| {
        format!("exec deploy/user-service-ctx1 -- curl -s -m 5 http://{ip}:{port}/{path}")
    };
    for port in [15020, 15090] {
        let metrics = kubectl.says(&curl(port, "stats/prometheus")).await;
        assert!(
            metrics.contains("# TYPE envoy_cluster_upstream_rq_total counter\n"),
            "{metrics}"
        );
    }
    kubectl.fails(&curl(15000, "clusters")).await;
}

/// The access log shows addresses of the pods' network, never this machine's.
pub(super) async fn is_seen_by_address(kubectl: &Kubectl) {
    let ip = "-o jsonpath={.items[0].status.podIP}";
    let request = "exec deploy/api-gateway -- curl -s -o /dev/null http://user-service:8081/users/";
    let client = kubectl
        .says(&format!("get pods -l app=api-gateway {ip}"))
        .await;
    let inbound = format!(":8081 {client}:");
    let outbound =
        format!(" outbound|8081|ctx1|user-service.theater-msa.svc.cluster.local {client}:");
    for (pods, expected) in [
        ("-l app=user-service", inbound),
        ("deploy/api-gateway", outbound),
    ] {
        let line = format!("logs {pods} -c istio-proxy --tail=-1");
        // A line is written when its answer is complete, and collected after that; the weights may
        // send a request to the other cluster.
        let log = wait::until_some(&expected, LIMIT, async || {
            kubectl.says(request).await;
            let log = kubectl.says(&line).await;
            log.contains(&expected).then_some(log)
        });
        let log = log.await;
        // A client outside the mesh is named by `x-forwarded-for`, and may be this machine.
        let within = |line: &&str| !line.contains("\"127.0.0.1\"");
        for line in log.lines().filter(within) {
            assert!(!line.contains(" 127.0.0.1:"), "{line}");
        }
    }
}

async fn statistics(kubectl: &Kubectl) {
    let line = ".upstream_rq_total: ";
    let included = kubectl
        .says("exec deploy/api-gateway -- curl -s localhost:15000/stats")
        .await;
    assert!(
        included.contains("cluster.outbound|8081|ctx1|user-service"),
        "{included}"
    );
    assert!(included.contains(line), "{included}");
    let hidden = kubectl.says(&asked("user-service-ctx1", "stats")).await;
    assert!(hidden.contains("server.live: 1\n"), "{hidden}");
    assert!(!hidden.contains("cluster.outbound"), "{hidden}");
    let (code, said) = kubectl.fails(&asked("api-gateway", "nope")).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("404") && said.contains("invalid path. admin commands are:"),
        "{said}"
    );
}
