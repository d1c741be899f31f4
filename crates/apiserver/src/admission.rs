//! The caller's say in what clients may write: defaults, validation, warnings.

use serde_json::Value;

use crate::resource::Resource;
use crate::status::Status;

/// What a client is about to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// Store a new object.
    Create,
    /// Change an object: PUT, PATCH or a new scale.
    Update,
    /// Delete an object.
    Delete,
}

/// One write of a client, before it happens. Status writes are not reviewed.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    /// What is about to happen.
    pub operation: Operation,
    /// To which kind of object.
    pub resource: &'static Resource,
    /// The apiVersion the client speaks, for warnings about old ones.
    pub version: &'a str,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: &'a str,
    /// Name; empty for a create with `generateName`.
    pub name: &'a str,
    /// The object as it would be stored, defaults filled in; none for a delete.
    pub object: Option<&'a Value>,
    /// The object as it is; none for a create.
    pub old: Option<&'a Value>,
}

/// Decides over writes of clients. Called without any lock, so it may read the store; it may be
/// called again for one request when another writer was faster. Writes made directly to the store
/// are not reviewed.
pub trait Admission: Send + Sync {
    /// Fills in what the client left out, before the review. Both objects are in the stored
    /// version and carry their metadata; `old` is there for an update.
    fn default_object(&self, resource: &'static Resource, object: &mut Value, old: Option<&Value>) {
        let _ = (resource, object, old);
    }

    /// Lets the write pass, with warnings to show, or refuses it.
    ///
    /// # Errors
    /// The answer to the client.
    fn admit(&self, review: &Review<'_>) -> Result<Vec<String>, Status>;
}

/// Lets everything pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitAll;

impl Admission for AdmitAll {
    fn admit(&self, _: &Review<'_>) -> Result<Vec<String>, Status> {
        Ok(Vec::new())
    }
}
