//! With outlierDetection the pods of other zones are asked only when those of the own zone are out:
//! for a sidecar, and for the other cluster's east-west gateway. The lessons turn that off.

use std::time::Duration;

use mesh::engine::{Engine, Report};
use serde_json::Value;

use crate::theater::{Dice, Lesson, choice};

const FIRST: &str = "01-initial";
const BREAKER: &str = "02-circuit-breaker";

/// Takes away what the lessons say of localities.
fn with_zones(rule: &mut Value) {
    let balancer = &mut rule["spec"]["trafficPolicy"]["loadBalancer"];
    let setting = balancer.as_object_mut().unwrap();
    assert!(setting.remove("localityLbSetting").is_some());
}

/// How often each of two pods is asked, which answer well.
fn asked(mut engine: Engine, requests: u32) -> [u32; 2] {
    let mut dice = Dice(5);
    let mut asked = [0; 2];
    for _ in 0..requests {
        let host = engine.pick(Duration::ZERO, choice(&mut dice)).unwrap();
        asked[host] += 1;
        engine.report(host, Report::Answer { status: 200 }, Duration::ZERO);
    }
    asked
}

/// The engine's start in its cycle is chance.
fn are_alike([a, b]: [u32; 2]) -> bool {
    a.abs_diff(b) <= 1
}

/// Measured for a sidecar: 143 and 143; 702 and 0; 353 and 352.
#[test]
fn a_sidecar_keeps_to_its_zone_only_where_outliers_are_watched_and_localities_count() {
    assert!(are_alike(asked(Lesson::read(FIRST).engine("ctx1"), 286)));
    let zones = Lesson::changed(BREAKER, with_zones);
    assert_eq!(asked(zones.engine("ctx1"), 702), [702, 0]);
    assert!(are_alike(asked(Lesson::read(BREAKER).engine("ctx1"), 705)));
}

/// Measured: 101 and 99 new connections with 01 in ctx2, 200 and 0 with 02 without the setting.
#[test]
fn so_does_the_other_clusters_gateway_by_its_own_rules() {
    assert!(are_alike(asked(Lesson::read(FIRST).door(), 200)));
    let zones = Lesson::changed(BREAKER, with_zones);
    assert_eq!(asked(zones.door(), 200), [200, 0]);
    assert!(are_alike(asked(Lesson::read(BREAKER).door(), 200)));
}

/// Measured: a sick pod in the client's zone is ejected, and its traffic goes to the other zone.
#[test]
fn the_other_zone_takes_over_from_a_sick_pod() {
    let mut engine = Lesson::changed(BREAKER, with_zones).engine("ctx1");
    let mut dice = Dice(6);
    let hosts: Vec<_> = (0..285)
        .map(|number| {
            let now = Duration::from_millis(50) * number;
            let host = engine.pick(now, choice(&mut dice)).unwrap();
            let status = if host == 0 { 500 } else { 200 };
            engine.report(host, Report::Answer { status }, now);
            host
        })
        .collect();
    let (sick, other) = hosts.split_at(2);
    assert_eq!(sick, [0, 0]);
    assert!(other.iter().all(|host| *host == 1), "{hosts:?}");
}
