//! The theater's front door and its honest instruments
