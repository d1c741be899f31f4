//! The dashboard: an embedded shell with one block of configuration, and static files.

mod assets;

pub use assets::Assets;

use askama::Template;
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::theater::{Cluster, Service};

/// Where the event stream is.
pub const EVENTS: &str = "/events";
/// Lamps of a row.
const LAMPS: usize = 16;
/// Everything from here and nothing inline; the configuration block is data, which is no script.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Languages of the page; the first where the browser asks for neither.
const LANGUAGES: [&str; 2] = ["ko", "en"];

/// Headers of everything that a browser shows.
type PageHeaders = [(HeaderName, &'static str); 3];

#[derive(Template)]
#[template(path = "shell.html")]
struct Shell<'a> {
    lang: &'a str,
    config: &'a str,
}

/// What the page is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageConfig {
    lang: &'static str,
    services: [ServiceConfig; 3],
    clusters: [&'static str; 2],
    lamps: usize,
    events_path: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceConfig {
    id: &'static str,
    name: &'static str,
    path: String,
    title_key: String,
}

/// The page, in the language the browser prefers.
pub async fn show(headers: HeaderMap) -> Response {
    let lang = language(&headers);
    let config = for_script(&page_config(lang));
    let shell = Shell {
        lang,
        config: &config,
    };
    let html = shell.render().expect("a template of two strings renders");
    let kind = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (VARY, "accept-language"),
    ];
    (page_headers(), kind, html).into_response()
}

fn page_config(lang: &'static str) -> PageConfig {
    PageConfig {
        lang,
        services: Service::ALL.map(|service| ServiceConfig {
            id: service.id(),
            name: service.name(),
            path: format!("{}/", service.path()),
            title_key: format!("service.{}", service.id()),
        }),
        clusters: Cluster::ALL.map(Cluster::name),
        lamps: LAMPS,
        events_path: EVENTS,
    }
}

/// JSON that cannot end the script block it stands in.
fn for_script(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("the configuration is plain data");
    json.replace('<', "\\u003c")
}

/// Browsers list languages by preference; the first of ours wins.
fn language(headers: &HeaderMap) -> &'static str {
    let asked = headers.get(ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    let ours = |tag: &str| {
        LANGUAGES
            .into_iter()
            .find(|ours| tag.trim().starts_with(ours))
    };
    asked
        .into_iter()
        .flat_map(|tags| tags.split(','))
        .find_map(ours)
        .unwrap_or(LANGUAGES[0])
}

fn page_headers() -> PageHeaders {
    [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_language_wins() {
        let rows = [
            ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
            ("en-US,en;q=0.9,ko;q=0.8", "en"),
            ("fr-FR, en;q=0.5", "en"),
            ("fr", "ko"),
            ("", "ko"),
        ];
        for (asked, expected) in rows {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, asked.parse().unwrap())]);
            assert_eq!(language(&headers), expected, "{asked}");
        }
    }

    #[test]
    fn the_configuration_cannot_leave_its_block() {
        let text = for_script(&serde_json::json!({"a": "</script><!--"}));
        assert_eq!(text, r#"{"a":"\u003c/script>\u003c!--"}"#);
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["a"], "</script><!--");
    }

    #[tokio::test]
    async fn the_shell_carries_language_and_configuration() {
        let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, "en".parse().unwrap())]);
        let response = show(headers).await;
        assert_eq!(response.headers()[CONTENT_SECURITY_POLICY], POLICY);
        let body = axum::body::to_bytes(response.into_body(), 100_000)
            .await
            .unwrap();
        let html = String::from_utf8(body.to_vec()).unwrap();
        assert!(html.contains("<html lang=\"en\">"), "{html}");
        let start = html.find("id=\"config\">").unwrap() + "id=\"config\">".len();
        let end = start + html[start..].find("</script>").unwrap();
        let config: serde_json::Value = serde_json::from_str(&html[start..end]).unwrap();
        assert_eq!(config["services"][1]["path"], "/movies/");
        assert_eq!(config["lamps"], 16);
    }
}
