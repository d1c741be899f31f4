//! Ingresses.

use serde_json::{Map, Value};

use super::{Members, Path, text};
use crate::status::Cause;

/// Something must take the requests.
pub(super) fn spec(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let rules = spec.get("rules").and_then(Value::as_array);
    if rules.is_none_or(Vec::is_empty) && !spec.contains_key("defaultBackend") {
        let why = "either `defaultBackend` or `rules` must be specified";
        faults.push(Cause::invalid(path.to_string(), rules, why));
    }
}

pub(super) fn absolute(rule: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let kind = text(rule, "pathType");
    let prefix = text(rule, "path");
    // Kubernetes: only where the controller reads the path as it likes, there may be none.
    let none = kind == "ImplementationSpecific" && prefix.is_empty();
    if !kind.is_empty() && !none && !prefix.starts_with('/') {
        let why = "must be an absolute path";
        faults.push(Cause::invalid(path.field("path").to_string(), prefix, why));
    }
}

/// Either a service with one of its ports, or another resource.
pub(super) fn backend(backend: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let service = backend.get("service").and_then(Value::as_object);
    let other = backend.contains_key("resource");
    let contradiction = match service {
        Some(_) if other => "cannot set both resource and service backends",
        Some(service) => return service_port(service, path, faults),
        None if other => return,
        None => "resource or service backend is required",
    };
    faults.push(Cause::invalid(path.to_string(), "", contradiction));
}

fn service_port(service: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let none = Map::new();
    let port = service.get("port").and_then(Value::as_object);
    let port = port.unwrap_or(&none);
    let number = port.get("number").and_then(Value::as_i64).unwrap_or(0);
    match (text(port, "name").is_empty(), number == 0) {
        (true, true) => {
            let why = "port name or number is required";
            faults.push(Cause::required(path.to_string(), why));
        }
        (false, false) => {
            let why = "cannot set both port name & port number";
            faults.push(Cause::invalid(path.to_string(), "", why));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::resource::rows;
    use crate::status::Cause;
    use crate::validation::create;

    fn faults(spec: serde_json::Value) -> Vec<String> {
        let object = json!({"metadata": {"name": "i"}, "spec": spec});
        let faults = create(&rows::INGRESSES, &object);
        faults.iter().map(Cause::to_string).collect()
    }

    fn path(kind: &str, path: &str) -> serde_json::Value {
        let service = json!({"name": "s", "port": {"number": 80}});
        json!({"pathType": kind, "path": path, "backend": {"service": service}})
    }

    #[test]
    fn an_ingress_leads_somewhere() {
        let why = "either `defaultBackend` or `rules` must be specified";
        assert_eq!(
            faults(json!({})),
            [format!("spec: Invalid value: null: {why}")]
        );
        let at = "spec.defaultBackend";
        for (backend, fault) in [
            (
                json!({}),
                "Invalid value: \"\": resource or service backend is required",
            ),
            (
                json!({"service": {"name": "s"}}),
                "Required value: port name or number is required",
            ),
            (
                json!({"service": {"name": "s", "port": {"name": "a", "number": 1}}}),
                "Invalid value: \"\": cannot set both port name & port number",
            ),
            (
                json!({"service": {"name": "s"}, "resource": {"kind": "k", "name": "n"}}),
                "Invalid value: \"\": cannot set both resource and service backends",
            ),
        ] {
            let found = faults(json!({"defaultBackend": backend}));
            assert_eq!(found, [format!("{at}: {fault}")]);
        }
    }

    #[test]
    fn a_path_is_absolute_and_of_a_known_type() {
        let of = |path| faults(json!({"rules": [{"http": {"paths": [path]}}]}));
        let at = "spec.rules[0].http.paths[0]";
        assert_eq!(of(path("Prefix", "/a")), [""; 0]);
        assert_eq!(of(path("ImplementationSpecific", "")), [""; 0]);
        let relative = "path: Invalid value: \"a\": must be an absolute path";
        assert_eq!(of(path("Exact", "a")), [format!("{at}.{relative}")]);
        let missing = "pathType: Required value: pathType must be specified";
        assert_eq!(of(path("", "/")), [format!("{at}.{missing}")]);
        assert_eq!(
            of(path("Like", "/")),
            [format!(
                "{at}.pathType: Unsupported value: \"Like\": \
                 supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\""
            )]
        );
    }
}
