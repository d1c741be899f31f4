//! What pods ask of a node, and what it has.

use std::collections::BTreeMap;

use apiserver::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, Node, Pod};
use k8s_openapi::apimachinery::pkg::api::resource as api;

use super::filter::Objection;
use super::{Situation, node_of};

/// Amounts by resource.
type Amounts = BTreeMap<String, Quantity>;

/// Kubernetes: every resource that is short is told, as is a node that is full.
pub(super) fn objections(pod: &Pod, node: &Node, situation: &Situation<'_>) -> Vec<Objection> {
    let status = node.status.as_ref();
    let allocatable = amounts(status.and_then(|it| it.allocatable.as_ref()));
    let here = |other: &&Pod| node_of(other) == node.metadata.name.as_deref();
    let neighbours: Vec<&Pod> = situation.placed.iter().filter(here).collect();
    let mut found = Vec::new();
    let places = allocatable.get("pods");
    if places.is_some_and(|places| Quantity::count(neighbours.len()) >= *places) {
        found.push(Objection::passing("Too many pods"));
    }
    let wanted = requests(pod);
    let mut used = Amounts::new();
    for other in neighbours {
        add(&mut used, requests(other));
    }
    for (resource, wanted) in wanted
        .into_iter()
        .filter(|(_, wanted)| *wanted > Quantity::default())
    {
        let has = allocatable.get(&resource).copied().unwrap_or_default();
        let used = used.get(&resource).copied().unwrap_or_default();
        let reason = format!("Insufficient {resource}");
        if wanted > has {
            found.push(Objection::lasting(reason));
        } else if used + wanted > has {
            found.push(Objection::passing(reason));
        }
    }
    found
}

/// What a pod asks for: all its containers together, or one of those that run before them and
/// asks for more. Kubernetes: one that keeps running beside them counts with them.
fn requests(pod: &Pod) -> Amounts {
    let Some(spec) = &pod.spec else {
        return Amounts::new();
    };
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let stays = |it: &&Container| it.restart_policy.as_deref() == Some("Always");
    let mut total = Amounts::new();
    for container in spec.containers.iter().chain(init.iter().filter(stays)) {
        add(&mut total, of_container(container));
    }
    for container in init.iter().filter(|it| !stays(it)) {
        for (resource, amount) in of_container(container) {
            let so_far = total.entry(resource).or_default();
            *so_far = amount.max(*so_far);
        }
    }
    add(&mut total, amounts(spec.overhead.as_ref()));
    total
}

fn of_container(container: &Container) -> Amounts {
    let resources = container.resources.as_ref();
    amounts(resources.and_then(|it| it.requests.as_ref()))
}

fn amounts(quantities: Option<&BTreeMap<String, api::Quantity>>) -> Amounts {
    let read = |(resource, amount): (&String, &api::Quantity)| {
        Some((resource.clone(), Quantity::parse(&amount.0)?))
    };
    quantities.into_iter().flatten().filter_map(read).collect()
}

fn add(total: &mut Amounts, more: Amounts) {
    for (resource, amount) in more {
        let so_far = total.entry(resource).or_default();
        *so_far = *so_far + amount;
    }
}
