//! The theater's movie service
