//! The API described in OpenAPI, as kubectl asks for it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use apimachinery::openapi::{self, Words};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Map, Value, json};

use super::published::Published;
use super::target::OpenApi;
use super::{Call, reply};
use crate::resource;

/// The protobuf form of OpenAPI 2. An empty message is a whole document that says nothing, and a
/// client that finds nothing checks nothing.
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The documents by group and version, each made when it, or the index, is first asked for.
pub(super) struct Descriptions {
    words: Box<dyn Words>,
    documents: BTreeMap<(&'static str, &'static str), OnceLock<Published>>,
}

impl Descriptions {
    pub(super) fn new(words: Box<dyn Words>) -> Self {
        let groups = [""].into_iter().chain(resource::groups());
        let versions = |group| {
            let versions = resource::versions(group).into_iter();
            versions.map(move |version| ((group, version), OnceLock::new()))
        };
        Self {
            words,
            documents: groups.flat_map(versions).collect(),
        }
    }

    fn published(&self, group: &'static str, version: &'static str) -> Option<&Published> {
        let document = self.documents.get(&(group, version))?;
        Some(document.get_or_init(|| {
            let document = openapi::document(group, version, self.words.as_ref());
            Published::new(&document, "application/json")
        }))
    }

    fn index(&self) -> Value {
        let known = self.documents.keys().filter_map(|(group, version)| {
            let root = if group.is_empty() { "api" } else { "apis" };
            let name = format!("{root}/{}", resource::group_version(group, version));
            let hash = self.published(group, version)?.hash();
            let address = format!("/openapi/v3/{name}?hash={hash}");
            Some((name, json!({"serverRelativeURL": address})))
        });
        json!({"paths": Map::from_iter(known)})
    }
}

/// The answer about a description.
pub(super) fn document(call: &Call<'_>, document: &OpenApi) -> Response {
    match document {
        OpenApi::V2 => v2(call),
        OpenApi::Index => reply::json(StatusCode::OK, &call.descriptions.index()),
        OpenApi::Version(group, version) => match call.descriptions.published(group, version) {
            // Kubernetes: whoever names the hash has an answer that never changes.
            Some(document) if call.query.get("hash") == Some(document.hash()) => {
                document.answer(call, "public, immutable")
            }
            Some(document) => document.answer(call, "no-cache, private"),
            None => reply::page_not_found(),
        },
    }
}

fn v2(call: &Call<'_>) -> Response {
    let wants_protobuf = call
        .header(ACCEPT)
        .is_some_and(|it| it.contains("protobuf"));
    if wants_protobuf {
        return ([(CONTENT_TYPE, V2_PROTOBUF)], "").into_response();
    }
    let info = json!({"title": "Kubernetes", "version": "v1.35.4"});
    let document = json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}});
    reply::json(StatusCode::OK, &document)
}
