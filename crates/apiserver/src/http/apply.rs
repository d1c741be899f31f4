//! Server-side apply: a PATCH that says what should be, and may create it.

use apimachinery::ownership::{self, Apply};
use apimachinery::versioned::in_version;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::change::{Change, store_for};
use super::options::ApplyOptions;
use super::target::Place;
use super::write::settled;
use super::{Call, body, draft};
use crate::status::Status;
use crate::store::{Error, Part};

/// How often to look again for an object that others create or delete meanwhile.
const ATTEMPTS: usize = 5;

pub(super) fn serve(
    call: &Call<'_>,
    place: &Place,
    name: &str,
    part: Part,
) -> Result<Response, Status> {
    let options = ApplyOptions::parse(&call.query)?;
    let store = store_for(call, options.dry_run);
    let config = body::decode_yaml(&call.body)?;
    let change = Change::new(&store, place, part).owned();
    let applied = |live: Option<&Value>| {
        change.author(call, |author| {
            ownership::apply(&Apply {
                resource: place.resource,
                live,
                config: &config,
                author,
                force: options.force,
            })
        })
    };
    let key = place.key(name);
    for _ in 0..ATTEMPTS {
        if store.get(&key).is_ok() {
            let written = change.update(call, name, |old| {
                let live = in_version(place.resource, old, place.version);
                settled(call, place, old, applied(Some(&live))?)
            });
            match written {
                Err(status) if status.code() == 404 => continue,
                written => return Ok(written?.reply(place, StatusCode::OK)),
            }
        }
        // Kubernetes: only the object itself can be created, not a part of it, and not a state
        // that somebody has seen.
        if part != Part::Main || draft::expected_version(&config)?.is_some() {
            return Err(Error::NotFound(key).into());
        }
        let named = json!({"metadata": {"name": name}});
        match change.create(call, settled(call, place, &named, applied(None)?)?) {
            Err(status) if status.is_already_exists() => {}
            written => return Ok(written?.reply(place, StatusCode::CREATED)),
        }
    }
    Err(Error::Conflict(key).into())
}
