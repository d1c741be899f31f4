//! The webhook's rules for a DestinationRule.

use super::{Complaints, hosts};
use crate::model::{DestinationRule, PortSettings, Subset, TrafficPolicy};

pub(super) fn check(object: &DestinationRule) -> Complaints {
    let mut complaints = Complaints::default();
    let spec = &object.spec;
    hosts::host(&spec.host, &mut complaints);
    if let Some(written) = &spec.traffic_policy {
        policy(written, &mut complaints);
    }
    for (index, written) in spec.subsets.iter().enumerate() {
        let earlier = &spec.subsets[..index];
        if earlier.iter().any(|earlier| earlier.name == written.name) {
            complaints.add(format!("duplicate subset names: {}", written.name));
        }
        subset(written, &mut complaints);
    }
    hosts::export_to(&spec.export_to, &object.metadata.namespace, &mut complaints);
    complaints
}

fn subset(subset: &Subset, complaints: &mut Complaints) {
    if subset.name.is_empty() {
        complaints.add("subset name cannot be empty");
    } else {
        hosts::subset(&subset.name, complaints);
    }
    subset
        .labels
        .iter()
        .for_each(|(key, value)| hosts::label(key, value, complaints));
    if let Some(written) = &subset.traffic_policy {
        policy(written, complaints);
    }
}

fn policy(policy: &TrafficPolicy, complaints: &mut Complaints) {
    if *policy == TrafficPolicy::default() {
        complaints.add("traffic policy must have at least one field");
    }
    for settings in &policy.port_level_settings {
        if settings.port.is_none() {
            complaints.add("portTrafficPolicy must have valid port");
        }
        if *settings
            == (PortSettings {
                port: settings.port,
                ..PortSettings::default()
            })
        {
            complaints.add("port traffic policy must have at least one field");
        }
    }
}
