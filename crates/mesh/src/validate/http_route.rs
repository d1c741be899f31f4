//! The webhook's rules for one http rule.

use regex::Regex;

use super::http_match::go_regex_error;
use super::{Complaints, fault, hosts, http_match, retries};
use crate::model::{
    Destination, GoDuration, HeaderOperations, Headers, HttpRoute, RouteDestination,
};

pub(super) fn check(rule: &HttpRoute, complaints: &mut Complaints) {
    actions(rule, complaints);
    rule.matches
        .iter()
        .for_each(|entry| http_match::check(entry, complaints));
    if let Some(written) = &rule.fault {
        fault::check(written, complaints);
    }
    redirect(rule, complaints);
    rewrite(rule, complaints);
    if let Some(response) = &rule.direct_response {
        fault::status(i64::from(response.status), complaints);
    }
    if let Some(written) = &rule.retries {
        retries::check(written, complaints);
    }
    whole_milliseconds(rule.timeout, complaints);
    headers(rule.headers.as_ref(), complaints);
    rule.route
        .iter()
        .for_each(|route| route_destination(route, complaints));
    weights(rule, complaints);
}

/// Exactly one of route, redirect and direct response, and what does not go with the latter two.
fn actions(rule: &HttpRoute, complaints: &mut Complaints) {
    let (redirect, respond) = (rule.redirect.is_some(), rule.direct_response.is_some());
    let conflicts = [
        (
            redirect,
            !rule.route.is_empty(),
            "HTTP route cannot contain both route and redirect",
        ),
        (
            redirect,
            rule.fault.is_some(),
            "HTTP route cannot contain both fault and redirect",
        ),
        (
            redirect,
            rule.rewrite.is_some(),
            "HTTP route rule cannot contain both rewrite and redirect",
        ),
        (
            respond,
            !rule.route.is_empty(),
            "HTTP route cannot contain both route and direct_response",
        ),
        (
            respond,
            rule.fault.is_some(),
            "HTTP route cannot contain both fault and direct_response",
        ),
        (
            respond,
            rule.rewrite.is_some(),
            "HTTP route rule cannot contain both rewrite and direct_response",
        ),
        (
            respond,
            redirect,
            "HTTP route rule cannot contain both direct_response and redirect",
        ),
    ];
    for (_, _, text) in conflicts
        .into_iter()
        .filter(|(this, that, _)| *this && *that)
    {
        complaints.add(text);
    }
    if rule.route.is_empty() && !redirect && !respond && rule.delegate.is_none() {
        complaints.add("HTTP route, redirect or direct_response is required");
    }
}

fn redirect(rule: &HttpRoute, complaints: &mut Complaints) {
    let Some(redirect) = &rule.redirect else {
        return;
    };
    let texts = [
        &redirect.uri,
        &redirect.authority,
        &redirect.scheme,
        &redirect.derive_port,
    ];
    if texts.iter().all(|text| text.is_empty()) && redirect.port.is_none() {
        complaints.add("redirect must specify URI, authority, scheme, or port");
    }
    let code = redirect.redirect_code;
    complaints.check(code == 0 || (300..400).contains(&code), || {
        format!("{code} is not a valid redirect code, must be 3xx")
    });
}

fn rewrite(rule: &HttpRoute, complaints: &mut Complaints) {
    let Some(rewrite) = &rule.rewrite else { return };
    match &rewrite.uri_regex_rewrite {
        Some(_) if !rewrite.uri.is_empty() => {
            complaints.add("rewrite may only contain one of URI or UriRegexRewrite");
        }
        Some(regex) => {
            if let Some(error) = Regex::new(&regex.pattern).err() {
                let error = go_regex_error(&regex.pattern, &error);
                complaints.add(format!(
                    "UriRegexRewrite has errors\n\"HTTPRewrite.UriRegexRewrite.Match\": {error}"
                ));
            }
        }
        None if rewrite.uri.is_empty() && rewrite.authority.is_empty() => complaints.add(
            "rewrite must specify at least one of URI, UriRegexRewrite, or authority. \
             Only one of URI or UriRegexRewrite may be specified",
        ),
        None => {}
    }
}

/// Checks a duration that Istio hands on in milliseconds.
pub(super) fn whole_milliseconds(duration: Option<GoDuration>, complaints: &mut Complaints) {
    let whole = duration.is_none_or(|duration| duration.0.subsec_nanos().is_multiple_of(1_000_000));
    complaints.check(whole, || {
        "only durations to ms precision are supported".to_owned()
    });
}

fn headers(headers: Option<&Headers>, complaints: &mut Complaints) {
    let operations = headers
        .into_iter()
        .flat_map(|headers| [&headers.request, &headers.response]);
    operations
        .flatten()
        .for_each(|operations| header_operations(operations, complaints));
}

fn header_operations(operations: &HeaderOperations, complaints: &mut Complaints) {
    let names = operations
        .set
        .keys()
        .chain(operations.add.keys())
        .chain(&operations.remove);
    for _ in names.filter(|name| name.is_empty()) {
        complaints.add("header name cannot be empty");
    }
    let values = operations.set.values().chain(operations.add.values());
    // Envoy: a percent sign starts a variable, `%%` is one.
    for _ in values.filter(|value| value.replace("%%", "").matches('%').count() % 2 == 1) {
        complaints.add("header value configuration: invalid header configuration. Un-escaped %");
    }
}

fn route_destination(route: &RouteDestination, complaints: &mut Complaints) {
    complaints.check(route.weight >= 0, || format!("weight {} < 0", route.weight));
    headers(route.headers.as_ref(), complaints);
    destination(&route.destination, complaints);
}

fn destination(destination: &Destination, complaints: &mut Complaints) {
    if destination.host == "*" {
        complaints.add("invalid destination host *");
    } else {
        hosts::host(&destination.host, complaints);
    }
    if !destination.subset.is_empty() {
        hosts::subset(&destination.subset, complaints);
    }
    if let Some(port) = destination.port {
        complaints.check((1..=65535).contains(&port.number), || {
            format!("port number {} must be in the range 1..65535", port.number)
        });
    }
}

fn weights(rule: &HttpRoute, complaints: &mut Complaints) {
    let total: i64 = rule.route.iter().map(|route| route.weight).sum();
    if rule.route.len() > 1 && total == 0 {
        complaints.add("total destination weight = 0");
    }
}
