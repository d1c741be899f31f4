//! The admin interface of a pod's proxy, as trainees reach it on a real cluster.

use super::Kubectl;

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
    let client = kubectl
        .says(&format!("get pods -l app=api-gateway {ip}"))
        .await;
    let server = kubectl
        .says("logs -l app=user-service -c istio-proxy --tail=-1")
        .await;
    let lines: Vec<&str> = server
        .lines()
        .filter(|line| line.contains(" inbound|8081|| "))
        .collect();
    let from_client = |line: &&&str| line.contains(&format!(":8081 {client}:"));
    assert!(
        lines.iter().any(|line| from_client(&line)),
        "{client}: {server}"
    );
    let own = kubectl
        .says("logs deploy/api-gateway -c istio-proxy --tail=-1")
        .await;
    let ours = format!(" outbound|8081|ctx1|user-service.theater-msa.svc.cluster.local {client}:");
    assert!(own.contains(&ours), "{ours}: {own}");
    // A client outside the mesh is named by `x-forwarded-for`, and may be this machine.
    let within = |line: &&str| !line.contains("\"127.0.0.1\"");
    for line in lines.into_iter().chain(own.lines()).filter(within) {
        assert!(!line.contains(" 127.0.0.1:"), "{line}");
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
