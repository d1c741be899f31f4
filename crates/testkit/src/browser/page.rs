//! One page of a browser.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::console::{self, Entry};
use super::wire::Wire;
use crate::wait;

/// A page from loopback that is not there by then is not coming.
const LOAD_LIMIT: Duration = Duration::from_secs(30);

/// One page, with its own storage.
#[derive(Debug)]
pub struct Page {
    wire: Arc<Wire>,
    session: String,
}

impl Page {
    pub(super) async fn attach(wire: Arc<Wire>, target: &Value) -> Self {
        let how = json!({"targetId": target, "flatten": true});
        let attached = wire.call(None, "Target.attachToTarget", how).await;
        let session = attached["sessionId"]
            .as_str()
            .expect("an attached page has a session");
        let page = Self {
            session: session.to_owned(),
            wire,
        };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page
    }

    /// Opens `url` and waits until everything the document names has been loaded.
    ///
    /// # Panics
    /// When it cannot be opened in time.
    pub async fn goto(&self, url: &str) {
        let opened = self.call("Page.navigate", json!({"url": url})).await;
        assert!(
            opened["errorText"].is_null(),
            "{url}: {}",
            opened["errorText"]
        );
        wait::until(&format!("{url} to load"), LOAD_LIMIT, async || {
            self.eval::<String>("document.readyState").await == "complete"
        })
        .await;
    }

    /// The value of a JavaScript expression; of a promise, what it resolves to. `undefined` is null.
    ///
    /// # Panics
    /// When it throws or its value is no `T`.
    pub async fn eval<T: DeserializeOwned>(&self, expression: &str) -> T {
        let how = json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let mut answer = self.call("Runtime.evaluate", how).await;
        let thrown = &answer["exceptionDetails"];
        assert!(
            thrown.is_null(),
            "{expression}: {}",
            console::exception(thrown)
        );
        serde_json::from_value(answer["result"]["value"].take())
            .unwrap_or_else(|cause| panic!("{expression}: {cause}"))
    }

    /// Everything written to its console so far, over all documents it has shown.
    pub fn console(&self) -> Vec<Entry> {
        self.wire.console(&self.session)
    }

    /// Requests to an address like this (`*` is any text) leave the page but never arrive.
    ///
    /// # Panics
    /// When the browser refuses.
    pub async fn hold_requests(&self, pattern: &str) {
        let patterns = json!({"patterns": [{"urlPattern": pattern}]});
        self.call("Fetch.enable", patterns).await;
    }

    /// Writes what a viewer sees to a PNG file.
    ///
    /// # Panics
    /// When the picture cannot be taken or written.
    pub async fn screenshot(&self, path: &Path) {
        let picture = self
            .call("Page.captureScreenshot", json!({"format": "png"}))
            .await;
        let picture = picture["data"].as_str().expect("a picture has data");
        let picture = BASE64_STANDARD
            .decode(picture)
            .expect("DevTools sends base64");
        std::fs::write(path, picture).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    }

    /// Makes the visible part `width` by `height` CSS pixels.
    ///
    /// # Panics
    /// When the browser refuses.
    pub async fn set_size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        self.wire.call(Some(&self.session), method, params).await
    }
}
