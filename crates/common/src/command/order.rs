//! `order set|clear|list`: writes orders of [`crate::chaos`] where the pods look for them.
//!
//! ```text
//! kubectl exec deploy/user-service-ctx2 --context ctx2 -- user-service order set --status 500 --ttl 5m
//! ```

mod list;
mod store;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Said;
use crate::chaos;
use crate::chaos::addressee::Addressee;
use crate::chaos::order::{Order, check_life};
use crate::env::{ConfigError, Env};
use crate::outbound::Resolve;
use store::Orders;

/// Longest time for one command, Redis included.
const LIMIT: Duration = Duration::from_secs(10);

/// What to do with orders.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Give an order; it replaces the one that the same pods had.
    Set(Set),
    /// Take an order back.
    Clear(Clear),
    /// Show the orders in force: for whom, what, and for how long.
    List(list::Options),
}

/// Options of `order set`.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct Set {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    order: Order,
    /// When it ends by itself: 90s, 5m; at most 15m.
    #[arg(long, value_name = "1s..15m", value_parser = life)]
    ttl: Duration,
}

/// Options of `order clear`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Clear {
    #[command(flatten)]
    whom: Whom,
    /// Every order for anybody.
    #[arg(long, conflicts_with_all = ["pod", "service"])]
    all: bool,
}

/// Whom it is about; nobody named: this pod.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
struct Whom {
    /// The pod of this name.
    #[arg(long, conflicts_with = "service", value_parser = name)]
    pod: Option<String>,
    /// Every pod of this service.
    #[arg(long, value_parser = name)]
    service: Option<String>,
    /// Only those of the service's pods that are in this cluster.
    #[arg(long, requires = "service", value_parser = name)]
    cluster: Option<String>,
}

/// Does it, in the container's name.
pub(super) async fn run(command: Command, env: &Env, resolve: Arc<dyn Resolve>) -> Said {
    match tokio::time::timeout(LIMIT, perform(command, env, resolve)).await {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => refused(&error),
        Err(_) => Said::failure(format!("order: redis did not answer within {LIMIT:?}\n")),
    }
}

async fn perform(command: Command, env: &Env, resolve: Arc<dyn Resolve>) -> anyhow::Result<Said> {
    let orders = || Orders::open(env, resolve);
    Ok(match command {
        Command::Set(options) => match options.prepare(env) {
            Ok(addressee) => set(&options, &addressee, &orders().await?).await?,
            Err(why) => Said::usage(format!("order set: {why}\n")),
        },
        Command::Clear(Clear { all: true, .. }) => cleared(&orders().await?.clear_all().await?),
        Command::Clear(options) => match options.whom.addressee(env) {
            Ok(addressee) => cleared(&orders().await?.clear(addressee.key()).await?),
            Err(why) => Said::usage(format!("order clear: {why}\n")),
        },
        Command::List(options) => Said::done(options.show(&orders().await?.all().await?)),
    })
}

async fn set(options: &Set, addressee: &Addressee, orders: &Orders) -> anyhow::Result<Said> {
    orders.set(addressee, &options.order, options.ttl).await?;
    let (order, seconds) = (&options.order, options.ttl.as_secs());
    Ok(Said::done(format!(
        "{addressee}: {order} for {seconds} s\n"
    )))
}

fn cleared(keys: &[String]) -> Said {
    if keys.is_empty() {
        return Said::done("no order to clear\n".to_owned());
    }
    let lines = keys.iter().map(|key| format!("{} cleared\n", short(key)));
    Said::done(lines.collect())
}

fn refused(error: &anyhow::Error) -> Said {
    let why = format!("order: {error:#}\n");
    match error.downcast_ref::<ConfigError>() {
        Some(_) => Said::usage(why),
        None => Said::failure(why),
    }
}

/// A key without what all keys of orders have in common.
fn short(key: &str) -> &str {
    key.strip_prefix(chaos::addressee::PREFIX).unwrap_or(key)
}

impl Set {
    /// Checks what clap cannot: bounds, and that somebody would obey.
    fn prepare(&self, env: &Env) -> Result<Addressee, String> {
        self.order.check().map_err(|refusal| refusal.to_string())?;
        let addressee = self.whom.addressee(env)?;
        let obeys = chaos::is_enabled(env).map_err(|error| error.to_string())?;
        if self.whom.is_this_pod() && !obeys {
            return Err("this pod obeys no orders, CHAOS_ENABLED is not true here; set it, or name a --pod or a --service that has it".to_owned());
        }
        Ok(addressee)
    }
}

impl Whom {
    fn is_this_pod(&self) -> bool {
        self.pod.is_none() && self.service.is_none()
    }

    fn addressee(&self, env: &Env) -> Result<Addressee, String> {
        match (&self.pod, &self.service, &self.cluster) {
            (Some(pod), ..) => Ok(Addressee::Pod(pod.clone())),
            (None, Some(service), None) => Ok(Addressee::Service(service.clone())),
            (None, Some(service), Some(cluster)) => {
                Ok(Addressee::ServiceIn(service.clone(), cluster.clone()))
            }
            (None, None, _) => match env.get("HOSTNAME") {
                Some(pod) => Ok(Addressee::Pod(pod.to_owned())),
                None => {
                    Err("HOSTNAME does not name this pod; name a --pod or a --service".to_owned())
                }
            },
        }
    }
}

/// A time as people write it: `90s`, `5m`.
fn life(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "give seconds or minutes, such as 90s or 5m".to_owned())?;
    let life = Duration::from_secs(number.saturating_mul(unit));
    check_life(life).map_err(|refusal| refusal.to_string())?;
    Ok(life)
}

/// A name as Kubernetes has them, so that no typed key reaches another one.
fn name(text: &str) -> Result<String, String> {
    let good =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    if (1..=253).contains(&text.len()) && text.bytes().all(good) {
        Ok(text.to_owned())
    } else {
        Err("names have small letters, digits, - and .".to_owned())
    }
}

#[cfg(test)]
mod tests;
