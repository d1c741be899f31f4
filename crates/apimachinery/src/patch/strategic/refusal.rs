//! Why a patch cannot be merged, in the words of a real API server.

use serde_json::Value;

use super::go::{as_text, printed, printed_list, type_name};
use super::{Members, Shape};
use crate::schema::Struct;
use crate::status::Status;

pub(super) const BAD_MAP: &str = "map[string]interface {}";
pub(super) const BAD_LIST: &str = "[]interface {}";

/// A patch that contradicts itself or the schema.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// `$deleteFromPrimitiveList` without a list.
    #[error("invalid patch format of primitive list")]
    MalformedDeletion,
    /// `$retainKeys` is no list, or the patch sets what it does not retain.
    #[error("invalid patch format of retainKeys")]
    MalformedRetainKeys,
    /// `$setElementOrder` without a list.
    #[error("invalid patch format of setElementOrder list")]
    MalformedOrder,
    /// A list within a list.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// `$patch: merge` in a list.
    #[error("merging lists cannot yet be specified in the patch")]
    MergeOfList,
    /// Maps below a map of scalars.
    #[error("merging an object in json but data type is not struct, instead is: map")]
    NoStruct,
    /// A list where the schema has none.
    #[error("expected slice or array type, but got: struct")]
    NoList,
    /// Elements of a mergeable list without a key to tell them apart.
    #[error("cannot merge lists without merge key for {0}")]
    NoKey(&'static str),
    /// Any other contradiction, as it is told.
    #[error("{0}")]
    Other(String),
}

impl Refusal {
    pub(super) fn unknown_directive(directive: &Value, members: &Members) -> Self {
        let members = printed(&Value::Object(members.clone()));
        Self::Other(format!(
            "unknown patch type: {} in map: {members}",
            as_text(directive)
        ))
    }

    pub(super) fn unknown_field(of: &Struct, name: &str) -> Self {
        Self::Other(format!(
            "unable to find api field in struct {} for the json field {name:?}",
            of.short_name()
        ))
    }

    pub(super) fn missing_key(members: &Members, key: &str) -> Self {
        let members = printed(&Value::Object(members.clone()));
        Self::Other(format!(
            "map: {members} does not contain declared merge key: {key}"
        ))
    }

    pub(super) fn wrong_type(expected: &str, found: &Value) -> Self {
        Self::Other(format!(
            "expected a {expected}, but received a {}",
            type_name(found)
        ))
    }

    pub(super) fn mixed(old: &[Value], change: &[Value]) -> Self {
        Self::Other(format!(
            "list element types are not identical: [{} {}]",
            printed_list(old),
            printed_list(change)
        ))
    }

    pub(super) fn order(change: &[Value], wanted: &[Value]) -> Self {
        Self::Other(format!(
            "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
            printed_list(change),
            printed_list(wanted)
        ))
    }
}

/// What Go calls the elements of a list without a key.
pub(super) fn kind_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Struct(_) => "struct",
        Shape::Map(_) => "map",
        Shape::List(_) => "slice",
        Shape::Scalar(_) | Shape::Any => "string",
    }
}

impl From<Refusal> for Status {
    /// Kubernetes: only a malformed directive is the client's fault.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::MalformedDeletion | Refusal::MalformedRetainKeys | Refusal::MalformedOrder => {
                Self::bad_request(refusal.to_string())
            }
            Refusal::ListOfLists => Self::unprocessable(),
            other => Self::internal(other.to_string()),
        }
    }
}
