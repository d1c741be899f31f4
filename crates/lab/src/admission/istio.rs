//! Istio's kinds: what its webhook refuses, and what changes nothing in the lab.

use apiserver::status::Status;
use mesh::model::VirtualService;
use mesh::{compile, obeyed, validate};
use serde_json::Value;

/// What istiod's webhook would say, then what the lab does not obey.
pub(super) fn admit(object: &Value) -> Result<Vec<String>, Status> {
    let mut warnings = validate::validate(object).map_err(|complaints| {
        let why = format!("configuration is invalid: {complaints}");
        Status::denied("validation.istio.io", why)
    })?;
    warnings.extend(obeyed::warnings(object));
    if let Ok(rule) = VirtualService::parse(object) {
        warnings.extend(compile::left_out(&rule));
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redirect(code: u16) -> Value {
        json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "r"},
            "spec": {"hosts": ["movie-service"], "http": [{"redirect": {"uri": "/", "redirectCode": code}}]}})
    }

    #[test]
    fn a_rule_that_no_proxy_can_obey_says_so_when_it_is_written() {
        assert_eq!(admit(&redirect(302)).unwrap(), Vec::<String>::new());
        assert_eq!(
            admit(&redirect(304)).unwrap(),
            ["spec.http[0] cannot be obeyed by the lab and is left out: \
              redirectCode must be one of 301, 302, 303, 307, 308"]
        );
    }

    #[test]
    fn the_webhook_answers_400_in_its_words() {
        let refused = admit(&redirect(200)).unwrap_err();
        assert_eq!(refused.code(), 400);
        assert_eq!(
            refused.message(),
            "admission webhook \"validation.istio.io\" denied the request: configuration is invalid: \
             200 is not a valid redirect code, must be 3xx"
        );
    }
}
