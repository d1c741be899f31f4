use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use hickory_resolver::config::NameServerConfig;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::SOA;
use hickory_resolver::proto::rr::{RData, Record};
use tokio::net::UdpSocket;

use super::*;

const POD: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 7));
const SEARCH: [&str; 3] = [
    "theater-msa.svc.cluster.local",
    "svc.cluster.local",
    "cluster.local",
];

/// A DNS server with addresses by whole name, each with a TTL, that notes what it is asked.
#[derive(Clone, Default)]
struct Server {
    zone: Arc<Mutex<BTreeMap<String, (IpAddr, u32)>>>,
    asked: Arc<Mutex<Vec<String>>>,
    mute: bool,
}

impl Server {
    fn knowing(names: &[&str], ttl: u32) -> Self {
        let server = Self::default();
        let mut zone = server.zone.lock().unwrap();
        zone.extend(names.iter().map(|name| ((*name).to_owned(), (POD, ttl))));
        drop(zone);
        server
    }

    /// Serves, and gives the resolver of a pod whose resolv.conf names it.
    async fn pod(&self, hosts: &str) -> Dns {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(self.clone().serve(socket));
        let mut name_server = NameServerConfig::udp(address.ip());
        name_server.connections[0].port = address.port();
        let search = SEARCH.map(|domain| domain.parse().unwrap()).to_vec();
        let config = ResolverConfig::from_parts(None, search, vec![name_server]);
        let mut options = ResolverOpts::default();
        options.ndots = 5;
        let mut known = Hosts::default();
        known.read_hosts_conf(hosts.as_bytes()).unwrap();
        let lookup = Lookup::of(config, options, known).unwrap();
        Dns(OnceCell::from(lookup))
    }

    async fn serve(self, socket: UdpSocket) {
        let mut page = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut page).await {
            let request = Message::from_vec(&page[..length]).unwrap();
            let answer = self.answer(request).to_vec().unwrap();
            if !self.mute {
                socket.send_to(&answer, client).await.unwrap();
            }
        }
    }

    fn answer(&self, request: Message) -> Message {
        let query = request.queries[0].clone();
        let name = query.name().to_ascii().trim_end_matches('.').to_owned();
        self.asked
            .lock()
            .unwrap()
            .push(format!("{} {name}", query.query_type()));
        let mut answer = request.into_response();
        match self.zone.lock().unwrap().get(&name) {
            None => {
                answer.metadata.response_code = ResponseCode::NXDomain;
                answer.add_authority(soa());
            }
            Some((address, ttl)) => {
                let data = RData::from(*address);
                if data.record_type() == query.query_type() {
                    answer.add_answer(Record::from_rdata(query.name().clone(), *ttl, data));
                }
            }
        }
        answer
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// What tells a resolver how long a name's absence may be remembered: half a minute.
fn soa() -> Record {
    let zone: Name = "cluster.local.".parse().unwrap();
    let soa = SOA::new(zone.clone(), zone.clone(), 1, 7200, 1800, 86400, 30);
    Record::from_rdata(zone, 30, RData::SOA(soa))
}

async fn address(dns: &Dns, name: &str) -> Result<IpAddr, io::ErrorKind> {
    let found = dns
        .resolve(name, 8082)
        .await
        .map_err(|error| error.kind())?;
    assert!(found.iter().all(|address| address.port() == 8082));
    Ok(found[0].ip())
}

#[tokio::test]
async fn short_and_long_names_of_a_service_lead_to_it() {
    let server = Server::knowing(&["movie-service.theater-msa.svc.cluster.local"], 30);
    let dns = server.pod("").await;
    for name in [
        "movie-service",
        "movie-service.theater-msa",
        "movie-service.theater-msa.svc",
        "movie-service.theater-msa.svc.cluster.local",
        "movie-service.theater-msa.svc.cluster.local.",
        "MOVIE-service",
    ] {
        assert_eq!(address(&dns, name).await, Ok(POD), "{name}");
    }
}

#[tokio::test]
async fn search_domains_come_in_their_order_and_the_bare_name_last() {
    let server = Server::knowing(&["api.example.com"], 30);
    let dns = server.pod("").await;
    assert_eq!(address(&dns, "api.example.com").await, Ok(POD));
    let mut firsts: Vec<String> = server.asked();
    firsts.retain(|question| question.starts_with("A "));
    let searched = SEARCH.map(|domain| format!("A api.example.com.{domain}"));
    assert_eq!(firsts[..3], searched);
    assert_eq!(firsts[3], "A api.example.com");
}

#[tokio::test]
async fn an_address_is_remembered_as_long_as_its_ttl_allows_and_an_absence_hardly() {
    let remembered = Server::knowing(&["a.svc.cluster.local"], 30);
    let fleeting = Server::knowing(&["a.svc.cluster.local"], 0);
    for (server, asked_again) in [(remembered, false), (fleeting, true)] {
        let dns = server.pod("").await;
        assert_eq!(address(&dns, "a.svc.cluster.local.").await, Ok(POD));
        server.asked();
        assert_eq!(address(&dns, "a.svc.cluster.local.").await, Ok(POD));
        assert_eq!(!server.asked().is_empty(), asked_again);
    }
}

#[tokio::test]
async fn a_service_made_after_its_clients_is_found_soon_whatever_the_servers_negative_ttl() {
    let server = Server::default();
    let dns = server.pod("").await;
    assert_eq!(address(&dns, "late").await, Err(io::ErrorKind::NotFound));
    server.asked();
    let again = address(&dns, "late").await;
    assert_eq!(
        (again, server.asked()),
        (Err(io::ErrorKind::NotFound), vec![])
    );
    let late = "late.theater-msa.svc.cluster.local".to_owned();
    server.zone.lock().unwrap().insert(late, (POD, 30));
    let found = async {
        while address(&dns, "late").await != Ok(POD) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, found).await.unwrap();
}

#[tokio::test]
async fn the_hosts_file_comes_before_any_server_and_an_address_needs_none() {
    let server = Server::default();
    let dns = server
        .pod("10.1.0.5\tuser-service-abc user-service-abc.local\n::1 six\n")
        .await;
    for (name, expected) in [
        ("user-service-abc", "10.1.0.5"),
        ("user-service-abc.local", "10.1.0.5"),
        ("six", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("fd00::1", "fd00::1"),
    ] {
        assert_eq!(
            address(&dns, name).await,
            Ok(expected.parse().unwrap()),
            "{name}"
        );
    }
    assert_eq!(server.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_service_of_the_other_family_alone_is_found_too() {
    let server = Server::default();
    let six = "fd00::7".parse().unwrap();
    server
        .zone
        .lock()
        .unwrap()
        .insert("six.svc.cluster.local".to_owned(), (six, 30));
    assert_eq!(address(&server.pod("").await, "six").await, Ok(six));
}

#[tokio::test]
async fn what_nobody_knows_or_no_name_can_be_is_not_found() {
    let server = Server::default();
    let dns = server.pod("").await;
    let long = "x".repeat(300);
    for name in ["nowhere", "no..where", "", &long] {
        let error = dns.resolve(name, 80).await.unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        if name == "nowhere" {
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_costs_a_bounded_wait() {
    let server = Server {
        mute: true,
        ..Server::default()
    };
    let dns = server.pod("").await;
    let began = tokio::time::Instant::now();
    assert_eq!(
        address(&dns, "user-service").await,
        Err(io::ErrorKind::TimedOut)
    );
    assert!(
        began.elapsed() <= LIMIT + Duration::from_millis(10),
        "{:?}",
        began.elapsed()
    );
}
