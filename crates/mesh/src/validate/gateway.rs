//! The webhook's rules for a Gateway.

use serde::Deserialize;

use super::ports::{self, Layer};
use super::{Complaints, hosts};
use crate::model::{Kind, Object};

/// `spec` of a Gateway.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GatewaySpec {
    servers: Vec<Server>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Server {
    port: Option<Port>,
    bind: String,
    hosts: Vec<String>,
    tls: Option<ServerTls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Port {
    number: u32,
    protocol: String,
    name: String,
    target_port: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServerTls {
    mode: String,
    https_redirect: bool,
    server_certificate: String,
    private_key: String,
    ca_certificates: String,
    credential_name: String,
}

impl Kind for GatewaySpec {
    const KIND: &'static str = "Gateway";
}

pub(super) fn check(object: &Object<GatewaySpec>) -> Complaints {
    let mut complaints = Complaints::default();
    let name = &object.metadata.name;
    complaints.check(hosts::is_dns_1123(name), || {
        format!("invalid gateway name: {name:?}")
    });
    let servers = &object.spec.servers;
    if servers.is_empty() {
        complaints.add("gateway must have at least one server");
    }
    for server in servers {
        check_server(server, &mut complaints);
    }
    port_names(servers, &mut complaints);
    complaints
}

fn port_names(servers: &[Server], complaints: &mut Complaints) {
    let ports: Vec<_> = servers.iter().filter_map(|it| it.port.as_ref()).collect();
    for (index, port) in ports.iter().enumerate() {
        let known = ports[..index].iter().any(|it| it.name == port.name);
        complaints.check(!known, || {
            format!(
                "port names in servers must be unique: duplicate name {}",
                port.name
            )
        });
    }
    for server in servers {
        let redirects = server.tls.as_ref().is_some_and(|tls| tls.https_redirect);
        if redirects && server.layer().is_some_and(|layer| layer != Layer::Http) {
            complaints.warn("tls.httpsRedirect should only be used with http servers");
        }
    }
}

fn check_server(server: &Server, complaints: &mut Complaints) {
    if server.hosts.is_empty() {
        complaints.add("server config must contain at least one host");
    }
    for host in &server.hosts {
        hosts::within_namespace(host, hosts::Owner::Gateway, complaints);
    }
    let mut of_port = Complaints::default();
    port(server, &mut of_port);
    let sound = of_port.is_empty();
    complaints.append(of_port);
    if !server.bind.is_empty() && !server.bind.starts_with("unix://") {
        hosts::address(&server.bind, complaints);
    }
    if let Some(tls) = &server.tls {
        certificates(tls, complaints);
    }
    if sound {
        encryption(server, complaints);
    }
}

fn port(server: &Server, complaints: &mut Complaints) {
    let Some(port) = &server.port else {
        return complaints.add("port is required");
    };
    complaints.check(ports::layer(&port.protocol).is_some(), || {
        format!(
            "invalid protocol {:?}, supported protocols are HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP",
            port.protocol
        )
    });
    if port.number > 0 || !server.bind.starts_with("unix://") {
        ports::number(port.number, complaints);
    }
    complaints.check(port.target_port == 0, || {
        "targetPort has no impact on Gateways".to_owned()
    });
}

/// Whether the protocol and the settings of TLS go together.
fn encryption(server: &Server, complaints: &mut Complaints) {
    match (server.layer(), &server.tls) {
        (Some(Layer::Tls), None) => {
            complaints.add("server must have TLS settings for HTTPS/TLS protocols");
        }
        // Istio: a plain server may only say that it redirects.
        (Some(Layer::Http), Some(tls)) if !tls.only_redirects() => {
            complaints.add("server cannot have TLS settings for plain text HTTP ports");
        }
        (Some(Layer::Tcp), Some(_)) => {
            complaints.add("server cannot have TLS settings for non HTTPS/TLS ports");
        }
        _ => {}
    }
}

fn certificates(tls: &ServerTls, complaints: &mut Complaints) {
    let (certificate, key) = (&tls.server_certificate, &tls.private_key);
    let ca = &tls.ca_certificates;
    let mut forbid = |file: &str, name: &str| {
        complaints.check(file.is_empty(), || {
            format!("ISTIO_MUTUAL TLS cannot have associated {name}")
        });
    };
    if tls.mode == "ISTIO_MUTUAL" {
        forbid(certificate, "server certificate");
        forbid(key, "private key");
        forbid(ca, "CA bundle");
        forbid(&tls.credential_name, "credentialName");
        return;
    }
    let (mode, mutual) = match tls.mode.as_str() {
        "SIMPLE" => ("SIMPLE", false),
        "MUTUAL" | "OPTIONAL_MUTUAL" => ("MUTUAL", true),
        _ => return,
    };
    if !tls.credential_name.is_empty() {
        return;
    }
    let mut require = |file: &str, name: &str| {
        complaints.check(!file.is_empty(), || format!("{mode} TLS requires a {name}"));
    };
    require(certificate, "server certificate");
    require(key, "private key");
    if mutual {
        require(ca, "client CA bundle");
    }
}

impl Server {
    fn layer(&self) -> Option<Layer> {
        ports::layer(&self.port.as_ref()?.protocol)
    }
}

impl ServerTls {
    fn only_redirects(&self) -> bool {
        let passes = matches!(self.mode.as_str(), "" | "PASSTHROUGH" | "AUTO_PASSTHROUGH");
        let files = [
            &self.ca_certificates,
            &self.private_key,
            &self.server_certificate,
        ];
        passes && files.iter().all(|file| file.is_empty())
    }
}
