//! The virtual pod network: addresses that users see, and where they really lead.

mod addresses;
mod services;
mod table;

pub use addresses::{Addresses, service_address};
pub use services::Backends;
pub use table::{Caller, Table};
