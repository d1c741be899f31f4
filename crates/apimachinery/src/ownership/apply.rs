//! Becoming an owner by saying what should be: server-side apply.

use serde_json::{Map, Value};

use super::compare::compare;
use super::conflict::Conflicts;
use super::fields::fields;
use super::last_applied::{KUBECTL, inherited, renew};
use super::managers::{Manager, Managers, Operation, Owned};
use super::merge::merge;
use super::prune::without;
use super::set::Set;
use super::update::{tracked, written};
use super::{Author, Shape, check};
use crate::object;
use crate::resource::Resource;
use crate::status::Status;

/// Kubernetes: owns what was there before anybody owned anything.
const BEFORE: &str = "before-first-apply";

/// A request to apply a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Apply<'a> {
    /// The kind of object.
    pub resource: &'static Resource,
    /// The object as it is, in the author's version; none where there is none yet.
    pub live: Option<&'a Value>,
    /// What the author wants, and no more.
    pub config: &'a Value,
    /// Who applies.
    pub author: Author<'a>,
    /// Takes over what others own.
    pub force: bool,
}

/// Why nothing was applied.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The configuration is of another kind.
    #[error("invalid object type: {0}")]
    OtherKind(String),
    /// The configuration says who owns what.
    #[error("metadata.managedFields must be nil")]
    ManagedFields,
    /// The configuration has not the shape of its kind.
    #[error("failed to create typed patch object ({object}): {faults}")]
    Misshapen {
        /// The object and its kind.
        object: String,
        /// Every fault with its path.
        faults: String,
    },
    /// Others own what the configuration changes.
    #[error("{0}")]
    Conflict(Status),
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict(status) => status,
            Refusal::Misshapen { .. } => Self::internal(refusal.to_string()),
            other => Self::bad_request(other.to_string()),
        }
    }
}

/// The object after an apply, with its owners.
///
/// # Errors
/// A configuration that is not of the kind, or that changes what others own.
pub fn apply(request: &Apply<'_>) -> Result<Value, Refusal> {
    let Some(shape) = super::shape(request.resource, &request.author) else {
        return Err(Refusal::OtherKind(kind_of(request.config)));
    };
    let mut config = request.config.clone();
    check(request, &shape, &mut config)?;
    let merging = Merging::new(request, &shape, config);
    let applied = match merging.attempt(request.force) {
        Err(conflicts) => merging.inherit(conflicts)?,
        Ok(applied) => applied,
    };
    let mut object = applied;
    if request.author.manager == KUBECTL {
        renew(&mut object, request.config);
    }
    Ok(object)
}

fn check(request: &Apply<'_>, shape: &Shape, config: &mut Value) -> Result<(), Refusal> {
    let text = |member| object::text(request.config, &[member]);
    let author = &request.author;
    if text("kind") != request.resource.kind || text("apiVersion") != author.api_version {
        return Err(Refusal::OtherKind(kind_of(request.config)));
    }
    if object::at(config, &["metadata", "managedFields"]).is_some_and(|it| !it.is_null()) {
        return Err(Refusal::ManagedFields);
    }
    object::untype(config);
    let faults = check::faults(shape, config);
    if faults.is_empty() {
        return Ok(());
    }
    let (namespace, name) = (object::namespace(config), object::name(config));
    Err(Refusal::Misshapen {
        object: format!("{namespace}/{name}; {}", kind_of(request.config)),
        faults: match faults.as_slice() {
            [only] => only.clone(),
            many => format!("errors:\n  {}", many.join("\n  ")),
        },
    })
}

/// `apps/v1, Kind=Deployment`; the core group is empty.
fn kind_of(object: &Value) -> String {
    let version = object::text(object, &["apiVersion"]);
    let kind = object::text(object, &["kind"]);
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Kind={kind}")
}

struct Merging<'a> {
    request: &'a Apply<'a>,
    shape: &'a Shape,
    /// The configuration without its kind.
    config: Value,
    live: Value,
    /// The owners before this apply.
    managers: Managers,
    me: Manager,
}

impl<'a> Merging<'a> {
    fn new(request: &'a Apply<'a>, shape: &'a Shape, config: Value) -> Self {
        let author = &request.author;
        let mut live = request
            .live
            .cloned()
            .unwrap_or_else(|| Value::Object(Map::new()));
        object::untype(&mut live);
        let mut managers = Managers::of(request.resource, &live);
        if managers.0.is_empty() {
            let before = Author {
                manager: BEFORE,
                ..*author
            };
            written(request.resource, &mut managers, shape, None, &live, &before);
        }
        Self {
            request,
            shape,
            config,
            live,
            managers,
            me: Manager {
                name: author.name(),
                operation: Operation::Apply,
                api_version: String::new(),
                subresource: author.subresource.into(),
            },
        }
    }

    fn attempt(&self, force: bool) -> Result<Value, Conflicts> {
        let Self { request, shape, .. } = self;
        let author = &request.author;
        let mut managers = self.managers.clone();
        let last = managers.0.remove(&self.me);
        let mine = Owned {
            fields: fields(shape, &self.config),
            api_version: author.api_version.into(),
            time: last.as_ref().and_then(|last| last.time.clone()),
        };
        managers.0.insert(self.me.clone(), mine);
        let merged = merge(shape, &self.live, &self.config);
        let object = match &last {
            Some(last) => self.pruned(merged, &managers, &last.fields),
            None => merged,
        };
        let changes = compare(shape, &self.live, &object);
        let wanted = changes.modified.union(&changes.added);
        let conflicts = self.conflicts(&managers, &wanted);
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        if let Some(mine) = managers.0.get_mut(&self.me) {
            mine.fields = tracked(request.resource, author, &mine.fields);
            if self.live != object {
                mine.time = Some(author.time.into());
            }
        }
        let changed = wanted.union(&changes.removed);
        managers.take(&changed, |manager| *manager != self.me);
        Ok(self.finished(object, &managers))
    }

    fn conflicts(&self, managers: &Managers, wanted: &Set) -> Conflicts {
        let others = managers
            .0
            .iter()
            .filter(|(manager, _)| **manager != self.me);
        let conflicts = others.map(|(manager, owned)| {
            let set = owned.fields.intersection(wanted);
            (manager.clone(), owned.api_version.clone(), set)
        });
        Conflicts(conflicts.filter(|(_, _, set)| !set.is_empty()).collect())
    }

    /// Without what this manager applied last time, does not apply now, and nobody else owns.
    fn pruned(&self, merged: Value, managers: &Managers, last: &Set) -> Value {
        let shape = self.shape;
        let named = |value: &Value| fields(shape, value).with_named_fields(shape);
        let last = last.with_named_fields(shape);
        let mut owned = Set::default();
        managers.0.values().for_each(|it| owned.extend(&it.fields));
        let all = named(&merged);
        let left = named(&without(shape, &merged, &last));
        let kept = left.union(&owned.with_named_fields(shape));
        let left = named(&without(shape, &merged, &all.difference(&kept)));
        without(shape, &merged, &all.difference(&left).intersection(&last))
    }

    /// Kubernetes: kubectl may take over what it applied on the client's side.
    fn inherit(&self, conflicts: Conflicts) -> Result<Value, Refusal> {
        let author = &self.request.author;
        let allowed = (author.manager == KUBECTL)
            .then(|| inherited(self.shape, &self.live, author))
            .flatten()
            .unwrap_or_default();
        let conflicts = conflicts.outside(&allowed);
        if conflicts.is_empty()
            && let Ok(object) = self.attempt(true)
        {
            return Ok(object);
        }
        Err(Refusal::Conflict(conflicts.status()))
    }

    fn finished(&self, mut object: Value, managers: &Managers) -> Value {
        let members = object::map_mut(&mut object);
        members.insert("apiVersion".into(), self.request.author.api_version.into());
        members.insert("kind".into(), self.request.resource.kind.into());
        object::drop_nulls(&mut object);
        managers.store(&mut object);
        object
    }
}
