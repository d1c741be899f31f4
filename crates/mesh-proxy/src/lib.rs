//! The mesh's sockets: sidecars, ingress and east-west hop
