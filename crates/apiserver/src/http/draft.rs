//! From a body to an object that can be judged: the right kind, the right place, sound metadata.

use apimachinery::convert;
use apimachinery::decode::{self, Document, Strictness, Undecodable};
use serde_json::Value;

use super::Call;
use super::body::{self, unrecognized};
use super::options::{no_number, strictness};
use super::target::Place;
use crate::object;
use crate::status::{Cause, Status};

/// How Go shows the type that it reads before it knows the kind.
const TYPE_META: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

/// An object that can be judged, and what to tell about how it was written.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) object: Value,
    pub(super) warnings: Vec<String>,
}

/// The body as an object for this place, named `name` where the path says so.
pub(super) fn object(call: &Call<'_>, place: &Place, name: Option<&str>) -> Result<Draft, Status> {
    let document = body::document(call, place.resource.kind)?;
    check_type(call, place, &document)?;
    let version = written_version(place, &document);
    let decoded = decode::object(place.resource, place.version, document)
        .and_then(|decoded| decoded.settle(strictness(&call.query)));
    let (mut object, warnings) = decoded.map_err(|why| cannot_handle(place, &version, &why))?;
    settle_namespace(place, &mut object)?;
    if let Some(name) = name {
        check_name(&object, name)?;
    }
    convert::to_stored(place.resource, place.version, &mut object);
    Ok(Draft { object, warnings })
}

/// Decodes what a patch made of `old`.
pub(super) fn patched(
    place: &Place,
    old: &Value,
    object: Value,
    strictness: Strictness,
) -> Result<Draft, Status> {
    let decoded = decode::object(place.resource, place.version, object.clone().into())
        .and_then(|decoded| decoded.settle(strictness));
    let (mut object, warnings) = decoded.map_err(|why| {
        let causes = vec![Cause::invalid("patch", object.to_string(), why)];
        Status::invalid_kind("", "", "", causes)
    })?;
    settle_namespace(place, &mut object)?;
    check_name(&object, object::name(old))?;
    let uid = object::uid(&object);
    if !uid.is_empty() && uid != object::uid(old) {
        let cause = Cause::invalid("metadata.uid", uid, "field is immutable");
        // Kubernetes: two checks of an update say so.
        let causes = vec![cause.clone(), cause];
        return Err(Status::invalid(place.resource, object::name(old), causes));
    }
    convert::to_stored(place.resource, place.version, &mut object);
    Ok(Draft { object, warnings })
}

/// The resourceVersion a write was made for; none where it takes whatever is there.
pub(super) fn expected_version(object: &Value) -> Result<Option<u64>, Status> {
    let text = object::text(object, &["metadata", "resourceVersion"]);
    if text.is_empty() {
        return Ok(None);
    }
    let version: u64 = text
        .parse()
        .map_err(|_| Status::internal(no_number("ParseUint", text)))?;
    Ok((version != 0).then_some(version))
}

fn check_type(call: &Call<'_>, place: &Place, document: &Document) -> Result<(), Status> {
    let resource = place.resource;
    let unreadable = |why: &str| {
        let why =
            format!("couldn't get version/kind; json parse error: json: cannot unmarshal {why}");
        unrecognized(call, resource.kind, &why)
    };
    let found = document.go_type();
    if found != "object" {
        return Err(unreadable(&format!(
            "{found} into Go value of type {TYPE_META}"
        )));
    }
    for member in ["apiVersion", "kind"] {
        let found = document.get(member).map_or("string", Document::go_type);
        if !["string", "null"].contains(&found) {
            let why = format!("{found} into Go struct field .{member} of type string");
            return Err(unreadable(&why));
        }
    }
    let text = |member| {
        document
            .get(member)
            .and_then(Document::as_text)
            .unwrap_or_default()
    };
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    // Kubernetes: built-in kinds know themselves what they are.
    if resource.custom {
        for (given, shown) in [(kind, "Kind"), (api_version, "apiVersion")] {
            if given.is_empty() {
                let body = String::from_utf8_lossy(&call.body);
                let why = format!("Object '{shown}' is missing in '{body}'");
                return Err(unrecognized(call, resource.kind, &why));
            }
        }
    }
    let expected = place.api_version();
    if !kind.is_empty() && kind != resource.kind {
        return Err(other_kind(place, api_version, kind));
    }
    if !api_version.is_empty() && api_version != expected {
        return Err(Status::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({expected})"
        )));
    }
    Ok(())
}

fn other_kind(place: &Place, api_version: &str, kind: &str) -> Status {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let wanted = place.resource.kind;
    let package = place
        .resource
        .group
        .split('.')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("core");
    Status::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {wanted}: \
         converting ({version}.{kind}) to ({package}.{wanted}): unknown conversion"
    ))
}

fn cannot_handle(place: &Place, version: &str, why: &Undecodable) -> Status {
    let kind = place.resource.kind;
    Status::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: {why}"
    ))
}

/// The version the client says the object has.
fn written_version(place: &Place, document: &Document) -> String {
    let given = document.get("apiVersion").and_then(Document::as_text);
    let given = given.filter(|given| !given.is_empty());
    let version = given.map_or(place.version, |it| it.rsplit('/').next().unwrap_or(it));
    version.to_owned()
}

/// Puts the object into the namespace of the path; it may name that one, or none.
fn settle_namespace(place: &Place, object: &mut Value) -> Result<(), Status> {
    let given = object::namespace(object);
    let wanted = place.namespace.as_deref();
    if wanted.is_some_and(|wanted| !given.is_empty() && given != wanted) {
        let message =
            "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Status::bad_request(message));
    }
    object::put(
        object::metadata_mut(object),
        "namespace",
        wanted.map(Value::from),
    );
    Ok(())
}

fn check_name(object: &Value, wanted: &str) -> Result<(), Status> {
    match object::name(object) {
        "" => Err(Status::bad_request(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        ))),
        name if name != wanted => Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        ))),
        _ => Ok(()),
    }
}
