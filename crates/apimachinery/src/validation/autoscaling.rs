//! HorizontalPodAutoscalers.

use serde_json::Value;

use super::{Members, Path, text};
use crate::object;
use crate::status::Cause;

pub(super) fn bounds(spec: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let number = |field: &str| spec.get(field).and_then(Value::as_i64);
    let (max, min) = (number("maxReplicas").unwrap_or(0), number("minReplicas"));
    let field = path.field("maxReplicas").to_string();
    if max < 1 {
        faults.push(Cause::invalid(field.clone(), max, "must be greater than 0"));
    }
    if min.is_some_and(|min| max < min) {
        let why = "must be greater than or equal to `minReplicas`";
        faults.push(Cause::invalid(field, max, why));
    }
}

pub(super) fn target_version(target: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let version = text(target, "apiVersion");
    if !version.contains('/') {
        let field = path.field("apiVersion").to_string();
        faults.push(Cause::invalid(
            field,
            version,
            "apiVersion must specify API group",
        ));
    }
}

pub(super) fn resource_target(source: &Members, path: &Path<'_>, faults: &mut Vec<Cause>) {
    let figure = |name: &str| source.get("target").and_then(|it| object::at(it, &[name]));
    let target = path.field("target");
    let field = |name| target.field(name).to_string();
    match (figure("averageUtilization"), figure("averageValue")) {
        (None, None) => {
            let why = "must set either a target raw value or a target utilization";
            faults.push(Cause::required(field("averageUtilization"), why));
        }
        (Some(_), Some(_)) => {
            let why = "may not set both a target raw value and a target utilization";
            faults.push(Cause::forbidden(field("averageValue"), why));
        }
        (Some(percent), None) if percent.as_i64().is_some_and(|it| it < 1) => {
            faults.push(Cause::invalid(
                field("averageUtilization"),
                percent,
                "must be greater than 0",
            ));
        }
        _ => {}
    }
}
