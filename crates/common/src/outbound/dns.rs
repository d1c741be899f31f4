//! Names by `/etc/hosts` and DNS, without the C library.
//!
//! An image from scratch has no NSS modules that a static glibc could load, so names are resolved
//! here: `/etc/hosts` first, then the servers, search domains and `ndots` of `/etc/resolv.conf`.
//! Both files are read once, at the first name: kubelet writes them before a container starts and
//! never after.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    LookupIpStrategy, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use tokio::sync::OnceCell;

use super::{Resolve, Resolving};

/// Longest wait for all that one name takes.
const LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for one answer; the C library waits 5 s after a lost packet, and so would we.
const TRY_LIMIT: Duration = Duration::from_secs(1);
/// Answers remembered; a pod asks for a handful of names.
const MOST_REMEMBERED: u64 = 256;
/// A remembered address is asked for again after this, whatever its TTL: a Service that was
/// deleted and made again has another one.
const LONGEST_MEMORY: Duration = Duration::from_secs(30);
/// The same for a name that was not there: a Service may be made after the pods that call it.
const LONGEST_ABSENCE: Duration = Duration::from_secs(1);

/// The resolver of this machine or pod.
#[derive(Default)]
pub struct Dns(OnceCell<Lookup>);

struct Lookup {
    resolver: TokioResolver,
    hosts: Hosts,
}

impl Resolve for Dns {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(async move {
            if let Ok(address) = name.parse() {
                return Ok(vec![SocketAddr::new(address, port)]);
            }
            let asking = async {
                self.0
                    .get_or_try_init(Lookup::of_system)
                    .await?
                    .ask(name)
                    .await
            };
            let addresses = tokio::time::timeout(LIMIT, asking).await??;
            let with_port = |address| SocketAddr::new(address, port);
            Ok(addresses.into_iter().map(with_port).collect())
        })
    }
}

impl Lookup {
    async fn of_system() -> io::Result<Self> {
        let (config, options) = system_conf::read_system_conf().map_err(|error| {
            let text = format!("the resolver's configuration cannot be used: {error}; is there a /etc/resolv.conf with a nameserver?");
            io::Error::other(text)
        })?;
        // No hosts file is an empty one.
        Self::of(config, options, Hosts::from_system().unwrap_or_default())
    }

    fn of(config: ResolverConfig, options: ResolverOpts, hosts: Hosts) -> io::Result<Self> {
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        *builder.options_mut() = bounded(options);
        let resolver = builder.build().map_err(io::Error::other)?;
        Ok(Self { resolver, hosts })
    }

    async fn ask(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let known = self.known(name);
        if !known.is_empty() {
            return Ok(known);
        }
        let answer = self.resolver.lookup_ip(name).await;
        let addresses: Vec<IpAddr> = answer
            .map_err(|error| explain(name, &error))?
            .iter()
            .collect();
        if addresses.is_empty() {
            return Err(unknown(name));
        }
        Ok(addresses)
    }

    /// The C library: the hosts file comes first, and knows no search domain.
    fn known(&self, name: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_utf8(name) else {
            return Vec::new();
        };
        let records = [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| {
                let query = Query::query(name.clone(), kind);
                self.hosts.lookup_static_host(&query)
            });
        let addresses = records.flat_map(|found| {
            let all = found.answers().iter();
            all.filter_map(|record| record.data.ip_addr())
                .collect::<Vec<_>>()
        });
        addresses.collect()
    }
}

/// What the configuration says, within our limits.
fn bounded(mut options: ResolverOpts) -> ResolverOpts {
    options.timeout = options.timeout.min(TRY_LIMIT);
    options.attempts = options.attempts.min(3);
    options.cache_size = MOST_REMEMBERED;
    options.positive_max_ttl = Some(LONGEST_MEMORY);
    options.negative_max_ttl = Some(LONGEST_ABSENCE);
    // Looked up here, before any search domain.
    options.use_hosts_file = ResolveHosts::Never;
    // A pod of a single-stack cluster has no use for the other family's addresses.
    options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    options
}

fn explain(name: &str, error: &NetError) -> io::Error {
    match error {
        error if error.is_no_records_found() => unknown(name),
        NetError::Timeout => {
            io::Error::new(io::ErrorKind::TimedOut, "no DNS server answered in time")
        }
        error => io::Error::other(format!("DNS cannot tell the address of {name}: {error}")),
    }
}

fn unknown(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("DNS knows no address of {name}"),
    )
}

#[cfg(test)]
mod tests;
