//! One listener: bound first, then served until drained.
//!
//! Building is apart from running, so that a port in use fails at once and a
//! test can use port 0.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use prometheus_client::collector::Collector;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::drain::{self, Drain};
use crate::env::{ConfigError, Env};
use crate::health::Health;
use crate::identity::{self, Identity, Relayed};
use crate::metrics::{self, Metrics};
use crate::problem::Problem;
use crate::{extract, health};

/// A client that sends a body slower than this is told so.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Binds `PORT`, a port or `address:port`; `default_port` where it is absent.
///
/// A bare port means all interfaces inside a Kubernetes pod (where
/// `KUBERNETES_SERVICE_HOST` is set: probes and sidecars come from outside) and
/// loopback anywhere else.
///
/// # Errors
/// When `PORT` is malformed, or the address is taken.
pub async fn bind(env: &Env, default_port: u16) -> anyhow::Result<TcpListener> {
    let address = address(env, default_port)?;
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another process using it? set PORT to a free port, or end that process"))
}

fn address(env: &Env, default_port: u16) -> Result<SocketAddr, ConfigError> {
    if let Some(address) = env.get("PORT").and_then(|it| it.parse().ok()) {
        return Ok(address);
    }
    let port = env.parse_or("PORT", default_port, "a port (1-65535) or address:port")?;
    let ip = match env.get("KUBERNETES_SERVICE_HOST") {
        Some(host) if host.contains(':') => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        Some(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        None => IpAddr::from(Ipv4Addr::LOCALHOST),
    };
    Ok(SocketAddr::new(ip, port))
}

/// Wraps `routes` in what every answer has, in this order from the outside in:
///
/// 1. signature: even an error of the layers below names its pod
/// 2. `connection: close` while draining
/// 3. a count for every answer
/// 4. a panic becomes a 500, the process lives on
/// 5. bounds on the body's size and time
///
/// Health and metrics are inside, so that probes are signed and counted too.
pub fn dress(
    routes: Router,
    identity: &Identity,
    health: Health,
    drain: Drain,
    more_metrics: Option<Box<dyn Collector>>,
) -> Router {
    let metrics = Metrics::new(health.clone(), more_metrics);
    routes
        .merge(health::routes(health))
        .merge(metrics::routes(metrics.clone()))
        .layer(DefaultBodyLimit::max(extract::BODY_LIMIT))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn_with_state(metrics, metrics::count))
        .layer(from_fn_with_state(drain, drain::announce))
        .layer(from_fn_with_state(identity.headers(), identity::sign))
        .layer(map_response(no_sniffing))
}

fn panicked() -> Response {
    use axum::response::IntoResponse;
    let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(
        status,
        "the service failed on this request; its log tells why",
    )
    .into_response()
}

/// Text stays text: a browser must not take an answer for a page.
async fn no_sniffing(mut response: Response) -> Response {
    if response.extensions().get::<Relayed>().is_some() {
        return response;
    }
    response.headers_mut().insert(
        axum::http::header::X_CONTENT_TYPE_OPTIONS,
        axum::http::HeaderValue::from_static("nosniff"),
    );
    response
}

/// Serves until `drain` begins, then for its grace period, then finishes what is in flight.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, app: Router, drain: Drain) -> anyhow::Result<()> {
    let (closing, mut closed) = tokio::sync::oneshot::channel();
    let graceful = async move {
        drain.begun().await;
        tokio::time::sleep(drain::GRACE).await;
        let _ = closing.send(());
    };
    let serving = axum::serve(listener, app).with_graceful_shutdown(graceful);
    tokio::select! {
        outcome = serving.into_future() => Ok(outcome?),
        () = async { let _ = (&mut closed).await; tokio::time::sleep(drain::LIMIT).await } => {
            tracing::warn!("requests were still in flight {:?} after the last connection was accepted", drain::LIMIT);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address_for<const N: usize>(pairs: [(&str, &str); N]) -> String {
        address(&Env::from(pairs), 8081).unwrap().to_string()
    }

    #[test]
    fn loopback_unless_told_otherwise() {
        let pod = ("KUBERNETES_SERVICE_HOST", "10.96.0.1");
        assert_eq!(address_for([]), "127.0.0.1:8081");
        assert_eq!(address_for([pod]), "0.0.0.0:8081");
        assert_eq!(address_for([("PORT", "9000"), pod]), "0.0.0.0:9000");
        assert_eq!(address_for([("PORT", "0.0.0.0:9000")]), "0.0.0.0:9000");
    }

    #[test]
    fn a_malformed_port_names_its_variable() {
        let error = address(&Env::from([("PORT", "99999")]), 8081).unwrap_err();
        assert_eq!(error.variable, "PORT");
    }

    #[tokio::test]
    async fn a_port_in_use_fails_at_bind_and_says_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let error = bind(&Env::from([("PORT", &*port)]), 1).await.unwrap_err();
        assert!(format!("{error:#}").contains("set PORT to a free port"));
    }
}
