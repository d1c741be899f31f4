//! What changed between two objects.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::item::Index;
use super::path::Step;
use super::set::Set;
use super::{Parts, is_blank, member};
use crate::schema::{Field, List, Scalar, Shape};

/// What changed. No path is in more than one of the sets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Comparison {
    pub(super) removed: Set,
    pub(super) modified: Set,
    pub(super) added: Set,
}

/// Compares two objects of one shape.
pub(super) fn compare(shape: &Shape, old: &Value, new: &Value) -> Comparison {
    let mut walk = Walk {
        path: Vec::new(),
        changes: Comparison::default(),
    };
    walk.values(shape, Some(old), Some(new));
    walk.changes
}

static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
static NULL: Value = Value::Null;

struct Walk {
    path: Vec<Step>,
    changes: Comparison,
}

impl Walk {
    fn values(&mut self, shape: &Shape, old: Option<&Value>, new: Option<&Value>) {
        let parts = Parts::of(shape);
        // Kubernetes: nothing against nothing is one value, so that {} and null differ.
        if matches!(parts, Parts::None) || (is_blank(old) && is_blank(new)) {
            return self.whole(old, new);
        }
        match parts {
            Parts::Items(list) => self.items(list, old, new),
            _ => self.members(shape, old, new),
        }
        match (old, new) {
            (None, _) => self.changes.added.insert(&self.path),
            (_, None) => self.changes.removed.insert(&self.path),
            _ => {}
        }
    }

    fn whole(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, Some(_)) => self.changes.added.insert(&self.path),
            (Some(_), None) => self.changes.removed.insert(&self.path),
            (Some(old), Some(new)) if old != new => self.changes.modified.insert(&self.path),
            _ => {}
        }
    }

    fn at(&mut self, step: Step, visit: impl FnOnce(&mut Self)) {
        self.path.push(step);
        visit(self);
        self.path.pop();
    }

    fn members<'a>(&mut self, shape: &Shape, old: Option<&'a Value>, new: Option<&'a Value>) {
        let (old, new) = (members(old), members(new));
        let names: BTreeSet<&String> = old.into_iter().chain(new).flat_map(Map::keys).collect();
        for name in names {
            let unset = unset(shape, name);
            let value =
                |side: Option<&'a Map<String, Value>>| side.and_then(|it| it.get(name).or(unset));
            let (before, after) = (value(old), value(new));
            let inner = member(shape, name);
            self.at(Step::Field(name.clone()), |walk| {
                walk.values(inner, before, after)
            });
        }
    }

    fn items(&mut self, list: &List, old: Option<&Value>, new: Option<&Value>) {
        let (Some(before), Some(after)) = (Index::of(list, old), Index::of(list, new)) else {
            return self.whole(old, new);
        };
        let added = after
            .items
            .keys()
            .filter(|step| !before.items.contains_key(*step));
        for step in before.items.keys().chain(added) {
            let of = |index: &Index<'_>| index.items.get(step).map_or(0, Vec::len);
            let (old, new) = (before.items.get(step), after.items.get(step));
            self.at(step.clone(), |walk| match (of(&before), of(&after)) {
                (0 | 1, 0 | 1) => walk.values(&list.item, before.only(step), after.only(step)),
                (0 | 1, _) => {
                    if let Some(only) = before.only(step) {
                        walk.values(&list.item, Some(only), None);
                    }
                    walk.changes.added.insert(&walk.path);
                }
                (_, 0 | 1) => {
                    if let Some(only) = after.only(step) {
                        walk.values(&list.item, None, Some(only));
                    }
                    walk.changes.removed.insert(&walk.path);
                }
                _ if old != new => walk.changes.modified.insert(&walk.path),
                _ => {}
            });
        }
    }
}

fn members(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

/// What a field holds that nobody set: Go writes structs even when they are empty, and some fields
/// always, so that they are never added and never removed.
fn unset(shape: &Shape, name: &str) -> Option<&'static Value> {
    let Shape::Struct(of) = shape else {
        return None;
    };
    let typed = |field: &&Field| field.number.is_some() && !field.pointer;
    let field = of.field(name).filter(typed)?;
    match &field.shape {
        Shape::Struct(_) => Some(&EMPTY),
        Shape::Scalar(Scalar::Time | Scalar::MicroTime) => Some(&NULL),
        Shape::List(_) | Shape::Map(_) if field.always => Some(&NULL),
        _ => None,
    }
}
