//! The subresource `eviction` of a pod: a delete that asks the pod's disruption budget first.

use apimachinery::disruption::{self, Eviction};
use axum::response::Response;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::target::Place;
use super::{Call, body, delete, reply};
use crate::object;
use crate::resource::rows;
use crate::status::Status;
use crate::store::{DeleteOptions, Key, Part, Store};

const KIND: &str = "Eviction";

pub(super) fn serve(
    call: &Call<'_>,
    method: &Method,
    place: &Place,
    name: &str,
) -> Result<Response, Status> {
    if *method != Method::POST {
        return Err(Status::method_not_allowed());
    }
    let eviction = body::decode(call, KIND)?;
    if object::name(&eviction) != name {
        return Err(Status::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let given = eviction.get("deleteOptions").cloned().unwrap_or_default();
    let (mut options, store) = delete::options_of(call, &given)?;
    let key = place.key(name);
    let pod = store.get(&key)?;
    let budgets = store
        .list(&rows::POD_DISRUPTION_BUDGETS, Some(&key.namespace))
        .items;
    let budgets: Vec<&Value> = budgets.iter().map(|budget| &**budget).collect();
    match disruption::evict(&pod, &budgets)? {
        Eviction::Free => {}
        Eviction::AsItIs => pin(&mut options, &pod),
        Eviction::Charged(budget) => charge(&store, &key, &budget)?,
    }
    announce(&store, &key, &mut options)?;
    store.delete(&key, &options).map_err(Status::from)?;
    Ok(reply::done())
}

/// The delete is for the pod as it is: one that has become ready meanwhile stays.
fn pin(options: &mut DeleteOptions, pod: &Value) {
    let version = object::text(pod, &["metadata", "resourceVersion"]);
    options
        .resource_version
        .get_or_insert_with(|| version.to_owned());
}

fn charge(store: &Store, pod: &Key, budget: &str) -> Result<(), Status> {
    let key = Key::new(&rows::POD_DISRUPTION_BUDGETS, &*pod.namespace, budget);
    let now = format!("{:.0}", Timestamp::now());
    store.modify(&key, Part::Status, |budget| {
        disruption::charge(budget, &pod.name, &now)
    })?;
    Ok(())
}

/// Kubernetes: the pod says that it is evicted before it goes.
fn announce(store: &Store, key: &Key, options: &mut DeleteOptions) -> Result<(), Status> {
    let expected = options.resource_version.clone();
    let now = format!("{:.0}", Timestamp::now());
    let told = store.modify(key, Part::Status, |pod| {
        let version = object::text(pod, &["metadata", "resourceVersion"]);
        if expected
            .as_deref()
            .is_some_and(|expected| expected != version)
        {
            return Err(Status::from(crate::store::Error::Conflict(key.clone())));
        }
        Ok(with_condition(pod.clone(), &now))
    })?;
    if options.resource_version.is_some() {
        let version = object::text(&told, &["metadata", "resourceVersion"]);
        options.resource_version = Some(version.to_owned());
    }
    Ok(())
}

fn with_condition(mut pod: Value, now: &str) -> Value {
    let condition = json!({
        "type": "DisruptionTarget", "status": "True", "lastProbeTime": null, "lastTransitionTime": now,
        "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
    });
    let status = object::member_mut(&mut pod, "status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.retain(|it| it["type"] != "DisruptionTarget");
        conditions.push(condition);
    }
    pod
}
