//! A policy in Envoy's words (`envoy.extensions.filters.http.cors.v3.CorsPolicy`).

use serde_json::{Value, json};

use super::Cors;
use crate::matching::Text;

impl Cors {
    /// As Envoy's CorsPolicy.
    pub(crate) fn envoy(&self) -> Value {
        let mut policy = json!({
            "allow_origin_string_match": self.origins.iter().map(Text::envoy).collect::<Vec<_>>(),
            "forward_not_matching_preflights": self.forwards_unmatched,
        });
        let lists = [
            ("allow_methods", &self.methods),
            ("allow_headers", &self.headers),
            ("expose_headers", &self.exposed),
            ("max_age", &self.max_age),
        ];
        for (name, list) in lists {
            if let Some(list) = list {
                policy[name] = String::from_utf8_lossy(list.as_bytes()).into();
            }
        }
        if self.credentials {
            policy["allow_credentials"] = true.into();
        }
        policy
    }
}
