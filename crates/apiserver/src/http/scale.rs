//! The subresource `scale`: the replicas of any scalable kind as one `autoscaling/v1` object.

use apimachinery::schema;
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::body::go_type;
use super::change::{Change, store_for};
use super::draft::Draft;
use super::options::dry_run;
use super::patch::Patch;
use super::target::Place;
use super::write::check_version;
use super::{Call, body, draft, reply};
use crate::object;
use crate::selector::LabelSelector;
use crate::status::{Cause, Status};

pub(super) fn serve(
    call: &Call<'_>,
    method: &Method,
    place: &Place,
    name: &str,
) -> Result<Response, Status> {
    match *method {
        Method::GET => {
            let object = call.cluster.store.get(&place.key(name))?;
            Ok(reply::json(StatusCode::OK, &scale_of(&object)))
        }
        Method::PUT => {
            let scale = body::decode(call, "Scale")?;
            write(call, place, name, "UpdateOptions", |_| Ok(scale.clone()))
        }
        Method::PATCH => {
            let of = schema::kubernetes::named("autoscaling.v1.Scale");
            let patch = Patch::parse(call, place.resource, of.map(|of| &**of))?;
            write(call, place, name, "PatchOptions", |scale| {
                patch.apply(scale)
            })
        }
        _ => Err(Status::method_not_allowed()),
    }
}

fn write(
    call: &Call<'_>,
    place: &Place,
    name: &str,
    options: &str,
    change: impl Fn(Value) -> Result<Value, Status>,
) -> Result<Response, Status> {
    let store = store_for(call, dry_run(&call.query, options)?);
    let written = Change::of_scale(&store, place).update(call, name, |old| {
        let scale = change(scale_of(old))?;
        let replicas = replicas(&scale, name)?;
        check_version(place, old, draft::expected_version(&scale)?)?;
        let mut object = old.clone();
        object::member_mut(&mut object, "spec").insert("replicas".into(), replicas.into());
        let warnings = Vec::new();
        Ok(Draft { object, warnings })
    })?;
    let response = reply::json(StatusCode::OK, &scale_of(&written.object));
    Ok(reply::with_warnings(response, &written.warnings))
}

fn scale_of(object: &Value) -> Value {
    let metadata = |member: &str| object::at(object, &["metadata", member]);
    let status = object::at(object, &["status", "replicas"])
        .and_then(Value::as_i64)
        .unwrap_or(0);
    let selector = object::at(object, &["spec", "selector"]).unwrap_or(&Value::Null);
    let selector = LabelSelector::from_object(selector).unwrap_or_default();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata("name"), "namespace": metadata("namespace"), "uid": metadata("uid"),
            "resourceVersion": metadata("resourceVersion"),
            "creationTimestamp": metadata("creationTimestamp"),
        },
        "spec": {"replicas": object::replicas(object)},
        "status": {"replicas": status, "selector": selector.to_string()},
    })
}

/// The replicas a Scale asks for; none given means none wanted.
fn replicas(scale: &Value, name: &str) -> Result<i32, Status> {
    let kind = object::text(scale, &["kind"]);
    if !scale.is_object() || !(kind.is_empty() || kind == "Scale") {
        return Err(Status::bad_request(format!(
            "expected a Scale of autoscaling/v1, found {kind:?}"
        )));
    }
    let Some(wanted) = object::at(scale, &["spec", "replicas"]).filter(|value| !value.is_null())
    else {
        return Ok(0);
    };
    let replicas = wanted.as_i64().and_then(|number| i32::try_from(number).ok()).ok_or_else(|| {
        let found = if wanted.is_number() { format!("number {wanted}") } else { go_type(wanted).into() };
        Status::bad_request(format!(
            "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal {found} \
             into Go struct field ScaleSpec.spec.replicas of type int32"
        ))
    })?;
    if replicas < 0 {
        let detail = "must be greater than or equal to 0";
        let causes = vec![Cause::invalid("spec.replicas", replicas, detail)];
        return Err(Status::invalid_kind("autoscaling", "Scale", name, causes));
    }
    Ok(replicas)
}
