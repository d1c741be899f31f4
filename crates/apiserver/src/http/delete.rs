//! DELETE of an object or a collection.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::options::{ListOptions, dry_run};
use super::target::Place;
use super::{Call, body, read, reply};
use crate::admission::{Operation, Review};
use crate::object;
use crate::status::{Cause, Details, Status, about};
use crate::store::{DeleteOptions, Deleted, Error, Key, List, Propagation, Store};

const KIND: &str = "DeleteOptions";
/// Kubernetes: namespaces without which a cluster is none.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

pub(super) fn object(call: &Call<'_>, place: &Place, name: &str) -> Result<Response, Status> {
    let (options, store) = options(call)?;
    let key = place.key(name);
    let (deleted, warnings) = delete(call, &store, place, &key, &options)?;
    let response = if deleted.gone && !place.resource.returns_deleted {
        reply::json(StatusCode::OK, &success(&key, &deleted.object))
    } else {
        reply::object(StatusCode::OK, place, &deleted.object)
    };
    Ok(reply::with_warnings(response, &warnings))
}

/// Deletes what the selectors select, and answers with the list of it.
pub(super) fn collection(call: &Call<'_>, place: &Place) -> Result<Response, Status> {
    let (options, store) = options(call)?;
    let selector = ListOptions::parse(&call.query, place)?.selector;
    let mut items = Vec::new();
    for selected in store.list(place.resource, place.namespace.as_deref()).items {
        if !selector.matches(&selected) {
            continue;
        }
        match delete(
            call,
            &store,
            place,
            &Key::of(place.resource, &selected),
            &options,
        ) {
            Ok((deleted, _)) => items.push(deleted.object),
            // Someone else was faster.
            Err(refusal) if refusal.code() == 404 => {}
            Err(refusal) => return Err(refusal),
        }
    }
    let list = List {
        items,
        resource_version: store.resource_version(),
    };
    Ok(read::list_reply(call, place, &list))
}

fn delete(
    call: &Call<'_>,
    store: &Store,
    place: &Place,
    key: &Key,
    options: &DeleteOptions,
) -> Result<(Deleted, Vec<String>), Status> {
    if place.resource.finalize && IMMORTAL.contains(&key.name.as_str()) {
        let why = "this namespace may not be deleted";
        return Err(Status::forbidden(place.resource, &key.name, why));
    }
    let old = store.get(key)?;
    let warnings = call.cluster.admission.admit(&Review {
        operation: Operation::Delete,
        resource: place.resource,
        version: place.version,
        namespace: &key.namespace,
        name: &key.name,
        object: None,
        old: Some(&old),
    })?;
    let deleted = store
        .delete(key, options)
        .map_err(|error: Error| Status::from(error))?;
    Ok((deleted, warnings))
}

/// From the body, or from the query where there is none.
fn options(call: &Call<'_>) -> Result<(DeleteOptions, Store), Status> {
    let given = if call.body.is_empty() {
        json!({})
    } else {
        body::decode(call, KIND)?
    };
    let kind = object::text(&given, &["kind"]);
    if !given.is_object() || !(kind.is_empty() || kind == KIND) {
        return Err(Status::bad_request(format!(
            "the body of a DELETE must be of kind {KIND}"
        )));
    }
    options_of(call, &given)
}

/// From these and the query, and the store that they are for.
pub(super) fn options_of(call: &Call<'_>, given: &Value) -> Result<(DeleteOptions, Store), Status> {
    let in_query = |name| call.query.get(name).map(Value::from);
    let member = |name: &str| given.get(name).filter(|value| !value.is_null()).cloned();
    let dry = given
        .get("dryRun")
        .and_then(Value::as_array)
        .is_some_and(|all| !all.is_empty());
    let dry = dry_run(&call.query, KIND)? || dry;
    let options = DeleteOptions {
        grace_period_seconds: grace(
            member("gracePeriodSeconds").or(in_query("gracePeriodSeconds")),
        )?,
        uid: precondition(given, "uid"),
        resource_version: precondition(given, "resourceVersion"),
        propagation: propagation(
            member("propagationPolicy").or(in_query("propagationPolicy")),
            member("orphanDependents").or(in_query("orphanDependents")),
        )?,
    };
    let store = &call.cluster.store;
    Ok((options, if dry { store.dry_run() } else { store.clone() }))
}

fn precondition(options: &Value, name: &str) -> Option<String> {
    object::at(options, &["preconditions", name])?
        .as_str()
        .map(str::to_owned)
}

/// Kubernetes: a negative grace period counts as one second.
fn grace(value: Option<Value>) -> Result<Option<u64>, Status> {
    let Some(value) = value else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let seconds = seconds.ok_or_else(|| {
        Status::bad_request(format!(
            "gracePeriodSeconds must be a whole number, not {value}"
        ))
    })?;
    Ok(Some(u64::try_from(seconds).unwrap_or(1)))
}

fn propagation(policy: Option<Value>, orphan: Option<Value>) -> Result<Propagation, Status> {
    let orphan = orphan.is_some_and(|value| value == true || value == "true");
    match policy
        .as_ref()
        .map(|policy| policy.as_str().unwrap_or_default())
    {
        None if orphan => Ok(Propagation::Orphan),
        None | Some("Background") => Ok(Propagation::Background),
        Some("Foreground") => Ok(Propagation::Foreground),
        Some("Orphan") => Ok(Propagation::Orphan),
        Some(other) => {
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            let causes = vec![Cause::not_supported("propagationPolicy", other, &supported)];
            Err(Status::invalid_kind("meta.k8s.io", KIND, "", causes))
        }
    }
}

fn success(key: &Key, object: &Value) -> Value {
    let details = Details {
        uid: object::uid(object).into(),
        ..about(key.resource, &key.name)
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
    })
}
