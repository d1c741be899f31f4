use std::net::SocketAddr;
use std::pin::Pin;

use axum::Router;
use axum::routing::{any, get, post};
use bytes::Bytes;
use common::outbound::Resolving;
use futures_util::StreamExt;
use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::net::TcpListener;

use super::*;
use crate::config::Config;

/// Longest wait for something that is due at once.
const SOON: Duration = Duration::from_secs(10);

/// Leads every name to one address, as a lab does.
struct Everywhere(SocketAddr);

impl Resolve for Everywhere {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolving<'a> {
        Box::pin(std::future::ready(Ok(vec![self.0])))
    }
}

/// Knows no name.
struct Nowhere;

impl Resolve for Nowhere {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolving<'a> {
        let error = std::io::Error::from(std::io::ErrorKind::NotFound);
        Box::pin(std::future::ready(Err(error)))
    }
}

fn proxy_by(resolve: Arc<dyn Resolve>) -> (Proxy, Hub) {
    let config = Config::from_env(&common::env::Env::default()).unwrap();
    let hub = Hub::new(1);
    (
        Proxy::new(config.upstreams, resolve, hub.clone(), Queue::new(1)),
        hub,
    )
}

async fn proxy_to(upstream: Router) -> (Proxy, Hub) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, upstream).into_future());
    proxy_by(Arc::new(Everywhere(address)))
}

fn request(method: Method, path: &str) -> Request {
    let host = ("host", "theater.example.com");
    let builder = Request::builder()
        .method(method)
        .uri(path)
        .header(host.0, host.1);
    builder.body(Body::empty()).unwrap()
}

async fn get_from(proxy: &Proxy, path: &str) -> Response {
    let sent = proxy.forward(Service::User, request(Method::GET, path));
    tokio::time::timeout(SOON, sent)
        .await
        .expect("an answer in time")
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The last answer of the user service, as told.
fn last(hub: &Hub) -> serde_json::Value {
    let history = serde_json::to_value(hub.answers().user).unwrap();
    history["history"]
        .as_array()
        .unwrap()
        .last()
        .cloned()
        .unwrap_or_default()
}

/// Answers what it was asked: request line and headers.
async fn echo(request: Request) -> String {
    let target = request.uri().to_string();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    format!(
        "{} {target}\n{}",
        request.method(),
        headers.collect::<String>()
    )
}

#[tokio::test]
async fn the_upstream_sees_its_own_host_and_the_target_as_it_was_sent() {
    let (proxy, _) = proxy_to(Router::new().fallback(echo)).await;
    for target in [
        "/users/",
        "/users/%EA%B0%80/../x?q=a%20b&&=|",
        "/users//%2e%2e/;a=1?",
    ] {
        let told = text(get_from(&proxy, target).await).await;
        assert!(told.starts_with(&format!("GET {target}\n")), "{told}");
        assert!(told.contains("host: user-service:8081\n"), "{told}");
        assert!(
            told.contains("x-forwarded-host: theater.example.com\n"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn end_to_end_headers_pass_and_hop_by_hop_ones_do_not_in_either_direction() {
    let answering = async |headers: HeaderMap| {
        let asked = [
            "traceparent",
            "x-canary",
            "te",
            "x-private",
            "proxy-authorization",
        ];
        let seen: Vec<&str> = asked
            .into_iter()
            .filter(|name| headers.contains_key(*name))
            .collect();
        let answered = [
            ("keep-alive", "timeout=9"),
            ("x-envoy-upstream-service-time", "3"),
            ("set-cookie", "a=1"),
            ("server", "envoy"),
        ];
        (answered, seen.join(" "))
    };
    let (proxy, _) = proxy_to(Router::new().fallback(answering)).await;
    let mut asked = request(Method::GET, "/users/");
    for (name, value) in [
        ("traceparent", "00-a-b-01"),
        ("x-canary", "true"),
        ("te", "trailers"),
        ("connection", "x-private"),
        ("x-private", "1"),
        ("proxy-authorization", "Basic x"),
    ] {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = proxy.forward(Service::User, asked).await;
    for kept in ["x-envoy-upstream-service-time", "set-cookie", "server"] {
        assert!(response.headers().contains_key(kept), "{kept}");
    }
    assert!(!response.headers().contains_key("keep-alive"));
    assert!(response.extensions().get::<Relayed>().is_some());
    assert_eq!(text(response).await, "traceparent x-canary");
}

#[tokio::test]
async fn a_redirect_a_packed_body_and_an_error_pass_as_they_are() {
    const PACKED: &[u8] = &[0x1f, 0x8b, 8, 0, 1, 2, 3];
    let upstream = Router::new()
        .route(
            "/users/moved",
            get(async || (StatusCode::FOUND, [("location", "/users/")])),
        )
        .route(
            "/users/packed",
            get(async || ([("content-encoding", "gzip")], PACKED)),
        )
        .route(
            "/users/broken",
            get(async || (StatusCode::INTERNAL_SERVER_ERROR, "no")),
        );
    let (proxy, hub) = proxy_to(upstream).await;
    let moved = get_from(&proxy, "/users/moved").await;
    assert_eq!(
        (
            moved.status().as_u16(),
            moved.headers()["location"].to_str().unwrap()
        ),
        (302, "/users/")
    );
    let packed = get_from(&proxy, "/users/packed").await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(
        packed.into_body().collect().await.unwrap().to_bytes(),
        PACKED
    );
    let broken = get_from(&proxy, "/users/broken").await;
    assert_eq!(
        (broken.status().as_u16(), &*text(broken).await),
        (500, "no")
    );
    assert_eq!(hub.answers().user.total(), 3);
    assert_eq!(last(&hub)["cause"], "app");
}

#[tokio::test]
async fn five_mebibytes_go_up_and_come_back() {
    const SIZE: usize = 5 * 1024 * 1024;
    let upstream = Router::new().route(
        "/users/",
        post(async |request: Request| request.into_body()),
    );
    let (proxy, _) = proxy_to(upstream).await;
    let chunks = (0..80).map(|n| Ok::<_, std::io::Error>(Bytes::from(vec![n; SIZE / 80])));
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let sent = Request::builder()
        .method(Method::POST)
        .uri("/users/")
        .body(body)
        .unwrap();
    let response = proxy.forward(Service::User, sent).await;
    let back = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(back.len(), SIZE / 80 * 80);
    assert!(
        back.chunks(SIZE / 80)
            .enumerate()
            .all(|(n, chunk)| chunk.iter().all(|it| *it == n as u8))
    );
}

#[tokio::test]
async fn an_event_arrives_while_the_answer_is_still_open() {
    let (more, events) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let events = Arc::new(tokio::sync::Mutex::new(Some(events)));
    let streaming = async move || {
        let mut events = events.lock().await.take().unwrap();
        Body::from_stream(futures_util::stream::poll_fn(move |context| {
            events
                .poll_recv(context)
                .map(|bytes| bytes.map(Ok::<_, std::io::Error>))
        }))
    };
    let (proxy, _) = proxy_to(Router::new().route("/users/events", get(streaming))).await;
    let mut body = get_from(&proxy, "/users/events")
        .await
        .into_body()
        .into_data_stream();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        more.send(event.into()).unwrap();
        let read = tokio::time::timeout(SOON, body.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(read, event);
    }
    drop(more);
    assert!(
        tokio::time::timeout(SOON, body.next())
            .await
            .unwrap()
            .is_none()
    );
}

/// What a client sidecar answers in a pod's place.
async fn abort() -> Response {
    let headers = [("content-type", "text/plain"), ("server", "envoy")];
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        headers,
        "fault filter abort",
    )
        .into_response()
}

#[tokio::test]
async fn a_proxys_own_text_is_read_and_passed_on_unchanged() {
    let (proxy, hub) = proxy_to(Router::new().fallback(any(abort))).await;
    let response = get_from(&proxy, "/users/").await;
    assert_eq!(response.headers()["content-length"], "18");
    assert_eq!(text(response).await, "fault filter abort");
    let told = last(&hub);
    assert_eq!(
        (&told["cause"], &told["by"], &told["cluster"]),
        (&"FI".into(), &"client".into(), &().into())
    );
}

#[tokio::test]
async fn the_answer_to_a_head_is_not_taken_for_an_empty_one() {
    let (proxy, hub) = proxy_to(Router::new().fallback(any(abort))).await;
    let response = proxy
        .forward(Service::User, request(Method::HEAD, "/users/"))
        .await;
    assert_eq!(response.headers()["content-length"], "18");
    assert_eq!(last(&hub)["cause"], "unknown");
}

#[tokio::test]
async fn a_signed_answer_lights_the_lamp_of_its_cluster() {
    let signed = [
        ("x-service-cluster", "ctx2"),
        ("x-pod-name", "user-service-ctx2-abc"),
        ("x-envoy-upstream-service-time", "3"),
    ];
    let (proxy, hub) = proxy_to(Router::new().fallback(any(async move || (signed, "[]")))).await;
    get_from(&proxy, "/users/").await;
    let told = last(&hub);
    assert_eq!(
        (&told["cluster"], &told["pod"]),
        (&"ctx2".into(), &"user-service-ctx2-abc".into())
    );
    assert_eq!(
        (&told["upstreamMs"], &told["cause"]),
        (&3.into(), &"ok".into())
    );
}

#[tokio::test]
async fn an_unreachable_service_is_a_502_that_names_it_and_a_lamp_without_a_cause() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let resolvers: [Arc<dyn Resolve>; 2] = [Arc::new(Everywhere(address)), Arc::new(Nowhere)];
    for resolve in resolvers {
        let (proxy, hub) = proxy_by(resolve);
        let response = get_from(&proxy, "/users/").await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert!(response.extensions().get::<Relayed>().is_none());
        let told = text(response).await;
        assert!(told.contains("http://user-service:8081"), "{told}");
        let lamp = last(&hub);
        assert_eq!(
            (&lamp["status"], &lamp["cause"]),
            (&502.into(), &"unknown".into())
        );
        assert_eq!((&lamp["cluster"], &lamp["by"]), (&().into(), &().into()));
    }
}

#[tokio::test]
async fn a_client_that_leaves_early_cancels_the_request_and_lights_no_lamp() {
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let silent = async move || {
        let _told = arrived.send(());
        std::future::pending::<()>().await;
    };
    let (proxy, hub) = proxy_to(Router::new().fallback(any(silent))).await;
    let mut waiting: Pin<Box<dyn Future<Output = Response>>> =
        Box::pin(get_from(&proxy, "/users/"));
    tokio::select! {
        _ = &mut waiting => panic!("nobody answers"),
        arrived = arrivals.recv() => assert!(arrived.is_some()),
    }
    drop(waiting);
    assert_eq!(hub.answers().user.total(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_clients_fault_and_lights_no_lamp() {
    let upstream = Router::new().route("/users/", post(async |body: Bytes| body));
    let (proxy, hub) = proxy_to(upstream).await;
    let broken = [Ok(Bytes::from("x")), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(futures_util::stream::iter(broken));
    let sent = Request::builder()
        .method(Method::POST)
        .uri("/users/")
        .body(body)
        .unwrap();
    let response = proxy.forward(Service::User, sent).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(hub.answers().user.total(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_never_answers_is_a_504() {
    let silent = async || std::future::pending::<()>().await;
    let (proxy, hub) = proxy_to(Router::new().fallback(any(silent))).await;
    let response = proxy
        .forward(Service::User, request(Method::GET, "/users/"))
        .await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(last(&hub)["status"], 504);
}
