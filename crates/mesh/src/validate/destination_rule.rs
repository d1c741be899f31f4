//! The webhook's rules for a DestinationRule.

use super::http_route::whole_milliseconds;
use super::{Complaints, client_tls, connection_pool, consistent_hash, hosts, locality, outlier};
use crate::model::{DestinationRule, LoadBalancer, PortSettings, Subset, TrafficPolicy, Warmup};

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
    let selector = spec.workload_selector.as_ref();
    if selector.is_some_and(|selector| selector.match_labels.is_empty()) {
        complaints.warn("workload selector specified without labels");
    }
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
    // The blocks that a single port can have of its own, as if it were one.
    blocks(
        &PortSettings {
            port: None,
            load_balancer: policy.load_balancer.clone(),
            connection_pool: policy.connection_pool.clone(),
            outlier_detection: policy.outlier_detection.clone(),
            tls: policy.tls.clone(),
        },
        complaints,
    );
    for settings in &policy.port_level_settings {
        if settings.port.is_none() {
            complaints.add("portTrafficPolicy must have valid port");
        }
        let only_port = PortSettings {
            port: settings.port,
            ..PortSettings::default()
        };
        if *settings == only_port {
            complaints.add("port traffic policy must have at least one field");
        }
        blocks(settings, complaints);
    }
}

fn blocks(settings: &PortSettings, complaints: &mut Complaints) {
    if let Some(written) = &settings.outlier_detection {
        outlier::check(written, complaints);
    }
    if let Some(written) = &settings.connection_pool {
        connection_pool::check(written, complaints);
    }
    if let Some(written) = &settings.load_balancer {
        load_balancer(written, settings.outlier_detection.is_some(), complaints);
    }
    if let Some(written) = &settings.tls {
        client_tls::check(written, complaints);
    }
}

fn load_balancer(balancer: &LoadBalancer, ejects: bool, complaints: &mut Complaints) {
    if let Some(hash) = &balancer.consistent_hash {
        consistent_hash::check(hash, complaints);
    }
    if let Some(setting) = &balancer.locality_lb_setting {
        locality::check(setting, ejects, complaints);
    }
    whole_milliseconds(balancer.warmup_duration_secs, complaints);
    if let Some(written) = &balancer.warmup {
        warmup(written, complaints);
    }
}

fn warmup(warmup: &Warmup, complaints: &mut Complaints) {
    complaints.check(warmup.duration.is_some(), || {
        "duration is required".to_owned()
    });
    whole_milliseconds(warmup.duration, complaints);
    let minimum = warmup.minimum_percent.unwrap_or_default();
    complaints.check(minimum <= 100.0, || {
        "minimumPercent value should be less than or equal to 100".to_owned()
    });
    let aggression = warmup.aggression.unwrap_or(1.0);
    complaints.check(aggression >= 1.0, || {
        "aggression should be greater than or equal to 1".to_owned()
    });
}
