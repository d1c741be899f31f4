//! `metadata.managedFields`: the sets of fields by manager.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::encoding;
use super::set::Set;
use crate::object;
use crate::resource::Resource;

/// Kubernetes: more managers of updates are summed up in one, the oldest first.
const MAX_UPDATERS: usize = 10;
const ANCIENT: &str = "ancient-changes";

/// How a manager came to own its fields. Ordered as they stand in metadata.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// What tells managers apart.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) operation: Operation,
    /// Empty for an apply: whoever applies in another version is still the same.
    pub(super) api_version: String,
    pub(super) subresource: String,
}

/// What a manager owns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Owned {
    pub(super) fields: Set,
    pub(super) api_version: String,
    /// When it last changed something; none where it never did.
    pub(super) time: Option<String>,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Managers(pub(super) BTreeMap<Manager, Owned>);

impl Managers {
    /// Those of an object; none where they cannot be read.
    pub(super) fn of(resource: &Resource, object: &Value) -> Self {
        object::at(object, &["metadata", "managedFields"])
            .and_then(|entries| Self::decode(resource, entries))
            .unwrap_or_default()
    }

    fn decode(resource: &Resource, entries: &Value) -> Option<Self> {
        let mut managers = BTreeMap::new();
        for entry in entries.as_array()? {
            let (manager, owned) = decode(entry)?;
            // Kubernetes: whoever used a version that is no longer served owns nothing.
            let served = |version: &str| resource.api_version(version) == owned.api_version;
            if resource.versions.iter().any(|version| served(version)) {
                managers.insert(manager, owned);
            }
        }
        Some(Self(managers))
    }

    /// Puts them into an object.
    pub(super) fn store(&self, object: &mut Value) {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by(|(a, left), (b, right)| {
            let key = |manager: &Manager, owned: &Owned| {
                (
                    manager.operation,
                    owned.time.clone(),
                    manager.name.clone(),
                    owned.api_version.clone(),
                )
            };
            key(a, left)
                .cmp(&key(b, right))
                .then(a.subresource.cmp(&b.subresource))
        });
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(manager, owned)| encode(manager, owned))
            .collect();
        let entries = (!entries.is_empty()).then_some(Value::Array(entries));
        object::put(object::metadata_mut(object), "managedFields", entries);
    }

    /// Takes fields from everybody; whoever has none left is forgotten.
    pub(super) fn take(&mut self, fields: &Set, from: impl Fn(&Manager) -> bool) {
        for (_, owned) in self.0.iter_mut().filter(|(manager, _)| from(manager)) {
            owned.fields = owned.fields.difference(fields);
        }
        self.0.retain(|_, owned| !owned.fields.is_empty());
    }

    /// Sums up the oldest managers of updates where there are too many.
    pub(super) fn cap(&mut self) {
        let mut updaters: Vec<_> = self
            .0
            .iter()
            .filter(|(manager, _)| manager.operation == Operation::Update)
            .map(|(manager, owned)| (owned.time.clone(), manager.clone()))
            .collect();
        if updaters.len() <= MAX_UPDATERS {
            return;
        }
        updaters.sort();
        let surplus = updaters.len() - MAX_UPDATERS;
        // One more than the surplus, because the sum is a manager too.
        for (_, manager) in updaters.into_iter().take(surplus + 1) {
            if let Some(owned) = self.0.remove(&manager) {
                self.add_ancient(owned);
            }
        }
    }

    fn add_ancient(&mut self, owned: Owned) {
        let bucket = Manager {
            name: ANCIENT.into(),
            operation: Operation::Update,
            api_version: owned.api_version.clone(),
            subresource: String::new(),
        };
        let old = self.0.remove(&bucket);
        let fields = old
            .map_or_else(Set::default, |old| old.fields)
            .union(&owned.fields);
        self.0.insert(bucket, Owned { fields, ..owned });
    }
}

/// Whether a client asks to forget all managers: by an empty list or one empty entry.
pub(super) fn is_reset(object: &Value) -> bool {
    match object::at(object, &["metadata", "managedFields"]).and_then(Value::as_array) {
        None => false,
        Some(entries) => match entries.as_slice() {
            [] => true,
            [only] => only.as_object().is_some_and(Map::is_empty),
            _ => false,
        },
    }
}

fn decode(entry: &Value) -> Option<(Manager, Owned)> {
    let text = |member: &str| object::text(entry, &[member]).to_owned();
    let operation = match object::text(entry, &["operation"]) {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    let api_version = text("apiVersion");
    if api_version.is_empty() || text("fieldsType") != "FieldsV1" {
        return None;
    }
    let manager = Manager {
        name: text("manager"),
        operation,
        api_version: match operation {
            Operation::Apply => String::new(),
            Operation::Update => api_version.clone(),
        },
        subresource: text("subresource"),
    };
    let fields = entry
        .get("fieldsV1")
        .map_or(Some(Set::default()), encoding::decode)?;
    let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
    Some((
        manager,
        Owned {
            fields,
            api_version,
            time,
        },
    ))
}

fn encode(manager: &Manager, owned: &Owned) -> Value {
    let mut entry = json!({
        "manager": manager.name,
        "operation": manager.operation.name(),
        "apiVersion": owned.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": encoding::encode(&owned.fields),
    });
    if let Some(time) = &owned.time {
        entry["time"] = time.as_str().into();
    }
    if !manager.subresource.is_empty() {
        entry["subresource"] = manager.subresource.as_str().into();
    }
    entry
}
