//! Bookings of the theater: `{id, userId, movieId, seats}` under `/bookings/`,
//! and those of one user, newest first, under `/bookings/user/{userId}`.
//!
//! User and movie are not checked: a booking may outlive both.

mod seats;

use anyhow::Result;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use common::env::Env;
use common::extract::{Path, Query};
use common::problem::Problem;
use common::program::Seams;
use common::records::{
    self, Extra, Fields, Listing, Record, Store, many, operation, path_parameter, problem_answer,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{HttpMethod, OpenApi, PathItem};

/// Name of the service, as in `X-Service-Name`.
pub const NAME: &str = "booking-service";

/// A booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    /// UUIDv7, or any text given by other means.
    #[serde(default)]
    pub id: String,
    /// Who booked.
    pub user_id: String,
    /// What was booked.
    pub movie_id: String,
    /// Number of seats, 1..20.
    #[serde(deserialize_with = "seats::count_or_labels")]
    pub seats: u32,
}

/// What a client sends to create a booking.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only described in the API document")]
pub struct NewBooking {
    #[schema(min_length = 1, max_length = 100)]
    user_id: String,
    #[schema(min_length = 1, max_length = 100)]
    movie_id: String,
    #[schema(minimum = 1, maximum = 20)]
    seats: u32,
}

impl Record for Booking {
    type Draft = NewBooking;
    const KIND: &'static str = "booking";
    const COLLECTION: &'static str = "bookings";

    fn from_fields(id: String, fields: &mut Fields) -> Self {
        let seats = fields.integer("seats", 1..=20);
        Self {
            id,
            user_id: fields.text("userId", 1..=100),
            movie_id: fields.text("movieId", 1..=100),
            seats: u32::try_from(seats).expect("checked to be 1..20"),
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn set_id(&mut self, id: &str) {
        id.clone_into(&mut self.id);
    }

    fn list_key(&self) -> Option<String> {
        Some(list_key(&self.user_id))
    }
}

/// Redis list of one user's booking ids, newest first.
fn list_key(user_id: &str) -> String {
    format!("user_bookings:{user_id}")
}

/// Runs the service until it is told to leave.
///
/// # Errors
/// When the configuration is unusable or the port is taken.
pub async fn run(env: Env, seams: Seams) -> Result<()> {
    let extra = Extra { routes, document };
    records::run::<Booking>(NAME, 8083, extra, env, seams).await
}

fn routes(store: Store<Booking>) -> Router {
    let mut router = Router::new();
    for path in records::spellings(Booking::COLLECTION, "/user/{userId}") {
        router = router.route(&path, get(of_user));
    }
    router.with_state(store)
}

async fn of_user(
    State(store): State<Store<Booking>>,
    Path(user_id): Path<String>,
    Query(listing): Query<Listing>,
) -> Result<Json<Vec<Booking>>, Problem> {
    let limit = listing.limit()?;
    Ok(Json(store.listed(&list_key(&user_id), limit).await?))
}

fn document(mut document: OpenApi) -> OpenApi {
    let of_user = operation("List one user's bookings, newest first".to_owned())
        .parameter(path_parameter("userId"))
        .response(
            "200",
            many::<Booking>("The bookings; none for an unknown user"),
        )
        .response("503", problem_answer("Redis is away"));
    let path = "/bookings/user/{userId}".to_owned();
    let item = PathItem::new(HttpMethod::Get, of_user);
    document.paths.paths.insert(path, item);
    document
}
