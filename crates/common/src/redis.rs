//! Access to Redis: one multiplexed connection that comes back by itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError};

use crate::drain::Drain;
use crate::env::{ConfigError, Env};
use crate::health::Health;
use crate::outbound::{Resolve, first};
use crate::problem::Problem;

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Longest wait for a reply; a write waits for the disk.
const REPLY_LIMIT: Duration = Duration::from_secs(5);
/// Pause between two looks at a store that answers.
const PULSE: Duration = Duration::from_secs(2);
/// Pause between two looks at a store that was never reached: readiness waits for it.
const FIRST_CONTACT: Duration = Duration::from_millis(25);

/// Where commands go until the store's name has led anywhere: a port on which nobody can listen.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Handle on the store; clones share one connection.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    info: ConnectionInfo,
    host: String,
    port: u16,
    resolve: Arc<dyn Resolve>,
    route: ArcSwap<Route>,
}

/// An address and the connection to it, which comes back by itself.
struct Route {
    address: SocketAddr,
    connection: ConnectionManager,
}

impl Redis {
    /// Reads `REDIS_URL` (default `redis:6379`, with or without `redis://`) and `REDIS_PASSWORD`.
    ///
    /// Does not connect: the first command does. A name that leads nowhere yet is no error: see
    /// [`Redis::locate`].
    ///
    /// # Errors
    /// When a variable is malformed.
    pub async fn open(env: &Env, resolve: Arc<dyn Resolve>) -> Result<Self, ConfigError> {
        let info = connection_info(env)?;
        let ConnectionAddr::Tcp(host, port) = info.addr().clone() else {
            return Err(bad_url(env, "only plain TCP is offered"));
        };
        let nowhere =
            Route::to(NOWHERE, &info).map_err(|error| bad_url(env, &error.to_string()))?;
        let redis = Self(Arc::new(Inner {
            route: ArcSwap::from_pointee(nowhere),
            info,
            host,
            port,
            resolve,
        }));
        if let Err(error) = redis.locate().await {
            tracing::warn!("{error:#}");
        }
        Ok(redis)
    }

    /// Asks where the store is now; commands go there from now on.
    ///
    /// Connections come back by themselves, but only to the address they had.
    ///
    /// # Errors
    /// When the name leads nowhere; commands go where they went before.
    pub async fn locate(&self) -> anyhow::Result<()> {
        let Inner {
            info,
            host,
            port,
            resolve,
            route,
        } = &*self.0;
        let found = first(resolve.resolve(host, *port).await);
        let address = found.with_context(|| {
            format!("cannot resolve {host}:{port} of REDIS_URL; is there a Service of that name?")
        })?;
        if route.load().address != address {
            route.store(Arc::new(Route::to(address, info)?));
        }
        Ok(())
    }

    /// The shared connection.
    pub fn connection(&self) -> ConnectionManager {
        self.0.route.load().connection.clone()
    }

    /// Tells `health` whether the store answers, until `drain` begins.
    pub async fn keep_watch(self, health: Health, drain: Drain) {
        let mut reached = false;
        while !drain.has_begun() {
            let answers = self.ping().await.is_ok();
            if !answers && let Err(error) = self.locate().await {
                tracing::debug!("{error:#}");
            }
            health.store_is(answers);
            reached |= answers;
            let pause = if reached { PULSE } else { FIRST_CONTACT };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = drain.begun() => {}
            }
        }
    }

    async fn ping(&self) -> Result<(), RedisError> {
        redis::cmd("PING").query_async(&mut self.connection()).await
    }
}

impl Route {
    fn to(address: SocketAddr, info: &ConnectionInfo) -> Result<Self, RedisError> {
        let target = ConnectionAddr::Tcp(address.ip().to_string(), address.port());
        let client = redis::Client::open(info.clone().set_addr(target))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(REPLY_LIMIT))
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(10))
            .set_max_delay(Duration::from_millis(100));
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(Self {
            address,
            connection,
        })
    }
}

fn connection_info(env: &Env) -> Result<ConnectionInfo, ConfigError> {
    let url = env.get_or("REDIS_URL", "redis:6379");
    let url = if url.contains("://") {
        url.to_owned()
    } else {
        format!("redis://{url}")
    };
    let info = url
        .into_connection_info()
        .map_err(|error| bad_url(env, &error.to_string()))?;
    Ok(match env.get("REDIS_PASSWORD") {
        None => info,
        Some(password) => {
            let settings = info.redis_settings().clone().set_password(password);
            info.set_redis_settings(settings)
        }
    })
}

/// The value may hold a password, so only what follows the last `@` is shown.
fn bad_url(env: &Env, cause: &str) -> ConfigError {
    let url = env.get_or("REDIS_URL", "");
    ConfigError {
        variable: "REDIS_URL",
        value: url.rsplit('@').next().unwrap_or_default().to_owned(),
        cause: cause.to_owned(),
        expected: "host:port or redis://host:port",
    }
}

/// A store that does not answer is a 503; an answer that makes no sense is our fault, a 500.
impl From<RedisError> for Problem {
    fn from(error: RedisError) -> Self {
        use axum::http::StatusCode;
        tracing::warn!(%error, "redis refused or did not answer");
        match error.kind() {
            redis::ErrorKind::Parse | redis::ErrorKind::UnexpectedReturnType => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "redis holds another type of value under this key; look at it with redis-cli TYPE",
            ),
            redis::ErrorKind::Server(_) if error.code() == Some("WRONGTYPE") => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "redis holds another type of value under this key; look at it with redis-cli TYPE",
            ),
            _ => Self::unavailable(
                "redis cannot be used right now; the request had no confirmed effect, try again",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::Mutex;

    use super::*;
    use crate::outbound::Resolving;

    /// Leads to whatever it holds, as long as it holds anything.
    struct Sign(Mutex<Option<SocketAddr>>);

    impl Resolve for Sign {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolving<'a> {
            let address = *self.0.lock().unwrap();
            let answer = address.map(|it| vec![it]).ok_or(ErrorKind::NotFound.into());
            Box::pin(std::future::ready(answer))
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_nowhere_yet_is_no_error_and_is_followed_when_it_moves() {
        let sign = Arc::new(Sign(Mutex::default()));
        let redis = Redis::open(&Env::default(), sign.clone()).await.unwrap();
        assert!(redis.ping().await.is_err());
        let told = redis.locate().await.unwrap_err().to_string();
        assert!(told.contains("redis:6379 of REDIS_URL"), "{told}");
        for _ in 0..2 {
            let store = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            *sign.0.lock().unwrap() = store.local_addr().ok();
            redis.locate().await.unwrap();
            tokio::select! {
                connected = store.accept() => assert!(connected.is_ok()),
                answer = redis.ping() => panic!("nobody answers, but {answer:?}"),
            }
        }
    }

    fn address_of<const N: usize>(pairs: [(&str, &str); N]) -> String {
        connection_info(&Env::from(pairs))
            .unwrap()
            .addr()
            .to_string()
    }

    #[test]
    fn the_scheme_is_optional_and_the_default_is_the_service() {
        assert_eq!(address_of([]), "redis:6379");
        assert_eq!(address_of([("REDIS_URL", "store:7000")]), "store:7000");
        assert_eq!(address_of([("REDIS_URL", "redis://store")]), "store:6379");
    }

    #[test]
    fn the_password_is_used_and_never_shown() {
        let env = Env::from([("REDIS_PASSWORD", "s3cret")]);
        let info = connection_info(&env).unwrap();
        assert!(!format!("{info:?}").is_empty());
        let broken = Env::from([("REDIS_URL", "nonsense://user:s3cret@host")]);
        let error = connection_info(&broken).unwrap_err().to_string();
        assert!(error.contains("REDIS_URL=\"host\""), "{error}");
        assert!(!error.contains("s3cret"));
    }
}
