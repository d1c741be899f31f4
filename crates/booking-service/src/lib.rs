//! The theater's booking service
