use super::*;

/// Recorded from an Envoy 1.40 whose two hosts failed: the first was ejected, the second could not be.
const CLUSTERS: &[u8] = include_bytes!("../../../tests/data/envoy-clusters.json");
const STATS: &[u8] = include_bytes!("../../../tests/data/envoy-stats.json");

#[test]
fn a_real_envoys_answers_tell_hosts_limits_and_overflows() {
    let Reading(services) = Reading::parse(CLUSTERS, STATS).unwrap();
    let [all, ctx1] = services.user.as_slice() else {
        panic!("{services:?}")
    };
    assert_eq!(
        (all.subset.as_deref(), ctx1.subset.as_deref()),
        (None, Some("ctx1"))
    );
    let hosts: Vec<_> = ctx1
        .hosts
        .iter()
        .map(|it| (&*it.address, it.ejected))
        .collect();
    assert_eq!(
        hosts,
        [("127.0.0.1:15990", true), ("127.0.0.1:15991", false)]
    );
    let limits = Limits {
        connections: Some(5),
        pending: Some(1),
        ..Limits::default()
    };
    assert_eq!(ctx1.limits, limits);
    let overflow = Overflow {
        connections: Some(1),
        pending: Some(2),
        requests: Some(0),
        retries: Some(0),
        ejections: Some(13),
    };
    assert_eq!(ctx1.overflow, overflow);
    assert_eq!(all.hosts.len(), 1);
    assert_eq!(all.overflow.ejections, None, "no rules, no such statistic");
    assert!(services.movie.is_empty() && services.booking.is_empty());
}

#[test]
fn only_clusters_of_our_services_are_breakers() {
    let own = ".theater-msa.svc.cluster.local";
    let user = |subset: &str| format!("outbound|8081|{subset}|user-service{own}");
    let rows = [
        (user("ctx2"), Some((Service::User, 8081, Some("ctx2")))),
        (user(""), Some((Service::User, 8081, None))),
        (
            format!("outbound|8083||booking-service{own}"),
            Some((Service::Booking, 8083, None)),
        ),
        (format!("outbound|http||user-service{own}"), None),
        (format!("inbound|8081||user-service{own}"), None),
        (
            "outbound|8081||user-service.other.svc.cluster.local".to_owned(),
            None,
        ),
        (format!("outbound|6379||redis{own}"), None),
        ("outbound|8081".to_owned(), None),
        ("PassthroughCluster".to_owned(), None),
    ];
    for (name, expected) in rows {
        let expected = expected.map(|(service, port, subset)| Name {
            service,
            port,
            subset: subset.map(str::to_owned),
        });
        assert_eq!(named(&name), expected, "{name}");
    }
}

#[test]
fn what_is_not_envoys_is_refused_and_what_is_new_to_us_is_not() {
    for (clusters, stats, readable) in [
        ("{}", "{}", true),
        (
            r#"{"cluster_statuses": [{"name": "x", "new": 1}]}"#,
            r#"{"stats": [{"histograms": {}}]}"#,
            true,
        ),
        ("<html>", "{}", false),
        ("{}", r#"{"stats": {}}"#, false),
    ] {
        let parsed = Reading::parse(clusters.as_bytes(), stats.as_bytes());
        assert_eq!(parsed.is_ok(), readable, "{clusters} {stats}");
    }
}
