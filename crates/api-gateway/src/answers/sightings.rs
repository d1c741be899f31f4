//! What answers alone prove: a pod that answered is alive, whatever any API says or cannot say.

use std::collections::BTreeMap;

use super::Answer;
use crate::clock::UnixMs;
use crate::theater::{PerCluster, Service};

/// Pods remembered in each cluster; the one silent the longest is forgotten first.
const REMEMBERED: usize = 200;

/// The pods that have answered, by cluster and name.
#[derive(Clone, Debug, Default)]
pub struct Sightings(PerCluster<BTreeMap<String, Sighting>>);

/// A pod's last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The service it answered for.
    pub service: Service,
    /// When.
    pub last_answer: UnixMs,
}

impl Sightings {
    /// Notes an answer; whether its pod was not known before.
    pub fn note(&mut self, answer: &Answer) -> bool {
        let (Some(cluster), Some(pod)) = (answer.cluster, &answer.pod) else {
            return false;
        };
        let pods = self.0.get_mut(cluster);
        if let Some(known) = pods.get_mut(pod) {
            known.last_answer = answer.t;
            return false;
        }
        if pods.len() == REMEMBERED {
            forget_oldest(pods);
        }
        let sighting = Sighting {
            service: answer.service,
            last_answer: answer.t,
        };
        pods.insert(pod.clone(), sighting);
        true
    }

    /// The pods of each cluster.
    pub fn by_cluster(&self) -> &PerCluster<BTreeMap<String, Sighting>> {
        &self.0
    }
}

fn forget_oldest(pods: &mut BTreeMap<String, Sighting>) {
    let oldest = pods.iter().min_by_key(|(_, it)| it.last_answer);
    if let Some(name) = oldest.map(|(name, _)| name.clone()) {
        pods.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;
    use crate::theater::Cluster;

    fn answer_of(pod: usize, t: UnixMs) -> Answer {
        Answer {
            cluster: Some(Cluster::Ctx2),
            pod: Some(format!("pod-{pod}")),
            ..Answer::from_nowhere(Service::Movie, t, Duration::ZERO, StatusCode::OK)
        }
    }

    #[test]
    fn a_pod_is_new_once_and_its_last_answer_moves() {
        let mut sightings = Sightings::default();
        assert!(sightings.note(&answer_of(1, 10)));
        assert!(!sightings.note(&answer_of(1, 20)));
        assert_eq!(sightings.by_cluster().ctx2["pod-1"].last_answer, 20);
    }

    #[test]
    fn memory_is_bounded_and_the_most_silent_pod_goes_first() {
        let mut sightings = Sightings::default();
        (0..=REMEMBERED).for_each(|pod| {
            sightings.note(&answer_of(pod, 1_000 - pod as UnixMs));
        });
        let pods = &sightings.by_cluster().ctx2;
        assert_eq!(pods.len(), REMEMBERED);
        assert!(!pods.contains_key(&format!("pod-{}", REMEMBERED - 1)));
    }
}
