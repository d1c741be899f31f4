//! What the webhook has to say about an object.

use std::fmt;

/// Errors and warnings in the order found; displayed as the webhook writes the errors.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Complaints {
    texts: Vec<String>,
    /// Whether even a single one is written as a list (go-multierror).
    listed: bool,
    warnings: Vec<String>,
}

impl Complaints {
    pub(super) fn of(text: String) -> Self {
        let mut complaints = Self::default();
        complaints.add(text);
        complaints
    }

    /// The warnings, where there is nothing else.
    pub(super) fn verdict(self) -> Result<Vec<String>, Self> {
        match self.texts.is_empty() {
            true => Ok(self.warnings),
            false => Err(self),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(super) fn add(&mut self, text: impl Into<String>) {
        self.texts.push(text.into());
    }

    /// Istio's validation wraps some errors once more, which shows.
    pub(super) fn add_listed(&mut self, text: impl Into<String>) {
        self.listed = true;
        self.add(text);
    }

    pub(super) fn check(&mut self, fine: bool, text: impl FnOnce() -> String) {
        if !fine {
            self.add(text());
        }
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    pub(super) fn append(&mut self, other: Self) {
        self.texts.extend(other.texts);
        self.warnings.extend(other.warnings);
        self.listed |= other.listed;
    }

    /// The same with `prefix` before each error.
    pub(super) fn prefixed(mut self, prefix: &str) -> Self {
        for text in &mut self.texts {
            text.insert_str(0, prefix);
        }
        self
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.texts.as_slice() {
            [only] if !self.listed => f.write_str(only),
            texts => {
                let errors = if texts.len() == 1 { "error" } else { "errors" };
                write!(f, "{} {errors} occurred:", texts.len())?;
                texts
                    .iter()
                    .try_for_each(|text| write!(f, "\n\t* {text}"))?;
                f.write_str("\n\n")
            }
        }
    }
}
