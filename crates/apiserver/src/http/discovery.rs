//! What the server says about itself: health, version, and the documents clients discover kinds by.

use std::sync::LazyLock;

use apimachinery::discovery::{self, Aggregated};
use axum::response::Response;
use http::StatusCode;
use http::header::{ACCEPT, HOST};
use serde_json::{Value, json};

use super::published::Published;
use super::target::Target;
use super::{Call, openapi, reply};
use crate::resource::{self, Resource};
use crate::store::Store;

/// The Kubernetes whose API this is.
const MAJOR: &str = "1";
const MINOR: &str = "35";
const GIT_VERSION: &str = "v1.35.4";
/// The oldest version whose features can be switched back to.
const OLDEST_MINOR: &str = "34";

/// The aggregated documents: of the core group and of all others, each in both versions.
static AGGREGATED: LazyLock<[[Published; 2]; 2]> = LazyLock::new(|| {
    let versions = [Aggregated::V2Beta1, Aggregated::V2];
    [vec![""], resource::groups()].map(|groups| {
        versions.map(|version| {
            let media_type = format!("application/json;{}", parameters(version));
            Published::new(&version.document(&groups), &media_type)
        })
    })
});

/// The answer about a target that is no object.
pub(super) fn document(call: &Call<'_>, target: &Target) -> Response {
    let document = match target {
        Target::Health(check) => return health(call, check),
        Target::OpenApi(document) => return openapi::document(call, document),
        Target::CoreVersions | Target::Groups => return groups(call, target),
        Target::Version => version(),
        Target::Paths => paths(),
        Target::Metrics => return reply::text(counts(&call.cluster.store)),
        Target::Group(group) => discovery::group(group),
        Target::Resources(group, version) => discovery::resources(group, version),
        Target::Collection(_)
        | Target::Object(..)
        | Target::Watch(..)
        | Target::Subresource(..) => {
            return reply::page_not_found();
        }
    };
    reply::json(StatusCode::OK, &document)
}

fn groups(call: &Call<'_>, target: &Target) -> Response {
    let core = *target == Target::CoreVersions;
    if let Some(version) = accepted(call) {
        let published = &AGGREGATED[usize::from(!core)][version as usize];
        return published.answer(call, "public");
    }
    let host = call.header(HOST).unwrap_or_default();
    let document = if core {
        discovery::core_versions(host)
    } else {
        discovery::groups()
    };
    reply::varying(reply::json(StatusCode::OK, &document))
}

/// The aggregated version that the client names first; none where it wants the older form before.
/// A real server would not know the older of the two any more; clients up to 1.29 know only that.
fn accepted(call: &Call<'_>) -> Option<Aggregated> {
    for wanted in call.header(ACCEPT)?.split(',') {
        let wanted: String = wanted.chars().filter(|c| !c.is_whitespace()).collect();
        let (media_type, rest) = wanted.split_once(';').unwrap_or((&wanted, ""));
        let has = |version| {
            let parameters = parameters(version);
            parameters
                .split(';')
                .all(|it| rest.split(';').any(|given| given == it))
        };
        match media_type {
            "application/json" if has(Aggregated::V2) => return Some(Aggregated::V2),
            "application/json" if has(Aggregated::V2Beta1) => return Some(Aggregated::V2Beta1),
            "application/json" | "application/*" | "*/*" if !rest.contains("as=") => return None,
            _ => {}
        }
    }
    None
}

/// The parameters of the media type of a version.
fn parameters(version: Aggregated) -> String {
    format!(
        "g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList",
        version.version()
    )
}

fn version() -> Value {
    json!({
        "major": MAJOR, "minor": MINOR, "emulationMajor": MAJOR, "emulationMinor": MINOR,
        "minCompatibilityMajor": MAJOR, "minCompatibilityMinor": OLDEST_MINOR,
        "gitVersion": GIT_VERSION, "gitCommit": "", "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// Every path below which there is something, in their order.
fn paths() -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in resource::groups() {
        paths.push(format!("/apis/{group}"));
        let versions = resource::versions(group).into_iter();
        paths.extend(versions.map(|version| format!("/apis/{group}/{version}")));
    }
    let fixed = [
        "/healthz",
        "/livez",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ];
    paths.extend(fixed.map(str::to_owned));
    paths.sort();
    json!({"paths": paths})
}

/// How many objects of each kind there are, in Prometheus' format and under Kubernetes' name.
fn counts(store: &Store) -> String {
    let mut text = "# HELP apiserver_resource_objects Number of stored objects.\n\
                    # TYPE apiserver_resource_objects gauge\n"
        .to_owned();
    let is_stored = |it: &&Resource| it.allows("get") && !it.measured && it.stored_as.is_none();
    for kind in resource::ALL.iter().copied().filter(is_stored) {
        let count = store.list(kind, None).items.len();
        let (group, plural) = (kind.group, kind.plural);
        text += &format!(
            "apiserver_resource_objects{{group=\"{group}\",resource=\"{plural}\"}} {count}\n"
        );
    }
    text
}

/// `ok`, or with `?verbose` every check by name.
fn health(call: &Call<'_>, check: &str) -> Response {
    if call.query.get("verbose").is_none() {
        return reply::text("ok");
    }
    reply::text(format!("[+]ping ok\n[+]store ok\n{check} check passed\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_are_all_served() {
        let paths = paths();
        for path in paths["paths"].as_array().unwrap() {
            let path = path.as_str().unwrap();
            assert!(crate::http::target::parse(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn objects_are_counted_by_kind() {
        use crate::store::{RingLimits, SystemSource};
        let store = Store::new(std::sync::Arc::new(SystemSource), RingLimits::default());
        let node = json!({"metadata": {"name": "n"}});
        store.create(&resource::rows::NODES, "", node).unwrap();
        let text = counts(&store);
        let line = |plural: &str, count| {
            format!("apiserver_resource_objects{{group=\"\",resource=\"{plural}\"}} {count}\n")
        };
        assert!(
            text.contains(&line("nodes", 1)) && text.contains(&line("pods", 0)),
            "{text}"
        );
    }

    #[test]
    fn each_version_of_the_aggregated_form_has_its_place() {
        for version in [Aggregated::V2Beta1, Aggregated::V2] {
            let text = AGGREGATED[0][version as usize].text();
            let wanted = format!(
                r#""apiVersion":"apidiscovery.k8s.io/{}""#,
                version.version()
            );
            assert!(text.contains(&wanted), "{wanted}");
        }
    }
}
