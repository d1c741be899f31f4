//! Becoming an owner by writing: creates, updates, and all patches but apply.

use serde_json::{Map, Value};

use super::compare::compare;
use super::managers::{Manager, Managers, Operation, Owned, is_reset};
use super::path::Step;
use super::set::Set;
use super::{Author, Shape};
use crate::object;
use crate::resource::Resource;

/// Who owns what after a write by `author` that made `new` of `live` (none for a create).
///
/// An object without owners stays without them: it is the work of controllers, which write past
/// the API and would only carry their sets around.
pub fn update(resource: &Resource, live: Option<&Value>, new: &mut Value, author: &Author<'_>) {
    let mut managers = managers_of(resource, live, new, author);
    let untracked = managers.0.is_empty() && live.is_some();
    if let Some(shape) = super::shape(resource, author).filter(|_| !untracked) {
        written(resource, &mut managers, &shape, live, new, author);
        managers.cap();
    }
    managers.store(new);
    if let Some(live) = live {
        keep_times(resource, live, new);
    }
}

/// Gives the author what changed between two states, and takes it from everybody else.
pub(super) fn written(
    resource: &Resource,
    managers: &mut Managers,
    shape: &Shape,
    live: Option<&Value>,
    new: &Value,
    author: &Author<'_>,
) {
    let nothing = Value::Object(Map::new());
    let changes = compare(shape, live.unwrap_or(&nothing), new);
    let mut own = changes.modified.union(&changes.added);
    managers.take(&own.union(&changes.removed), |_| true);
    own = tracked(resource, author, &own);
    if own.is_empty() {
        return;
    }
    let manager = Manager {
        name: author.name(),
        operation: Operation::Update,
        api_version: author.api_version.into(),
        subresource: author.subresource.into(),
    };
    let before = managers.0.remove(&manager);
    let owned = Owned {
        fields: before.map_or_else(Set::default, |it| it.fields).union(&own),
        api_version: author.api_version.into(),
        time: Some(author.time.into()),
    };
    managers.0.insert(manager, owned);
}

/// The owners a write starts from. A client may edit them, but not through a subresource; one
/// that does not know them does not remove them.
fn managers_of(
    resource: &Resource,
    live: Option<&Value>,
    new: &Value,
    author: &Author<'_>,
) -> Managers {
    let stored = || live.map_or_else(Managers::default, |live| Managers::of(resource, live));
    if !author.subresource.is_empty() {
        return stored();
    }
    if is_reset(new) {
        return Managers::default();
    }
    let given = Managers::of(resource, new);
    if given.0.is_empty() { stored() } else { given }
}

/// The fields of a set that anybody can own through this part of the object.
pub(super) fn tracked(resource: &Resource, author: &Author<'_>, set: &Set) -> Set {
    /// What only the server sets, and what names the object.
    const METADATA: [[&str; 2]; 8] = [
        ["metadata", "name"],
        ["metadata", "namespace"],
        ["metadata", "creationTimestamp"],
        ["metadata", "selfLink"],
        ["metadata", "uid"],
        ["metadata", "generation"],
        ["metadata", "managedFields"],
        ["metadata", "resourceVersion"],
    ];
    const TOP: [[&str; 1]; 3] = [["apiVersion"], ["kind"], ["metadata"]];
    let mut set = set
        .difference(&METADATA.into_iter().collect())
        .difference(&TOP.into_iter().collect());
    let is_status = |step: &Step| matches!(step, Step::Field(name) if name == "status");
    match author.subresource {
        "status" => set.retain(is_status),
        "" if resource.status => set.retain(|step| !is_status(step)),
        _ => {}
    }
    set
}

/// Takes the owners as they were where a write changes nothing but their times.
///
/// Kubernetes: such a write is none at all.
pub fn keep_times(resource: &Resource, live: &Value, new: &mut Value) {
    let times_only = || {
        let without_times = |object: &Value| {
            let mut managers = Managers::of(resource, object);
            managers.0.values_mut().for_each(|owned| owned.time = None);
            managers
        };
        same_but_owners(live, new) && without_times(live) == without_times(new)
    };
    if times_only() {
        let entries = object::at(live, &["metadata", "managedFields"]).cloned();
        object::put(object::metadata_mut(new), "managedFields", entries);
    }
}

fn same_but_owners(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else {
        return false;
    };
    let others = |members: &Map<String, Value>| {
        members.len() - usize::from(members.contains_key("managedFields"))
    };
    a.len() == b.len()
        && a.iter()
            .all(|(name, value)| match (name.as_str(), value, b.get(name)) {
                ("metadata", Value::Object(a), Some(Value::Object(b))) => {
                    others(a) == others(b)
                        && a.iter().all(|(name, value)| {
                            name == "managedFields" || b.get(name) == Some(value)
                        })
                }
                (_, value, other) => other == Some(value),
            })
}
