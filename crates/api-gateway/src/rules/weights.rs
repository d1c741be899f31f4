//! `/traffic-weights`: the original's six names, and where each pair of figures comes from.

use serde::Serialize;
use utoipa::ToSchema;

use super::{OtherWeight, Percent, Rule, Source};
use crate::theater::{PerService, Service};

/// Answer of `/traffic-weights`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Weights {
    /// Share of ctx1 among the requests for users.
    #[serde(rename = "UserServiceCtx1Weight")]
    #[schema(value_type = Option<f64>)]
    user_ctx1: Option<Percent>,
    /// Share of ctx2 among the requests for users.
    #[serde(rename = "UserServiceCtx2Weight")]
    #[schema(value_type = Option<f64>)]
    user_ctx2: Option<Percent>,
    /// Share of ctx1 among the requests for movies.
    #[serde(rename = "MovieServiceCtx1Weight")]
    #[schema(value_type = Option<f64>)]
    movie_ctx1: Option<Percent>,
    /// Share of ctx2 among the requests for movies.
    #[serde(rename = "MovieServiceCtx2Weight")]
    #[schema(value_type = Option<f64>)]
    movie_ctx2: Option<Percent>,
    /// Share of ctx1 among the requests for bookings.
    #[serde(rename = "BookingServiceCtx1Weight")]
    #[schema(value_type = Option<f64>)]
    booking_ctx1: Option<Percent>,
    /// Share of ctx2 among the requests for bookings.
    #[serde(rename = "BookingServiceCtx2Weight")]
    #[schema(value_type = Option<f64>)]
    booking_ctx2: Option<Percent>,
    /// Where each pair comes from.
    source: PerService<Source>,
    /// Destinations beside ctx1 and ctx2.
    others: PerService<Vec<OtherWeight>>,
    /// Why figures are missing or may be old.
    reasons: PerService<Option<String>>,
}

impl From<&PerService<Rule>> for Weights {
    fn from(rules: &PerService<Rule>) -> Self {
        Self {
            user_ctx1: rules.user.ctx1,
            user_ctx2: rules.user.ctx2,
            movie_ctx1: rules.movie.ctx1,
            movie_ctx2: rules.movie.ctx2,
            booking_ctx1: rules.booking.ctx1,
            booking_ctx2: rules.booking.ctx2,
            source: PerService::from_fn(|service| rules.get(service).source),
            others: PerService::from_fn(|service| rules.get(service).others.clone()),
            reasons: PerService::from_fn(|service| rules.get(service).reason.clone()),
        }
    }
}

/// The original's figures for ctx1 and ctx2, shown greyed where nothing could be read.
pub(super) fn defaults(service: Service) -> (Percent, Percent) {
    match service {
        Service::User => (Percent(70.0), Percent(30.0)),
        Service::Movie => (Percent(30.0), Percent(70.0)),
        Service::Booking => (Percent(50.0), Percent(50.0)),
    }
}
