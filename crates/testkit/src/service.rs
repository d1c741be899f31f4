//! One of our services in this process, on port 0.

use std::net::SocketAddr;

use common::env::Env;
use common::program::Seams;
use tokio::net::TcpListener;

/// Starts `run` against `redis` as pod `<name>-ctx1-test`; gives its base URL.
///
/// # Panics
/// When loopback has no free port.
pub async fn start<F, Fut>(name: &str, run: F, redis: SocketAddr) -> String
where
    F: FnOnce(Env, Seams) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    start_in(environment(name, redis), run).await
}

/// The variables of pod `<name>-ctx1-test`.
pub fn environment(name: &str, redis: SocketAddr) -> Env {
    Env::from([
        ("HOSTNAME", &*format!("{name}-ctx1-test")),
        ("REDIS_URL", &*redis.to_string()),
    ])
}

/// Starts `run` with these variables; gives its base URL.
///
/// # Panics
/// When loopback has no free port.
pub async fn start_in<F, Fut>(env: Env, run: F) -> String
where
    F: FnOnce(Env, Seams) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let seams = Seams {
        listener: Some(listener),
        ..Seams::default()
    };
    tokio::spawn(run(env, seams));
    format!("http://{address}")
}
