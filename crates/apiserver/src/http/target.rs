//! What a path inside a cluster names.

use percent_encoding::percent_decode_str;

use crate::resource::{self, Resource, rows};
use crate::store::Key;

/// The thing a request is about.
#[derive(Debug, PartialEq)]
pub(super) enum Target {
    /// `/`
    Paths,
    /// `/metrics`
    Metrics,
    /// `/healthz`, `/livez`, `/readyz`
    Health(&'static str),
    /// `/version`
    Version,
    /// `/openapi/v2`, `/openapi/v3` and what is below
    OpenApi(OpenApi),
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/G`
    Group(&'static str),
    /// `/api/v1`, `/apis/G/V`
    Resources(&'static str, &'static str),
    /// A kind of object, in a namespace or everywhere.
    Collection(Place),
    /// One object.
    Object(Place, String),
    /// `/api/v1/watch/…`: the events of a collection or of one object, as clients of old asked.
    Watch(Place, Option<String>),
    /// A view of one object.
    Subresource(Place, String, String),
}

/// A description of the API.
#[derive(Debug, PartialEq)]
pub(super) enum OpenApi {
    /// `/openapi/v2`
    V2,
    /// `/openapi/v3`
    Index,
    /// `/openapi/v3/apis/G/V`
    Version(&'static str, &'static str),
}

/// Where a collection or an object is.
#[derive(Debug, PartialEq)]
pub(super) struct Place {
    pub(super) resource: &'static Resource,
    /// The version the client speaks.
    pub(super) version: &'static str,
    /// None for cluster-scoped kinds and for all namespaces.
    pub(super) namespace: Option<String>,
}

impl Target {
    /// The kind of object it is about; none where it is about the API itself.
    pub(super) fn place(&self) -> Option<&Place> {
        match self {
            Self::Collection(place)
            | Self::Object(place, _)
            | Self::Watch(place, _)
            | Self::Subresource(place, ..) => Some(place),
            _ => None,
        }
    }
}

impl Place {
    pub(super) fn key(&self, name: &str) -> Key {
        Key::new(
            self.resource.storage(),
            self.namespace.clone().unwrap_or_default(),
            name,
        )
    }

    pub(super) fn api_version(&self) -> String {
        self.resource.api_version(self.version)
    }
}

/// What is not there. Kubernetes: below a known group and version it is a resource, else a page.
#[derive(Debug, PartialEq)]
pub(super) enum Missing {
    Page,
    Resource,
}

pub(super) fn parse(path: &str) -> Result<Target, Missing> {
    let path = path.strip_prefix('/').ok_or(Missing::Page)?;
    let segments: Option<Vec<_>> = path
        .strip_suffix('/')
        .unwrap_or(path)
        .split('/')
        .map(decode)
        .collect();
    let segments = segments.ok_or(Missing::Page)?;
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [""] if path.is_empty() => Ok(Target::Paths),
        ["metrics"] => Ok(Target::Metrics),
        ["healthz"] => Ok(Target::Health("healthz")),
        ["livez"] => Ok(Target::Health("livez")),
        ["readyz"] => Ok(Target::Health("readyz")),
        ["openapi", rest @ ..] => openapi(rest).map(Target::OpenApi),
        ["version"] => Ok(Target::Version),
        ["api"] => Ok(Target::CoreVersions),
        ["api", version, rest @ ..] => in_version("", version, rest),
        ["apis"] => Ok(Target::Groups),
        ["apis", group] => known_group(group).map(Target::Group),
        ["apis", group, version, rest @ ..] => in_version(known_group(group)?, version, rest),
        _ => Err(Missing::Page),
    }
}

fn openapi(rest: &[&str]) -> Result<OpenApi, Missing> {
    match rest {
        ["v2"] => Ok(OpenApi::V2),
        ["v3"] => Ok(OpenApi::Index),
        ["v3", "api", version] => described("", version),
        ["v3", "apis", group, version] => described(known_group(group)?, version),
        _ => Err(Missing::Page),
    }
}

fn described(group: &'static str, version: &str) -> Result<OpenApi, Missing> {
    match in_version(group, version, &[])? {
        Target::Resources(group, version) => Ok(OpenApi::Version(group, version)),
        _ => Err(Missing::Page),
    }
}

fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment)
        .decode_utf8()
        .ok()
        .map(Into::into)
}

fn known_group(name: &str) -> Result<&'static str, Missing> {
    resource::groups()
        .into_iter()
        .find(|group| *group == name)
        .ok_or(Missing::Page)
}

fn in_version(group: &'static str, version: &str, rest: &[&str]) -> Result<Target, Missing> {
    let known = resource::versions(group);
    let version = known
        .into_iter()
        .find(|known| *known == version)
        .ok_or(Missing::Page)?;
    let (namespace, rest) = match rest {
        [] => return Ok(Target::Resources(group, version)),
        ["watch", rest @ ..] if !rest.is_empty() => {
            return match in_version(group, version, rest)? {
                Target::Collection(place) => Ok(Target::Watch(place, None)),
                Target::Object(place, name) => Ok(Target::Watch(place, Some(name))),
                _ => Err(Missing::Resource),
            };
        }
        // Below a namespace there are resources, but also the namespace's own subresources.
        ["namespaces", namespace, rest @ ..] if is_namespaced(group, version, rest) => {
            (Some((*namespace).to_owned()), rest)
        }
        rest => (None, rest),
    };
    let (plural, rest) = rest.split_first().ok_or(Missing::Resource)?;
    let resource = resource::find(group, version, plural).ok_or(Missing::Resource)?;
    // Kubernetes: an object of a namespaced kind has no path without its namespace.
    if namespace.is_some() != resource.namespaced && !(namespace.is_none() && rest.is_empty()) {
        return Err(Missing::Resource);
    }
    let place = Place {
        resource,
        version,
        namespace,
    };
    match rest {
        [] => Ok(Target::Collection(place)),
        [name] => Ok(Target::Object(place, (*name).to_owned())),
        [name, subresource] => Ok(Target::Subresource(
            place,
            (*name).to_owned(),
            (*subresource).to_owned(),
        )),
        _ => Err(Missing::Resource),
    }
}

fn is_namespaced(group: &str, version: &str, rest: &[&str]) -> bool {
    match rest {
        [] => false,
        [plural, ..] => {
            let own = group == rows::NAMESPACES.group && matches!(*plural, "status" | "finalize");
            !own || resource::find(group, version, plural).is_some()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(resource: &'static Resource, version: &'static str, namespace: Option<&str>) -> Place {
        Place {
            resource,
            version,
            namespace: namespace.map(str::to_owned),
        }
    }

    #[test]
    fn each_shape_of_path_names_its_target() {
        let pods = || place(&rows::PODS, "v1", Some("shop"));
        let vs = |version| place(&rows::VIRTUAL_SERVICES, version, Some("a"));
        for (path, target) in [
            ("/", Target::Paths),
            ("/metrics", Target::Metrics),
            ("/version", Target::Version),
            ("/readyz", Target::Health("readyz")),
            ("/api", Target::CoreVersions),
            ("/openapi/v3", Target::OpenApi(OpenApi::Index)),
            (
                "/openapi/v3/apis/apps/v1",
                Target::OpenApi(OpenApi::Version("apps", "v1")),
            ),
            ("/api/", Target::CoreVersions),
            ("/apis", Target::Groups),
            ("/apis/apps", Target::Group("apps")),
            ("/api/v1", Target::Resources("", "v1")),
            ("/apis/apps/v1", Target::Resources("apps", "v1")),
            (
                "/api/v1/pods",
                Target::Collection(place(&rows::PODS, "v1", None)),
            ),
            (
                "/api/v1/nodes",
                Target::Collection(place(&rows::NODES, "v1", None)),
            ),
            (
                "/api/v1/nodes/n%31",
                Target::Object(place(&rows::NODES, "v1", None), "n1".into()),
            ),
            (
                "/api/v1/namespaces",
                Target::Collection(place(&rows::NAMESPACES, "v1", None)),
            ),
            (
                "/api/v1/namespaces/shop",
                Target::Object(place(&rows::NAMESPACES, "v1", None), "shop".into()),
            ),
            (
                "/api/v1/namespaces/shop/finalize",
                Target::Subresource(
                    place(&rows::NAMESPACES, "v1", None),
                    "shop".into(),
                    "finalize".into(),
                ),
            ),
            ("/api/v1/namespaces/shop/pods", Target::Collection(pods())),
            (
                "/api/v1/namespaces/shop/pods/p",
                Target::Object(pods(), "p".into()),
            ),
            (
                "/api/v1/namespaces/shop/pods/p/status",
                Target::Subresource(pods(), "p".into(), "status".into()),
            ),
            (
                "/apis/networking.istio.io/v1beta1/namespaces/a/virtualservices",
                Target::Collection(vs("v1beta1")),
            ),
            (
                "/api/v1/watch/namespaces/shop/pods",
                Target::Watch(pods(), None),
            ),
            (
                "/apis/networking.istio.io/v1/watch/namespaces/a/virtualservices/v",
                Target::Watch(vs("v1"), Some("v".into())),
            ),
        ] {
            assert_eq!(parse(path), Ok(target), "{path}");
        }
    }

    #[test]
    fn what_is_missing_depends_on_how_far_the_path_is_known() {
        for path in [
            "",
            "//",
            "/foo",
            "/openapi",
            "/openapi/v3/apis/apps/v2",
            "/api/v2",
            "/apis/none.io",
            "/apis/none.io/v1",
            "/apis/apps/v2/x",
            "/apis/foo.io/v1/foos",
            "/api/v1%ff",
        ] {
            assert_eq!(parse(path), Err(Missing::Page), "{path}");
        }
        for path in [
            "/api/v1/foos",
            "/api/v1/watch",
            "/api/v1/watch/watch/pods",
            "/api/v1/watch/namespaces/b/pods/p/status",
            "/apis/apps/v1/namespaces/b/foos",
            "/api/v1/pods/p",
            "/api/v1/namespaces/b/nodes",
            "/api/v1/namespaces/b/pods/p/log/x",
            "/apis/apps/v1/namespaces/b",
            "/apis/apps/v1/pods",
        ] {
            assert_eq!(parse(path), Err(Missing::Resource), "{path}");
        }
    }
}
