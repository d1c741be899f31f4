//! From configuration to a client of one cluster's API.
//!
//! The own cluster: its context in `KUBECONFIG`, or that file's current context where none has the
//! name; else the pod's service account. The other: `REMOTE_KUBECONFIG`, else its context in
//! `KUBECONFIG`. An HTTP proxy counts only where the kubeconfig names one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::outbound::Resolve;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::Reason;
use super::feed::WATCH_SECONDS;
use crate::config::ApiAccess;
use crate::theater::Cluster;

/// Longest wait for a connection to an API.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest silence of an API: a watch ends by itself a little before.
const READ_LIMIT: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 10);
/// Stands where a kubeconfig may name a proxy, so that no variable is asked; never dialled.
const STAND_IN: &str = "http://proxy.invalid";

/// A context of a kubeconfig.
struct Found {
    kubeconfig: Kubeconfig,
    context: String,
}

/// A client of `cluster`'s API, where the gateway lives in `own`.
pub(super) async fn client(
    access: &ApiAccess,
    own: Cluster,
    cluster: Cluster,
    resolve: Arc<dyn Resolve>,
) -> Result<Client, Reason> {
    let found = match cluster == own {
        true => own_context(access, own)?,
        false => other_context(access, own, cluster)?,
    };
    let config = match found {
        Some(found) => config(found).await.map_err(unusable)?,
        None if cluster == own && access.in_cluster => in_cluster()?,
        None => return Err(Reason::NoKubeconfig),
    };
    let client = super::client::client(&patient(config), resolve);
    client.map_err(|error| Reason::UnusableKubeconfig(error.to_string()))
}

fn own_context(access: &ApiAccess, own: Cluster) -> Result<Option<Found>, Reason> {
    let Some(kubeconfig) = kubeconfig(access)? else {
        return Ok(None);
    };
    let other = own.other().name();
    let current = kubeconfig
        .current_context
        .clone()
        .filter(|name| name != other);
    Ok(choose(kubeconfig, own.name(), current))
}

fn other_context(
    access: &ApiAccess,
    own: Cluster,
    cluster: Cluster,
) -> Result<Option<Found>, Reason> {
    if let Some(path) = access.remote.as_deref().filter(|path| path.exists()) {
        let kubeconfig = read(path)?;
        let current = kubeconfig
            .current_context
            .clone()
            .filter(|name| name != own.name());
        return Ok(choose(kubeconfig, cluster.name(), current));
    }
    let kubeconfig = kubeconfig(access)?;
    Ok(kubeconfig.and_then(|kubeconfig| choose(kubeconfig, cluster.name(), None)))
}

/// The context of that name, else `otherwise`.
fn choose(kubeconfig: Kubeconfig, name: &str, otherwise: Option<String>) -> Option<Found> {
    let named = kubeconfig
        .contexts
        .iter()
        .any(|context| context.name == name);
    let context = if named {
        Some(name.to_owned())
    } else {
        otherwise
    };
    context.map(|context| Found {
        kubeconfig,
        context,
    })
}

/// kubectl: `KUBECONFIG` may list several files; the first to say something wins.
fn kubeconfig(access: &ApiAccess) -> Result<Option<Kubeconfig>, Reason> {
    let Some(paths) = &access.kubeconfig else {
        return Ok(None);
    };
    let mut merged = None;
    for path in std::env::split_paths(paths).filter(|path: &PathBuf| path.exists()) {
        let next = read(&path)?;
        merged = Some(match merged {
            None => next,
            Some(before) => Kubeconfig::merge(before, next).map_err(unusable)?,
        });
    }
    Ok(merged)
}

fn read(path: &Path) -> Result<Kubeconfig, Reason> {
    Kubeconfig::read_from(path).map_err(unusable)
}

/// kube: without a `proxy-url`, HTTPS_PROXY decides, and with one NO_PROXY must be well-formed. Both
/// variables send a class's requests astray, so the stand-in keeps the first out and the second try
/// keeps the second out; what the kubeconfig says is set afterwards.
async fn config(mut found: Found) -> Result<Config, KubeconfigError> {
    let proxy = replace_proxy(&mut found, Some(STAND_IN));
    let proxy = proxy.map(|url| url.parse()).transpose();
    let proxy = proxy.map_err(KubeconfigError::ParseProxyUrl)?;
    let options = KubeConfigOptions {
        context: Some(found.context.clone()),
        ..KubeConfigOptions::default()
    };
    let loaded = Config::from_custom_kubeconfig(found.kubeconfig.clone(), &options).await;
    let mut config = match loaded {
        Err(KubeconfigError::ParseNoProxy(_)) => {
            replace_proxy(&mut found, None);
            Config::from_custom_kubeconfig(found.kubeconfig, &options).await?
        }
        loaded => loaded?,
    };
    config.proxy_url = proxy;
    Ok(config)
}

/// Sets the proxy of the context's cluster; what was there before.
fn replace_proxy(found: &mut Found, proxy: Option<&str>) -> Option<String> {
    let mut contexts = found.kubeconfig.contexts.iter();
    let context = contexts.find(|it| it.name == found.context)?;
    let name = context.context.as_ref()?.cluster.clone();
    let mut clusters = found.kubeconfig.clusters.iter_mut();
    let cluster = clusters.find(|it| it.name == name)?.cluster.as_mut()?;
    let before = std::mem::replace(&mut cluster.proxy_url, proxy.map(str::to_owned));
    before.filter(|url| !url.is_empty())
}

fn in_cluster() -> Result<Config, Reason> {
    Config::incluster_env().map_err(|error| Reason::UnusableKubeconfig(error.to_string()))
}

/// Every wait has a limit, and a failure is shown at once instead of being retried in silence.
fn patient(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT_LIMIT);
    config.read_timeout = Some(READ_LIMIT);
    config.reset_reader_on_write = true;
    config.default_retry = false;
    config
}

/// A parser's message may quote the file, which holds credentials.
fn unusable(error: KubeconfigError) -> Reason {
    Reason::UnusableKubeconfig(match error {
        KubeconfigError::Parse(_) => "it is no YAML of a kubeconfig".to_owned(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests;
