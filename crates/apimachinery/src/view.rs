//! How a client wants to see objects: whole, their metadata alone, or as rows of a table.
//!
//! ```text
//!  stored object ──► View { version, form } ──► JSON of an answer, of a list, of a line of a watch
//! ```
//!
//! Nothing is copied: what is shown borrows from what is stored.

mod shape;

use jiff::Timestamp;
use serde_json::Value;

use crate::resource::Resource;

/// The shape objects are shown in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Form {
    /// As they are.
    #[default]
    Whole,
    /// Their metadata alone.
    Metadata(MetaVersion),
    /// A table with a row for each.
    Table(MetaVersion, Include),
}

/// Version of `meta.k8s.io`, the group of tables and of bare metadata.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetaVersion {
    /// `v1`
    V1,
    /// `v1beta1`
    V1Beta1,
}

/// What a row of a table carries besides its cells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Include {
    /// Nothing.
    None,
    /// The object's metadata.
    Metadata,
    /// The object.
    Object,
}

/// Objects of a resource as one client sees them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct View {
    /// What they are.
    pub resource: &'static Resource,
    /// The version the client speaks.
    pub version: &'static str,
    /// Their shape.
    pub form: Form,
}

/// Metadata of a list.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListMeta {
    /// The version it is of.
    pub resource_version: String,
    /// What to ask the next page with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#continue: Option<String>,
    /// Items after this page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_item_count: Option<usize>,
}

/// One object as a client sees it.
pub struct Shown<'a> {
    view: View,
    object: &'a Value,
    now: Timestamp,
    /// A table names its columns.
    columns: bool,
}

/// Many objects as a client sees them.
pub struct ShownList<'a, T> {
    view: View,
    items: &'a [T],
    metadata: &'a ListMeta,
    now: Timestamp,
}

impl View {
    /// Objects as they are, in one version.
    pub fn whole(resource: &'static Resource, version: &'static str) -> Self {
        Self {
            resource,
            version,
            form: Form::Whole,
        }
    }

    /// One object; ages in it are of `now`.
    pub fn show<'a>(&self, object: &'a Value, now: Timestamp) -> Shown<'a> {
        Shown {
            view: *self,
            object,
            now,
            columns: true,
        }
    }

    /// A list of objects.
    pub fn show_list<'a, T: AsRef<Value>>(
        &self,
        items: &'a [T],
        metadata: &'a ListMeta,
        now: Timestamp,
    ) -> ShownList<'a, T> {
        ShownList {
            view: *self,
            items,
            metadata,
            now,
        }
    }

    fn api_version(&self) -> String {
        self.resource.api_version(self.version)
    }
}

impl Shown<'_> {
    /// Leaves the columns out: a watch tells them once.
    #[must_use]
    pub fn without_columns(self) -> Self {
        Self {
            columns: false,
            ..self
        }
    }
}

impl MetaVersion {
    fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::resource::rows;

    fn gateway() -> Value {
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
            "metadata": {"name": "g", "resourceVersion": "7"}, "spec": {},
        })
    }

    fn shown(form: Form) -> Value {
        let view = View {
            form,
            ..View::whole(&rows::GATEWAYS, "v1beta1")
        };
        serde_json::to_value(view.show(&gateway(), Timestamp::UNIX_EPOCH)).unwrap()
    }

    fn listed(form: Form, metadata: &ListMeta) -> Value {
        let view = View {
            form,
            ..View::whole(&rows::GATEWAYS, "v1beta1")
        };
        let items = [Arc::new(gateway())];
        serde_json::to_value(view.show_list(&items, metadata, Timestamp::UNIX_EPOCH)).unwrap()
    }

    #[test]
    fn one_object_has_three_forms() {
        assert_eq!(
            shown(Form::Whole)["apiVersion"],
            "networking.istio.io/v1beta1"
        );
        let metadata = json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1beta1",
            "metadata": {"name": "g", "resourceVersion": "7"},
        });
        assert_eq!(shown(Form::Metadata(MetaVersion::V1Beta1)), metadata);
        let mut table = shown(Form::Table(MetaVersion::V1, Include::None));
        assert_eq!(table["columnDefinitions"].take()[0]["name"], "Name");
        let expected = json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"},
            "columnDefinitions": null, "rows": [{"cells": ["g", "<unknown>"], "object": null}],
        });
        assert_eq!(table, expected);
    }

    #[test]
    fn a_row_carries_what_was_asked_for() {
        let object =
            |include| shown(Form::Table(MetaVersion::V1, include))["rows"][0]["object"].take();
        assert_eq!(
            object(Include::Metadata),
            shown(Form::Metadata(MetaVersion::V1))
        );
        assert_eq!(object(Include::Object), shown(Form::Whole));
    }

    #[test]
    fn a_watch_can_leave_the_columns_out() {
        let form = Form::Table(MetaVersion::V1, Include::None);
        let view = View {
            form,
            ..View::whole(&rows::PODS, "v1")
        };
        let object = json!({});
        let row = view.show(&object, Timestamp::UNIX_EPOCH).without_columns();
        assert_eq!(
            serde_json::to_value(row).unwrap()["columnDefinitions"],
            Value::Null
        );
    }

    #[test]
    fn a_list_has_the_same_metadata_in_each_form() {
        let metadata = ListMeta {
            resource_version: "9".into(),
            r#continue: Some("next".into()),
            remaining_item_count: Some(3),
        };
        let expected = json!({"resourceVersion": "9", "continue": "next", "remainingItemCount": 3});
        for (form, kind, items) in [
            (Form::Whole, "GatewayList", "items"),
            (
                Form::Metadata(MetaVersion::V1),
                "PartialObjectMetadataList",
                "items",
            ),
            (
                Form::Table(MetaVersion::V1, Include::Metadata),
                "Table",
                "rows",
            ),
        ] {
            let list = listed(form, &metadata);
            assert_eq!(list["metadata"], expected);
            assert_eq!(
                (&list["kind"], list[items].as_array().map(Vec::len)),
                (&json!(kind), Some(1))
            );
        }
    }
}
