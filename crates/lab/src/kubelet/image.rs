//! Which process stands for an image.

use k8s_openapi::api::core::v1::Container;

/// What the lab can run for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// One of our own binaries; this binary becomes it.
    Service(&'static str),
    /// The store.
    Redis,
    /// A client for trying things out.
    Curl,
    /// Envoy: a task of the lab, not a process.
    Proxy,
}

/// Services that this binary can be.
const SERVICES: [&str; 4] = [
    "api-gateway",
    "user-service",
    "movie-service",
    "booking-service",
];

impl Image {
    /// The image of a container; none = cannot be pulled here.
    pub(super) fn of_container(container: &Container) -> Option<Self> {
        Self::of(container.image.as_deref()?)
    }

    /// Reads an image reference such as `harbor.example.com/theater-msa/user-service:v1`.
    ///
    /// Registry and tag are free; the last part of the path decides. None = cannot be pulled here.
    pub(super) fn of(reference: &str) -> Option<Self> {
        let last = reference.rsplit('/').next()?;
        let name = last.split(['@', ':']).next()?;
        if let Some(service) = SERVICES.into_iter().find(|service| *service == name) {
            return Some(Self::Service(service));
        }
        match name {
            "redis" | "valkey" => Some(Self::Redis),
            "curl" => Some(Self::Curl),
            "proxyv2" => Some(Self::Proxy),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_the_path_decides_whatever_registry_and_tag() {
        let rows = [
            (
                "harbor.example.com/theater-msa/user-service:v1",
                Some(Image::Service("user-service")),
            ),
            ("user-service", Some(Image::Service("user-service"))),
            (
                "registry:5000/api-gateway",
                Some(Image::Service("api-gateway")),
            ),
            (
                "booking-service@sha256:0011",
                Some(Image::Service("booking-service")),
            ),
            ("redis:7.4.6-alpine", Some(Image::Redis)),
            ("docker.io/istio/proxyv2:1.30.3", Some(Image::Proxy)),
            ("curlimages/curl:8.17.0", Some(Image::Curl)),
            ("nginx", None),
            ("user-service-v2:v1", None),
        ];
        for (reference, expected) in rows {
            assert_eq!(Image::of(reference), expected, "{reference}");
        }
    }
}
