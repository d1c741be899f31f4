//! The four calls of a collection, as HTTP.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::header::{LINK, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;

use super::{Fields, Record, Store};
use crate::extract::{JsonObject, Path, Query};
use crate::problem::{FieldError, Problem};

/// Records of a page where the client does not say.
const DEFAULT_LIMIT: u16 = 100;
/// Most records of a page.
const MAX_LIMIT: u16 = 500;

/// Query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Records wanted, 1..500; 100 where absent.
    limit: Option<String>,
    /// Id to continue after.
    after: Option<String>,
}

impl Listing {
    /// The page size.
    ///
    /// # Errors
    /// 422 where it is no number in 1..500.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = &self.limit else {
            return Ok(DEFAULT_LIMIT.into());
        };
        match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) => Ok(limit.into()),
            _ => Err(Problem::invalid_fields(vec![FieldError {
                field: "limit".to_owned(),
                message: format!("is no whole number from 1 to {MAX_LIMIT}"),
            }])),
        }
    }
}

/// Every spelling of a path: with and without the collection's prefix and the trailing slash.
pub fn spellings(collection: &str, path: &str) -> Vec<String> {
    let mut all: Vec<String> = [String::new(), format!("/{collection}")]
        .iter()
        .flat_map(|prefix| [format!("{prefix}{path}"), format!("{prefix}{path}/")])
        .filter(|spelling| !spelling.is_empty() && !spelling.starts_with("//"))
        .collect();
    all.dedup();
    all
}

/// The routes of a collection of `R`.
pub fn record_routes<R: Record>(store: Store<R>) -> Router {
    let mut router = Router::new();
    for path in spellings(R::COLLECTION, "") {
        router = router.route(&path, get(list::<R>).post(create::<R>));
    }
    for path in spellings(R::COLLECTION, "/{id}") {
        router = router.route(&path, get(read::<R>).delete(delete::<R>));
    }
    router.with_state(store)
}

async fn list<R: Record>(
    State(store): State<Store<R>>,
    Query(listing): Query<Listing>,
) -> Result<impl IntoResponse, Problem> {
    let limit = listing.limit()?;
    let page = store.page(limit, listing.after.as_deref()).await?;
    let mut headers = HeaderMap::new();
    if let Some(link) = page
        .next
        .and_then(|id| next_link(R::COLLECTION, limit, &id))
    {
        headers.insert(LINK, link);
    }
    Ok((headers, Json(page.items)))
}

async fn create<R: Record>(
    State(store): State<Store<R>>,
    JsonObject(body): JsonObject,
) -> Result<impl IntoResponse, Problem> {
    let mut fields = Fields::new(body);
    // UUIDv7: unique without asking anyone, and its text order is its age.
    let record = R::from_fields(uuid::Uuid::now_v7().to_string(), &mut fields);
    fields.finish()?;
    store.create(&record).await?;
    let location = format!("/{}/{}", R::COLLECTION, record.id());
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(record)))
}

async fn read<R: Record>(
    State(store): State<Store<R>>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    Ok(Json(store.get(&id).await?))
}

async fn delete<R: Record>(
    State(store): State<Store<R>>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    store.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn next_link(collection: &str, limit: usize, after: &str) -> Option<HeaderValue> {
    use std::fmt::Write;
    let mut escaped = String::new();
    for byte in after.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            other => write!(escaped, "%{other:02X}").expect("writing to a string succeeds"),
        }
    }
    HeaderValue::try_from(format!(
        "</{collection}/?limit={limit}&after={escaped}>; rel=\"next\""
    ))
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_spellings_once() {
        assert_eq!(spellings("users", ""), ["/", "/users", "/users/"]);
        assert_eq!(
            spellings("users", "/{id}"),
            ["/{id}", "/{id}/", "/users/{id}", "/users/{id}/"]
        );
    }

    #[test]
    fn a_link_is_safe_whatever_the_id() {
        let link = next_link("users", 2, "a b\"홍&x").unwrap();
        assert_eq!(
            link,
            "</users/?limit=2&after=a%20b%22%ED%99%8D%26x>; rel=\"next\""
        );
    }
}
