//! Both clusters on one machine.
//!
//! ```text
//! up ── state       lock, secret, ports, leftovers of an earlier run
//!    ├─ cluster     a store with what a fresh cluster has, then the theater's manifests
//!    │    ├─ controllers   Deployment → ReplicaSet → Pod → node
//!    │    ├─ kubelet       Pod → process, probed, started again
//!    │    └─ events        what both tell of their objects
//!    ├─ network     virtual addresses and where they really lead
//!    ├─ mesh        istiod, sidecars, east-west gateways, the published port
//!    └─ api         Kubernetes' HTTP for kubectl and the dashboard
//! pod   ─ inside a pod's process
//! verify ─ what needs many requests or real time, checked from outside
//! ```

pub mod admission;
pub mod controllers;
pub mod events;
pub mod explain;
pub mod facts;
pub mod fresh;
pub mod injection;
pub mod kubeconfig;
pub mod kubelet;
pub mod manifest;
pub mod mesh;
pub mod network;
pub mod objects;
pub mod pod;
pub mod state;
pub mod store;
pub mod up;
pub mod verify;
