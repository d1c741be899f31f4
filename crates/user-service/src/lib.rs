//! Users of the theater: `{id, name, email}` under `/users/`.

use anyhow::Result;
use common::env::Env;
use common::program::Seams;
use common::records::{self, Extra, Fields, Record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Name of the service, as in `X-Service-Name`.
pub const NAME: &str = "user-service";

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// UUIDv7, or any text given by other means.
    #[serde(default)]
    pub id: String,
    /// Shown name, 1..100 characters.
    pub name: String,
    /// Mail address; need not be unique.
    pub email: String,
}

/// What a client sends to create a user.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described in the API document")]
pub struct NewUser {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(min_length = 3, max_length = 254)]
    email: String,
}

impl Record for User {
    type Draft = NewUser;
    const KIND: &'static str = "user";
    const COLLECTION: &'static str = "users";

    fn from_fields(id: String, fields: &mut Fields) -> Self {
        Self {
            id,
            name: fields.text("name", 1..=100),
            email: fields.email("email"),
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn set_id(&mut self, id: &str) {
        id.clone_into(&mut self.id);
    }

    fn samples() -> Vec<Self> {
        let sample = |id: &str, name: &str, email: &str| Self {
            id: id.to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
        };
        vec![
            sample("1", "홍길동", "hong@example.com"),
            sample("2", "이순신", "sunshin@example.com"),
            sample("3", "김유신", "yusin@example.com"),
        ]
    }
}

/// Runs the service until it is told to leave.
///
/// # Errors
/// When the configuration is unusable or the port is taken.
pub async fn run(env: Env, seams: Seams) -> Result<()> {
    records::run::<User>(NAME, 8081, Extra::default(), env, seams).await
}
