//! Changes described by a client, applied to whatever is stored.
//!
//! [`strategic`] is Kubernetes' own format: a partial object whose lists merge by what the
//! [schema](crate::schema) says of them.

pub mod strategic;
