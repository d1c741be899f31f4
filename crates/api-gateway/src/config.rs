//! What the gateway is told by its environment.

use std::path::PathBuf;

use common::env::{ConfigError, Env};

use crate::theater::{Cluster, PerService, Service};

/// Everything read at start; Redis and the port are read by `common`.
#[derive(Clone, Debug)]
pub struct Config {
    /// `USER_SERVICE_URL`, `MOVIE_SERVICE_URL`, `BOOKING_SERVICE_URL`.
    pub upstreams: PerService<Upstream>,
    /// `CLUSTER_NAME`: the cluster whose rules steer the gateway's requests; default `ctx1`.
    pub own: Cluster,
    /// `UI_DIR`: a flat directory whose files win over the embedded ones.
    pub ui_dir: Option<PathBuf>,
    /// Where the Kubernetes APIs are found.
    pub access: ApiAccess,
    /// `ENVOY_ADMIN_URL`: the admin interface of the gateway's own sidecar.
    pub envoy_admin: Upstream,
}

/// A server that is reached over plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// DNS name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// `host:port` as in the variable: what the Host header says, and a sidecar routes by.
    pub authority: String,
}

/// How the Kubernetes APIs are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiAccess {
    /// `KUBECONFIG`: one file, or several separated by `:`, merged as kubectl does.
    pub kubeconfig: Option<String>,
    /// `REMOTE_KUBECONFIG`: a file for the other cluster; it may be missing.
    pub remote: Option<PathBuf>,
    /// Whether this is a pod, which has a service account.
    pub in_cluster: bool,
}

impl Config {
    /// Reads and checks the variables.
    ///
    /// # Errors
    /// The first variable that cannot be used.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let name = env.get_or("CLUSTER_NAME", "ctx1");
        Ok(Self {
            upstreams: PerService::try_from_fn(|service| upstream(env, service))?,
            own: Cluster::of_name(name).unwrap_or(Cluster::Ctx1),
            ui_dir: env.path("UI_DIR"),
            access: ApiAccess {
                kubeconfig: env.get("KUBECONFIG").map(str::to_owned),
                remote: env.path("REMOTE_KUBECONFIG"),
                in_cluster: env.get("KUBERNETES_SERVICE_HOST").is_some(),
            },
            envoy_admin: url(env, "ENVOY_ADMIN_URL", "http://127.0.0.1:15000")?,
        })
    }
}

fn upstream(env: &Env, service: Service) -> Result<Upstream, ConfigError> {
    let (variable, default) = match service {
        Service::User => ("USER_SERVICE_URL", "http://user-service:8081"),
        Service::Movie => ("MOVIE_SERVICE_URL", "http://movie-service:8082"),
        Service::Booking => ("BOOKING_SERVICE_URL", "http://booking-service:8083"),
    };
    url(env, variable, default)
}

fn url(env: &Env, variable: &'static str, default: &str) -> Result<Upstream, ConfigError> {
    let url = env.get_or(variable, default);
    parse_upstream(url).map_err(|cause| ConfigError {
        variable,
        // A URL may hold a password, and one that does is refused.
        value: url.rsplit('@').next().unwrap_or_default().to_owned(),
        cause,
        expected: "http://host:port",
    })
}

fn parse_upstream(url: &str) -> Result<Upstream, String> {
    let uri: http::Uri = url.parse().map_err(|error| format!("{error}"))?;
    // Istio: the sidecar encrypts; a service that dialled TLS itself could not be routed by path or header.
    if uri.scheme_str() != Some("http") {
        return Err("the scheme is not http".to_owned());
    }
    if uri.path_and_query().is_some_and(|path| path != "/") {
        return Err("it has a path, but requests keep the path they came with".to_owned());
    }
    let authority = uri.authority().ok_or("it names no host")?;
    if authority.as_str().contains('@') {
        return Err("it holds a user name".to_owned());
    }
    let host = authority.host().trim_matches(['[', ']']);
    Ok(Upstream {
        host: host.to_owned(),
        port: authority.port_u16().unwrap_or(80),
        authority: authority.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_variables_the_services_are_found_by_name() {
        let config = Config::from_env(&Env::default()).unwrap();
        let authorities = Service::ALL.map(|it| config.upstreams.get(it).authority.clone());
        let expected = [
            "user-service:8081",
            "movie-service:8082",
            "booking-service:8083",
        ];
        assert_eq!(authorities, expected);
        assert_eq!(config.own, Cluster::Ctx1);
        assert_eq!(config.access, ApiAccess::default());
    }

    #[test]
    fn a_url_is_a_host_and_a_port_and_nothing_else() {
        let rows = [
            ("http://a", Ok(("a", 80))),
            ("http://a:8081/", Ok(("a", 8081))),
            ("http://[::1]:8081", Ok(("::1", 8081))),
            ("https://a", Err("the scheme is not http")),
            ("a:8081", Err("the scheme is not http")),
            ("http://a/api", Err("it has a path")),
            ("http://u:p@a", Err("it holds a user name")),
            ("http://", Err("")),
            ("not a url", Err("")),
        ];
        for (url, expected) in rows {
            match (parse_upstream(url), expected) {
                (Ok(found), Ok((host, port))) => {
                    assert_eq!((&*found.host, found.port), (host, port))
                }
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{url}: {found}"),
                (found, _) => panic!("{url}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_malformed_url_names_its_variable_and_hides_a_password() {
        let env = Env::from([("MOVIE_SERVICE_URL", "http://user:s3cret@host")]);
        let error = Config::from_env(&env).unwrap_err();
        assert_eq!(error.variable, "MOVIE_SERVICE_URL");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn an_unknown_cluster_name_counts_as_ctx1() {
        let own = |name| {
            Config::from_env(&Env::from([("CLUSTER_NAME", name)]))
                .unwrap()
                .own
        };
        assert_eq!(own("ctx2"), Cluster::Ctx2);
        assert_eq!(own("elsewhere"), Cluster::Ctx1);
    }
}
