//! The kubeconfig a trainee's kubectl uses.

/// A kubeconfig with one context a cluster; the unguessable path is the credential.
///
/// kubectl sends no token over plain http, so a token would be of no use.
pub fn text(api_port: u16, secret: &str, clusters: &[&str]) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Config\n");
    text.push_str("clusters:\n");
    for name in clusters {
        text.push_str(&format!(
            "- name: {name}\n  cluster:\n    server: http://127.0.0.1:{api_port}/{secret}/{name}\n"
        ));
    }
    text.push_str("users:\n- name: trainee\n  user: {}\ncontexts:\n");
    for name in clusters {
        text.push_str(&format!(
            "- name: {name}\n  context:\n    cluster: {name}\n    user: trainee\n    namespace: theater-msa\n"
        ));
    }
    let first = clusters.first().copied().unwrap_or_default();
    text.push_str(&format!("current-context: {first}\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_contexts_lead_to_loopback() {
        let parsed: serde_json::Value =
            serde_saphyr::from_str(&text(7000, "abc", &["ctx1", "ctx2"])).unwrap();
        assert_eq!(
            parsed["clusters"][1]["cluster"]["server"],
            "http://127.0.0.1:7000/abc/ctx2"
        );
        assert_eq!(parsed["contexts"][0]["name"], "ctx1");
        assert_eq!(parsed["current-context"], "ctx1");
    }
}
