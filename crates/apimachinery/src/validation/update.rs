//! What an update may not change, one row a kind.

use serde_json::{Value, json};

use super::Ordered;
use crate::object;
use crate::resource::{Resource, rows};
use crate::status::Cause;

type Check = fn(&Value, &Value, &mut Vec<Cause>);

const TABLE: &[(&Resource, &[Check])] = &[
    (&rows::CLUSTER_ROLE_BINDINGS, &[role_ref]),
    (&rows::CONFIG_MAPS, &[sealed]),
    (&rows::DEPLOYMENTS, &[selector]),
    (&rows::PERSISTENT_VOLUME_CLAIMS, &[claim_spec]),
    (&rows::PODS, &[pod_spec]),
    (&rows::REPLICA_SETS, &[selector]),
    (&rows::ROLE_BINDINGS, &[role_ref]),
    (&rows::SECRETS, &[secret_type, sealed]),
    (&rows::SERVICES, &[cluster_ips]),
    (&rows::STORAGE_CLASSES, &[storage_class]),
];

const POD: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions \
    to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it \
    was previously negative)";
const SEALED: &str = "field is immutable when `immutable` is set";

pub(super) fn faults(resource: &Resource, old: &Value, new: &Value) -> Vec<Cause> {
    let mut faults = Vec::new();
    let row = TABLE.iter().find(|(it, _)| *it == resource);
    for check in row.into_iter().flat_map(|(_, checks)| *checks) {
        check(old, new, &mut faults);
    }
    faults
}

/// Whether a forbidden change is all that is reported.
pub(super) fn is_final(resource: &Resource) -> bool {
    *resource != rows::SECRETS
}

/// A part whose change is forbidden, with what is shown of the new one.
fn unchanged(old: &Value, new: &Value, path: &[&str]) -> bool {
    object::at(old, path) == object::at(new, path)
}

fn selector(old: &Value, new: &Value, faults: &mut Vec<Cause>) {
    let path = ["spec", "selector"];
    if !unchanged(old, new, &path) {
        faults.push(Cause::invalid(
            "spec.selector",
            object::at(new, &path),
            "field is immutable",
        ));
    }
}

fn role_ref(old: &Value, new: &Value, faults: &mut Vec<Cause>) {
    if !unchanged(old, new, &["roleRef"]) {
        let part = |name| object::text(new, &["roleRef", name]);
        let shown =
            json!({"APIGroup": part("apiGroup"), "Kind": part("kind"), "Name": part("name")});
        let shown = Ordered(&shown, &["APIGroup", "Kind", "Name"]);
        faults.push(Cause::invalid("roleRef", shown, "cannot change roleRef"));
    }
}

fn secret_type(old: &Value, new: &Value, faults: &mut Vec<Cause>) {
    if !unchanged(old, new, &["type"]) {
        faults.push(Cause::invalid(
            "type",
            object::at(new, &["type"]),
            "field is immutable",
        ));
    }
}

/// ConfigMaps and Secrets that are marked immutable.
fn sealed(old: &Value, new: &Value, faults: &mut Vec<Cause>) {
    if object::at(old, &["immutable"]) != Some(&Value::Bool(true)) {
        return;
    }
    for field in ["immutable", "data", "binaryData"] {
        if !unchanged(old, new, &[field]) {
            faults.push(Cause::forbidden(field, SEALED));
        }
    }
}

fn cluster_ips(old: &Value, new: &Value, faults: &mut Vec<Cause>) {
    let kind = |object| object::text(object, &["spec", "type"]) == "ExternalName";
    let ip = object::text(old, &["spec", "clusterIP"]);
    if ip.is_empty() || kind(old) || kind(new) || unchanged(old, new, &["spec", "clusterIP"]) {
        return;
    }
    let shown = [object::text(new, &["spec", "clusterIP"])];
    faults.push(Cause::invalid(
        "spec.clusterIPs[0]",
        shown,
        "may not change once set",
    ));
}

/// Kubernetes: of a pod's spec only images, a deadline and further tolerations may change.
fn pod_spec(old: &Value, new: &Value, faults: &mut Vec<Cause>) {
    if frozen(old) != frozen(new) || !keeps_tolerations(old, new) {
        faults.push(Cause::forbidden("spec", POD));
    }
}

fn frozen(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or_default();
    let members = object::map_mut(&mut spec);
    for free in ["activeDeadlineSeconds", "tolerations"] {
        members.remove(free);
    }
    for list in ["containers", "initContainers"] {
        let containers = members.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            object::map_mut(container).remove("image");
        }
    }
    spec
}

fn keeps_tolerations(old: &Value, new: &Value) -> bool {
    let list = |pod| object::at(pod, &["spec", "tolerations"]).and_then(Value::as_array);
    let kept = list(new).map(Vec::as_slice).unwrap_or_default();
    list(old).into_iter().flatten().all(|it| kept.contains(it))
}

fn claim_spec(old: &Value, new: &Value, faults: &mut Vec<Cause>) {
    let rest = |claim: &Value| {
        let mut spec = claim.get("spec").cloned().unwrap_or_default();
        object::map_mut(&mut spec).remove("resources");
        object::map_mut(&mut spec).remove("volumeName");
        spec
    };
    if rest(old) != rest(new) {
        let why = "spec is immutable after creation except resources.requests and \
            volumeAttributesClassName for bound claims";
        faults.push(Cause::forbidden("spec", why));
    }
}

fn storage_class(old: &Value, new: &Value, faults: &mut Vec<Cause>) {
    for field in ["parameters", "provisioner", "reclaimPolicy"] {
        if !unchanged(old, new, &[field]) {
            let why = format!("updates to {field} are forbidden.");
            faults.push(Cause::forbidden(field, &why));
        }
    }
}
