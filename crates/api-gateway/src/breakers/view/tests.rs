use super::*;

fn reading(ejected: &[bool]) -> Reading {
    let host = |(index, ejected): (usize, &bool)| HostView {
        address: format!("10.1.0.{index}:8081"),
        ejected: *ejected,
        ..HostView::default()
    };
    let breaker = Breaker {
        subset: Some("ctx1".to_owned()),
        hosts: ejected.iter().enumerate().map(host).collect(),
        ..Breaker::default()
    };
    Reading(PerService {
        user: vec![breaker],
        ..PerService::default()
    })
}

fn since(breakers: &Breakers) -> Vec<Option<UnixMs>> {
    let hosts = breakers.services.user.iter().flat_map(|it| &it.hosts);
    hosts.map(|host| host.since).collect()
}

#[test]
fn an_ejection_is_dated_when_it_is_first_seen_and_kept_until_the_host_returns() {
    let mut breakers = Breakers::unknown(Reason::NotYet);
    // Nobody knows since when the second has been away: it was from the first look on.
    for (now, ejected, expected) in [
        (10, [false, true], [None, None]),
        (20, [true, true], [Some(20), None]),
        (30, [true, true], [Some(20), None]),
        (40, [false, true], [None, None]),
        (50, [true, false], [Some(50), None]),
    ] {
        breakers.observe(Ok(reading(&ejected)), now);
        assert_eq!(since(&breakers), expected, "at {now}");
    }
}

#[test]
fn a_sidecar_that_is_lost_leaves_what_was_known_as_stale() {
    let mut breakers = Breakers::unknown(Reason::NotYet);
    breakers.observe(Err(Reason::Unreachable), 5);
    assert_eq!(breakers, Breakers::unknown(Reason::Unreachable));
    breakers.observe(Ok(reading(&[true])), 10);
    assert_eq!(breakers.contact.state, State::Live);
    breakers.observe(Err(Reason::Timeout), 20);
    assert_eq!(breakers.contact.state, State::Stale);
    assert_eq!(breakers.contact.last_seen, Some(20));
    assert!(breakers.services.user[0].hosts[0].ejected);
}

#[test]
fn hosts_have_the_names_of_the_pods_with_their_addresses() {
    let mut breakers = Breakers::default();
    breakers.observe(Ok(reading(&[false, false])), 0);
    let pod_of = |ip: &str| (ip == "10.1.0.1").then(|| "user-1".to_owned());
    let named = breakers.with_pods(pod_of);
    let pods: Vec<_> = named.services.user[0]
        .hosts
        .iter()
        .map(|it| it.pod.as_deref())
        .collect();
    assert_eq!(pods, [None, Some("user-1")]);
}

#[test]
fn breakers_of_one_subset_at_two_ports_are_two() {
    let both = |[first, second]: [bool; 2]| {
        let (mut one, other) = (reading(&[first]), reading(&[second]));
        let of_port = |port| Breaker {
            port,
            ..other.0.user[0].clone()
        };
        one.0.user.push(of_port(9090));
        one
    };
    let mut breakers = Breakers::unknown(Reason::NotYet);
    for (now, ejected, expected) in [
        (10, [false, false], [None, None]),
        (20, [true, false], [Some(20), None]),
        (30, [true, true], [Some(20), Some(30)]),
    ] {
        breakers.observe(Ok(both(ejected)), now);
        assert_eq!(since(&breakers), expected, "at {now}");
    }
}
