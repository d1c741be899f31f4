//! SPDY/3.1, as far as `kubectl exec` (1.29 and older) and `kubectl port-forward` speak it.
//!
//! ```text
//!  bytes ──► Decoder ──► Frame ──► Session ──► one Stream per SYN_STREAM
//!  bytes ◄── encode  ◄── Frame ◄───────────────┘
//! ```
//!
//! [`frame`] and [`headers`] are pure; [`session`] moves bytes. Of the protocol only what these
//! clients use is there: no server push, no flow-control windows (they ignore them), no priorities.

mod frame;
mod headers;
mod session;

pub(crate) use session::{Incoming, Session, Stream, StreamWriter, Wire};
