//! What a proxy says of a cluster.

use crate::case::ClusterView;
use crate::driver::Cluster;

/// What is wrong with what a proxy says of a cluster.
pub(crate) fn cluster(subset: &str, wanted: &ClusterView, cluster: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(ejected) = wanted.ejected.as_ref().filter(|it| **it != cluster.ejected) {
        wrong.push(format!(
            "ejected from {subset:?}: {:?} instead of {ejected:?}",
            cluster.ejected
        ));
    }
    let hosts = wanted.hosts.iter().flat_map(|(pod, wanted)| {
        let is = cluster.hosts.get(pod);
        wanted
            .iter()
            .map(move |(name, count)| (name, count, is.and_then(|is| is.get(name))))
    });
    let own = [
        (&wanted.counters, &cluster.counters),
        (&wanted.limits, &cluster.limits),
    ];
    let own = own.into_iter().flat_map(|(wanted, is)| {
        wanted
            .iter()
            .map(|(name, count)| (name, count, is.get(name)))
    });
    for (name, count, is) in hosts.chain(own) {
        if !is.is_some_and(|is| count.allows(*is)) {
            wrong.push(format!(
                "{name} of {subset:?} is {is:?} instead of {count:?}"
            ));
        }
    }
    wrong
}
