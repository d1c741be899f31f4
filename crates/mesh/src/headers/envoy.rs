//! Changes of headers in Envoy's words: fields of a route or of a weighted cluster.

use serde_json::{Value, json};

use super::{HeaderOps, Ops, Write};

impl HeaderOps {
    /// Writes the new Host of a request into what forwards it: a route's action, or a weighted
    /// cluster.
    pub(crate) fn write_host(&self, message: &mut Value) {
        if let Some(host) = &self.request.host {
            message["host_rewrite_literal"] = String::from_utf8_lossy(host.as_bytes()).into();
        }
    }

    /// Writes the changes into a message.
    pub(crate) fn write_envoy(&self, message: &mut Value) {
        for (ops, side) in [(&self.request, "request"), (&self.response, "response")] {
            if !ops.write.is_empty() {
                let added: Vec<Value> = ops.write.iter().map(Write::envoy).collect();
                message[format!("{side}_headers_to_add")] = added.into();
            }
            if !ops.remove.is_empty() {
                message[format!("{side}_headers_to_remove")] = ops.removed().into();
            }
        }
    }
}

impl Ops {
    fn removed(&self) -> Vec<&str> {
        self.remove.iter().map(|name| name.as_str()).collect()
    }
}

impl Write {
    fn envoy(&self) -> Value {
        let value = String::from_utf8_lossy(self.value.as_bytes()).replace('%', "%%");
        let action = if self.append {
            "APPEND_IF_EXISTS_OR_ADD"
        } else {
            "OVERWRITE_IF_EXISTS_OR_ADD"
        };
        json!({"header": {"key": self.name.as_str(), "value": value}, "append_action": action})
    }
}
