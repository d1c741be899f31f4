//! The dashboard's static files: embedded, and overridden file by file by a mounted directory.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use common::problem::Problem;
use rust_embed::RustEmbed;

use super::page_headers;

/// Largest file served from a mounted directory, in bytes; a ConfigMap holds 1 MiB.
const LARGEST: u64 = 4 * 1024 * 1024;

#[derive(RustEmbed)]
#[folder = "../../ui"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
struct Embedded;

/// The static files; a cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    /// Files here win over the embedded ones of the same name.
    pub ui_dir: Option<PathBuf>,
}

impl Assets {
    /// The file of that name.
    ///
    /// # Errors
    /// 404 where there is none, or the name is none that a flat directory of ours could hold.
    pub async fn serve(&self, name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
        let content = self.read(name).await.ok_or_else(|| missing(name))?;
        let tag = tag(&content);
        if headers
            .get(IF_NONE_MATCH)
            .is_some_and(|known| knows(known.as_bytes(), &tag))
        {
            return Ok((StatusCode::NOT_MODIFIED, page_headers(), [(ETAG, tag)]).into_response());
        }
        let kind = [(CONTENT_TYPE, media_type(name).to_owned()), (ETAG, tag)];
        Ok((page_headers(), kind, content).into_response())
    }

    async fn read(&self, name: &str) -> Option<Cow<'static, [u8]>> {
        if !is_plain(name) {
            return None;
        }
        match self.mounted(name).await {
            Some(content) => Some(content.into()),
            None => Embedded::get(name).map(|file| file.data),
        }
    }

    /// Kubernetes: the files of a mounted ConfigMap are links, so links are followed.
    async fn mounted(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.ui_dir.as_ref()?.join(name);
        let metadata = tokio::fs::metadata(&path).await.ok()?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return None;
        }
        tokio::fs::read(&path).await.ok()
    }
}

/// A name without any way out of its directory, and no hidden file.
fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.starts_with('.') && !name.is_empty() && name.bytes().all(allowed)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn tag(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether an `If-None-Match` lists the tag.
fn knows(listed: &[u8], tag: &str) -> bool {
    let listed = String::from_utf8_lossy(listed);
    listed
        .split(',')
        .map(str::trim)
        .any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

fn missing(name: &str) -> Problem {
    let detail = format!("the dashboard has no file {name:?}; see / for the page");
    Problem::new(StatusCode::NOT_FOUND, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(response: Response) -> Vec<u8> {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        bytes.to_vec()
    }

    fn mounted(name: &str, content: &str) -> (tempfile::TempDir, Assets) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), content).unwrap();
        let ui_dir = Some(dir.path().to_owned());
        (dir, Assets { ui_dir })
    }

    #[tokio::test]
    async fn files_are_embedded_and_typed() {
        let response = Assets::default()
            .serve("main.js", &HeaderMap::new())
            .await
            .unwrap();
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "text/javascript; charset=utf-8"
        );
        assert!(!body(response).await.is_empty());
    }

    #[tokio::test]
    async fn a_mounted_file_wins_and_the_others_stay() {
        let (_dir, assets) = mounted("main.js", "// mine");
        let own = assets.serve("main.js", &HeaderMap::new()).await.unwrap();
        assert_eq!(body(own).await, b"// mine");
        let embedded = assets.serve("style.css", &HeaderMap::new()).await.unwrap();
        assert!(!body(embedded).await.is_empty());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_config_maps_links_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("..2025_11_21");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("main.js"), "// linked").unwrap();
        std::os::unix::fs::symlink("..2025_11_21", dir.path().join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/main.js", dir.path().join("main.js")).unwrap();
        let assets = Assets {
            ui_dir: Some(dir.path().to_owned()),
        };
        let response = assets.serve("main.js", &HeaderMap::new()).await.unwrap();
        assert_eq!(body(response).await, b"// linked");
    }

    #[tokio::test]
    async fn no_name_leads_out_of_the_directory() {
        let (dir, assets) = mounted("main.js", "// mine");
        std::fs::write(dir.path().join(".hidden"), "secret").unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let above = dir.path().file_name().unwrap().to_str().unwrap();
        let up = format!("../{above}/main.js");
        for name in [
            &*up,
            "..",
            ".",
            "",
            ".hidden",
            "sub",
            "sub/x",
            "a\\b",
            "a%2fb",
            "é",
            "shell.html",
        ] {
            let outcome = assets.serve(name, &HeaderMap::new()).await;
            assert_eq!(outcome.unwrap_err().status(), 404, "{name:?}");
        }
    }

    #[tokio::test]
    async fn an_unchanged_file_is_not_sent_again() {
        let assets = Assets::default();
        let first = assets.serve("main.js", &HeaderMap::new()).await.unwrap();
        let tag = first.headers()[ETAG].clone();
        let known = HeaderMap::from_iter([(IF_NONE_MATCH, tag)]);
        let second = assets.serve("main.js", &known).await.unwrap();
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert!(body(second).await.is_empty());
        let stale = HeaderMap::from_iter([(IF_NONE_MATCH, "\"0\"".parse().unwrap())]);
        let third = assets.serve("main.js", &stale).await.unwrap();
        assert_eq!(third.status(), StatusCode::OK);
    }
}
