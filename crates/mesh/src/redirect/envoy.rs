//! A redirect in Envoy's words (`envoy.config.route.v3.RedirectAction`).

use serde_json::{Value, json};

use super::{Port, Redirect};

impl Redirect {
    /// As Envoy's RedirectAction.
    pub(crate) fn envoy(&self) -> Value {
        let code = match self.status {
            302 => "FOUND",
            303 => "SEE_OTHER",
            307 => "TEMPORARY_REDIRECT",
            308 => "PERMANENT_REDIRECT",
            _ => "MOVED_PERMANENTLY",
        };
        let mut action = json!({"response_code": code});
        let texts = [
            ("scheme_redirect", &self.scheme),
            ("host_redirect", &self.authority),
            ("path_redirect", &self.path),
        ];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            action[name] = text.as_str().into();
        }
        if let Port::Number(port) = self.port {
            action["port_redirect"] = port.into();
        }
        action
    }
}
