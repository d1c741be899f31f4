//! GET: one object, a list, or a watch.

use axum::response::Response;
use http::StatusCode;
use http::header::ACCEPT;

use super::accept::{self, Asked};
use super::options::ListOptions;
use super::page::Page;
use super::target::Place;
use super::{Call, reply, watch};
use crate::status::{Cause, Status};
use crate::store::{Expired, List};
use crate::view::{ListMeta, View};

/// Kubernetes: `watch=true` on the path of one object is ignored.
pub(super) fn get(call: &Call<'_>, place: &Place, name: &str) -> Result<Response, Status> {
    let view = accept::view(call.header(ACCEPT), &call.query, place, Asked::Object)?;
    let store = &call.cluster.store;
    let object = store.get(&place.key(name))?;
    Ok(reply::json(
        StatusCode::OK,
        &view.show(&object, store.now()),
    ))
}

pub(super) fn list_or_watch(call: &Call<'_>, place: &Place) -> Result<Response, Status> {
    let options = ListOptions::parse(&call.query, place)?;
    if options.watch {
        watch::serve(call, place, options)
    } else {
        list(call, place, &options)
    }
}

/// The events of a collection, or of one object in it.
pub(super) fn watch(
    call: &Call<'_>,
    place: &Place,
    name: Option<&str>,
) -> Result<Response, Status> {
    let mut options = ListOptions::parse_watch(&call.query, place)?;
    if let Some(name) = name {
        options.select_name(place.resource, name)?;
    }
    watch::serve(call, place, options)
}

fn list(call: &Call<'_>, place: &Place, options: &ListOptions) -> Result<Response, Status> {
    let view = accept::view(call.header(ACCEPT), &call.query, place, Asked::List)?;
    let page = Page::of(options)?;
    let list = of_version(call, place, options, &page)?;
    let all_namespaces = place.namespace.is_none();
    let (items, metadata) = page.cut(list, all_namespaces, &options.selector);
    let now = call.cluster.store.now();
    Ok(reply::json(
        StatusCode::OK,
        &view.show_list(&items, &metadata, now),
    ))
}

/// A list object with all items as they are, in the version of the place.
pub(super) fn list_reply(call: &Call<'_>, place: &Place, list: &List) -> Response {
    let metadata = ListMeta {
        resource_version: list.resource_version.to_string(),
        ..ListMeta::default()
    };
    let view = View::whole(place.resource, place.version);
    let shown = view.show_list(&list.items, &metadata, call.cluster.store.now());
    reply::json(StatusCode::OK, &shown)
}

/// The list the page is of. Without an exact version it is the latest state, so any version but a
/// future one is served.
fn of_version(
    call: &Call<'_>,
    place: &Place,
    options: &ListOptions,
    page: &Page,
) -> Result<List, Status> {
    let (store, namespace) = (&call.cluster.store, place.namespace.as_deref());
    let resource = place.resource.storage();
    let Some(version) = page.version else {
        let list = store.list(resource, namespace);
        let wanted = if page.start.is_none() {
            options.version().unwrap_or(0)
        } else {
            0
        };
        return if wanted <= list.resource_version {
            Ok(list)
        } else {
            Err(too_large(wanted, list.resource_version))
        };
    };
    store
        .list_at(resource, namespace, version)
        .map_err(|expired| match expired {
            Expired::TooOld { .. } => page.expired(),
            Expired::Unknown { requested, latest } => too_large(requested, latest),
        })
}

fn too_large(wanted: u64, latest: u64) -> Status {
    let message = format!("Too large resource version: {wanted}, current: {latest}");
    let cause = Cause::new("ResourceVersionTooLarge", "Too large resource version", "");
    Status::timeout(message, vec![cause], 1)
}
