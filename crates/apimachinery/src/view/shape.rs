//! What is written of a view: the shapes of answers, lists and tables.

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::Value;

use super::{Form, Include, ListMeta, MetaVersion, Shown, ShownList, View};
use crate::object;
use crate::table::{self, Column};
use crate::versioned::Versioned;

const PARTIAL: &str = "PartialObjectMetadata";

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            view,
            object,
            now,
            columns,
        } = self;
        match view.form {
            Form::Whole => Versioned::new(object, &view.api_version()).serialize(serializer),
            Form::Metadata(meta) => Partial::of(object, meta).serialize(serializer),
            Form::Table(meta, include) => Table {
                kind: "Table",
                api_version: meta.api_version(),
                metadata: &ListMeta {
                    resource_version: object::text(object, &["metadata", "resourceVersion"])
                        .to_owned(),
                    ..ListMeta::default()
                },
                column_definitions: columns.then(|| table::columns(view.resource.storage())),
                rows: [view.row(object, meta, include, *now)],
            }
            .serialize(serializer),
        }
    }
}

impl<T: AsRef<Value>> Serialize for ShownList<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            view,
            items,
            metadata,
            now,
        } = self;
        let api_version = view.api_version();
        match view.form {
            Form::Whole => List {
                kind: &format!("{}List", view.resource.kind),
                api_version: &api_version,
                metadata,
                items: Each(items, |object| {
                    Versioned::new(object, &api_version).as_item(view.resource)
                }),
            }
            .serialize(serializer),
            Form::Metadata(meta) => List {
                kind: "PartialObjectMetadataList",
                api_version: meta.api_version(),
                metadata,
                items: Each(items, |object| Partial::of(object, meta)),
            }
            .serialize(serializer),
            Form::Table(meta, include) => Table {
                kind: "Table",
                api_version: meta.api_version(),
                metadata,
                column_definitions: Some(table::columns(view.resource.storage())),
                rows: Each(items, |object| view.row(object, meta, include, *now)),
            }
            .serialize(serializer),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a, I> {
    kind: &'a str,
    api_version: &'a str,
    metadata: &'a ListMeta,
    items: I,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Table<'a, R> {
    kind: &'static str,
    api_version: &'static str,
    metadata: &'a ListMeta,
    column_definitions: Option<&'static [Column]>,
    rows: R,
}

#[derive(Serialize)]
struct Row<'a> {
    cells: Vec<Value>,
    object: RowObject<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RowObject<'a> {
    None,
    Metadata(Partial<'a>),
    Whole(Whole<'a>),
}

/// The metadata of an object of any kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Partial<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Option<&'a Value>,
}

impl<'a> Partial<'a> {
    fn of(object: &'a Value, meta: MetaVersion) -> Self {
        Self {
            kind: PARTIAL,
            api_version: meta.api_version(),
            metadata: object.get("metadata"),
        }
    }
}

struct Whole<'a>(&'a Value, String);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Versioned::new(self.0, &self.1).serialize(serializer)
    }
}

/// Items made one by one while they are written.
struct Each<'a, T, F>(&'a [T], F);

impl<'a, T, F, U> Serialize for Each<'a, T, F>
where
    T: AsRef<Value>,
    F: Fn(&'a Value) -> U,
    U: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            items.serialize_element(&self.1(item.as_ref()))?;
        }
        items.end()
    }
}

impl View {
    /// A row of a table.
    fn row<'a>(
        &self,
        object: &'a Value,
        meta: MetaVersion,
        include: Include,
        now: Timestamp,
    ) -> Row<'a> {
        Row {
            cells: table::cells(self.resource.storage(), object, now),
            object: match include {
                Include::None => RowObject::None,
                Include::Metadata => RowObject::Metadata(Partial::of(object, meta)),
                Include::Object => RowObject::Whole(Whole(object, self.api_version())),
            },
        }
    }
}
