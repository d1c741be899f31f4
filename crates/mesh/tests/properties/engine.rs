//! A cluster at work: whatever is reported, whoever comes and goes, and however time jumps.

use std::net::SocketAddr;
use std::time::Duration;

use mesh::config::{Balancing, Host, Outlier, Policy, SlowStart, TableSize, Threshold};
use mesh::engine::{Choice, Counts, Engine, Report};
use mesh::registry::Locality;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Pick {
        random: u64,
        hash: Option<u64>,
        repicks: u32,
        /// Hosts whose priorities were tried before.
        left: Vec<usize>,
    },
    Report {
        host: usize,
        report: Report,
    },
    Wait(Duration),
    /// These hosts from now on, of ten.
    Hosts(Vec<u8>),
}

fn host(number: u8) -> Host {
    Host {
        address: SocketAddr::from(([10, 1, 0, number], 8080)),
        sni: None,
        weight: u32::from(number % 3) + 1,
        priority: u32::from(number % 2),
        locality_weight: u32::from(number % 4),
        locality: Locality {
            zone: format!("z{}", number % 3),
            ..Locality::default()
        },
        cluster: "ctx1".into(),
    }
}

fn policy() -> impl Strategy<Value = Policy> {
    let balancing = prop_oneof![
        Just(Balancing::LeastRequest),
        Just(Balancing::RoundRobin),
        Just(Balancing::Random),
        (0_u64..3_000).prop_map(|minimum| Balancing::RingHash { minimum }),
        prop::sample::select(vec![2, 3, 5, 1009])
            .prop_map(|size| Balancing::Maglev(TableSize::new(size).unwrap_or_default())),
    ];
    let slow_start = (1_u64..100_000, 0.1_f64..9.0, 0.0_f64..=1.0);
    let slow_start = slow_start.prop_map(|(millis, aggression, minimum)| SlowStart {
        window: Duration::from_millis(millis),
        aggression,
        minimum,
    });
    let outlier = (
        0_u32..4,
        0_u32..4,
        any::<bool>(),
        0_u64..3_000,
        0_u32..=100,
        0_u32..=100,
    );
    let outlier = outlier.prop_map(|(all, gateway, split, millis, most, panic)| Outlier {
        consecutive_5xx: Threshold::enforced(all),
        consecutive_gateway: Threshold::enforced(gateway),
        consecutive_local_origin: split.then_some(Threshold::enforced(2)),
        interval: Duration::from_millis(millis.max(1)),
        base_ejection_time: Duration::from_millis(millis / 2),
        max_ejection_percent: most,
        panic_threshold: panic,
    });
    let optional = (prop::option::of(slow_start), prop::option::of(outlier));
    (balancing, optional, any::<bool>()).prop_map(
        |(balancing, (slow_start, outlier), weighs_localities)| Policy {
            balancing,
            slow_start,
            outlier,
            weighs_localities,
            ..Policy::default()
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let report = prop_oneof![
        (100_u16..600).prop_map(|status| Report::Answer { status }),
        Just(Report::Timeout),
        Just(Report::ConnectFailure),
        Just(Report::Connected),
    ];
    let left = prop::collection::vec(0_usize..12, 0..4);
    let pick = (any::<u64>(), prop::option::of(any::<u64>()), 0_u32..6, left);
    prop_oneof![
        4 => pick.prop_map(|(random, hash, repicks, left)| Step::Pick { random, hash, repicks, left }),
        6 => (0_usize..12, report).prop_map(|(host, report)| Step::Report { host, report }),
        2 => (0_u64..100_000).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
        1 => prop::collection::btree_set(0_u8..10, 0..6)
            .prop_map(|hosts| Step::Hosts(hosts.into_iter().collect())),
    ]
}

proptest! {
    #[test]
    fn a_cluster_always_knows_whom_to_ask(
        policy in policy(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut numbers: Vec<u8> = vec![0, 1, 2];
        let mut hosts: Vec<Host> = numbers.iter().copied().map(host).collect();
        let mut now = Duration::ZERO;
        let mut engine = Engine::new(&policy, &hosts, now, 7, Counts::default());
        for step in steps {
            match step {
                Step::Pick { random, hash, repicks, left } => {
                    let left = left.into_iter().map(|it| it % hosts.len().max(1));
                    let left = left.filter(|_| !hosts.is_empty()).collect();
                    let choice = Choice {
                        active: |host: usize| host as u32,
                        random: || random,
                        tried: |host: usize| host == 0,
                        repicks,
                        hash,
                        left,
                    };
                    let picked = engine.pick(now, choice);
                    prop_assert!(picked.is_none_or(|picked| picked < hosts.len()));
                    let health = engine.health(hosts.len(), now);
                    let all_here = !hosts.is_empty() && health.ejected.iter().all(|away| !away);
                    // Envoy: in a table of hashes nobody has a place whose locality has no weight.
                    let placeless = policy.balancing.hashes() && policy.weighs_localities;
                    let may_fail = !all_here || placeless;
                    prop_assert!(picked.is_some() || may_fail, "nobody, though nobody is away");
                }
                Step::Report { host, report } => {
                    engine.report(host % hosts.len().max(1), report, now);
                }
                Step::Wait(time) => now += time,
                Step::Hosts(next) => {
                    let kept: Vec<_> = next
                        .iter()
                        .map(|number| numbers.iter().position(|known| known == number))
                        .collect();
                    numbers = next;
                    hosts = numbers.iter().copied().map(host).collect();
                    engine.replace_hosts(&hosts, &kept, now);
                }
            }
        }
    }

    #[test]
    fn no_more_hosts_are_away_than_the_rule_allows(
        policy in policy(),
        reports in prop::collection::vec((0_usize..5, 500_u16..505), 1..60),
    ) {
        let hosts: Vec<Host> = (0..5).map(host).collect();
        let mut engine = Engine::new(&policy, &hosts, Duration::ZERO, 7, Counts::default());
        for (host, status) in reports {
            engine.report(host, Report::Answer { status }, Duration::ZERO);
        }
        let health = engine.health(hosts.len(), Duration::ZERO);
        let away = health.ejected.iter().filter(|away| **away).count() as u32;
        let most = policy.outlier.map_or(0, |outlier| outlier.max_ejection_percent);
        prop_assert!(100 * away <= most * 5, "{away} of 5 at {most} %");
    }
}
