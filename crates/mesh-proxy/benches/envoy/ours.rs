//! Our proxy as a process of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use mesh::compile::compile_sidecar;
use mesh::model::{DestinationRule, VirtualService};
use mesh::registry::{Client, Endpoint, Locality, Network, Protocol, Service, ServicePort, World};
use mesh_proxy::{AccessLog, Listen, Proxy, Role, Settings, TcpDial};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::process::Measured;

/// The argument that makes this program the proxy.
pub(crate) const ROLE: &str = "--be-the-proxy";

/// Envoy: the log is written when this much has gathered.
const LOG_BUFFER: usize = 64 * 1024;

/// Starts it; it prints where it listens.
pub(crate) fn start(upstreams: &[SocketAddr], folder: &Path) -> Measured {
    let program = std::env::current_exe().unwrap();
    let log = folder.join("ours.log");
    let upstreams: Vec<String> = upstreams.iter().map(ToString::to_string).collect();
    let mut arguments = vec![ROLE];
    arguments.extend(upstreams.iter().map(String::as_str));
    arguments.push(log.to_str().unwrap());
    Measured::start(program.to_str().unwrap(), &arguments, |child| {
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    })
}

/// Is the proxy until its parent is gone.
pub(crate) fn serve(upstreams: &[String], log: &str) {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let log = BufWriter::with_capacity(LOG_BUFFER, File::create(log).unwrap());
    let settings = Settings {
        access_log: Some(Arc::new(LogFile(Mutex::new(log)))),
        ..Settings::new(Role::Outbound, Arc::new(TcpDial))
    };
    let proxy = Proxy::new(settings);
    let upstreams: Vec<SocketAddr> = upstreams.iter().map(|it| it.parse().unwrap()).collect();
    configure(&proxy, &upstreams);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let listen = Listen {
            routes: "svc.t.svc.cluster.local:8080".into(),
            address: Some(SocketAddr::new(CLUSTER_IP, 8080)),
        };
        proxy
            .serve_http(listener, listen, CancellationToken::new())
            .await;
    });
}

const CLUSTER_IP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 7));

fn configure(proxy: &Proxy, upstreams: &[SocketAddr]) {
    let endpoints = upstreams.iter().enumerate();
    let services = [Service {
        name: "svc".into(),
        namespace: "t".into(),
        cluster_ip: CLUSTER_IP,
        created: None,
        ports: vec![ServicePort {
            port: 8080,
            protocol: Protocol::Sniffed,
            endpoints: endpoints.map(|(index, it)| endpoint(index, *it)).collect(),
        }],
    }];
    let rules = VirtualService::parse(&json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {"hosts": ["svc"], "http": [{
            "fault": {"delay": {"fixedDelay": "1ms", "percentage": {"value": 0.0001}}},
            "route": [
                {"destination": {"host": "svc", "subset": "ctx1"}, "weight": 70},
                {"destination": {"host": "svc", "subset": "ctx2"}, "weight": 30},
            ],
        }]},
    }));
    let policy = DestinationRule::parse(&json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "svc", "namespace": "t"},
        "spec": {
            "host": "svc",
            "trafficPolicy": {
                "outlierDetection": {"consecutive5xxErrors": 2, "interval": "10s", "baseEjectionTime": "30s", "maxEjectionPercent": 50},
                "loadBalancer": {"localityLbSetting": {"enabled": false}},
            },
            "subsets": [
                {"name": "ctx1", "labels": {"cluster": "ctx1"}},
                {"name": "ctx2", "labels": {"cluster": "ctx2"}},
            ],
        },
    }));
    let world = World {
        services: &services,
        virtual_services: &[rules.unwrap()],
        destination_rules: &[policy.unwrap()],
        network: &Network::Single,
    };
    let client = Client {
        cluster: "ctx1".into(),
        namespace: "t".into(),
        ..Client::default()
    };
    let config = compile_sidecar(&world, &client);
    assert_eq!(config.problems, Vec::<String>::new());
    proxy.apply(Arc::new(config));
}

/// The first half of the upstreams is in ctx1, the rest in ctx2.
fn endpoint(index: usize, address: SocketAddr) -> Endpoint {
    let cluster = if index < 2 { "ctx1" } else { "ctx2" };
    Endpoint {
        address,
        labels: BTreeMap::from([("cluster".to_owned(), cluster.to_owned())]),
        cluster: cluster.to_owned(),
        locality: Locality::default(),
        node: format!("{cluster}-n1"),
        pod: format!("svc-{index}"),
    }
}

/// A file, as Envoy writes one: lines gather, and many are written at once.
struct LogFile(Mutex<BufWriter<File>>);

impl AccessLog for LogFile {
    fn line(&self, line: String) {
        let mut file = self.0.lock().unwrap();
        file.write_all(line.as_bytes()).unwrap();
        file.write_all(b"\n").unwrap();
    }
}
