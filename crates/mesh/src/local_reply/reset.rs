//! How a request ended without an answer, and what a proxy says of it.

use super::{CONNECT_ERROR, RETRIED};

/// How a request to an upstream ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// The connection was refused, or reset while coming up.
    ConnectionFailure,
    /// The connection did not come up in time.
    ConnectionTimeout,
    /// An established connection ended before the first byte of the answer.
    ConnectionTermination,
    /// A limit of the connection pool.
    Overflow,
    /// What came back is no HTTP.
    Protocol,
}

impl Reset {
    /// Every way.
    pub const ALL: [Self; 5] = [
        Self::ConnectionFailure,
        Self::ConnectionTimeout,
        Self::ConnectionTermination,
        Self::Overflow,
        Self::Protocol,
    ];

    /// As the body tells it.
    pub fn text(self) -> &'static str {
        match self {
            Self::ConnectionFailure => "remote connection failure",
            Self::ConnectionTimeout => "connection timeout",
            Self::ConnectionTermination => "connection termination",
            Self::Overflow => "overflow",
            Self::Protocol => "protocol error",
        }
    }

    pub(super) fn status(self) -> u16 {
        if self == Self::Protocol { 502 } else { 503 }
    }

    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::ConnectionFailure | Self::ConnectionTimeout => "UF",
            Self::ConnectionTermination => "UC",
            Self::Overflow => "UO",
            Self::Protocol => "UPE",
        }
    }

    pub(super) fn details(self) -> &'static str {
        match self {
            Self::ConnectionFailure => {
                "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"
            }
            Self::ConnectionTimeout => "upstream_reset_before_response_started{connection_timeout}",
            Self::ConnectionTermination => {
                "upstream_reset_before_response_started{connection_termination}"
            }
            Self::Overflow => "upstream_reset_before_response_started{overflow}",
            Self::Protocol => "upstream_reset_before_response_started{protocol_error}",
        }
    }

    /// The body of the answer.
    pub(super) fn body(self, retried: bool) -> String {
        let retried = if retried { RETRIED } else { "" };
        format!("{CONNECT_ERROR}{retried}reset reason: {}", self.text())
    }
}
