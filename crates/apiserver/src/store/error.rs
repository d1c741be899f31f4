//! Why the store refuses a write, in the words of a real API server.

use super::Key;
use crate::status::{Cause, Status, about};

/// A refused read or write.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// No object under this key.
    #[error("{} {:?} not found", .0.resource.qualified(), .0.name)]
    NotFound(Key),
    /// An object under this key is there already.
    #[error("{} {:?} already exists", .0.resource.qualified(), .0.name)]
    AlreadyExists(Key),
    /// The object has another resourceVersion than the write was made for.
    #[error("{} {:?} has been modified", .0.resource.qualified(), .0.name)]
    Conflict(Key),
    /// A precondition of a delete does not hold.
    #[error("{} {:?}: {why}", .key.resource.qualified(), .key.name)]
    Precondition {
        /// The object.
        key: Key,
        /// Which precondition, and what was found.
        why: String,
    },
    /// The namespace of a new object does not exist.
    #[error("namespaces {:?} not found", .0)]
    NamespaceNotFound(String),
    /// The namespace of a new object is being emptied.
    #[error("{} {:?}: namespace {:?} is being terminated", .0.resource.qualified(), .0.name, .0.namespace)]
    NamespaceTerminating(Key),
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(key) => Self::not_found(key.resource, &key.name),
            Error::AlreadyExists(key) => Self::already_exists(key.resource, &key.name),
            Error::Conflict(key) => Self::conflict(
                key.resource,
                &key.name,
                "the object has been modified; please apply your changes to the latest version and try again",
            ),
            Error::Precondition { key, why } => Self::precondition(key.resource, &key.name, why),
            Error::NamespaceNotFound(name) => {
                Self::not_found(&crate::resource::rows::NAMESPACES, &name)
            }
            Error::NamespaceTerminating(key) => terminating(&key),
        }
    }
}

fn terminating(key: &Key) -> Status {
    let namespace = &key.namespace;
    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    let cause = Cause::new(
        "NamespaceTerminating",
        format!("namespace {namespace} is being terminated"),
        "metadata.namespace",
    );
    let mut details = about(key.resource, &key.name);
    details.causes = vec![cause];
    Status::forbidden(key.resource, &key.name, why).details(details)
}
