//! One mechanism for a collection of JSON objects in Redis.
//!
//! ```text
//! user:<id>        the object, a JSON string
//! index:user       sorted set, all scores 0, members in list order (see `key`)
//! seeded:user      marker: sample data was written, or found unwanted, once
//! indexing:user    short lock: one pod brings the index up to date after start
//! ```
//!
//! Closed command list: GET, MGET, SET, DEL, EXISTS, MSETNX, SCAN, ZADD, ZREM,
//! ZRANGE … BYLEX, LPUSH, LREM, LRANGE, MULTI/EXEC, PING. No KEYS, no scripts,
//! no WATCH.

mod fields;
mod key;
mod routes;
mod service;
mod spec;
mod store;
mod upkeep;

pub use fields::Fields;
pub use routes::{Listing, record_routes, spellings};
pub use service::{Extra, run};
pub use spec::{document, json_answer, many, operation, path_parameter, problem_answer};
pub use store::{Page, Store};

use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

/// An object of a collection.
///
/// `Deserialize` reads what is *stored*, which may have been written by other
/// means, so it should be lenient; what a client sends goes through
/// [`Record::from_fields`], which is strict.
pub trait Record: Clone + Serialize + DeserializeOwned + ToSchema + Send + Sync + 'static {
    /// The shape of a create request, for the API document.
    type Draft: ToSchema;
    /// Singular, the first part of its Redis key: `user`.
    const KIND: &'static str;
    /// Plural, the first part of its path: `users`.
    const COLLECTION: &'static str;

    /// Builds a record from what a client sent; refusals collect in `fields`.
    fn from_fields(id: String, fields: &mut Fields) -> Self;

    /// Its id.
    fn id(&self) -> &str;

    /// Sets its id: the key decides, not the stored text.
    fn set_id(&mut self, id: &str);

    /// A Redis list that holds the record's id too, newest first.
    fn list_key(&self) -> Option<String> {
        None
    }

    /// Sample data of a new installation.
    fn samples() -> Vec<Self> {
        Vec::new()
    }
}
