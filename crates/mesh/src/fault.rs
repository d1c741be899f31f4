//! Injected delay and abort.

use std::time::Duration;

use crate::model;

/// What a route injects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    /// Waits first.
    pub delay: Option<Delay>,
    /// Then answers instead of the destination.
    pub abort: Option<Abort>,
}

/// A delay on a share of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// How long.
    pub duration: Duration,
    /// On which share.
    pub chance: Chance,
}

/// An abort of a share of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    /// The answer's status.
    pub status: AbortStatus,
    /// Of which share.
    pub chance: Chance,
}

/// Status of an abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortStatus {
    /// An HTTP status.
    Http(u16),
    /// A gRPC status; a plain HTTP client sees 200.
    Grpc(u8),
}

/// A probability as Envoy holds it: a fraction of a hundred or of a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    /// Numerator.
    pub numerator: u32,
    /// Denominator.
    pub denominator: u32,
}

/// What befalls one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injected {
    /// Wait this long first.
    pub delay: Option<Duration>,
    /// Then answer with this status.
    pub abort: Option<AbortStatus>,
}

/// gRPC status names, by code.
pub(crate) const GRPC: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Fault {
    /// Whether nothing is injected.
    pub fn is_none(&self) -> bool {
        self.delay.is_none() && self.abort.is_none()
    }

    /// What two uniformly random numbers inject: the draws are independent.
    pub fn draw(&self, for_delay: u64, for_abort: u64) -> Injected {
        let delay = self.delay.filter(|delay| delay.chance.hit(for_delay));
        let abort = self.abort.filter(|abort| abort.chance.hit(for_abort));
        Injected {
            delay: delay.map(|delay| delay.duration),
            abort: abort.map(|abort| abort.status),
        }
    }
}

impl From<&model::Fault> for Fault {
    fn from(fault: &model::Fault) -> Self {
        Self {
            delay: fault.delay.as_ref().and_then(Delay::compile),
            abort: fault.abort.as_ref().and_then(Abort::compile),
        }
    }
}

impl Delay {
    fn compile(delay: &model::Delay) -> Option<Self> {
        let chance = match (delay.percentage, delay.percent) {
            (Some(percentage), _) => Chance::percent(percentage.value),
            (None, Some(percent)) => Chance::whole(percent),
            (None, None) => Chance::NEVER,
        };
        Some(Self {
            duration: delay.fixed_delay?.0,
            chance,
        })
    }
}

impl Abort {
    fn compile(abort: &model::Abort) -> Option<Self> {
        let grpc = abort.grpc_status.as_deref();
        let code = || GRPC.iter().position(|name| Some(*name) == grpc);
        let status = match abort.http_status {
            Some(status) => AbortStatus::Http(u16::try_from(status).ok()?),
            None => AbortStatus::Grpc(u8::try_from(code()?).ok()?),
        };
        // Istio: a percentage left out is 0 %, not 100 %.
        let chance = abort
            .percentage
            .map_or(Chance::NEVER, |percent| Chance::percent(percent.value));
        Some(Self { status, chance })
    }
}

impl AbortStatus {
    /// The status a plain HTTP client sees.
    pub fn http(self) -> u16 {
        match self {
            Self::Http(status) => status,
            Self::Grpc(_) => 200,
        }
    }

    /// The status a gRPC client sees, where it is given.
    pub fn grpc(self) -> Option<u8> {
        match self {
            Self::Http(_) => None,
            Self::Grpc(code) => Some(code),
        }
    }
}

impl Chance {
    /// Zero.
    pub const NEVER: Self = Self {
        numerator: 0,
        denominator: MILLION,
    };

    /// One.
    pub const ALWAYS: Self = Self::whole(100);

    /// Whole percents, in hundredths.
    pub const fn whole(percent: u32) -> Self {
        Self {
            numerator: percent,
            denominator: 100,
        }
    }

    /// Istio: percent × 10,000 of a million, cut to whole numbers.
    pub fn percent(percent: f64) -> Self {
        // A float to integer cast saturates, so that nonsense becomes 0 or more than certain.
        Self {
            numerator: (percent * 10_000.0) as u32,
            denominator: MILLION,
        }
    }

    /// Whether a uniformly random number falls into it.
    pub fn hit(self, random: u64) -> bool {
        random % u64::from(self.denominator) < u64::from(self.numerator)
    }

    /// In percent.
    pub fn as_percent(self) -> f64 {
        100.0 * f64::from(self.numerator) / f64::from(self.denominator)
    }
}

const MILLION: u32 = 1_000_000;

#[cfg(test)]
mod tests;
