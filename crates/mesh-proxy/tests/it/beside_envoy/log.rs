//! What the access logs say, field by field.

use hyper::Method;

use super::*;

/// The fields of Istio's default format.
const FIELDS: [&str; 21] = [
    "START_TIME",
    "METHOD",
    "PATH",
    "PROTOCOL",
    "RESPONSE_CODE",
    "RESPONSE_FLAGS",
    "RESPONSE_CODE_DETAILS",
    "CONNECTION_TERMINATION_DETAILS",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
    "BYTES_RECEIVED",
    "BYTES_SENT",
    "DURATION",
    "UPSTREAM_SERVICE_TIME",
    "X-FORWARDED-FOR",
    "USER-AGENT",
    "X-REQUEST-ID",
    "AUTHORITY",
    "UPSTREAM_HOST",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS",
];
/// The last ones.
const LAST: [&str; 3] = [
    "DOWNSTREAM_REMOTE_ADDRESS",
    "REQUESTED_SERVER_NAME",
    "ROUTE_NAME",
];

/// A line by its fields; what differs from run to run is only told to be there.
fn fields(line: &str) -> Vec<(&'static str, String)> {
    let line = line.replace('"', "");
    let values: Vec<&str> = line.split(' ').collect();
    let names: Vec<&'static str> = FIELDS.into_iter().chain(LAST).collect();
    assert_eq!(values.len(), names.len(), "{line}");
    let value = |(name, value): (&'static str, &str)| {
        let shown = match name {
            "START_TIME" => (value.len() == 26).to_string(),
            "DURATION" | "UPSTREAM_SERVICE_TIME" => {
                value.parse::<u64>().map_or(value, |_| "MS").to_owned()
            }
            // A pod's address in a mesh; here only its presence can be compared.
            "UPSTREAM_LOCAL_ADDRESS" | "DOWNSTREAM_LOCAL_ADDRESS" => value
                .parse::<SocketAddr>()
                .map_or(value, |_| "ADDRESS")
                .to_owned(),
            _ => value.to_owned(),
        };
        (name, shown)
    };
    names.into_iter().zip(values).map(value).collect()
}

/// One request after the other, each with an id of its own.
async fn requests(address: SocketAddr, get: impl AsyncFn(&str) -> String) {
    let mut client = Client::connect(address).await;
    for (number, path) in PATHS.iter().enumerate() {
        if *path == WHEN_EJECTED {
            until_ejected(&get).await;
        }
        let id = format!("id-{number}");
        let path = format!("{path}?q={number}");
        let headers = [
            ("x-request-id", &*id),
            ("user-agent", "test"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        let method = if number == 0 {
            Method::POST
        } else {
            Method::GET
        };
        let body = if number == 0 { "three" } else { "" };
        client.send(request(method, &path, &headers, body)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_log_the_same_of_every_request() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    requests(stage.ours, async |path: &str| stage.admin.get(path).body).await;
    requests(stage.theirs, async |path: &str| stage.envoy.get(path).await).await;
    let theirs = || std::fs::read_to_string(log_file(&stage.folder)).unwrap_or_default();
    until(|| theirs().lines().count() == PATHS.len()).await;
    until(|| stage.lines.0.lock().unwrap().len() == PATHS.len()).await;
    let ours = stage.lines.0.lock().unwrap().clone();
    let mut differences = Vec::new();
    for (ours, theirs) in ours.iter().zip(theirs().lines()) {
        for (our, their) in fields(ours).into_iter().zip(fields(theirs)) {
            if our != their {
                differences.push(format!("{our:?}, Envoy: {their:?}\n  {ours}\n  {theirs}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
