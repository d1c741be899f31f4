//! Stored objects as clients of one of their versions know them.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::convert;
use crate::resource::Resource;

/// A stored object as seen in one of its versions: serialized with that `apiVersion`, copied only
/// where its form differs too.
pub struct Versioned<'a> {
    object: Cow<'a, Value>,
    api_version: &'a str,
    /// Says what it is.
    typed: bool,
}

impl<'a> Versioned<'a> {
    /// Shows `object` as of this version.
    pub fn new(object: &'a Value, api_version: &'a str) -> Self {
        Self {
            object: convert::served(object, api_version),
            api_version,
            typed: true,
        }
    }

    /// As an item of a list of this resource. Kubernetes: built-in kinds do not say there what they
    /// are, since the list has.
    #[must_use]
    pub fn as_item(self, resource: &Resource) -> Self {
        Self {
            typed: resource.custom,
            ..self
        }
    }
}

impl Serialize for Versioned<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(members) = &*self.object else {
            return self.object.serialize(serializer);
        };
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in members {
            match key.as_str() {
                "apiVersion" | "kind" if !self.typed => {}
                "apiVersion" => map.serialize_entry(key, self.api_version)?,
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

/// A copy of a stored object as a client of `version` knows it.
pub fn in_version(resource: &Resource, object: &Value, version: &str) -> Value {
    let api_version = resource.api_version(version);
    let mut copy = convert::served(object, &api_version).into_owned();
    copy["apiVersion"] = api_version.into();
    copy
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::rows;

    #[test]
    fn an_object_is_written_in_the_version_asked_for() {
        let stored = json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway"});
        let text = serde_json::to_string(&Versioned::new(&stored, "networking.istio.io/v1beta1"));
        assert!(
            text.unwrap()
                .contains(r#""apiVersion":"networking.istio.io/v1beta1""#)
        );
        let copy = in_version(&rows::GATEWAYS, &stored, "v1alpha3");
        assert_eq!(copy["apiVersion"], "networking.istio.io/v1alpha3");
    }
}
