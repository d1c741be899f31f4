//! What a node's kubelet does for pods, claims and itself, as real kubectl shows it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use support::kubectl::{self, Shell};
use support::{Lab, Start};
use testkit::wait;

const LIMIT: Duration = Duration::from_secs(30);

async fn says(shell: &Shell, command: &str) -> String {
    let printed = shell.run(command).await;
    assert_eq!(printed.exit, 0, "{command}: {}", printed.all());
    printed.stdout
}

async fn until(shell: &Shell, command: &str, expected: &str) {
    wait::until(expected, LIMIT, async || {
        shell.run(command).await.stdout.trim() == expected
    })
    .await;
}

/// One lab for all of it: each part leaves the others' pods alone.
#[tokio::test]
async fn a_kubelet_keeps_its_pods_and_says_what_it_does() {
    let Some(program) = kubectl::current() else {
        return;
    };
    let lab = Start::embedded().up().await;
    let shell = Shell::new(&program, &lab.kubeconfig());
    tokio::join!(
        a_client_that_still_sends_reads_the_reason(&shell),
        an_image_is_changed_in_place(&shell),
        a_deadline_ends_a_pod(&shell),
        a_claim_is_bound_where_it_is_used(&shell, &lab),
        a_missing_claim_is_named(&shell),
        an_address_without_a_route_refuses(&shell),
        nodes_show_that_they_live(&shell),
    );
}

async fn a_client_that_still_sends_reads_the_reason(shell: &Shell) {
    let large = vec![b'x'; 3 << 20];
    std::fs::write(shell.home().join("large"), large).unwrap();
    let pod = says(shell, "kubectl get pod -l app=api-gateway -o name").await;
    let pod = pod.trim().trim_start_matches("pod/");
    for command in [
        format!("kubectl cp large {pod}:/tmp/large -c api-gateway"),
        format!("kubectl exec -i {pod} -c api-gateway -- tar xf - < large"),
    ] {
        let printed = shell.run(&command).await;
        let said = printed.all();
        assert_ne!(printed.exit, 0, "{command}: {said}");
        assert!(
            said.contains("executable file not found in $PATH"),
            "{command}: {said}"
        );
        assert!(!said.contains("reset by peer"), "{command}: {said}");
    }
}

async fn an_image_is_changed_in_place(shell: &Shell) {
    let state = |what: &str| {
        format!("kubectl get pod swapped -o jsonpath='{{.status.containerStatuses[0].{what}}}'")
    };
    says(shell, "kubectl run swapped --image=user-service:v1").await;
    says(
        shell,
        "kubectl wait pod/swapped --for=condition=Ready --timeout=20s",
    )
    .await;
    says(
        shell,
        "kubectl set image pod/swapped swapped=user-service:v2",
    )
    .await;
    until(shell, &state("restartCount"), "1").await;
    until(shell, &state("image"), "user-service:v2").await;
    says(
        shell,
        "kubectl wait pod/swapped --for=condition=Ready --timeout=20s",
    )
    .await;
    says(shell, "kubectl set image pod/swapped swapped=nginx").await;
    until(shell, &state("state.waiting.reason"), "ImagePullBackOff").await;
    says(
        shell,
        "kubectl set image pod/swapped swapped=user-service:v1",
    )
    .await;
    until(shell, &state("ready"), "true").await;
    let told = "kubectl get events --field-selector involvedObject.name=swapped,reason=Killing -o jsonpath='{.items[*].message}'";
    let told = says(shell, told).await;
    let expected = "Container swapped definition changed, will be restarted";
    assert!(told.contains(expected), "{told}");
}

async fn a_deadline_ends_a_pod(shell: &Shell) {
    let overrides = r#"{"spec":{"activeDeadlineSeconds":1}}"#;
    let run = format!("kubectl run late --image=user-service --overrides='{overrides}'");
    says(shell, &run).await;
    until(
        shell,
        "kubectl get pod late -o jsonpath='{.status.phase}'",
        "Failed",
    )
    .await;
    let said = says(
        shell,
        "kubectl get pod late -o jsonpath='{.status.reason}: {.status.message}'",
    )
    .await;
    assert_eq!(
        said,
        "DeadlineExceeded: Pod was active on the node longer than the specified deadline"
    );
}

async fn a_claim_is_bound_where_it_is_used(shell: &Shell, lab: &Lab) {
    let ctx2 = "kubectl --context ctx2";
    until(
        shell,
        &format!("{ctx2} get pvc redis-data -o jsonpath='{{.status.phase}}'"),
        "Bound",
    )
    .await;
    let volumes = says(shell, &format!("{ctx2} get pv --no-headers")).await;
    for expected in [
        "RWO",
        "Delete",
        "Bound",
        "theater-msa/redis-data",
        "standard",
    ] {
        assert!(
            volumes.contains(expected),
            "{expected} is missing in {volumes}"
        );
    }
    let ports = || std::fs::read_to_string(lab.state_dir.join("ports")).unwrap();
    let before = ports();
    let spec = r#"{"spec":{"volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"redis-data"}}],"containers":[{"name":"other","image":"redis:7"}]}}"#;
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: redis-data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n";
    std::fs::write(shell.home().join("claim.yaml"), claim).unwrap();
    says(shell, "kubectl apply -f claim.yaml").await;
    let phase = "kubectl get pvc redis-data -o jsonpath='{.status.phase}'";
    assert_eq!(says(shell, phase).await, "Pending");
    says(
        shell,
        &format!("kubectl run other --image=redis:7 --overrides='{spec}'"),
    )
    .await;
    until(shell, phase, "Bound").await;
    says(
        shell,
        "kubectl wait pod/other --for=condition=Ready --timeout=20s",
    )
    .await;
    assert_eq!(ports(), before, "the theater's store keeps its port");
    let folder = |cluster: &str| {
        lab.state_dir
            .join("volumes")
            .join(cluster)
            .join("theater-msa_redis-data")
    };
    assert!(folder("ctx1").is_dir() && folder("ctx2").is_dir());
    says(shell, "kubectl delete pvc redis-data --wait=false").await;
    until(
        shell,
        "kubectl get pvc redis-data --no-headers | cut -c12-30 | grep -o Terminating",
        "Terminating",
    )
    .await;
    says(shell, "kubectl delete pod other").await;
    wait::until("the claim's data to go with it", LIMIT, async || {
        !folder("ctx1").exists()
    })
    .await;
    assert!(folder("ctx2").is_dir());
}

async fn a_missing_claim_is_named(shell: &Shell) {
    let spec =
        r#"{"spec":{"volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"nowhere"}}]}}"#;
    says(
        shell,
        &format!("kubectl run waits --image=user-service --overrides='{spec}'"),
    )
    .await;
    wait::until("the scheduler's reason", LIMIT, async || {
        let message = "kubectl get pod waits -o jsonpath='{.status.conditions[0].message}'";
        shell
            .run(message)
            .await
            .stdout
            .contains("persistentvolumeclaim \"nowhere\" not found")
    })
    .await;
}

async fn an_address_without_a_route_refuses(shell: &Shell) {
    let printed = shell
        .run("kubectl exec deploy/api-gateway -- curl -sS http://10.255.1.1/")
        .await;
    assert_eq!(printed.exit, 7, "{}", printed.all());
    assert!(
        printed
            .all()
            .contains("Failed to connect to 10.255.1.1 port 80"),
        "{}",
        printed.all()
    );
}

async fn nodes_show_that_they_live(shell: &Shell) {
    let said = says(shell, "kubectl describe node ctx1-node-1").await;
    for expected in [
        "RenewTime:",
        "MemoryPressure",
        "KubeletHasNoDiskPressure",
        "KubeletHasSufficientPID",
        "kubernetes.io/arch=",
        "Starting kubelet.",
        "NodeReady",
    ] {
        assert!(said.contains(expected), "{expected} is missing in {said}");
    }
    assert!(!said.contains("<unknown>"), "{said}");
    let paths = says(shell, "kubectl get --raw /").await;
    assert!(
        paths.contains("\"/apis/networking.istio.io/v1\""),
        "{paths}"
    );
    let metrics = says(shell, "kubectl get --raw /metrics").await;
    assert!(
        metrics.contains("apiserver_resource_objects{group=\"\",resource=\"nodes\"} 2"),
        "{metrics}"
    );
}
