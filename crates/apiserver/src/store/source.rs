//! Where the store takes time and chance from.

use jiff::Timestamp;
use uuid::Uuid;

/// Time and chance; tests give their own.
pub trait Source: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
    /// A fresh random id (version 4).
    fn uuid(&self) -> Uuid;
}

/// The system's clock and random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSource;

impl Source for SystemSource {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}

/// RFC 3339 in UTC with whole seconds, as metadata carries it.
pub(crate) fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second())
        .unwrap_or(at)
        .to_string()
}
