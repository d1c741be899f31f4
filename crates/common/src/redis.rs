//! Access to Redis: one multiplexed connection that comes back by itself.

use std::time::Duration;

use anyhow::Context;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError};

use crate::drain::Drain;
use crate::env::{ConfigError, Env};
use crate::health::Health;
use crate::outbound::Resolve;
use crate::problem::Problem;

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Longest wait for a reply; a write waits for the disk.
const REPLY_LIMIT: Duration = Duration::from_secs(5);
/// Pause between two looks at a store that answers.
const PULSE: Duration = Duration::from_secs(2);
/// Pause between two looks at a store that was never reached: readiness waits for it.
const FIRST_CONTACT: Duration = Duration::from_millis(25);

/// Handle on the store; clones share one connection.
#[derive(Clone)]
pub struct Redis(ConnectionManager);

impl Redis {
    /// Reads `REDIS_URL` (default `redis:6379`, with or without `redis://`) and `REDIS_PASSWORD`.
    ///
    /// Does not connect: the first command does.
    ///
    /// # Errors
    /// When a variable is malformed or the name is unknown to `resolve`.
    pub async fn open(env: &Env, resolve: &dyn Resolve) -> anyhow::Result<Self> {
        let info = connection_info(env)?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(bad_url(env, "only plain TCP is offered").into());
        };
        let authority = resolve.resolve(host, *port).await.with_context(|| {
            format!("cannot resolve {host}:{port} of REDIS_URL; is there a Service of that name?")
        })?;
        let address = ConnectionAddr::Tcp(authority.host, authority.port);
        let client = redis::Client::open(info.set_addr(address))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(REPLY_LIMIT))
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(10))
            .set_max_delay(Duration::from_millis(100));
        Ok(Self(ConnectionManager::new_lazy_with_config(
            client, config,
        )?))
    }

    /// The shared connection.
    pub fn connection(&self) -> ConnectionManager {
        self.0.clone()
    }

    /// Tells `health` whether the store answers, until `drain` begins.
    pub async fn keep_watch(self, health: Health, drain: Drain) {
        let mut reached = false;
        while !drain.has_begun() {
            let answers = self.ping().await.is_ok();
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
    use super::*;

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
