//! Bodies, streamed frame by frame.

mod lease;
mod request;
mod response;

use futures_util::future::BoxFuture;

pub(crate) use lease::{Active, Lease};
pub(crate) use request::RequestBody;
pub(crate) use response::ResponseBody;

/// What a body can fail with.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Ready when an answer has taken too long.
pub(crate) type Deadline = BoxFuture<'static, ()>;
