//! Functions of `scripts/lib` by themselves, with a kubectl that says what a row makes it say.

use std::process::Command;

use crate::stage::root;

/// A row: what kubectl or the sidecar says, a command, how it ends, and a part of what it prints.
type Row<'a> = (&'a str, &'a str, i32, &'a str);

fn check(parts: &[&str], rows: &[Row]) {
    let sources: String = parts
        .iter()
        .map(|it| format!(". $ROOT/scripts/{it}\n"))
        .collect();
    for (said, command, exit, printed) in rows {
        let script = format!("set -euo pipefail\n{sources}\nDRY_RUN=\n{said}\n{command}");
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("ROOT", root())
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert_eq!(output.status.code(), Some(*exit), "{command}: {told}");
        assert!(told.contains(printed), "{command}: {told}");
        assert!(!printed.is_empty() || told.is_empty(), "{command}: {told}");
    }
}

/// Two namespaces have a service of one name.
const SIDECAR: &str = "sidecar_clusters() { cat <<'TEXT'
outbound|8081|ctx1|user-service.theater-msa.svc.cluster.local::default_priority::max_connections::100
outbound|8081|ctx1|user-service.theater-msa.svc.cluster.local::10.1.0.5:8081::health_flags::/failed_outlier_check
outbound|8081|ctx1|user-service.theater-msa.svc.cluster.local::10.1.0.6:8081::health_flags::healthy
outbound|8081|ctx1|user-service.other.svc.cluster.local::default_priority::max_connections::7
outbound|8081|ctx1|user-service.other.svc.cluster.local::10.1.0.7:8081::health_flags::/failed_outlier_check
TEXT
}";

#[test]
fn the_sidecar_is_asked_for_the_theaters_own_hosts() {
    let rows = [
        (SIDECAR, "is_one_out user 10.1.0.5", 0, ""),
        (SIDECAR, "is_one_out user 10.1.0.6 10.1.0.5", 0, ""),
        (SIDECAR, "is_one_out user 10.1.0.6", 1, ""),
        (SIDECAR, "is_one_out user 10.1.0.7", 1, ""),
        (SIDECAR, "is_one_out movie 10.1.0.5", 1, ""),
        (SIDECAR, "echo =$(limits_now)=", 0, "=user 100="),
        ("sidecar_clusters() { :; }", "limits_now", 1, ""),
    ];
    check(&["lib.sh", "lib/policy.sh"], &rows);
}

#[test]
fn limits_are_new_only_where_others_were_there() {
    let before = |limit: &str| {
        let lines = ["user", "movie", "booking"]
            .map(|it| format!("limit DestinationRule {it}-service {limit}"));
        format!("printf '%s\\n' '{}' >$SCRATCH/theater", lines.join("' '"))
    };
    let (none, some) = (before(""), before("100"));
    let rows = [
        (&*none, "changes_limits 01-initial", 1, ""),
        (&*none, "changes_limits 02-circuit-breaker", 0, ""),
        (&*some, "changes_limits 02-circuit-breaker", 1, ""),
        (&*some, "changes_limits 01-initial", 0, ""),
        (": >$SCRATCH/theater", "changes_limits 01-initial", 0, ""),
    ];
    check(&["lib.sh", "lib/policy.sh"], &rows);
}

#[test]
fn an_order_is_for_the_pods_that_it_names() {
    let pods =
        "kube() { printf '%s\\n' 'user-service-ctx1-a 10.1.0.5' 'user-service-ctx1-b 10.1.0.6'; }";
    let rows = [
        (
            pods,
            "ordered_addresses user user-service-ctx1-b",
            0,
            "10.1.0.6 ",
        ),
        (pods, "ordered_addresses user user", 0, "10.1.0.5 10.1.0.6 "),
        (
            pods,
            "ordered_addresses user user-service",
            0,
            "10.1.0.5 10.1.0.6 ",
        ),
        (pods, "ordered_addresses user user-service-ctx2-c", 0, ""),
    ];
    check(&["lib.sh", "lib/clusters.sh", "lib/orders.sh"], &rows);
}

/// `known ctx1 WORD`: what a `get secret` of that cluster ends in.
const SECRETS: &str = "known() { case $1 in
  NotFound) echo 'Error from server (NotFound): secrets \"redis\" not found' >&2; return 1 ;;
  Forbidden) echo 'Error from server (Forbidden): secrets \"redis\" is forbidden' >&2; return 1 ;;
  *) printf %s \"$1\" ;;
esac; }
grep() { case $* in *redis-password*) ;; *) command grep \"$@\" ;; esac; }
kube_whole() { case $* in *create*) echo \"$1 gets $(cat)\" >&2 ;; esac; }
kube() { case \"$*\" in ctx1*get\\ secret*) known \"$ONE\" ;; ctx2*get\\ secret*) known \"$TWO\" ;; esac; }
";

#[test]
fn a_password_is_made_only_where_none_can_be() {
    let is = |one: &str, two: &str| format!("{SECRETS}ONE={one} TWO={two}");
    let both = "give_password ctx1 ctx2";
    let row = |one, two, command, exit, printed| (is(one, two), command, exit, printed);
    let rows = [
        row(
            "NotFound",
            "NotFound",
            both,
            0,
            "ctx2: Secret redis created",
        ),
        row("NotFound", "old", both, 0, "ctx1 gets old"),
        row("old", "old", both, 0, ""),
        row("old", "other", both, 1, "hold different passwords"),
        row(
            "NotFound",
            "Forbidden",
            both,
            1,
            "whether ctx2 has a Secret redis: Error from server (Forbidden)",
        ),
        row(
            "Forbidden",
            "NotFound",
            both,
            1,
            "whether ctx1 has a Secret redis: Error from server (Forbidden)",
        ),
        // ctx2 is left out: what is there is enough, but nothing is made beside what may be there.
        row("old", "Forbidden", "give_password ctx1", 0, ""),
        row(
            "NotFound",
            "Forbidden",
            "give_password ctx1",
            1,
            "no password was made",
        ),
    ];
    let rows = rows
        .each_ref()
        .map(|(said, command, exit, printed)| (&**said, *command, *exit, *printed));
    check(&["lib.sh", "lib/clusters.sh", "lib/deployment.sh"], &rows);
}

#[test]
fn what_is_built_needs_a_tag_that_no_node_has_pulled() {
    let pods = |image: &str, id: &str| {
        format!(
            "kube() {{ printf '%s\\n' 'of istio-proxy istio/proxyv2:v1' 'of user-service {image}' 'pulled istio-proxy sha256:1' 'pulled user-service {id}'; }}"
        )
    };
    let ours = "harbor.example.com/theater-msa/user-service";
    let (same, next) = (format!("{ours}:v1"), format!("{ours}:v1.1"));
    let rows = [
        (
            pods(&same, "sha256:2"),
            1,
            "raise TAG=v1 in k8s/settings/settings.env",
        ),
        (pods(&same, ""), 0, ""),
        (pods(&next, "sha256:2"), 0, ""),
        ("kube() { :; }".to_owned(), 0, ""),
        (
            "kube() { return 1; }".to_owned(),
            1,
            "the pods of ctx1 cannot be read",
        ),
    ];
    let rows = rows
        .each_ref()
        .map(|(said, exit, printed)| (&**said, "need_new_tag ctx1", *exit, *printed));
    check(&["lib.sh", "lib/clusters.sh", "lib/deployment.sh"], &rows);
}

#[test]
fn a_right_that_an_optional_object_needs_is_asked_for_and_named() {
    let object = |group: &str, kind: &str| {
        format!(
            "apiVersion: {group}v1\nkind: {kind}\nmetadata:\n  name: n\n  namespace: theater-msa\nspec:\n  kind: Inner\n"
        )
    };
    let rendering = [
        object("", "Service"),
        object("networking.k8s.io/", "NetworkPolicy"),
        object("networking.k8s.io/", "Ingress"),
    ]
    .join("---\n");
    let may_not = |resource: &str| {
        format!(
            "kubectl() {{ printf '%s' '{rendering}'; }}\nrights() {{ awk '{{ print $1 == \"patch\" && $2 == \"{resource}\" ? \"false\" : \"true\" }}'; }}"
        )
    };
    let refused = "may_deploy ctx1 ctx1 || echo $BASIS";
    let rows = [
        (may_not("nothing"), "may_deploy ctx1 ctx1", ""),
        (
            may_not("services"),
            refused,
            "may not patch services in theater-msa",
        ),
        (
            may_not("networkpolicies.networking.k8s.io"),
            refused,
            "may not patch networkpolicies.",
        ),
        (
            may_not("ingresses.networking.k8s.io"),
            refused,
            "may not patch ingresses.",
        ),
        (may_not("inners"), "may_deploy ctx1 ctx1", ""),
    ];
    let rows = rows
        .each_ref()
        .map(|(said, command, printed)| (&**said, *command, 0, *printed));
    check(&["lib.sh", "lib/clusters.sh", "lib/preflight.sh"], &rows);
    let silent = "kubectl() { return 1; }\nrights() { cat; }";
    check(
        &["lib.sh", "lib/preflight.sh"],
        &[(silent, "may_deploy ctx1 ctx1", 1, "")],
    );
}
