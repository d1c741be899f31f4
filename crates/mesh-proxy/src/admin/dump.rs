//! `/config_dump`: what is obeyed, as istiod would have sent it.

use std::sync::Arc;

use mesh::config::{Cluster, Config, RouteTable};
use mesh::dump;
use serde_json::{Value, json};

use super::page::Page;
use super::query::Query;

const TYPE: &str = "type.googleapis.com/";

/// One resource of the dump.
struct Resource {
    /// The list it is in.
    list: &'static str,
    name: String,
    /// The entry of the list.
    entry: Value,
}

/// A section of the dump: the type of its message, and its resources.
struct Section {
    kind: &'static str,
    resources: Vec<Resource>,
}

/// The answer to `/config_dump`.
pub(super) fn page(all: &[Arc<Cluster>], configs: &[Arc<Config>], query: &Query) -> Page {
    let pattern = match query.pattern("name_regex") {
        Ok(pattern) => pattern,
        Err(refusal) => return refusal,
    };
    if query.has("mask") {
        return Page::refusal("mask is not supported here, use resource and name_regex");
    }
    let mut sections = vec![clusters(all)];
    if query.has("include_eds") {
        sections.push(endpoints(all));
    }
    sections.extend([listeners(configs), routes(configs)]);
    for section in &mut sections {
        let is_asked = |it: &Resource| {
            pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(it.name.as_bytes()))
        };
        section.resources.retain(is_asked);
    }
    let configs = match query.get("resource") {
        None => sections.iter().map(Section::json).collect(),
        Some(list) => match one_list(&sections, list) {
            Some(entries) => entries,
            None => return Page::text(format!("{list} not found in config dump")).with(404),
        },
    };
    Page::indented(&json!({"configs": Value::Array(configs)}))
}

/// The entries of one list; none where no section has it.
fn one_list(sections: &[Section], list: &str) -> Option<Vec<Value>> {
    let of_list: Vec<Value> = sections
        .iter()
        .flat_map(|section| &section.resources)
        .filter(|resource| resource.list == list)
        .map(|resource| resource.entry.clone())
        .collect();
    (!of_list.is_empty()).then_some(of_list)
}

impl Section {
    fn json(&self) -> Value {
        let mut section = json!({"@type": format!("{TYPE}envoy.admin.v3.{}", self.kind)});
        for resource in &self.resources {
            match section[resource.list].as_array_mut() {
                Some(list) => list.push(resource.entry.clone()),
                None => section[resource.list] = json!([resource.entry]),
            }
        }
        section
    }
}

fn clusters(all: &[Arc<Cluster>]) -> Section {
    let resource = |cluster: &Arc<Cluster>| Resource {
        list: "dynamic_active_clusters",
        name: cluster.name.to_string(),
        entry: json!({"cluster": typed("envoy.config.cluster.v3.Cluster", dump::cluster(cluster))}),
    };
    Section {
        kind: "ClustersConfigDump",
        resources: all.iter().map(resource).collect(),
    }
}

fn endpoints(all: &[Arc<Cluster>]) -> Section {
    let kind = "envoy.config.endpoint.v3.ClusterLoadAssignment";
    let resource = |cluster: &Arc<Cluster>| Resource {
        list: "dynamic_endpoint_configs",
        name: cluster.name.to_string(),
        entry: json!({"endpoint_config": typed(kind, dump::endpoints(cluster))}),
    };
    Section {
        kind: "EndpointsConfigDump",
        resources: all.iter().map(resource).collect(),
    }
}

fn listeners(configs: &[Arc<Config>]) -> Section {
    let kind = "envoy.config.listener.v3.Listener";
    let resource = |listener: Value| {
        let name = listener["name"].as_str().unwrap_or_default().to_owned();
        let state = json!({"listener": typed(kind, listener)});
        Resource {
            list: "dynamic_listeners",
            entry: json!({"name": name, "active_state": state}),
            name,
        }
    };
    let all = configs.iter().flat_map(|config| dump::listeners(config));
    Section {
        kind: "ListenersConfigDump",
        resources: all.map(resource).collect(),
    }
}

fn routes(configs: &[Arc<Config>]) -> Section {
    let kind = "envoy.config.route.v3.RouteConfiguration";
    let resource = |table: &Arc<RouteTable>| Resource {
        list: "dynamic_route_configs",
        name: table.name.to_string(),
        entry: json!({"route_config": typed(kind, dump::routes(table))}),
    };
    let tables = configs.iter().flat_map(|config| config.routes.values());
    Section {
        kind: "RoutesConfigDump",
        resources: tables.map(resource).collect(),
    }
}

fn typed(kind: &str, mut message: Value) -> Value {
    message["@type"] = format!("{TYPE}{kind}").into();
    message
}
