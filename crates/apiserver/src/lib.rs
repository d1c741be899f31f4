//! Kubernetes-shaped HTTP over a generic object store
