use std::fs;

use common::outbound::Dns;
use tempfile::TempDir;

use super::*;

/// A kubeconfig with these contexts, each of a cluster at `http://<name>.example.com`.
fn kubeconfig(contexts: &[&str], current: &str, proxy: Option<&str>) -> String {
    let proxy = proxy
        .map(|url| format!("proxy-url: {url}"))
        .unwrap_or_default();
    let named =
        |name: &&str| format!("- {{name: {name}, context: {{cluster: {name}, user: u}}}}\n");
    let clusters = contexts.iter().map(|name| {
        format!("- name: {name}\n  cluster:\n    server: http://{name}.example.com\n    {proxy}\n")
    });
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {current}\ncontexts:\n{}clusters:\n{}users: []\n",
        contexts.iter().map(named).collect::<String>(),
        clusters.collect::<String>(),
    )
}

/// Access through files of these contents.
fn access(kubeconfig: Option<String>, remote: Option<String>) -> (TempDir, ApiAccess) {
    let dir = tempfile::tempdir().unwrap();
    let written = |name: &str, text: Option<String>| {
        let path = dir.path().join(name);
        text.map(|text| {
            fs::write(&path, text).unwrap();
            path
        })
    };
    let access = ApiAccess {
        kubeconfig: written("config", kubeconfig).map(|path| path.display().to_string()),
        remote: written("remote", remote),
        in_cluster: false,
    };
    (dir, access)
}

fn dns() -> Arc<dyn Resolve> {
    Arc::new(Dns::default())
}

async fn url(found: Result<Option<Found>, Reason>) -> Option<String> {
    let config = config(found.unwrap()?).await.unwrap();
    Some(config.cluster_url.to_string())
}

async fn urls(access: &ApiAccess, own: Cluster) -> (Option<String>, Option<String>) {
    let other = other_context(access, own, own.other());
    (url(own_context(access, own)).await, url(other).await)
}

fn at(name: &str) -> Option<String> {
    Some(format!("http://{name}.example.com/"))
}

#[tokio::test]
async fn both_contexts_of_one_file_are_found_by_name() {
    let (_dir, access) = access(Some(kubeconfig(&["ctx1", "ctx2"], "ctx2", None)), None);
    assert_eq!(urls(&access, Cluster::Ctx1).await, (at("ctx1"), at("ctx2")));
    assert_eq!(urls(&access, Cluster::Ctx2).await, (at("ctx2"), at("ctx1")));
}

#[tokio::test]
async fn the_current_context_stands_for_the_own_cluster_unless_it_is_the_other_one() {
    let (_dir, kind) = access(Some(kubeconfig(&["kind-x"], "kind-x", None)), None);
    assert_eq!(urls(&kind, Cluster::Ctx1).await, (at("kind-x"), None));
    let (_dir, only_other) = access(Some(kubeconfig(&["ctx2"], "ctx2", None)), None);
    assert_eq!(urls(&only_other, Cluster::Ctx1).await, (None, at("ctx2")));
}

#[tokio::test]
async fn a_remote_kubeconfig_wins_for_the_other_cluster() {
    let local = Some(kubeconfig(&["ctx1", "ctx2"], "ctx1", None));
    let (_dir, access) = access(local, Some(kubeconfig(&["far"], "far", None)));
    assert_eq!(urls(&access, Cluster::Ctx1).await, (at("ctx1"), at("far")));
}

#[tokio::test]
async fn a_remote_kubeconfig_that_is_not_mounted_is_no_error() {
    let (dir, mut access) = access(Some(kubeconfig(&["ctx1", "ctx2"], "ctx1", None)), None);
    access.remote = Some(dir.path().join("missing"));
    assert_eq!(urls(&access, Cluster::Ctx1).await, (at("ctx1"), at("ctx2")));
}

#[tokio::test]
async fn without_any_kubeconfig_both_clusters_say_so() {
    for cluster in Cluster::ALL {
        let outcome = client(&ApiAccess::default(), Cluster::Ctx1, cluster, dns()).await;
        assert_eq!(outcome.err(), Some(Reason::NoKubeconfig));
    }
}

#[tokio::test]
async fn only_the_kubeconfig_names_a_proxy() {
    for (proxy, expected) in [
        (None, None),
        (
            Some("http://proxy.example.com:3128"),
            Some("proxy.example.com"),
        ),
    ] {
        let (_dir, access) = access(Some(kubeconfig(&["ctx1"], "ctx1", proxy)), None);
        let found = own_context(&access, Cluster::Ctx1).unwrap().unwrap();
        let config = config(found).await.unwrap();
        assert_eq!(
            config.proxy_url.as_ref().and_then(http::Uri::host),
            expected
        );
    }
}

#[tokio::test]
async fn a_broken_file_is_told_without_its_content() {
    let broken = "users: [{name: u, user: {token: s3cret}}\n- oops: [".to_owned();
    let (_dir, access) = access(Some(broken), None);
    let outcome = client(&access, Cluster::Ctx1, Cluster::Ctx1, dns()).await;
    let reason = outcome.err().unwrap().to_string();
    assert!(reason.starts_with("unusable kubeconfig"), "{reason}");
    assert!(!reason.contains("s3cret"), "{reason}");
}
