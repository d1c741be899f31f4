//! The webhook's rules for mirrors and for requests of other origins.

use super::Complaints;
use super::http_match::regex;
use super::http_route::{destination, whole_milliseconds};
use crate::model::{CorsPolicy, HttpRoute, Percent, StringMatch};

const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

pub(super) fn check(policy: &CorsPolicy, complaints: &mut Complaints) {
    for origin in &policy.allow_origins {
        allowed_origin(origin, complaints);
    }
    for method in &policy.allow_methods {
        complaints.check(METHODS.contains(&method.as_str()), || {
            format!("{method:?} is not a supported HTTP method")
        });
    }
    whole_milliseconds(policy.max_age, complaints);
    if policy.max_age.is_some_and(|age| age.0.subsec_nanos() > 0) {
        complaints.add_listed("max_age duration is accurate only to seconds precision");
    }
}

fn allowed_origin(origin: &StringMatch, complaints: &mut Complaints) {
    let written = [&origin.exact, &origin.prefix, &origin.regex];
    let given = written.into_iter().flatten().any(|text| !text.is_empty());
    complaints.check(given, || {
        "'' is not a valid match type for CORS allow origins".to_owned()
    });
    if let Some(pattern) = origin.regex.as_deref().filter(|it| !it.is_empty()) {
        regex("corsPolicy.allowOrigins", pattern, complaints);
    }
}

/// Who gets copies of a rule's requests.
pub(super) fn mirrors(rule: &HttpRoute, complaints: &mut Complaints) {
    if rule.mirror.is_some() && !rule.mirrors.is_empty() {
        complaints.add("HTTP route cannot contain both mirror and mirrors");
    }
    if let Some(percent) = rule.mirror_percent {
        complaints.check(percent <= 100, || {
            format!("mirror_percent must have a max value of 100 (it has {percent})")
        });
        complaints
            .warn("using deprecated setting \"mirrorPercent\", use \"mirrorPercentage\" instead");
    }
    share("mirror_percentage", rule.mirror_percentage, complaints);
    if let Some(mirror) = &rule.mirror {
        destination(mirror, complaints);
    }
    for mirror in &rule.mirrors {
        destination(&mirror.destination, complaints);
        share("mirror percentage", mirror.percentage, complaints);
    }
}

fn share(name: &str, percentage: Option<Percent>, complaints: &mut Complaints) {
    let Some(Percent { value }) = percentage else {
        return;
    };
    complaints.check(value <= 100.0, || {
        format!("{name} must have a max value of 100 (it has {value:.6})")
    });
    complaints.check(value >= 0.0, || {
        format!("{name} must have a min value of 0 (it has {value:.6})")
    });
}
