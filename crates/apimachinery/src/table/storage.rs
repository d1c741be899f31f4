//! Columns of claims, volumes and storage classes.

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
    Column::text("Status", "Its phase.", |claim| phase(claim).into()),
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
        of_volume(claim, |claim| access_modes(claim, "status"))
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

pub(super) static VOLUMES: &[Column] = &[
    NAME,
    Column::text("Capacity", "Its size.", |volume| {
        let size = volume.at(&["spec", "capacity", "storage"]);
        size.map_or_else(|| "0".to_owned(), scalar).into()
    }),
    Column::text("Access Modes", "How it may be mounted.", |volume| {
        access_modes(volume, "spec").into()
    }),
    Column::text(
        "Reclaim Policy",
        "What becomes of it after its claim.",
        |volume| {
            let policy = ["spec", "persistentVolumeReclaimPolicy"];
            volume.text(&policy).into()
        },
    ),
    Column::text("Status", "Its phase.", |volume| phase(volume).into()),
    Column::text("Claim", "The claim it is bound to.", |volume| {
        claim_of(volume).into()
    }),
    Column::text("StorageClass", "Its class.", |volume| class(volume).into()),
    Column::text(
        "VolumeAttributesClass",
        "Class of its attributes.",
        |volume| {
            let class = ["spec", "volumeAttributesClassName"];
            volume.text_or(&class, UNSET).into()
        },
    ),
    Column::text("Reason", "Why it is in its phase.", |volume| {
        volume.text(&["status", "reason"]).into()
    }),
    AGE,
    Column::text("VolumeMode", "Filesystem or Block.", |volume| {
        volume.text_or(&["spec", "volumeMode"], UNSET).into()
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

fn phase<'a>(subject: &Subject<'a>) -> &'a str {
    if object::is_terminating(subject.object) {
        "Terminating"
    } else {
        subject.text(&["status", "phase"])
    }
}

/// The claim of a volume: namespace and name.
fn claim_of(volume: &Subject<'_>) -> String {
    let of = |member| volume.text(&["spec", "claimRef", member]);
    match volume.at(&["spec", "claimRef"]) {
        Some(_) => format!("{}/{}", of("namespace"), of("name")),
        None => String::new(),
    }
}

fn access_modes(subject: &Subject<'_>, part: &str) -> String {
    let given = subject.items(&[part, "accessModes"]);
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
    fn a_volume_shows_its_claim() {
        let volume = json!({
            "metadata": {"name": "v"},
            "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Delete", "storageClassName": "standard",
                "claimRef": {"namespace": "n", "name": "c"}, "volumeMode": "Filesystem",
            },
            "status": {"phase": "Bound"},
        });
        let shown = cells(&rows::PERSISTENT_VOLUMES, &volume, Timestamp::UNIX_EPOCH);
        let expected = [
            "v", "1Gi", "RWO", "Delete", "Bound", "n/c", "standard", "<unset>", "",
        ];
        assert_eq!(shown[..9], expected);
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
