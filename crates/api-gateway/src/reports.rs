//! The dashboard's figures as plain answers, for scripts and for pages without events.

use serde::Serialize;
use utoipa::ToSchema;

use crate::answers::{History, Share};
use crate::clusters::{ClusterView, Contact, DeploymentView, PodView};
use crate::theater::{Cluster, PerCluster, PerService};

/// Answer of `/traffic-history`. A list holds the clusters of the last 100 answers, oldest first;
/// null where no pod answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficHistory {
    user_service_history: Vec<Option<Cluster>>,
    movie_service_history: Vec<Option<Cluster>>,
    booking_service_history: Vec<Option<Cluster>>,
    /// How many of them each cluster gave.
    shares: PerService<Share>,
    /// Answers seen.
    totals: PerService<u64>,
}

/// Answer of `/deployment-status`.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentStatus {
    clusters: PerCluster<Workloads>,
}

/// Deployments and pods of one cluster.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workloads {
    #[serde(flatten)]
    contact: Contact,
    deployments: Vec<DeploymentView>,
    pods: Vec<PodView>,
}

/// Answer of `/topology`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Topology {
    /// The cluster the gateway lives in, whose rules its requests follow.
    own: Cluster,
    clusters: PerCluster<ClusterView>,
}

impl From<PerService<History>> for TrafficHistory {
    fn from(answers: PerService<History>) -> Self {
        Self {
            user_service_history: answers.user.clusters(),
            movie_service_history: answers.movie.clusters(),
            booking_service_history: answers.booking.clusters(),
            shares: PerService::from_fn(|service| answers.get(service).share()),
            totals: PerService::from_fn(|service| answers.get(service).total()),
        }
    }
}

impl From<PerCluster<ClusterView>> for DeploymentStatus {
    fn from(clusters: PerCluster<ClusterView>) -> Self {
        let workloads = |view: ClusterView| Workloads {
            contact: view.contact,
            deployments: view.deployments,
            pods: view.pods,
        };
        Self {
            clusters: PerCluster {
                ctx1: workloads(clusters.ctx1),
                ctx2: workloads(clusters.ctx2),
            },
        }
    }
}

impl Topology {
    /// Both clusters, seen from `own`.
    pub fn new(own: Cluster, clusters: PerCluster<ClusterView>) -> Self {
        Self { own, clusters }
    }
}
