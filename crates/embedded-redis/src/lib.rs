//! A Redis-compatible store for a machine without Redis
