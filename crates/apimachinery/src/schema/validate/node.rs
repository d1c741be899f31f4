//! A structural schema as its definition writes it.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

/// What one value has to be like.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Node {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) nullable: bool,
    #[serde(rename = "x-kubernetes-int-or-string")]
    pub(super) int_or_string: bool,
    #[serde(rename = "enum")]
    pub(super) values: Vec<Value>,
    #[serde(rename = "x-kubernetes-validations")]
    pub(super) rules: Vec<Rule>,

    pub(super) properties: BTreeMap<String, Node>,
    pub(super) additional_properties: Option<Box<Node>>,
    pub(super) required: Vec<String>,
    pub(super) min_properties: Option<u64>,
    pub(super) max_properties: Option<u64>,

    pub(super) items: Option<Box<Node>>,
    pub(super) min_items: Option<u64>,
    pub(super) max_items: Option<u64>,

    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) pattern: Option<Pattern>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,

    pub(super) all_of: Vec<Node>,
    pub(super) any_of: Vec<Node>,
    pub(super) one_of: Vec<Node>,
    pub(super) not: Option<Box<Node>>,
}

/// An expression that has to be true of a value, and what to say where it is not.
#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    pub(super) rule: String,
    #[serde(default)]
    pub(super) message: String,
}

/// A regular expression.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern(pub(super) Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Regex::new(&text).map(Self)
    }
}

impl Node {
    /// The types a value may have; none where any may stand.
    pub(super) fn types(&self) -> &str {
        if self.int_or_string {
            "integer,string"
        } else {
            self.kind.as_deref().unwrap_or_default()
        }
    }

    /// The schema of a member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let other = self.additional_properties.as_deref();
        self.properties.get(name).or(other)
    }

    /// Every schema within that gives values their structure, itself first.
    pub(super) fn visit<'a>(&'a self, meet: &mut dyn FnMut(&'a Self)) {
        meet(self);
        let inner = [&self.items, &self.additional_properties];
        let inner = inner.into_iter().flatten().map(AsRef::as_ref);
        for node in self.properties.values().chain(inner).chain(&self.all_of) {
            node.visit(meet);
        }
    }
}
