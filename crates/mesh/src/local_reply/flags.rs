//! What access logs say of an answer in short.

use std::fmt;

/// Envoy's response flags, in the order they were raised; `-` when none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags(Vec<&'static str>);

impl Flags {
    /// No flag.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a flag behind the others.
    pub fn raise(&mut self, flag: &'static str) {
        self.0.push(flag);
    }

    /// These flags followed by others.
    #[must_use]
    pub fn then(mut self, later: &Self) -> Self {
        self.0.extend_from_slice(&later.0);
        self
    }
}

impl From<&[&'static str]> for Flags {
    fn from(flags: &[&'static str]) -> Self {
        Self(flags.to_vec())
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("-"),
            flags => f.write_str(&flags.join(",")),
        }
    }
}
