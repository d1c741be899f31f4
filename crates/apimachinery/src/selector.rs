//! Label and field selectors: which objects of a list or watch are meant.

mod field;
mod label;
mod parse;

use serde_json::Value;

pub use field::FieldSelector;
pub use label::LabelSelector;

/// Why the text of a selector is not one; the message is what a client is told.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSelector(pub String);

/// Both selectors of a request; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// By labels.
    pub labels: LabelSelector,
    /// By fields.
    pub fields: FieldSelector,
}

impl Selector {
    /// Whether both select the object.
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.matches(crate::object::labels(object)) && self.fields.matches(object)
    }
}
