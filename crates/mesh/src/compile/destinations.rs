//! Destinations of a rule → clusters: where requests and their copies go, and what of them is hashed.

use super::policy::Blocks;
use super::routes::{Invalid, Scope};
use crate::config::{HashPolicy, WeightedCluster};
use crate::headers::HeaderOps;
use crate::mirror::{self, Mirror};
use crate::model::{Destination, HttpRoute, VirtualService};
use crate::names;
use crate::precedence;
use crate::weights::Weighted;

/// Who gets copies, as far as anybody does.
pub(super) fn mirrors(object: &VirtualService, rule: &HttpRoute, scope: Scope<'_>) -> Vec<Mirror> {
    let one = rule.mirror.as_ref().zip(mirror::share(rule));
    let several = rule
        .mirrors
        .iter()
        .filter_map(|it| Some((&it.destination, mirror::share_of(it)?)));
    let mirror = |(destination, chance): (&Destination, _)| Mirror {
        cluster: cluster(destination, &object.metadata.namespace, scope).into(),
        chance,
    };
    one.into_iter().chain(several).map(mirror).collect()
}

/// Istio: what the policies of all destinations hash, each once.
pub(super) fn hashes(
    object: &VirtualService,
    rule: &HttpRoute,
    scope: Scope<'_>,
) -> Vec<HashPolicy> {
    let mut hashes = Vec::new();
    for route in &rule.route {
        let hash = hash(&route.destination, &object.metadata.namespace, scope);
        hashes.extend(hash.filter(|hash| !hashes.contains(hash)));
    }
    hashes
}

fn hash(destination: &Destination, namespace: &str, scope: Scope<'_>) -> Option<HashPolicy> {
    let fqdn = names::fqdn(&destination.host, namespace);
    let service = scope.world.service(&fqdn)?;
    let rule = precedence::destination_rule(
        scope.world.destination_rules,
        &fqdn,
        &service.namespace,
        scope.client,
    )?;
    let subset = rule
        .spec
        .subsets
        .iter()
        .find(|it| it.name == destination.subset);
    Blocks::of(Some(&rule), subset, port(destination, &fqdn, scope)).hash()
}

/// The weighted clusters; the header changes of a single one are moved to `headers`, the rule's.
pub(super) fn destinations(
    object: &VirtualService,
    rule: &HttpRoute,
    headers: &mut HeaderOps,
    scope: Scope<'_>,
) -> Result<Weighted<WeightedCluster>, Invalid> {
    let mut weighted = Vec::new();
    for route in &rule.route {
        let cluster = cluster(&route.destination, &object.metadata.namespace, scope);
        let own = HeaderOps::compile(route.headers.as_ref())?;
        let weight = u32::try_from(route.weight).unwrap_or(0);
        weighted.push((
            WeightedCluster {
                cluster: cluster.into(),
                headers: own,
            },
            weight,
        ));
    }
    if let [(only, _)] = weighted.as_mut_slice() {
        headers.append(std::mem::take(&mut only.headers));
    }
    Ok(Weighted::new(weighted)?)
}

fn cluster(destination: &Destination, namespace: &str, scope: Scope<'_>) -> String {
    let fqdn = names::fqdn(&destination.host, namespace);
    let port = port(destination, &fqdn, scope);
    names::cluster(port, &destination.subset, &fqdn)
}

/// Istio: the port written, else the service's only one, else the listener's.
fn port(destination: &Destination, fqdn: &str, scope: Scope<'_>) -> u16 {
    let only_port = || match scope.world.service(fqdn)?.ports.as_slice() {
        [only] => Some(only.port),
        _ => None,
    };
    let written = destination
        .port
        .and_then(|port| u16::try_from(port.number).ok());
    written.or_else(only_port).unwrap_or(scope.port)
}
