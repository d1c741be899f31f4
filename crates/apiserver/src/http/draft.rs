//! From a body to an object that can be judged: the right kind, the right place, sound metadata.

use serde_json::Value;

use super::Call;
use super::body::{self, go_type, unrecognized};
use super::options::no_number;
use super::target::Place;
use crate::object;
use crate::status::{Cause, Status};

/// What the API server itself reads in metadata, with the type Go has for it.
const METADATA: [(&str, Shape); 9] = [
    ("name", Shape::Text),
    ("generateName", Shape::Text),
    ("namespace", Shape::Text),
    ("uid", Shape::Text),
    ("resourceVersion", Shape::Text),
    ("labels", Shape::Texts),
    ("annotations", Shape::Texts),
    ("finalizers", Shape::List("string", Value::is_string)),
    (
        "ownerReferences",
        Shape::List("v1.OwnerReference", Value::is_object),
    ),
];

#[derive(Clone, Copy)]
enum Shape {
    Text,
    Texts,
    List(&'static str, fn(&Value) -> bool),
}

/// The body as an object for this place, named `name` where the path says so.
pub(super) fn object(call: &Call<'_>, place: &Place, name: Option<&str>) -> Result<Value, Status> {
    let mut object = body::decode(call, place.resource.kind)?;
    check_type(call, place, &object)?;
    tidy(place, &mut object);
    check_metadata(place.resource.kind, &object)
        .map_err(|why| cannot_handle(place, &object, &why))?;
    settle_namespace(place, &mut object)?;
    if let Some(name) = name {
        check_name(&object, name)?;
    }
    Ok(object)
}

/// Checks an object that a patch made of `old`, and tidies it.
pub(super) fn patched(place: &Place, old: &Value, object: &mut Value) -> Result<(), Status> {
    tidy(place, object);
    if let Err(why) = check_metadata(place.resource.kind, object) {
        let causes = vec![Cause::invalid("patch", object.to_string(), why)];
        return Err(Status::invalid_kind("", "", "", causes));
    }
    settle_namespace(place, object)?;
    check_name(object, object::name(old))?;
    let uid = object::uid(object);
    if !uid.is_empty() && uid != object::uid(old) {
        let causes = vec![Cause::invalid("metadata.uid", uid, "field is immutable")];
        return Err(Status::invalid(place.resource, object::name(old), causes));
    }
    Ok(())
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

fn check_type(call: &Call<'_>, place: &Place, object: &Value) -> Result<(), Status> {
    let resource = place.resource;
    if !object.is_object() {
        let why = format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type \
             struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; \
             Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            go_type(object)
        );
        return Err(unrecognized(call, resource.kind, &why));
    }
    let text = |member| object::text(object, &[member]);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    // Kubernetes: built-in kinds know themselves what they are.
    if resource.custom {
        for (member, shown) in [("kind", "Kind"), ("apiVersion", "apiVersion")] {
            if text(member).is_empty() {
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

/// Typed kinds lose their nulls in decoding; of others only the metadata is typed.
fn tidy(place: &Place, object: &mut Value) {
    if !place.resource.custom {
        object::drop_nulls(object);
    } else if let Some(metadata) = object.get_mut("metadata") {
        object::drop_nulls(metadata);
    }
}

fn check_metadata(kind: &str, object: &Value) -> Result<(), String> {
    let Some(metadata) = object.get("metadata") else {
        return Ok(());
    };
    let Some(members) = metadata.as_object() else {
        let found = go_type(metadata);
        return Err(unmarshal(
            found,
            &format!("{kind}.metadata"),
            "v1.ObjectMeta",
        ));
    };
    for (member, shape) in METADATA {
        let misfit = members.get(member).and_then(|value| shape.misfit(value));
        if let Some((found, wanted)) = misfit {
            let field = format!("ObjectMeta.metadata.{member}");
            return Err(unmarshal(found, &field, &wanted));
        }
    }
    Ok(())
}

impl Shape {
    /// The type found and the type wanted, where they differ.
    fn misfit(self, value: &Value) -> Option<(&'static str, String)> {
        let unless = |value: &Value, fits: fn(&Value) -> bool, wanted: &str| {
            (!fits(value)).then(|| (go_type(value), wanted.to_owned()))
        };
        let text = |value: &Value| unless(value, Value::is_string, "string");
        match (self, value) {
            (Self::Text, value) => text(value),
            (Self::Texts, Value::Object(map)) => map.values().find_map(text),
            (Self::Texts, other) => unless(other, Value::is_object, "map[string]string"),
            (Self::List(of, fits), Value::Array(items)) => {
                items.iter().find_map(|item| unless(item, fits, of))
            }
            (Self::List(of, _), other) => unless(other, Value::is_array, &format!("[]{of}")),
        }
    }
}

fn unmarshal(found: &str, field: &str, wanted: &str) -> String {
    format!("json: cannot unmarshal {found} into Go struct field {field} of type {wanted}")
}

fn cannot_handle(place: &Place, object: &Value, why: &str) -> Status {
    let kind = place.resource.kind;
    let version = match object::text(object, &["apiVersion"]) {
        "" => place.version,
        given => given.rsplit('/').next().unwrap_or(given),
    };
    Status::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: {why}"
    ))
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
