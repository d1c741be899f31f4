//! What a scheduler says of a pod: the subresource `binding` and the kind Binding, which is never
//! stored.

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};

use super::change::store_for;
use super::draft::expected_version;
use super::options::dry_run;
use super::target::Place;
use super::write::{check_uid, check_version};
use super::{Call, body, reply};
use crate::object;
use crate::resource::rows;
use crate::status::{Cause, Details, Status};
use crate::store::Part;

const KIND: &str = "Binding";
const RESOURCE: &str = "pods/binding";

/// The binding of the pod that the path names.
pub(super) fn of_pod(
    call: &Call<'_>,
    method: &Method,
    place: &Place,
    name: &str,
) -> Result<Response, Status> {
    if *method != Method::POST {
        return Err(Status::method_not_allowed());
    }
    let binding = body::decode(call, KIND)?;
    if object::name(&binding) != name {
        return Err(Status::bad_request(
            "name in URL does not match name in Binding object",
        ));
    }
    bind(call, place, &binding)
}

/// The binding of the pod that the object itself names.
pub(super) fn create(call: &Call<'_>, place: &Place) -> Result<Response, Status> {
    let binding = body::decode(call, KIND)?;
    let place = Place {
        resource: &rows::PODS,
        namespace: place.namespace.clone(),
        ..*place
    };
    bind(call, &place, &binding)
}

fn bind(call: &Call<'_>, place: &Place, binding: &Value) -> Result<Response, Status> {
    let store = store_for(call, dry_run(&call.query, "CreateOptions")?);
    let node = target(binding)?;
    let (name, expected) = (object::name(binding), expected_version(binding)?);
    store.modify(&place.key(name), Part::Binding, |pod| {
        check_uid(place, pod, binding)?;
        check_version(place, pod, expected)?;
        if let Some(why) = hindrance(pod) {
            return Err(conflict(name, &why));
        }
        Ok(assigned(pod.clone(), node, binding))
    })?;
    Ok(reply::done())
}

/// The node. Kubernetes: a Binding without a good one is no client's fault, going by the code.
fn target(binding: &Value) -> Result<&str, Status> {
    let kind = object::text(binding, &["target", "kind"]);
    let node = object::text(binding, &["target", "name"]);
    let fault = if !matches!(kind, "" | "Node") {
        Cause::not_supported("target.kind", kind, &["Node", "<empty>"])
    } else if node.is_empty() {
        Cause::required("target.name", "")
    } else {
        return Ok(node);
    };
    let message = format!("{}: {}", fault.field(), fault.message());
    Err(Status::internal(message))
}

/// Why a pod can have no node now.
fn hindrance(pod: &Value) -> Option<String> {
    let (name, node) = (object::name(pod), object::text(pod, &["spec", "nodeName"]));
    let gates = object::at(pod, &["spec", "schedulingGates"]).and_then(Value::as_array);
    if object::is_terminating(pod) {
        Some(format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        ))
    } else if !node.is_empty() {
        Some(format!("pod {name} is already assigned to node {node:?}"))
    } else if gates.is_some_and(|gates| !gates.is_empty()) {
        Some(format!("pod {name} has non-empty .spec.schedulingGates"))
    } else {
        None
    }
}

/// The pod on its node, with the labels and annotations of the binding.
fn assigned(mut pod: Value, node: &str, binding: &Value) -> Value {
    object::member_mut(&mut pod, "spec").insert("nodeName".into(), node.into());
    let metadata = object::metadata_mut(&mut pod);
    for member in ["annotations", "labels"] {
        let added = object::at(binding, &["metadata", member]).and_then(Value::as_object);
        let members = metadata.entry(member).or_insert_with(|| json!({}));
        if let (Some(members), Some(added)) = (members.as_object_mut(), added) {
            members.extend(added.clone());
        }
    }
    pod
}

fn conflict(name: &str, why: &str) -> Status {
    let message = format!("Operation cannot be fulfilled on {RESOURCE} {name:?}: {why}");
    Status::failure(409, message)
        .reason("Conflict")
        .details(Details {
            name: name.into(),
            kind: RESOURCE.into(),
            ..Details::default()
        })
}
