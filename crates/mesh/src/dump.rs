//! A compiled configuration in Envoy's own words, as its `/config_dump` shows it.
//!
//! Protobuf's JSON: what has Envoy's default may be left out, durations are texts.

mod cluster;
mod listener;
mod route;

use std::time::Duration;

pub use cluster::{cluster, endpoints};
pub use listener::{address_of, listeners, name_of};
pub use route::routes;

/// A duration of protobuf's JSON: `10s`, `0.500s`.
pub(crate) fn duration(time: Duration) -> String {
    let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
    match nanos {
        0 => format!("{seconds}s"),
        _ if nanos % 1_000_000 == 0 => format!("{seconds}.{:03}s", nanos / 1_000_000),
        _ => format!("{seconds}.{nanos:09}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_no_more_digits_than_they_need() {
        for (nanos, expected) in [
            (0, "0s"),
            (2_000_000_000, "2s"),
            (1_500_000_000, "1.500s"),
            (25_000_000, "0.025s"),
            (1, "0.000000001s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), expected);
        }
    }
}
