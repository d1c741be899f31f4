//! The webhook's rules for shares and failover between regions.

use super::Complaints;
use crate::model::{Distribute, Failover, LocalityLb};

/// Labels that say where a node is, which `failover` says too.
const TOPOLOGY: [&str; 3] = [
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
];

/// Checks it; `ejects` is whether failing hosts are ejected, without which nothing fails over.
pub(super) fn check(setting: &LocalityLb, ejects: bool, complaints: &mut Complaints) {
    // Istio: these end the check of the whole setting.
    if let Err(complaint) = alternatives(setting).and_then(|()| shares(&setting.distribute)) {
        complaints.add(complaint);
        return;
    }
    for one in &setting.distribute {
        separate(one.to.keys(), complaints);
    }
    separate(setting.distribute.iter().map(|one| &one.from), complaints);
    let fails_over = !setting.failover.is_empty() || !setting.failover_priority.is_empty();
    if fails_over && !ejects {
        complaints.warn("outlier detection policy must be provided for failover");
    }
    for one in &setting.failover {
        failover(one, complaints);
    }
}

fn alternatives(setting: &LocalityLb) -> Result<(), String> {
    if setting.failover.is_empty() {
        return Ok(());
    }
    if !setting.distribute.is_empty() {
        return Err("can not simultaneously specify 'distribute' and 'failover'".to_owned());
    }
    let label = setting
        .failover_priority
        .iter()
        .find(|label| TOPOLOGY.contains(&label.as_str()));
    label.map_or(Ok(()), |label| {
        Err(format!(
            "can not simultaneously set 'failover' and topology label '{label}' in 'failover_priority'"
        ))
    })
}

fn shares(distribute: &[Distribute]) -> Result<(), String> {
    for one in distribute {
        if one.to.values().any(|weight| !(1..=100).contains(weight)) {
            return Err("locality weight must be in range [1, 100]".to_owned());
        }
        let total: u64 = one.to.values().map(|weight| u64::from(*weight)).sum();
        if total != 100 {
            return Err(format!("total locality weight {total} != 100"));
        }
    }
    Ok(())
}

/// No place may lie within one that was named before.
fn separate<'a>(places: impl Iterator<Item = &'a String>, complaints: &mut Complaints) {
    let mut earlier: Vec<&str> = Vec::new();
    for place in places {
        let stars = place.matches('*').count();
        let fault = if stars > 1 || (stars == 1 && !place.ends_with('*')) {
            "wildcard '*' number can not exceed 1 and must be in the end"
        } else if place.splitn(3, '/').any(str::is_empty) {
            "must not contain empty region/zone/subzone info"
        } else if earlier.iter().any(|known| overlaps(known, place)) {
            "overlap with previous specified ones"
        } else {
            earlier.push(place);
            continue;
        };
        return complaints.add(format!("locality {place} {fault}"));
    }
}

/// Istio: a place covers what lies within it; a bare region also covers it when named later.
fn overlaps(earlier: &str, later: &str) -> bool {
    let wide = earlier.trim_end_matches('*').trim_end_matches('/');
    let within = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| outer.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    within(later, wide) || (!later.contains('/') && within(earlier, later))
}

fn failover(one: &Failover, complaints: &mut Complaints) {
    let regions = [&one.from, &one.to];
    complaints.check(one.from != one.to, || {
        "locality lb failover settings must specify different regions".to_owned()
    });
    complaints.check(!regions.iter().any(|region| region.contains('/')), || {
        "locality lb failover only specify region".to_owned()
    });
    complaints.check(!regions.iter().any(|region| region.contains('*')), || {
        "locality lb failover region should not contain '*' wildcard".to_owned()
    });
}
