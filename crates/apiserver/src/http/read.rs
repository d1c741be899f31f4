//! GET: one object, a list, or a watch.

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::options::{ListOptions, no_number};
use super::target::Place;
use super::{Call, reply, watch};
use crate::object::Versioned;
use crate::status::{Cause, Status};
use crate::store::List;

/// Kubernetes: `watch=true` on the path of one object is ignored.
pub(super) fn get(call: &Call<'_>, place: &Place, name: &str) -> Result<Response, Status> {
    let object = call.cluster.store.get(&place.key(name))?;
    Ok(reply::object(StatusCode::OK, place, &object))
}

pub(super) fn list_or_watch(call: &Call<'_>, place: &Place) -> Result<Response, Status> {
    let options = ListOptions::parse(&call.query, place)?;
    if options.watch {
        watch::serve(call, place, options)
    } else {
        list(call, place, &options)
    }
}

fn list(call: &Call<'_>, place: &Place, options: &ListOptions) -> Result<Response, Status> {
    let mut list = call
        .cluster
        .store
        .list(place.resource, place.namespace.as_deref());
    check_version(&options.resource_version, list.resource_version)?;
    list.items.retain(|object| options.selector.matches(object));
    Ok(list_reply(place, &list))
}

/// A list object with all items, in the version of the place.
pub(super) fn list_reply(place: &Place, list: &List) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape<'a> {
        kind: String,
        api_version: &'a str,
        metadata: Metadata,
        items: Vec<Versioned<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        resource_version: String,
    }
    let api_version = place.api_version();
    let shape = Shape {
        kind: format!("{}List", place.resource.kind),
        api_version: &api_version,
        metadata: Metadata {
            resource_version: list.resource_version.to_string(),
        },
        items: list
            .items
            .iter()
            .map(|object| Versioned::new(object, &api_version))
            .collect(),
    };
    reply::json(StatusCode::OK, &shape)
}

/// Every list is the latest state, so any version but a future one is served.
fn check_version(text: &str, latest: u64) -> Result<(), Status> {
    if text.is_empty() {
        return Ok(());
    }
    let wanted: u64 = text.parse().map_err(|_| {
        let why = no_number("ParseUint", text);
        Status::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: {why}"
        ))
    })?;
    if wanted <= latest {
        return Ok(());
    }
    let message = format!("Too large resource version: {wanted}, current: {latest}");
    let cause = Cause::new("ResourceVersionTooLarge", "Too large resource version", "");
    Err(Status::timeout(message, vec![cause], 1))
}
