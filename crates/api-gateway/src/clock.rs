//! The time of day, read at the rim; everything inside takes it as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub type UnixMs = i64;

/// Now.
pub fn now() -> UnixMs {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX))
}
