//! What can be ordered: one type for Redis, for the command line and for the pod.

use std::fmt;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

/// Longest life of an order.
pub const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Longest delay of one answer, in milliseconds.
const MOST_DELAY_MS: u64 = 60_000;
/// Most CPU time for one answer, in milliseconds.
const MOST_CPU_MS: u64 = 10_000;
/// Most memory that is held.
const MOST_MEMORY_MIB: u64 = 1024;

/// How a pod is to be sick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Answer with this status, 400..599, instead of doing the work.
    #[arg(long)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Share of the requests that suffer, 0..1.
    #[arg(long, default_value_t = 1.0)]
    #[serde(default = "every")]
    pub rate: f64,
    /// Answer so much later, up to 60000 ms.
    #[arg(long, default_value_t = 0)]
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// Do not answer before the client goes or the order ends.
    #[arg(long)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hang: bool,
    /// Burn so much CPU time for each answer, up to 10000 ms.
    #[arg(long, default_value_t = 0)]
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cpu_ms: u64,
    /// Hold so much memory while the order lasts, up to 1024 MiB.
    #[arg(long, default_value_t = 0)]
    #[serde(default, skip_serializing_if = "is_zero")]
    pub memory_mib: u64,
}

/// Why something is no order, and what would be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Order {
    /// Reads what is stored.
    ///
    /// # Errors
    /// When it is no JSON object of these fields, or a value is out of bounds.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        // serde would take an array for the fields in order.
        if !text.trim_start().starts_with('{') {
            return Err(Refusal("no order: it is no JSON object".to_owned()));
        }
        let order: Self =
            serde_json::from_str(text).map_err(|error| Refusal(format!("no order: {error}")))?;
        order.check()?;
        Ok(order)
    }

    /// Reads what is stored with this time to live, as Redis gives it: negative for ever.
    ///
    /// # Errors
    /// When it is no order, or does not end in time.
    pub fn with_life(text: &str, life_ms: i64) -> Result<(Self, Duration), Refusal> {
        let order = Self::parse(text)?;
        let life = u64::try_from(life_ms).map_err(|_| Refusal::endless())?;
        let life = Duration::from_millis(life);
        check_life(life)?;
        Ok((order, life))
    }

    /// Checks the bounds of every field, and that it orders anything.
    ///
    /// # Errors
    /// The first field that is out of bounds.
    pub fn check(&self) -> Result<(), Refusal> {
        let rules = [
            (
                self.status.is_none_or(|it| (400..=599).contains(&it)),
                "status must be 400..599",
            ),
            ((0.0..=1.0).contains(&self.rate), "rate must be 0..1"),
            (
                self.delay_ms <= MOST_DELAY_MS,
                "delay_ms must be 60000 or less",
            ),
            (self.cpu_ms <= MOST_CPU_MS, "cpu_ms must be 10000 or less"),
            (
                self.memory_mib <= MOST_MEMORY_MIB,
                "memory_mib must be 1024 or less",
            ),
            (
                !(self.hang && (self.status.is_some() || self.delay_ms > 0)),
                "hang excludes status and delay_ms: there is no answer to have them",
            ),
            (
                self.touches_answers() || self.memory_mib > 0,
                "an order needs one of status, delay_ms, hang, cpu_ms, memory_mib",
            ),
        ];
        match rules.iter().find(|(kept, _)| !kept) {
            None => Ok(()),
            Some((_, rule)) => Err(Refusal((*rule).to_owned())),
        }
    }

    /// Whether clients can notice it.
    pub fn touches_answers(&self) -> bool {
        self.status.is_some() || self.delay_ms > 0 || self.hang || self.cpu_ms > 0
    }

    /// As it is stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and flags serialize")
    }
}

/// As `X-Chaos`, logs and lists show it: `status=500 rate=0.5`.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.status.map(|it| format!("status={it}")),
            (self.delay_ms > 0).then(|| format!("delay_ms={}", self.delay_ms)),
            self.hang.then(|| "hang".to_owned()),
            (self.cpu_ms > 0).then(|| format!("cpu_ms={}", self.cpu_ms)),
            (self.memory_mib > 0).then(|| format!("memory_mib={}", self.memory_mib)),
            (self.rate < 1.0).then(|| format!("rate={}", self.rate)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(" "))
    }
}

/// Judges a time to live.
///
/// # Errors
/// When it is nothing or too long.
pub fn check_life(life: Duration) -> Result<(), Refusal> {
    if life.is_zero() || life > LONGEST {
        return Err(Refusal(format!(
            "an order must end within 15 minutes, {} s is not in 1..900 s",
            life.as_secs()
        )));
    }
    Ok(())
}

impl Refusal {
    fn endless() -> Self {
        Self("it has no time to live; set one of at most 15 minutes (EXPIRE <key> 300)".to_owned())
    }
}

fn every() -> f64 {
    1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_defaults_are_left_out() {
        for (text, shown) in [
            (r#"{"status":500,"rate":1.0}"#, "status=500"),
            (r#"{"status":503,"rate":0.25}"#, "status=503 rate=0.25"),
            (
                r#"{"rate":1.0,"delay_ms":200,"cpu_ms":5}"#,
                "delay_ms=200 cpu_ms=5",
            ),
            (
                r#"{"rate":1.0,"hang":true,"memory_mib":64}"#,
                "hang memory_mib=64",
            ),
        ] {
            let order = Order::parse(text).unwrap();
            assert_eq!(order.to_json(), text);
            assert_eq!(order.to_string(), shown);
        }
        assert!((Order::parse(r#"{"status":500}"#).unwrap().rate - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_no_order_is_refused_with_its_cause() {
        for (text, cause) in [
            ("", "no order"),
            ("[]", "no order"),
            (r#"{"status":"500"}"#, "no order"),
            (r#"{"staus":500}"#, "unknown field `staus`"),
            (r#"{"status":500,"status":501}"#, "duplicate field"),
            (r#"{"status":200}"#, "status must be"),
            (r#"{"status":600}"#, "status must be"),
            (r#"{"status":500,"rate":1.01}"#, "rate must be"),
            (r#"{"status":500,"rate":-0.1}"#, "rate must be"),
            (r#"{"delay_ms":60001}"#, "delay_ms must be"),
            (r#"{"delay_ms":-1}"#, "no order"),
            (r#"{"cpu_ms":10001}"#, "cpu_ms must be"),
            (r#"{"memory_mib":1025}"#, "memory_mib must be"),
            (r#"{"hang":true,"status":500}"#, "hang excludes"),
            (r#"{"hang":true,"delay_ms":1}"#, "hang excludes"),
            ("{}", "an order needs one of"),
            (r#"{"rate":0.5}"#, "an order needs one of"),
        ] {
            let refusal = Order::parse(text).unwrap_err().to_string();
            assert!(refusal.contains(cause), "{text}: {refusal}");
        }
    }

    #[test]
    fn an_order_without_an_end_is_none() {
        let text = r#"{"status":500}"#;
        let refusal = Order::with_life(text, -1).unwrap_err().to_string();
        assert!(refusal.contains("no time to live"), "{refusal}");
        let (_, life) = Order::with_life(text, 1_500).unwrap();
        assert_eq!(life, Duration::from_millis(1_500));
    }

    #[test]
    fn an_order_ends_within_a_quarter_of_an_hour() {
        for (seconds, good) in [(0, false), (1, true), (900, true), (901, false)] {
            let life = check_life(Duration::from_secs(seconds));
            assert_eq!(life.is_ok(), good, "{seconds}");
        }
    }
}
