//! The theater's user service
