//! Which object an event is about.

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

/// `involvedObject` of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    kind: &'static str,
    api_version: &'static str,
    namespace: String,
    name: String,
    uid: String,
    resource_version: String,
    field_path: String,
}

impl Reference {
    /// The object as it is now.
    pub fn to<T: Metadata<Ty = ObjectMeta>>(object: &T) -> Self {
        let metadata = object.metadata();
        Self {
            kind: T::KIND,
            api_version: T::API_VERSION,
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            field_path: String::new(),
        }
    }

    /// A part of it: `spec.containers{web}`.
    #[must_use]
    pub fn at(mut self, field_path: impl Into<String>) -> Self {
        self.field_path = field_path.into();
        self
    }

    /// Kubernetes: events of objects without a namespace are in `default`.
    pub(super) fn event_namespace(&self) -> &str {
        match self.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The same object at whatever version: changes in between do not make another event of it.
    pub(super) fn timeless(&self) -> Self {
        Self {
            resource_version: String::new(),
            ..self.clone()
        }
    }

    /// The whole object, of which this may be a part.
    pub(super) fn whole(&self) -> Self {
        Self {
            field_path: String::new(),
            ..self.timeless()
        }
    }

    pub(super) fn to_value(&self) -> Value {
        let mut value = json!({"kind": self.kind, "apiVersion": self.api_version});
        let rest = [
            ("namespace", &self.namespace),
            ("name", &self.name),
            ("uid", &self.uid),
            ("resourceVersion", &self.resource_version),
            ("fieldPath", &self.field_path),
        ];
        for (member, text) in rest.into_iter().filter(|(_, text)| !text.is_empty()) {
            value[member] = json!(text);
        }
        value
    }
}
