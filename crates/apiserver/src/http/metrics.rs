//! `metrics.k8s.io`: what pods and nodes use, as the kubelets measure it.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::options::ListOptions;
use super::target::Place;
use super::{Call, read, reply};
use crate::object;
use crate::status::Status;
use crate::store::List;

pub(super) fn get(call: &Call<'_>, place: &Place, name: &str) -> Result<Response, Status> {
    let found = figures(call, place)
        .into_iter()
        .find(|it| object::name(it) == name);
    let found = found.ok_or_else(|| Status::not_found(place.resource, name))?;
    Ok(reply::json(StatusCode::OK, &found))
}

pub(super) fn list(call: &Call<'_>, place: &Place) -> Result<Response, Status> {
    let options = ListOptions::parse(&call.query, place)?;
    if options.watch {
        return Err(Status::method_not_allowed());
    }
    let mut items = figures(call, place);
    items.retain(|it| options.selector.matches(it));
    let list = List {
        items: items.into_iter().map(Arc::new).collect(),
        resource_version: call.cluster.store.resource_version(),
    };
    Ok(read::list_reply(call, place, &list))
}

fn figures(call: &Call<'_>, place: &Place) -> Vec<Value> {
    let kubelet = &call.cluster.kubelet;
    let mut figures = match place.resource.namespaced {
        true => kubelet.pod_metrics(),
        false => kubelet.node_metrics(),
    };
    if let Some(namespace) = &place.namespace {
        figures.retain(|it| object::namespace(it) == namespace);
    }
    figures
}
