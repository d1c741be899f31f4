use super::*;

fn port(port: u16, pods: &[&str]) -> ServicePort {
    let endpoint = |pod: &&str| Endpoint {
        address: ([10, 1, 0, 1], port).into(),
        labels: BTreeMap::new(),
        cluster: "ctx1".into(),
        locality: Locality::default(),
        node: String::new(),
        pod: (*pod).to_owned(),
    };
    ServicePort {
        port,
        protocol: Protocol::Http,
        endpoints: pods.iter().map(endpoint).collect(),
    }
}

fn service(name: &str, ip: u8, ports: Vec<ServicePort>) -> Service {
    Service {
        name: name.into(),
        namespace: "t".into(),
        cluster_ip: [10, 96, 0, ip].into(),
        created: None,
        ports,
    }
}

#[test]
fn services_of_one_name_become_one_with_the_local_address() {
    let local = vec![
        service("a", 1, vec![port(80, &["a1"]), port(81, &["a2"])]),
        service("b", 2, vec![]),
    ];
    let remote = [
        service("a", 7, vec![port(80, &["a3"]), port(99, &["a4"])]),
        service("c", 8, vec![]),
    ];
    let merged = merge(local, &remote);
    let names: Vec<_> = merged.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(merged[0].cluster_ip, IpAddr::from([10, 96, 0, 1]));
    let pods = |port: usize| {
        merged[0].ports[port]
            .endpoints
            .iter()
            .map(|e| e.pod.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!((pods(0), pods(1)), (vec!["a1", "a3"], vec!["a2"]));
}

#[test]
fn protocols_come_from_app_protocol_before_the_ports_name() {
    let rows = [
        (None, None, Protocol::Sniffed),
        (None, Some("http"), Protocol::Http),
        (None, Some("http-web"), Protocol::Http),
        (None, Some("httpx"), Protocol::Sniffed),
        (None, Some("redis"), Protocol::Tcp),
        (None, Some("tcp-redis"), Protocol::Tcp),
        (Some("HTTP"), Some("tcp"), Protocol::Http),
        (Some("tcp"), Some("http"), Protocol::Tcp),
        (Some("example.com/own"), Some("http"), Protocol::Sniffed),
    ];
    for (app_protocol, name, expected) in rows {
        assert_eq!(
            Protocol::of(app_protocol, name),
            expected,
            "{app_protocol:?} {name:?}"
        );
    }
}
