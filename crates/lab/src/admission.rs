//! What the lab adds to Kubernetes' own defaults and rules: what a new pod has, limits, quotas,
//! and Istio's say.

mod claim;
mod istio;
mod limits;
mod pod;
pub(crate) mod quota;

use anyhow::{Context, Result};
use apimachinery::decode::{self, Strictness};
use apimachinery::ownership::{self, Author};
use apimachinery::{defaults, validation};
use apiserver::admission::{Admission, Operation, Review};
use apiserver::resource::{ALL, Resource, rows};
use apiserver::services::Services;
use apiserver::status::Status;
use apiserver::store::Store;
use serde_json::Value;

use crate::injection;
use crate::network::Addresses;

/// The rules of one cluster.
pub struct Rules {
    store: Store,
    services: Services,
}

impl Rules {
    /// For the cluster of this store.
    pub fn new(store: Store, addresses: &Addresses) -> Self {
        let services = Services::new(store.clone(), addresses.services());
        Self { store, services }
    }

    /// Creates an object of a manifest as a client would, one known as `manager` where the object
    /// shall look like a user's.
    ///
    /// # Errors
    /// When its kind is unknown or it is refused.
    pub fn create(&self, object: Value, manager: Option<&str>) -> Result<()> {
        let (kind, version) = (text(&object, "/kind"), text(&object, "/apiVersion"));
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let known = |it: &&&Resource| {
            it.kind == kind && it.group == group && it.versions.contains(&version)
        };
        let resource = ALL
            .iter()
            .find(known)
            .with_context(|| format!("no kind {kind} in {group}/{version}"))?;
        let decoded = decode::object(resource, version, object.into())?;
        let (mut object, _) = decoded.settle(Strictness::Strict)?;
        let (namespace, name) = (
            text(&object, "/metadata/namespace"),
            text(&object, "/metadata/name"),
        );
        defaults::fill(resource, version, &mut object);
        self.default_object(resource, &mut object, None);
        let review = Review {
            operation: Operation::Create,
            resource,
            version,
            namespace: &namespace,
            name: &name,
            object: Some(&object),
            old: None,
        };
        let refused =
            |status: Status| anyhow::anyhow!("{kind} {namespace}/{name}: {}", status.message());
        let faults = validation::create(resource, &object);
        if !faults.is_empty() {
            return Err(refused(Status::invalid(resource, &name, faults)));
        }
        self.admit(&review).map_err(refused)?;
        if let Some(manager) = manager {
            let author = Author {
                manager,
                api_version: &resource.api_version(version),
                subresource: "",
                time: &self.store.timestamp(),
            };
            ownership::update(resource, None, &mut object, &author);
        }
        self.store.create(resource, &namespace, object)?;
        Ok(())
    }
}

impl Admission for Rules {
    fn default_object(&self, resource: &'static Resource, object: &mut Value, old: Option<&Value>) {
        self.services.default_object(resource, object, old);
        if *resource == rows::PODS && old.is_none() {
            let namespace = text(object, "/metadata/namespace");
            injection::inject(&self.store, &namespace, object);
            limits::fill(&self.store, &namespace, object);
            pod::fill(object);
        }
        if *resource == rows::PERSISTENT_VOLUME_CLAIMS && old.is_none() {
            claim::fill(&self.store, object);
        }
    }

    fn admit(&self, review: &Review<'_>) -> Result<Vec<String>, Status> {
        let Some(object) = review.object else {
            return Ok(Vec::new());
        };
        let resource = review.resource;
        if resource.custom {
            return istio::admit(object);
        }
        self.services.admit(review)?;
        if review.operation == Operation::Create {
            if *resource == rows::PODS {
                pod::check_account(&self.store, review, object)?;
            }
            limits::check(&self.store, review, object)?;
            quota::check(&self.store, review, object)?;
        }
        Ok(Vec::new())
    }
}

fn text(object: &Value, pointer: &str) -> String {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
