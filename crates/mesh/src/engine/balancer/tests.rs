use super::*;
use crate::config::Outlier;
use crate::registry;

/// Zone, priority, weight of the locality.
type Row = (&'static str, u32, u32);

fn hosts(rows: &[Row]) -> Vec<Host> {
    let host = |(index, (zone, priority, locality_weight)): (usize, &Row)| Host {
        address: ([10, 1, 0, index as u8], 8080).into(),
        sni: None,
        weight: 1,
        priority: *priority,
        locality_weight: *locality_weight,
        locality: registry::Locality {
            region: "r".into(),
            zone: (*zone).into(),
            ..registry::Locality::default()
        },
        cluster: "ctx1".into(),
    };
    rows.iter().enumerate().map(host).collect()
}

fn policy(weighs_localities: bool, panic_threshold: u32) -> Policy {
    Policy {
        balancing: Balancing::RoundRobin,
        weighs_localities,
        outlier: Some(Outlier {
            panic_threshold,
            ..Outlier::default()
        }),
        ..Policy::default()
    }
}

const NOW: Duration = Duration::ZERO;

/// A balancer with these hosts, all healthy.
fn balancer(policy: &Policy, hosts: &[Host]) -> Balancer {
    let mut balancer = Balancer::new(policy, 0);
    replace_hosts(&mut balancer, hosts);
    balancer
}

/// Other hosts, all new and healthy.
fn replace_hosts(balancer: &mut Balancer, hosts: &[Host]) {
    balancer.replace_hosts(hosts, &vec![None; hosts.len()], NOW);
    balancer.refresh(|_| true, NOW);
}

/// A choice by these random numbers and this hash.
fn pick(balancer: &mut Balancer, random: impl FnMut() -> u64, hash: Option<u64>) -> Option<usize> {
    let mut chances = Chances {
        active: |_| 0,
        random,
        hash,
        attempt: 0,
        left: Vec::new(),
        now: NOW,
    };
    balancer.pick(&mut chances, &mut 0)
}

/// How often each host is chosen in `count` picks, with numbers that run evenly through 0..100, and
/// how many of the picks were made in a panic.
fn picks(balancer: &mut Balancer, hosts: usize, count: u64) -> (Vec<u64>, u64) {
    let mut numbers = 0..;
    let mut chances = Chances {
        active: |_| 0,
        random: || numbers.next().unwrap_or(0),
        hash: None,
        attempt: 0,
        left: Vec::new(),
        now: NOW,
    };
    let (mut counts, mut panics) = (vec![0; hosts], 0);
    for _ in 0..count {
        if let Some(host) = balancer.pick(&mut chances, &mut panics) {
            counts[host] += 1;
        }
    }
    (counts, panics)
}

/// Shares in percent of the hosts when `away` are not healthy.
fn shares(rows: &[Row], policy: &Policy, away: &[usize]) -> Vec<u64> {
    let hosts = hosts(rows);
    let mut balancer = balancer(policy, &hosts);
    balancer.refresh(|host| !away.contains(&host), NOW);
    picks(&mut balancer, hosts.len(), 400)
        .0
        .iter()
        .map(|count| count / 4)
        .collect()
}

#[test]
fn lower_priorities_get_what_the_first_cannot_take() {
    // Row 84: two local hosts and a remote one.
    let rows = [("a", 0, 1), ("a", 0, 1), ("b", 1, 1)];
    let shares = |away: &[usize]| shares(&rows, &policy(false, 0), away);
    assert_eq!(shares(&[]), [50, 50, 0]);
    assert_eq!(shares(&[0]), [0, 70, 30]);
    assert_eq!(shares(&[0, 1]), [0, 0, 100]);
    assert_eq!(shares(&[2]), [50, 50, 0]);
    assert_eq!(shares(&[0, 1, 2]), [0, 0, 0]);
}

#[test]
fn where_nobody_is_left_every_choice_is_a_panic_unless_rules_of_ejection_say_never() {
    let rules = Outlier::default();
    for (outlier, expected) in [(None, 2), (Some(rules), 0)] {
        let policy = Policy {
            outlier,
            ..Policy::default()
        };
        let mut balancer = balancer(&policy, &[]);
        let mut panics = 0;
        for _ in 0..2 {
            let mut chances = Chances {
                active: |_| 0,
                random: || 0,
                hash: None,
                attempt: 0,
                left: Vec::new(),
                now: NOW,
            };
            assert_eq!(balancer.pick(&mut chances, &mut panics), None);
        }
        assert_eq!(panics, expected, "{outlier:?}");
    }
}

#[test]
fn in_a_panic_everybody_is_asked() {
    // Rows 71 and 83.
    let rows = [("a", 0, 1), ("a", 0, 1)];
    assert_eq!(shares(&rows, &policy(false, 50), &[0]), [0, 100]);
    assert_eq!(shares(&rows, &policy(false, 51), &[0]), [50, 50]);
    assert_eq!(shares(&rows[..1], &policy(false, 30), &[0]), [100]);
    assert_eq!(shares(&rows[..1], &policy(false, 0), &[0]), [0]);
    let hosts = hosts(&rows);
    let mut balancer = balancer(&policy(false, 51), &hosts);
    balancer.refresh(|host| host == 1, NOW);
    assert_eq!(picks(&mut balancer, 2, 10).1, 10);
    balancer.refresh(|_| true, NOW);
    assert_eq!(picks(&mut balancer, 2, 10).1, 0);
}

#[test]
fn localities_share_by_weight_and_their_hosts_evenly() {
    let rows = [("a", 0, 80), ("b", 0, 20), ("b", 0, 20)];
    let shares = |away: &[usize]| shares(&rows, &policy(true, 0), away);
    assert_eq!(shares(&[]), [80, 10, 10]);
    // Half of b's hosts take 70 % of its weight: 14 of 94.
    assert_eq!(shares(&[1]), [85, 0, 14]);
    assert_eq!(shares(&[0]), [0, 50, 50]);
    // Weights do not count where localities are not weighed.
    assert_eq!(
        super::tests::shares(&rows, &policy(false, 0), &[]),
        [33, 33, 33]
    );
}

#[test]
fn a_locality_without_weight_gets_nothing() {
    let rows = [("a", 0, 100), ("b", 0, 0)];
    assert_eq!(shares(&rows, &policy(true, 0), &[]), [100, 0]);
}

#[test]
fn a_cycle_goes_on_when_a_host_leaves_and_returns() {
    let hosts = hosts(&[("a", 0, 1), ("a", 0, 1), ("a", 0, 1)]);
    let mut balancer = balancer(&policy(false, 0), &hosts);
    let next = |balancer: &mut Balancer| pick(balancer, || 0, None).unwrap();
    assert_eq!([0; 4].map(|_| next(&mut balancer)), [0, 1, 2, 0]);
    balancer.refresh(|host| host != 1, NOW);
    assert_eq!([0; 4].map(|_| next(&mut balancer)), [0, 2, 0, 2]);
    balancer.refresh(|_| true, NOW);
    assert_eq!([0; 3].map(|_| next(&mut balancer)), [2, 0, 1]);
}

#[test]
fn hosts_that_come_and_go_change_priorities() {
    let rows = hosts(&[("a", 0, 1), ("b", 1, 1)]);
    let mut balancer = balancer(&policy(false, 0), &rows);
    assert_eq!(picks(&mut balancer, 2, 100).0, [100, 0]);
    replace_hosts(&mut balancer, &hosts(&[("b", 0, 1)]));
    assert_eq!(picks(&mut balancer, 1, 100).0, [100]);
    replace_hosts(&mut balancer, &[]);
    assert_eq!(picks(&mut balancer, 0, 100).0, Vec::<u64>::new());
}

#[test]
fn a_hash_decides_who_is_asked_until_that_host_is_away() {
    let rows = hosts(&[("a", 0, 1), ("a", 0, 1), ("a", 0, 1)]);
    let policy = Policy {
        balancing: Balancing::RingHash { minimum: 1024 },
        ..policy(false, 0)
    };
    let mut balancer = balancer(&policy, &rows);
    let pick = |balancer: &mut Balancer, hash| pick(balancer, || 7, Some(hash));
    for hash in [1, 1 << 40, u64::MAX / 2, u64::MAX] {
        let home = pick(&mut balancer, hash);
        assert_eq!(home, pick(&mut balancer, hash));
        balancer.refresh(|host| Some(host) != home, NOW);
        let other = pick(&mut balancer, hash);
        assert!(other.is_some() && other != home);
        balancer.refresh(|_| true, NOW);
        assert_eq!(home, pick(&mut balancer, hash));
    }
}
