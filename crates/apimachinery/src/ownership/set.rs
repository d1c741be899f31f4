//! Sets of fields, as trees.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::path::Step;
use super::{Parts, member};
use crate::schema::Shape;

/// A set of paths below one place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Set(BTreeMap<Step, Node>);

/// What is in the set at one step.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Node {
    /// The path that ends here is a member.
    pub(super) member: bool,
    /// Members that go on from here.
    pub(super) children: Set,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

impl Set {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its first steps, in order.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&Step, &Node)> {
        self.0.iter()
    }

    /// The node of a step, made where it is missing: it must not stay empty.
    pub(super) fn node_mut(&mut self, step: Step) -> &mut Node {
        self.0.entry(step).or_default()
    }

    pub(super) fn insert(&mut self, path: &[Step]) {
        if let [step, rest @ ..] = path {
            let node = self.node_mut(step.clone());
            match rest {
                [] => node.member = true,
                rest => node.children.insert(rest),
            }
        }
    }

    /// Adds a node, unless it is empty.
    pub(super) fn put(&mut self, step: Step, node: Node) {
        if !node.is_empty() {
            self.0.insert(step, node);
        }
    }

    pub(super) fn has(&self, path: &[Step]) -> bool {
        match path {
            [] => false,
            [step] => self.0.get(step).is_some_and(|node| node.member),
            [step, rest @ ..] => self.below(step).is_some_and(|set| set.has(rest)),
        }
    }

    /// The members that go on from a step; none where there are none.
    pub(super) fn below(&self, step: &Step) -> Option<&Set> {
        let children = &self.0.get(step)?.children;
        (!children.is_empty()).then_some(children)
    }

    /// Keeps what starts with these steps.
    pub(super) fn retain(&mut self, keep: impl Fn(&Step) -> bool) {
        self.0.retain(|step, _| keep(step));
    }

    pub(super) fn union(&self, other: &Set) -> Set {
        let mut all = self.clone();
        all.extend(other);
        all
    }

    pub(super) fn extend(&mut self, other: &Set) {
        for (step, node) in &other.0 {
            match self.0.entry(step.clone()) {
                Entry::Vacant(place) => drop(place.insert(node.clone())),
                Entry::Occupied(mut place) => {
                    let mine = place.get_mut();
                    mine.member |= node.member;
                    mine.children.extend(&node.children);
                }
            }
        }
    }

    pub(super) fn intersection(&self, other: &Set) -> Set {
        self.combined(|step, node| {
            let other = other.0.get(step)?;
            Some(Node {
                member: node.member && other.member,
                children: node.children.intersection(&other.children),
            })
        })
    }

    /// Its members that are not of the other; a parent does not take its children along.
    pub(super) fn difference(&self, other: &Set) -> Set {
        self.combined(|step, node| match other.0.get(step) {
            None => Some(node.clone()),
            Some(other) => Some(Node {
                member: node.member && !other.member,
                children: node.children.difference(&other.children),
            }),
        })
    }

    fn combined(&self, with: impl Fn(&Step, &Node) -> Option<Node>) -> Set {
        let mut combined = Set::default();
        for (step, node) in &self.0 {
            if let Some(node) = with(step, node) {
                combined.put(step.clone(), node);
            }
        }
        combined
    }

    /// The set with every field of a message that leads to a member.
    pub(super) fn with_named_fields(&self, shape: &Shape) -> Set {
        let mut set = Set::default();
        for (step, node) in &self.0 {
            let (inner, named) = match (step, shape, Parts::of(shape)) {
                (Step::Field(name), Shape::Struct(of), _) => {
                    (member(shape, name), of.field(name).is_some())
                }
                (Step::Field(name), ..) => (member(shape, name), false),
                (_, _, Parts::Items(list)) => (&list.item, false),
                _ => (&Shape::Any, false),
            };
            let node = Node {
                member: node.member || (named && !node.children.is_empty()),
                children: node.children.with_named_fields(inner),
            };
            set.put(step.clone(), node);
        }
        set
    }

    /// Every member, those that end at a step before those that go on.
    pub(super) fn paths(&self) -> Vec<Vec<Step>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, path: &mut Vec<Step>, paths: &mut Vec<Vec<Step>>) {
        for (step, _) in self.0.iter().filter(|(_, node)| node.member) {
            paths.push(path.iter().chain([step]).cloned().collect());
        }
        for (step, node) in &self.0 {
            path.push(step.clone());
            node.children.collect(path, paths);
            path.pop();
        }
    }
}

impl<const N: usize> FromIterator<[&'static str; N]> for Set {
    fn from_iter<T: IntoIterator<Item = [&'static str; N]>>(paths: T) -> Self {
        let mut set = Set::default();
        for path in paths {
            set.insert(&path.map(|name| Step::Field(name.into())));
        }
        set
    }
}
