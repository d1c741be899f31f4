//! Who owns which field of an object: `metadata.managedFields` and server-side apply.
//!
//! Every write names its manager. What a create, an update or a patch changes becomes its
//! manager's ([`update`]); what an apply says becomes its manager's, may not be what others own
//! ([`apply()`]), and what it no longer says goes, unless somebody else owns it too.
//!
//! ```text
//!  path, set, encoding     what is owned: paths in a tree
//!  fields, compare         sets from an object, and from two
//!  merge, prune, check     objects by sets and by the schema
//!  managers                sets by manager, as they stand in metadata
//!  update, apply           the two ways to become an owner
//! ```

mod apply;
mod check;
mod compare;
mod conflict;
mod encoding;
mod fields;
mod item;
mod last_applied;
mod managers;
mod merge;
mod path;
mod prune;
mod set;
mod update;

use std::sync::Arc;

use serde_json::Value;

use crate::resource::Resource;
use crate::schema::{self, List, Ownership, Shape};

pub use apply::{Apply, Refusal, apply};
pub use last_applied::{LAST_APPLIED, noted};
pub use update::{keep_times, update};

/// Who writes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// Name of the manager; empty where the client gives none.
    pub manager: &'a str,
    /// The version in which the client sees the object.
    pub api_version: &'a str,
    /// The subresource written to; empty for the object itself.
    pub subresource: &'a str,
    /// When, in RFC 3339.
    pub time: &'a str,
}

impl Author<'_> {
    fn name(&self) -> String {
        let name = if self.manager.is_empty() {
            "unknown"
        } else {
            self.manager
        };
        name.to_owned()
    }
}

/// The shape of a kind in the author's version.
fn shape(resource: &Resource, author: &Author<'_>) -> Option<Shape> {
    let (_, version) = author
        .api_version
        .rsplit_once('/')
        .unwrap_or(("", author.api_version));
    schema::of(resource, version).map(|of| Shape::Struct(Arc::clone(of)))
}

/// How field ownership takes a value apart.
enum Parts<'a> {
    /// Not at all.
    None,
    /// By its members.
    Members,
    /// By its elements.
    Items(&'a List),
}

impl<'a> Parts<'a> {
    fn of(shape: &'a Shape) -> Self {
        match shape {
            Shape::Struct(of) if !of.atomic => Self::Members,
            Shape::Map(of) if !of.atomic => Self::Members,
            Shape::List(of) if of.ownership != Ownership::Atomic => Self::Items(of),
            _ => Self::None,
        }
    }
}

/// The shape of a member; a value of its own where the schema does not know it.
fn member<'a>(shape: &'a Shape, name: &str) -> &'a Shape {
    let known = match shape {
        Shape::Struct(of) => of.field(name).map(|field| &field.shape),
        Shape::Map(of) => Some(&of.value),
        _ => None,
    };
    known.unwrap_or(&Shape::Any)
}

/// Whether a value is nothing, or holds nothing.
fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests;
