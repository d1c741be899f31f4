//! The webhook's rules for one http rule.

use regex::Regex;

use super::http_match::go_regex_error;
use super::{Complaints, cors, fault, hosts, http_match, ports, retries};
use crate::model::{
    Destination, DirectResponse, GoDuration, HeaderOperations, Headers, HttpRoute, RouteDestination,
};

/// Istio: more bytes of a direct response's body are too many, and already so many are told.
const MOST_BODY: usize = 1024 * 1024;
const LARGE: usize = 100 * 1024;
const LARGE_BODY: &str = "large direct_responses may impact control plane performance";

/// Checks a rule; `in_delegate` says whether its object is there for others to delegate to.
pub(super) fn check(rule: &HttpRoute, in_delegate: bool, complaints: &mut Complaints) {
    actions(rule, in_delegate, complaints);
    rule.matches
        .iter()
        .for_each(|entry| http_match::check(entry, complaints));
    if let Some(written) = &rule.fault {
        fault::check(written, complaints);
    }
    if let Some(written) = &rule.cors_policy {
        cors::check(written, complaints);
    }
    cors::mirrors(rule, complaints);
    redirect(rule, complaints);
    rewrite(rule, complaints);
    if let Some(response) = &rule.direct_response {
        direct_response(response, complaints);
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

/// Istio: every proxy keeps the body with its routes, so it may not be large.
fn direct_response(response: &DirectResponse, complaints: &mut Complaints) {
    fault::status(i64::from(response.status), complaints);
    let body = response.body.as_ref();
    let size = body.map_or(0, |body| match &body.bytes {
        Some(bytes) => bytes.0.len(),
        None => body.string.len(),
    });
    if size > MOST_BODY {
        complaints.add(format!("{LARGE_BODY}, must be less than 1MB"));
    } else if size > LARGE {
        complaints.warn(LARGE_BODY);
    }
}

/// Exactly one of route, redirect and direct response, and what does not go with the latter two;
/// nothing of it beside a delegate.
fn actions(rule: &HttpRoute, in_delegate: bool, complaints: &mut Complaints) {
    if rule.delegate.is_some() {
        delegate(rule, in_delegate, complaints);
        if !in_delegate {
            return;
        }
    }
    let (redirect, respond) = (rule.redirect.is_some(), rule.direct_response.is_some());
    for text in conflicts(rule, redirect, respond) {
        complaints.add(text);
    }
    if rule.route.is_empty() && !redirect && !respond {
        complaints.add("HTTP route, redirect or direct_response is required");
    }
}

fn delegate(rule: &HttpRoute, in_delegate: bool, complaints: &mut Complaints) {
    if in_delegate {
        complaints.add("delegate HTTP route cannot contain delegate");
        return;
    }
    let name = &rule.name;
    let given = [
        ("redirect", rule.redirect.is_some()),
        ("route", !rule.route.is_empty()),
    ];
    for (action, _) in given.into_iter().filter(|(_, given)| *given) {
        complaints.add(format!("root HTTP route {name} must not specify {action}"));
    }
}

/// What a rule has that does not go together, in Istio's order.
#[rustfmt::skip]
fn conflicts(
    rule: &HttpRoute,
    redirect: bool,
    respond: bool,
) -> impl Iterator<Item = &'static str> + use<> {
    let (route, fault, rewrite) =
        (!rule.route.is_empty(), rule.fault.is_some(), rule.rewrite.is_some());
    [
        (redirect && route, "HTTP route cannot contain both route and redirect"),
        (redirect && fault, "HTTP route cannot contain both fault and redirect"),
        (redirect && rewrite, "HTTP route rule cannot contain both rewrite and redirect"),
        (respond && route, "HTTP route cannot contain both route and direct_response"),
        (respond && fault, "HTTP route cannot contain both fault and direct_response"),
        (respond && rewrite, "HTTP route rule cannot contain both rewrite and direct_response"),
        (respond && redirect, "HTTP route rule cannot contain both direct_response and redirect"),
    ]
    .into_iter()
    .filter_map(|(given, text)| given.then_some(text))
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
    let Some(headers) = headers else { return };
    let sides = [(&headers.request, true), (&headers.response, false)];
    for (operations, to_request) in sides {
        if let Some(operations) = operations {
            header_operations(operations, to_request, complaints);
        }
    }
}

fn header_operations(operations: &HeaderOperations, to_request: bool, complaints: &mut Complaints) {
    for name in operations.set.keys().chain(operations.add.keys()) {
        header_name(name, to_request, complaints);
    }
    for name in &operations.remove {
        header_name(name, false, complaints);
    }
    for value in operations.set.values().chain(operations.add.values()) {
        header_value(value, complaints);
    }
}

/// Envoy: what is not a header on the wire can only be asked for by its own rules; `authority`
/// says whether the host may be set here.
fn header_name(name: &str, authority: bool, complaints: &mut Complaints) {
    let host = name.eq_ignore_ascii_case("host");
    if name.is_empty() {
        complaints.add("header name cannot be empty");
    } else if authority && (host || name.eq_ignore_ascii_case(":authority")) {
        // The request's host may be changed like this.
    } else if host {
        complaints.add(format!("invalid header {name:?}: cannot set Host header"));
    } else if name.starts_with(':') {
        complaints.add(format!(
            "invalid header {name:?}: header cannot have \":\" prefix"
        ));
    }
}

fn header_value(value: &str, complaints: &mut Complaints) {
    if value
        .chars()
        .any(|char| char.is_ascii_control() && char != '\t')
    {
        complaints.add(format!("header value configuration {value} is invalid"));
    } else if value.replace("%%", "").matches('%').count() % 2 == 1 {
        // Envoy: a percent sign starts a variable, `%%` is one.
        complaints.add("header value configuration: invalid header configuration. Un-escaped %");
    }
}

fn route_destination(route: &RouteDestination, complaints: &mut Complaints) {
    complaints.check(route.weight >= 0, || format!("weight {} < 0", route.weight));
    headers(route.headers.as_ref(), complaints);
    destination(&route.destination, complaints);
}

pub(super) fn destination(destination: &Destination, complaints: &mut Complaints) {
    if destination.host == "*" {
        complaints.add("invalid destination host *");
    } else {
        hosts::host(&destination.host, complaints);
    }
    if !destination.subset.is_empty() {
        hosts::subset(&destination.subset, complaints);
    }
    if let Some(port) = destination.port {
        ports::number(port.number, complaints);
    }
}

fn weights(rule: &HttpRoute, complaints: &mut Complaints) {
    let total: i64 = rule.route.iter().map(|route| route.weight).sum();
    if rule.route.len() > 1 && total == 0 {
        complaints.add("total destination weight = 0");
    }
}
