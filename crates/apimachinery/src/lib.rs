//! What Kubernetes knows about objects, pure: no socket, no clock, no store.
//!
//! Objects are JSON values; whoever needs types makes them at the edge. Time and randomness are
//! arguments. [`apiserver`](../apiserver) stores and serves what is decided here.
//!
//! - [`resource`]: the table of kinds, and what differs between them.
//! - [`schema`]: the shape of a kind: fields, their types, and how lists of them merge.
//! - [`decode`]: from what a client wrote to an object of a kind, strictly or not.
//! - [`patch`]: changes described by clients.
//! - [`protobuf`]: objects in Kubernetes' binary form.
//! - [`ownership`]: who owns which field, and server-side apply.
//! - [`discovery`]: the documents by which clients learn what kinds there are.
//! - [`quantity`]: amounts of resources.
//! - [`rbac`]: who may do what.
//! - [`validation`]: Kubernetes' own rules for its kinds.
//! - [`object`], [`names`], [`selector`]: the grammar shared by clients and controllers.
//! - [`openapi`]: the API described for clients.
//! - [`convert`]: one stored object in several served forms.
//! - [`defaults`]: what a server fills in where a client says nothing.
//! - [`status`]: refusals in the words of a real API server.
//! - [`table`]: what `kubectl get` prints; [`view`]: the forms an answer can have.
//! - [`bookmark`]: how a watch says how far it has come.

pub mod bookmark;
pub mod convert;
pub mod decode;
pub mod defaults;
pub mod discovery;
pub mod disruption;
pub mod names;
pub mod object;
pub mod openapi;
pub mod ownership;
pub mod patch;
pub mod protobuf;
pub mod quantity;
pub mod rbac;
pub mod resource;
pub mod schema;
pub mod selector;
pub mod status;
pub mod table;
pub mod validation;
pub mod versioned;
pub mod view;
