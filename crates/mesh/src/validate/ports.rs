//! Ports and protocols.

use super::{Complaints, hosts};

/// Istio's protocols, and what travels on them.
const PROTOCOLS: [(&str, Layer); 12] = [
    ("GRPC", Layer::Http),
    ("GRPC-WEB", Layer::Http),
    ("HBONE", Layer::Tcp),
    ("HTTP", Layer::Http),
    ("HTTP2", Layer::Http),
    ("HTTPS", Layer::Tls),
    ("HTTP_PROXY", Layer::Http),
    ("MONGO", Layer::Tcp),
    ("MYSQL", Layer::Tcp),
    ("REDIS", Layer::Tcp),
    ("TCP", Layer::Tcp),
    ("TLS", Layer::Tls),
];

/// What a proxy sees of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Requests.
    Http,
    /// A server name.
    Tls,
    /// Bytes.
    Tcp,
}

/// The layer of a protocol, in any case of letters; none for one that Istio does not know.
pub(super) fn layer(protocol: &str) -> Option<Layer> {
    let known = |(name, _): &&(&str, Layer)| name.eq_ignore_ascii_case(protocol);
    PROTOCOLS.iter().find(known).map(|(_, layer)| *layer)
}

/// Checks a protocol that may be left to be found out.
pub(super) fn protocol(name: &str, complaints: &mut Complaints) {
    complaints.check(
        name.is_empty() || name == "UDP" || layer(name).is_some(),
        || format!("unsupported protocol: {name}"),
    );
}

pub(super) fn number(port: u32, complaints: &mut Complaints) {
    complaints.check((1..=65535).contains(&port), || {
        format!("port number {port} must be in the range 1..65535")
    });
}

pub(super) fn name(name: &str, complaints: &mut Complaints) {
    complaints.check(hosts::is_dns_1123(name), || {
        format!("invalid port name: {name}")
    });
}
