//! What a write may change, as pure functions of the objects before and after.

use serde_json::{Value, json};

use super::source::{Source, seconds};
use crate::object;
use crate::resource::Resource;

/// Metadata that only the server sets. Whoever serves clients settles `managedFields`, which a
/// client may edit.
const MANAGED: [&str; 7] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];
/// Kubernetes: the finalizer of a namespace's spec, removed by whoever emptied it.
const NAMESPACE_FINALIZER: &str = "kubernetes";

/// Which part of an object a write is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// All but the status, where the kind has the subresource.
    Main,
    /// The status alone.
    Status,
    /// `spec.finalizers` alone (subresource `finalize` of a Namespace).
    Finalizers,
    /// The place of a Pod and what goes with it (subresource `binding`), in what is otherwise
    /// [`Part::Main`]: nobody's wish, so it makes no generation.
    Binding,
}

/// A new object as it will be stored, but for its version and a name still to be drawn.
pub(super) fn create(
    resource: &Resource,
    namespace: &str,
    object: Value,
    source: &dyn Source,
) -> Value {
    let mut object = typed(resource, object);
    let metadata = object::metadata_mut(&mut object);
    for member in MANAGED {
        metadata.remove(member);
    }
    metadata.insert("uid".into(), source.uuid().to_string().into());
    metadata.insert("creationTimestamp".into(), seconds(source.now()).into());
    object::put(
        metadata,
        "namespace",
        resource.namespaced.then(|| namespace.into()),
    );
    object::put(
        metadata,
        "generation",
        resource.generation.then(|| 1.into()),
    );
    if resource.finalize {
        start_namespace(&mut object);
    }
    object
}

/// The object after a write of one part, equal to `old` when the write changes nothing.
pub(super) fn update(resource: &Resource, old: &Value, new: Value, part: Part) -> Value {
    let mut new = preserve(resource, old, new, part);
    let is_wish = part != Part::Binding && resource.generation;
    if is_wish && desired(old) != desired(&new) {
        let next = object::generation(old) + 1;
        object::metadata_mut(&mut new).insert("generation".into(), next.into());
    }
    new
}

/// `new` with everything the part does not cover, or only the server may set, as in `old`.
pub(crate) fn preserve(resource: &Resource, old: &Value, new: Value, part: Part) -> Value {
    let new = match part {
        Part::Main | Part::Binding => preserve_main(resource, old, new),
        Part::Status => with_annotations(with_status(old.clone(), new.get("status")), &new),
        Part::Finalizers => with_spec_finalizers(old.clone(), &new),
    };
    preserve_metadata(old, typed(resource, new))
}

/// The object under its stored apiVersion and kind.
fn typed(resource: &Resource, mut object: Value) -> Value {
    let members = object::map_mut(&mut object);
    members.insert("apiVersion".into(), resource.preferred_api_version().into());
    members.insert("kind".into(), resource.kind.into());
    object
}

/// Kubernetes: a new namespace is active, held by its finalizer, and labelled with its name.
fn start_namespace(object: &mut Value) {
    let name = object::name(object).to_owned();
    let metadata = object::metadata_mut(object);
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    labels["kubernetes.io/metadata.name"] = name.into();
    object::member_mut(object, "spec").insert("finalizers".into(), json!([NAMESPACE_FINALIZER]));
    object::member_mut(object, "status").insert("phase".into(), "Active".into());
}

fn preserve_main(resource: &Resource, old: &Value, mut new: Value) -> Value {
    if resource.status {
        new = with_status(new, old.get("status"));
    }
    if resource.finalize {
        new = with_spec_finalizers(new, old);
    }
    new
}

fn preserve_metadata(old: &Value, mut new: Value) -> Value {
    let metadata = object::metadata_mut(&mut new);
    for member in MANAGED.iter().chain(&["name", "namespace"]) {
        object::put(
            metadata,
            member,
            object::at(old, &["metadata", member]).cloned(),
        );
    }
    new
}

fn with_status(mut object: Value, status: Option<&Value>) -> Value {
    object::put(object::map_mut(&mut object), "status", status.cloned());
    object
}

/// Kubernetes: whoever writes a status may note in annotations what it is about.
fn with_annotations(mut object: Value, from: &Value) -> Value {
    let annotations = object::at(from, &["metadata", "annotations"]).cloned();
    object::put(
        object::metadata_mut(&mut object),
        "annotations",
        annotations,
    );
    object
}

fn with_spec_finalizers(mut object: Value, from: &Value) -> Value {
    let finalizers = object::at(from, &["spec", "finalizers"]).cloned();
    if finalizers.is_some() || object.get("spec").is_some() {
        object::put(
            object::member_mut(&mut object, "spec"),
            "finalizers",
            finalizers,
        );
    }
    object
}

/// All that `metadata.generation` counts changes of.
fn desired(object: &Value) -> impl PartialEq {
    let members = object.as_object().into_iter().flatten();
    let counted = members.filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status"));
    counted.collect::<Vec<_>>()
}
