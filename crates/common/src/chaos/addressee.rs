//! Whom an order is for.

use std::fmt;

use crate::identity::Identity;

/// Prefix of every order's key.
pub const PREFIX: &str = "chaos:";

/// One pod, or the pods of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// The pod of this name.
    Pod(String),
    /// All pods of a service in one cluster.
    ServiceIn(String, String),
    /// All pods of a service.
    Service(String),
}

impl Addressee {
    /// Everything that a pod is addressed as, the most specific first.
    pub fn all_of(identity: &Identity) -> [Self; 3] {
        let service = identity.service.to_owned();
        [
            Self::Pod(identity.pod.clone()),
            Self::ServiceIn(service.clone(), identity.cluster.clone()),
            Self::Service(service),
        ]
    }

    /// The key of its order.
    pub fn key(&self) -> String {
        format!("{PREFIX}{self}")
    }
}

impl fmt::Display for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(name) | Self::Service(name) => f.write_str(name),
            Self::ServiceIn(service, cluster) => write!(f, "{service}:{cluster}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_addressed_by_its_name_its_cluster_and_its_service() {
        let identity = Identity {
            service: "user-service",
            cluster: "ctx2".to_owned(),
            pod: "user-service-ctx2-abc".to_owned(),
        };
        assert_eq!(
            Addressee::all_of(&identity).map(|it| it.key()),
            [
                "chaos:user-service-ctx2-abc",
                "chaos:user-service:ctx2",
                "chaos:user-service"
            ]
        );
    }
}
