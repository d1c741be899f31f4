//! What is fixed about the two clusters of the course.

/// Version that nodes and the API report.
pub const KUBERNETES_VERSION: &str = "v1.35.4";

/// One cluster's fixed facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Context name.
    pub name: &'static str,
    /// From 1 on; part of every address.
    pub number: u8,
    /// Cloud it stands for.
    pub provider: &'static str,
    /// Whether the shared ingress is here.
    pub ingress: bool,
}

/// The two clusters of the course.
pub const CLUSTERS: [Facts; 2] = [
    Facts {
        name: "ctx1",
        number: 1,
        provider: "navercloud",
        ingress: true,
    },
    Facts {
        name: "ctx2",
        number: 2,
        provider: "nhncloud",
        ingress: false,
    },
];

/// The namespace of the theater, in both clusters.
pub const THEATER: &str = "theater-msa";

/// Image of the sidecar, as Istio injects it.
pub const PROXY_IMAGE: &str = "docker.io/istio/proxyv2:1.30.3";
