//! Movies of the theater: `{id, title, genre, year, director?}` under `/movies/`.

use anyhow::Result;
use common::env::Env;
use common::program::Seams;
use common::records::{self, Extra, Fields, Record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Name of the service, as in `X-Service-Name`.
pub const NAME: &str = "movie-service";

/// A movie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Movie {
    /// UUIDv7, or any text given by other means.
    #[serde(default)]
    pub id: String,
    /// Title, 1..200 characters.
    pub title: String,
    /// Genre, 1..50 characters.
    pub genre: String,
    /// Year of the first showing.
    pub year: i64,
    /// Director, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub director: Option<String>,
}

/// What a client sends to create a movie.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described in the API document")]
pub struct NewMovie {
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    #[schema(min_length = 1, max_length = 50)]
    genre: String,
    #[schema(minimum = 1888, maximum = 2200)]
    year: i64,
    #[schema(min_length = 1, max_length = 100)]
    director: Option<String>,
}

impl Record for Movie {
    type Draft = NewMovie;
    const KIND: &'static str = "movie";
    const COLLECTION: &'static str = "movies";

    fn from_fields(id: String, fields: &mut Fields) -> Self {
        Self {
            id,
            title: fields.text("title", 1..=200),
            genre: fields.text("genre", 1..=50),
            // The oldest film that survives was shot in 1888.
            year: fields.integer("year", 1888..=2200),
            director: fields.optional_text("director", 1..=100),
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn set_id(&mut self, id: &str) {
        id.clone_into(&mut self.id);
    }

    fn samples() -> Vec<Self> {
        let sample = |id: &str, title: &str, genre: &str| Self {
            id: id.to_owned(),
            title: title.to_owned(),
            genre: genre.to_owned(),
            year: 2019,
            director: None,
        };
        vec![
            sample("1", "어벤져스", "액션"),
            sample("2", "겨울왕국", "애니메이션"),
            sample("3", "기생충", "드라마"),
        ]
    }
}

/// Runs the service until it is told to leave.
///
/// # Errors
/// When the configuration is unusable or the port is taken.
pub async fn run(env: Env, seams: Seams) -> Result<()> {
    records::run::<Movie>(NAME, 8082, Extra::default(), env, seams).await
}
