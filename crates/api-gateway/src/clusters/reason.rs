//! Why a Kubernetes API told nothing, in the few words the dashboard shows.

use std::error::Error;
use std::fmt;
use std::io;

use kube::core::Status;
use kube::runtime::watcher;
use serde::{Serialize, Serializer};

/// Why something cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The first list is under way.
    NotYet,
    /// There is no kubeconfig with that context, and no service account.
    NoKubeconfig,
    /// There is one, but it cannot be used; how so.
    UnusableKubeconfig(String),
    /// The credentials are not accepted.
    Unauthorized,
    /// The account may not read this.
    Forbidden,
    /// The API has no such kind of object.
    NotFound,
    /// The API did not answer in time.
    Timeout,
    /// No connection.
    Unreachable,
    /// Another refusal.
    Status(u16),
    /// The answer made no sense.
    Unreadable,
}

impl Reason {
    /// What a failed list or watch means.
    pub fn of_watch(error: &watcher::Error) -> Self {
        match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => Self::of_client(error),
            watcher::Error::WatchError(status) => Self::of_status(status),
            watcher::Error::NoResourceVersion => Self::Unreadable,
        }
    }

    fn of_client(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(status),
            kube::Error::SerdeError(_) => Self::Unreadable,
            kube::Error::Auth(_) => Self::Unauthorized,
            other if timed_out(other) => Self::Timeout,
            _ => Self::Unreachable,
        }
    }

    fn of_status(status: &Status) -> Self {
        match status.code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            code => Self::Status(code),
        }
    }
}

fn timed_out(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| {
        let io = error.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => f.write_str("not read yet"),
            Self::NoKubeconfig => f.write_str("no kubeconfig"),
            Self::UnusableKubeconfig(cause) => write!(f, "unusable kubeconfig: {cause}"),
            Self::Unauthorized => f.write_str("unauthorized"),
            Self::Forbidden => f.write_str("forbidden"),
            Self::NotFound => f.write_str("not found"),
            Self::Timeout => f.write_str("timeout"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Status(code) => write!(f, "status {code}"),
            Self::Unreadable => f.write_str("unreadable answer"),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_status() {
        let rows = [
            (401, "unauthorized"),
            (403, "forbidden"),
            (404, "not found"),
            (504, "timeout"),
            (500, "status 500"),
        ];
        for (code, expected) in rows {
            let status = Status::failure("no", "").with_code(code).boxed();
            let error = watcher::Error::InitialListFailed(kube::Error::Api(status));
            assert_eq!(Reason::of_watch(&error).to_string(), expected);
        }
    }

    #[test]
    fn a_connection_is_either_too_slow_or_not_there() {
        let failed = |kind: io::ErrorKind| {
            let cause: Box<dyn Error + Send + Sync> = Box::new(io::Error::from(kind));
            Reason::of_watch(&watcher::Error::WatchStartFailed(kube::Error::Service(
                cause,
            )))
        };
        assert_eq!(failed(io::ErrorKind::TimedOut), Reason::Timeout);
        assert_eq!(
            failed(io::ErrorKind::ConnectionRefused),
            Reason::Unreachable
        );
    }
}
