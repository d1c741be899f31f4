//! Merging what an apply says into an object.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::item::Index;
use super::path::Step;
use super::{Parts, is_blank, member};
use crate::schema::{List, Shape};

/// The object with everything the configuration says; what it does not say stays.
pub(super) fn merge(shape: &Shape, live: &Value, config: &Value) -> Value {
    values(shape, Some(live), Some(config)).unwrap_or(Value::Null)
}

fn values(shape: &Shape, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let whole = || config.or(live).cloned();
    match Parts::of(shape) {
        _ if is_blank(live) && is_blank(config) => whole(),
        Parts::None => whole(),
        Parts::Members => members(shape, live, config),
        Parts::Items(list) => match (Index::of(list, live), Index::of(list, config)) {
            (Some(live), Some(config)) => items(list, &live, &config),
            _ => whole(),
        },
    }
}

fn members(shape: &Shape, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let live = live.and_then(Value::as_object);
    let config = config.and_then(Value::as_object);
    let names = live.into_iter().chain(config).flat_map(Map::keys);
    let names: BTreeSet<&String> = names.collect();
    let merged: Map<_, _> = names
        .into_iter()
        .filter_map(|name| {
            let (live, config) = (
                live.and_then(|it| it.get(name)),
                config.and_then(|it| it.get(name)),
            );
            let value = values(member(shape, name), live, config)?;
            Some((name.clone(), value))
        })
        .collect();
    (!merged.is_empty()).then_some(Value::Object(merged))
}

/// Elements of both sides: those of the configuration in its order, and between them, as far as
/// that allows, the others where they stood.
fn items(list: &List, live: &Index<'_>, config: &Index<'_>) -> Option<Value> {
    let mut order = Order::new(live, config);
    let mut taken: BTreeMap<Step, usize> = BTreeMap::new();
    let mut merged = Vec::new();
    while let Some(step) = order.next() {
        let value = match config.only(&step) {
            Some(wanted) => values(&list.item, live.only(&step), Some(wanted)),
            // Equal elements of the object stay as they are, each of them.
            None => {
                let place = taken.entry(step.clone()).or_default();
                *place += 1;
                live.items
                    .get(&step)
                    .and_then(|all| all.get(*place - 1))
                    .map(|it| (*it).clone())
            }
        };
        merged.extend(value);
    }
    (!merged.is_empty()).then_some(Value::Array(merged))
}

/// Which element comes next.
struct Order<'a> {
    live: VecDeque<&'a Step>,
    config: VecDeque<&'a Step>,
    in_live: BTreeSet<&'a Step>,
    in_config: BTreeSet<&'a Step>,
    /// Elements of both, in the order of the configuration.
    shared: VecDeque<&'a Step>,
    done: BTreeSet<&'a Step>,
}

impl<'a> Order<'a> {
    fn new(live: &'a Index<'_>, config: &'a Index<'_>) -> Self {
        let in_live: BTreeSet<_> = live.order.iter().collect();
        let shared = config.order.iter().filter(|step| in_live.contains(step));
        Self {
            shared: shared.collect(),
            in_config: config.order.iter().collect(),
            live: live.order.iter().collect(),
            config: config.order.iter().collect(),
            in_live,
            done: BTreeSet::new(),
        }
    }

    fn next(&mut self) -> Option<Step> {
        loop {
            let (live, config) = (self.live.front().copied(), self.config.front().copied());
            if let (Some(live), Some(config)) = (live, config) {
                if live == config {
                    self.live.pop_front();
                    return self.take();
                }
                let wanted = self.shared.front();
                if self.in_config.contains(live) && wanted.is_some_and(|wanted| *wanted != live) {
                    // In both, but not now: the configuration has it later.
                    self.live.pop_front();
                    continue;
                }
            }
            match live {
                Some(live) if !self.in_config.contains(live) => {
                    self.live.pop_front();
                    return Some(live.clone());
                }
                Some(live) if self.done.contains(live) => drop(self.live.pop_front()),
                _ => {}
            }
            if !self.config.is_empty() {
                return self.take();
            }
            // What is left of the object was merged already.
            if self.live.is_empty() {
                return None;
            }
        }
    }

    /// The next element of the configuration.
    fn take(&mut self) -> Option<Step> {
        let step = self.config.pop_front()?;
        self.done.insert(step);
        if self.in_live.contains(step) && self.shared.front() == Some(&step) {
            self.shared.pop_front();
        }
        Some(step.clone())
    }
}
