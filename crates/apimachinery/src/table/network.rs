//! Columns of Services, their endpoints, Ingresses and network policies.

use serde_json::Value;

use super::column::{AGE, Column, NAME, Subject, items, or};
use super::text::{NONE, first, labels, or_none, scalar, selector};
use crate::object;

/// Addresses or ports shown of a list.
const SHOWN: usize = 3;

pub(super) static SERVICES: &[Column] = &[
    NAME,
    Column::text("Type", "How it is reached.", |service| {
        service.text(&["spec", "type"]).into()
    }),
    Column::text("Cluster-IP", "Its address inside the cluster.", |service| {
        cluster_ip(service).into()
    }),
    Column::text("External-IP", "Its addresses from outside.", |service| {
        external_ip(service).into()
    }),
    Column::text("Port(s)", "Port, node port, protocol.", |service| {
        ports(service.items(&["spec", "ports"])).into()
    }),
    AGE,
    Column::text("Selector", "Labels of the pods behind it.", |service| {
        labels(service.at(&["spec", "selector"])).into()
    })
    .wide(),
];

pub(super) static ENDPOINTS: &[Column] = &[
    NAME,
    Column::text(
        "Endpoints",
        "Addresses and ports that are ready.",
        |endpoints| addresses(endpoints).into(),
    ),
    AGE,
];

pub(super) static ENDPOINT_SLICES: &[Column] = &[
    NAME,
    Column::text("AddressType", "IPv4, IPv6 or FQDN.", |slice| {
        slice.text(&["addressType"]).into()
    }),
    Column::text("Ports", "Of every endpoint.", |slice| {
        or_unset(first(&slice_ports(slice), SHOWN, ",")).into()
    }),
    Column::text("Endpoints", "Their addresses.", |slice| {
        or_unset(first(&slice_addresses(slice), SHOWN, ",")).into()
    }),
    AGE,
];

pub(super) static INGRESSES: &[Column] = &[
    NAME,
    Column::text("Class", "Who serves it.", |ingress| {
        ingress.text_or(&["spec", "ingressClassName"], NONE).into()
    }),
    Column::text("Hosts", "Of its rules.", |ingress| {
        hosts(ingress.items(&["spec", "rules"])).into()
    }),
    Column::text("Address", "Where it is served.", |ingress| {
        load_balancer(ingress).join(",").into()
    }),
    Column::text("Ports", "Open on its addresses.", |ingress| {
        let encrypted = !ingress.items(&["spec", "tls"]).is_empty();
        if encrypted { "80, 443" } else { "80" }.into()
    }),
    AGE,
];

pub(super) static POLICIES: &[Column] = &[
    NAME,
    Column::text("Pod-Selector", "The pods it is about.", |policy| {
        selector(policy.at(&["spec", "podSelector"])).into()
    }),
    AGE,
];

fn cluster_ip<'a>(service: &Subject<'a>) -> &'a str {
    let addresses = service.items(&["spec", "clusterIPs"]);
    let first = addresses.first().and_then(Value::as_str);
    first.unwrap_or_else(|| service.text_or(&["spec", "clusterIP"], NONE))
}

fn external_ip(service: &Subject<'_>) -> String {
    let given = service.items(&["spec", "externalIPs"]);
    let given = given.iter().filter_map(Value::as_str).map(str::to_owned);
    match service.text(&["spec", "type"]) {
        "ClusterIP" | "NodePort" => or_none(given.collect::<Vec<_>>().join(",")),
        "LoadBalancer" => {
            let all: Vec<_> = load_balancer(service).into_iter().chain(given).collect();
            or(&all.join(","), "<pending>").to_owned()
        }
        "ExternalName" => service.text(&["spec", "externalName"]).to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// Addresses or names of the load balancer, sorted, each once.
fn load_balancer(subject: &Subject<'_>) -> Vec<String> {
    let ingress = subject.items(&["status", "loadBalancer", "ingress"]).iter();
    let mut all: Vec<_> = ingress
        .map(|point| {
            or(
                object::text(point, &["ip"]),
                object::text(point, &["hostname"]),
            )
        })
        .filter(|address| !address.is_empty())
        .map(str::to_owned)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Kubernetes: a rule without a host is not shown, but counts among those that are not.
fn hosts(rules: &[Value]) -> String {
    let mut rest = rules.iter();
    let named = rest.by_ref().map(|rule| object::text(rule, &["host"]));
    let shown: Vec<_> = named.filter(|it| !it.is_empty()).take(SHOWN).collect();
    match (shown.is_empty(), rest.len()) {
        (true, _) => "*".to_owned(),
        (_, 0) => shown.join(","),
        _ => format!("{} + {} more...", shown.join(","), rules.len() - SHOWN),
    }
}

fn ports(ports: &[Value]) -> String {
    let port = |port: &Value| {
        let number = |member| port.get(member).and_then(Value::as_i64).unwrap_or(0);
        let protocol = object::text(port, &["protocol"]);
        match number("nodePort") {
            0 => format!("{}/{protocol}", number("port")),
            node => format!("{}:{node}/{protocol}", number("port")),
        }
    };
    or_none(ports.iter().map(port).collect::<Vec<_>>().join(","))
}

fn addresses(endpoints: &Subject<'_>) -> String {
    let mut all = Vec::new();
    for subset in endpoints.items(&["subsets"]) {
        let hosts = items(subset, &["addresses"]).iter();
        let hosts: Vec<_> = hosts.map(|host| object::text(host, &["ip"])).collect();
        let ports = items(subset, &["ports"]);
        // A headless Service may have no ports.
        if ports.is_empty() {
            all.extend(hosts.iter().map(|host| (*host).to_owned()));
        }
        for port in ports {
            let port = port.get("port").map_or_else(String::new, scalar);
            all.extend(hosts.iter().map(|host| with_port(host, &port)));
        }
    }
    or_none(first(&all, SHOWN, ","))
}

fn with_port(host: &str, port: &str) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn slice_ports(slice: &Subject<'_>) -> Vec<String> {
    let shown = |port: &Value| match (port.get("port"), port.get("name")) {
        (Some(number), _) if !number.is_null() => scalar(number),
        (_, Some(name)) if !name.is_null() => scalar(name),
        _ => "*".to_owned(),
    };
    slice.items(&["ports"]).iter().map(shown).collect()
}

fn slice_addresses(slice: &Subject<'_>) -> Vec<String> {
    let endpoints = slice.items(&["endpoints"]).iter();
    endpoints
        .flat_map(|endpoint| items(endpoint, &["addresses"]))
        .map(scalar)
        .collect()
}

fn or_unset(text: String) -> String {
    or(&text, "<unset>").to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::resource::{Resource, rows};

    fn cells(resource: &Resource, object: &Value) -> Vec<Value> {
        super::super::cells(resource, object, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_load_balancer_waits_or_shows_all_its_addresses() {
        let mut service = json!({"spec": {
            "type": "LoadBalancer", "clusterIPs": ["10.0.0.1"],
            "ports": [{"port": 80, "nodePort": 31000, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
        }});
        let shown = cells(&rows::SERVICES, &service);
        assert_eq!(
            shown[2..5],
            ["10.0.0.1", "<pending>", "80:31000/TCP,53/UDP"]
        );
        service["status"] =
            json!({"loadBalancer": {"ingress": [{"ip": "9.9.9.9"}, {"hostname": "lb"}]}});
        service["spec"]["externalIPs"] = json!(["1.1.1.1"]);
        assert_eq!(cells(&rows::SERVICES, &service)[3], "9.9.9.9,lb,1.1.1.1");
    }

    #[test]
    fn an_ingress_shows_its_first_hosts() {
        let hosts = |hosts: &[&str]| {
            let rules: Vec<_> = hosts.iter().map(|host| json!({"host": host})).collect();
            cells(&rows::INGRESSES, &json!({"spec": {"rules": rules}}))[2].clone()
        };
        assert_eq!(hosts(&[]), "*");
        assert_eq!(hosts(&[""]), "*");
        assert_eq!(hosts(&["a", "", "b"]), "a,b");
        assert_eq!(hosts(&["a", "b", "c"]), "a,b,c");
        assert_eq!(hosts(&["a", "", "b", "c", "d"]), "a,b,c + 2 more...");
        let served = json!({
            "spec": {"ingressClassName": "istio", "tls": [{}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "lb"}, {"ip": "9.9.9.9"}]}},
        });
        let shown = cells(&rows::INGRESSES, &served);
        assert_eq!(shown[1..5], ["istio", "*", "9.9.9.9,lb", "80, 443"]);
        assert_eq!(cells(&rows::INGRESSES, &json!({}))[1], NONE);
    }

    #[test]
    fn endpoints_are_counted_over_all_subsets() {
        let address = |ip| json!({"ip": ip});
        let endpoints = json!({"subsets": [
            {"addresses": [address("10.0.0.1"), address("fd00::1")], "ports": [{"port": 80}, {"port": 81}]},
            {"addresses": [address("10.0.0.3")]},
        ]});
        let shown = cells(&rows::ENDPOINTS, &endpoints);
        assert_eq!(shown[1], "10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 2 more...");
        assert_eq!(cells(&rows::ENDPOINTS, &json!({}))[1], "<none>");
    }

    #[test]
    fn a_slice_without_ports_says_so() {
        let slice = json!({"ports": [{"name": "http"}, {}], "endpoints": []});
        assert_eq!(
            cells(&rows::ENDPOINT_SLICES, &slice)[2..4],
            ["http,*", "<unset>"]
        );
    }
}
