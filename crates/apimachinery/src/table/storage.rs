//! Columns of claims and storage classes.

use serde_json::Value;

use super::column::{AGE, Column, NAME, Subject};
use super::text::scalar;
use crate::object;

const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
const DEFAULT_ANNOTATIONS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];
const UNSET: &str = "<unset>";
/// Access modes and their short forms.
const MODES: [(&str, &str); 4] = [
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
];

pub(super) static CLAIMS: &[Column] = &[
    NAME,
    Column::text("Status", "Its phase.", |claim| {
        if object::is_terminating(claim.object) {
            "Terminating".into()
        } else {
            claim.text(&["status", "phase"]).into()
        }
    }),
    Column::text("Volume", "The volume it is bound to.", |claim| {
        claim.text(&["spec", "volumeName"]).into()
    }),
    Column::text("Capacity", "Size of that volume.", |claim| {
        of_volume(claim, |claim| {
            claim
                .at(&["status", "capacity", "storage"])
                .map_or_else(|| "0".to_owned(), scalar)
        })
    }),
    Column::text("Access Modes", "How that volume may be mounted.", |claim| {
        of_volume(claim, access_modes)
    }),
    Column::text("StorageClass", "Its class.", |claim| class(claim).into()),
    Column::text(
        "VolumeAttributesClass",
        "Class of its attributes.",
        |claim| {
            claim
                .text_or(&["spec", "volumeAttributesClassName"], UNSET)
                .into()
        },
    ),
    AGE,
    Column::text("VolumeMode", "Filesystem or Block.", |claim| {
        claim.text_or(&["spec", "volumeMode"], UNSET).into()
    })
    .wide(),
];

pub(super) static CLASSES: &[Column] = &[
    Column::text(
        "Name",
        "Its name, and whether it is the default.",
        |class| {
            let default = DEFAULT_ANNOTATIONS
                .iter()
                .any(|name| class.text(&["metadata", "annotations", name]) == "true");
            let default = if default { " (default)" } else { "" };
            format!("{}{default}", object::name(class.object)).into()
        },
    )
    .format("name"),
    Column::text("Provisioner", "Who makes its volumes.", |class| {
        class.text(&["provisioner"]).into()
    }),
    Column::text("ReclaimPolicy", "What becomes of them.", |class| {
        class.text_or(&["reclaimPolicy"], "Delete").into()
    }),
    Column::text("VolumeBindingMode", "When they are bound.", |class| {
        class.text_or(&["volumeBindingMode"], "Immediate").into()
    }),
    Column::text("AllowVolumeExpansion", "Whether they may grow.", |class| {
        let allowed = class.at(&["allowVolumeExpansion"]);
        allowed.and_then(Value::as_bool).unwrap_or(false).into()
    }),
    AGE,
];

/// Kubernetes: what only a bound claim shows.
fn of_volume(claim: &Subject<'_>, cell: impl Fn(&Subject<'_>) -> String) -> Value {
    if claim.text(&["spec", "volumeName"]).is_empty() {
        "".into()
    } else {
        cell(claim).into()
    }
}

fn access_modes(claim: &Subject<'_>) -> String {
    let given = claim.items(&["status", "accessModes"]);
    let short = MODES
        .iter()
        .filter(|(mode, _)| given.iter().any(|given| given == mode));
    short.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

fn class<'a>(claim: &Subject<'a>) -> &'a str {
    let annotation = claim.text(&["metadata", "annotations", CLASS_ANNOTATION]);
    if annotation.is_empty() {
        claim.text(&["spec", "storageClassName"])
    } else {
        annotation
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::resource::rows;
    use crate::table::cells;

    #[test]
    fn a_bound_claim_shows_its_volume() {
        let claim = json!({
            "metadata": {"name": "c"},
            "spec": {"volumeName": "v", "storageClassName": "fast", "volumeMode": "Filesystem"},
            "status": {
                "phase": "Bound", "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
            },
        });
        let shown = cells(
            &rows::PERSISTENT_VOLUME_CLAIMS,
            &claim,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(
            shown[1..7],
            ["Bound", "v", "1Gi", "RWO,RWX", "fast", "<unset>"]
        );
    }

    #[test]
    fn the_default_class_is_marked() {
        let class =
            json!({"metadata": {"name": "s", "annotations": {DEFAULT_ANNOTATIONS[0]: "true"}}});
        let shown = cells(&rows::STORAGE_CLASSES, &class, Timestamp::UNIX_EPOCH);
        let expected = json!(["s (default)", "", "Delete", "Immediate", false, "<unknown>"]);
        assert_eq!(Value::from(shown), expected);
    }
}
