//! Every field that Istio's definitions know is either obeyed, and then it is read, or warned of.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::rows::POLICIES;
use super::super::warnings;
use crate::model::{DestinationRule, VirtualService};

const VIRTUAL_SERVICE: &str =
    include_str!("../../../../apimachinery/src/schema/istio/virtualservices.json");
const DESTINATION_RULE: &str =
    include_str!("../../../../apimachinery/src/schema/istio/destinationrules.json");

/// What of a VirtualService is obeyed, by names; `*` is any key of a map.
const RULES: &str = "
exportTo gateways hosts
http.name http.timeout http.delegate.name http.delegate.namespace
http.corsPolicy.allowCredentials http.corsPolicy.allowHeaders http.corsPolicy.allowMethods
http.corsPolicy.allowOrigin http.corsPolicy.allowOrigins.exact http.corsPolicy.allowOrigins.prefix
http.corsPolicy.allowOrigins.regex http.corsPolicy.exposeHeaders http.corsPolicy.maxAge
http.corsPolicy.unmatchedPreflights
http.directResponse.status http.directResponse.body.bytes http.directResponse.body.string
http.fault.abort.grpcStatus http.fault.abort.httpStatus http.fault.abort.percentage.value
http.fault.delay.fixedDelay http.fault.delay.percent http.fault.delay.percentage.value
http.headers.request.add.* http.headers.request.remove http.headers.request.set.*
http.headers.response.add.* http.headers.response.remove http.headers.response.set.*
http.match.authority.exact http.match.authority.prefix http.match.authority.regex
http.match.gateways
http.match.headers.*.exact http.match.headers.*.prefix http.match.headers.*.regex
http.match.ignoreUriCase
http.match.method.exact http.match.method.prefix http.match.method.regex
http.match.name http.match.port
http.match.queryParams.*.exact http.match.queryParams.*.prefix http.match.queryParams.*.regex
http.match.scheme.exact http.match.scheme.prefix http.match.scheme.regex
http.match.sourceLabels.* http.match.sourceNamespace
http.match.uri.exact http.match.uri.prefix http.match.uri.regex
http.match.withoutHeaders.*.exact http.match.withoutHeaders.*.prefix
http.match.withoutHeaders.*.regex
http.mirror.host http.mirror.port.number http.mirror.subset
http.mirrorPercent http.mirrorPercentage.value http.mirror_percent
http.mirrors.destination.host http.mirrors.destination.port.number
http.mirrors.destination.subset http.mirrors.percentage.value
http.redirect.authority http.redirect.derivePort http.redirect.port http.redirect.redirectCode
http.redirect.scheme http.redirect.uri
http.retries.attempts http.retries.backoff http.retries.perTryTimeout
http.retries.retryIgnorePreviousHosts http.retries.retryOn http.retries.retryRemoteLocalities
http.rewrite.authority http.rewrite.uri
http.rewrite.uriRegexRewrite.match http.rewrite.uriRegexRewrite.rewrite
http.route.destination.host http.route.destination.port.number http.route.destination.subset
http.route.headers.request.add.* http.route.headers.request.remove http.route.headers.request.set.*
http.route.headers.response.add.* http.route.headers.response.remove
http.route.headers.response.set.* http.route.weight
";

/// What Istio itself refuses, so that nobody can wait for it.
const REFUSED: &str = "http.fault.abort.http2Error";

/// What of a DestinationRule is obeyed, besides its policies.
const SUBSETS: &str = "
exportTo host subsets.labels.* subsets.name workloadSelector.matchLabels.*
";

/// What of a policy is obeyed, at each of its four places.
const POLICY: &str = "
connectionPool.http.http1MaxPendingRequests connectionPool.http.http2MaxRequests
connectionPool.http.idleTimeout connectionPool.http.maxRequestsPerConnection
connectionPool.http.maxRetries connectionPool.http.h2UpgradePolicy
connectionPool.tcp.connectTimeout connectionPool.tcp.idleTimeout
connectionPool.tcp.maxConnectionDuration connectionPool.tcp.maxConnections
loadBalancer.consistentHash.httpCookie.name loadBalancer.consistentHash.httpCookie.path
loadBalancer.consistentHash.httpCookie.ttl
loadBalancer.consistentHash.httpCookie.attributes.name
loadBalancer.consistentHash.httpCookie.attributes.value
loadBalancer.consistentHash.httpHeaderName loadBalancer.consistentHash.httpQueryParameterName
loadBalancer.consistentHash.minimumRingSize loadBalancer.consistentHash.ringHash.minimumRingSize
loadBalancer.consistentHash.maglev.tableSize loadBalancer.consistentHash.useSourceIp
loadBalancer.localityLbSetting.distribute.from loadBalancer.localityLbSetting.distribute.to.*
loadBalancer.localityLbSetting.enabled
loadBalancer.localityLbSetting.failover.from loadBalancer.localityLbSetting.failover.to
loadBalancer.localityLbSetting.failoverPriority loadBalancer.simple
loadBalancer.warmup.aggression loadBalancer.warmup.duration loadBalancer.warmup.minimumPercent
loadBalancer.warmupDurationSecs
outlierDetection.baseEjectionTime outlierDetection.consecutive5xxErrors
outlierDetection.consecutiveGatewayErrors outlierDetection.consecutiveLocalOriginFailures
outlierDetection.interval outlierDetection.maxEjectionPercent outlierDetection.minHealthPercent
outlierDetection.splitExternalLocalOriginErrors
";

/// What of a policy is obeyed where no port is named.
const WHOLE_POLICY: &str = "retryBudget.minRetryConcurrency retryBudget.percent";

/// A field of a definition, and objects in which nothing else is written.
struct Field {
    path: String,
    samples: Vec<Value>,
}

/// The fields below a schema that hold something themselves.
fn fields(schema: &Value, path: &str, wrap: &dyn Fn(Value) -> Value, found: &mut Vec<Field>) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    if let Some(members) = schema["properties"].as_object() {
        for (name, schema) in members {
            let wrapped = |value: Value| wrap(json!({name: value}));
            fields(schema, &below(name), &wrapped, found);
        }
    } else if let Some(values) = schema.get("additionalProperties") {
        fields(
            values,
            &below("*"),
            &|value| wrap(json!({"a": value})),
            found,
        );
    } else if schema["type"] == "array" {
        fields(&schema["items"], path, &|value| wrap(json!([value])), found);
    } else {
        found.push(Field {
            path: path.to_owned(),
            samples: samples(schema).into_iter().map(wrap).collect(),
        });
    }
}

/// Values of which at least one is of the type and says something.
fn samples(schema: &Value) -> Vec<Value> {
    let choices = schema["enum"].as_array().cloned().unwrap_or_default();
    let any = [
        json!(true),
        json!(1),
        json!("1s"),
        json!("a"),
        json!("abcd"),
    ];
    choices.into_iter().chain(any).collect()
}

fn all_fields(definition: &str) -> Vec<Field> {
    let definition: Value = serde_json::from_str(definition).unwrap();
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let mut found = Vec::new();
    let schema = definition.pointer(spec).unwrap();
    fields(schema, "", &|value| value, &mut found);
    found
}

fn object(kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec})
}

/// Whether the model holds something else than for an object that says nothing there.
fn is_read(kind: &str, spec: &Value) -> bool {
    let (with, without) = (object(kind, spec), object(kind, &emptied(spec)));
    match kind {
        "VirtualService" => {
            let (with, without) = (
                VirtualService::parse(&with),
                VirtualService::parse(&without),
            );
            with.is_ok_and(|with| without.is_ok_and(|without| with != without))
        }
        _ => {
            let (with, without) = (
                DestinationRule::parse(&with),
                DestinationRule::parse(&without),
            );
            with.is_ok_and(|with| without.is_ok_and(|without| with != without))
        }
    }
}

/// The same without the one value that is written.
fn emptied(spec: &Value) -> Value {
    match spec {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| value.is_object() || value.is_array())
            .map(|(name, value)| (name.clone(), emptied(value)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .filter(|it| it.is_object())
            .map(emptied)
            .collect(),
        other => other.clone(),
    }
}

fn words(list: &str) -> BTreeSet<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

fn check(kind: &str, definition: &str, obeyed: &BTreeSet<String>) {
    let found = all_fields(definition);
    assert!(found.len() > 100, "{}", found.len());
    for Field { path, samples } in &found {
        let warned = samples
            .iter()
            .any(|spec| !warnings(&object(kind, spec)).is_empty());
        let silent = samples
            .iter()
            .any(|spec| warnings(&object(kind, spec)).is_empty());
        let is_read = samples.iter().any(|spec| is_read(kind, spec));
        match obeyed.contains(path) {
            // Single values may be warned of, but some value must be obeyed.
            true => assert!(silent && is_read, "{kind} {path} is not obeyed"),
            false => assert!(
                warned && !silent,
                "{kind} {path} is neither obeyed nor warned of"
            ),
        }
    }
    let known: BTreeSet<String> = found.into_iter().map(|field| field.path).collect();
    let unknown: Vec<_> = obeyed.difference(&known).collect();
    assert!(unknown.is_empty(), "{kind} has no {unknown:?}");
}

#[test]
fn every_field_of_a_virtual_service_is_obeyed_or_warned_of() {
    let mut obeyed = words(RULES);
    obeyed.extend(words(REFUSED));
    check("VirtualService", VIRTUAL_SERVICE, &obeyed);
}

#[test]
fn every_field_of_a_destination_rule_is_obeyed_or_warned_of() {
    let mut obeyed = words(SUBSETS);
    for place in POLICIES {
        let place = place.strip_prefix("spec.").unwrap();
        obeyed.extend(
            words(POLICY)
                .iter()
                .map(|member| format!("{place}.{member}")),
        );
        if place.ends_with("portLevelSettings") {
            obeyed.insert(format!("{place}.port.number"));
        } else {
            let members = words(WHOLE_POLICY);
            obeyed.extend(members.iter().map(|member| format!("{place}.{member}")));
        }
    }
    check("DestinationRule", DESTINATION_RULE, &obeyed);
}
