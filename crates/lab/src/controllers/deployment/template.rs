//! The name of a template: pods of one template share it.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::TEMPLATE_HASH;

/// Kubernetes' alphabet of generated names: no vowels, so no words, and nothing that looks alike.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether the set was made for this template.
///
/// Compared without the label that the set's template carries in addition: Kubernetes finds the
/// set of a template by the template itself, so that one made elsewhere is found as well.
pub(super) fn is_of(template: &PodTemplateSpec, set: &ReplicaSet) -> bool {
    set.spec
        .template
        .as_ref()
        .is_some_and(|own| without_hash(own) == without_hash(template))
}

fn without_hash(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    let metadata = template.metadata.get_or_insert_default();
    let labels = metadata.labels.get_or_insert_default();
    labels.remove(TEMPLATE_HASH);
    template
}

/// A text of up to ten characters that is the same for the same template and number of collisions.
pub(super) fn hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    // FNV-1a: stable between builds, unlike the standard library's hasher.
    let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let text = serde_json::to_vec(template).unwrap_or_default();
    let suffix = collisions.map(i32::to_le_bytes);
    let bytes = text.into_iter().chain(suffix.into_iter().flatten());
    let hash = bytes.fold(0x811c_9dc5, fnv);
    safe(&hash.to_string())
}

/// Kubernetes writes the digits of the hash in letters of its alphabet.
fn safe(text: &str) -> String {
    let letter = |byte: u8| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]);
    text.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn template(image: &str) -> PodTemplateSpec {
        from_value(json!({"spec": {"containers": [{"name": "c", "image": image}]}})).unwrap()
    }

    #[test]
    fn a_hash_depends_on_the_template_and_the_collisions() {
        let of = |image: &str, collisions| hash(&template(image), collisions);
        assert_eq!(of("a", None), of("a", None));
        assert_ne!(of("a", None), of("b", None));
        assert_ne!(of("a", None), of("a", Some(1)));
        assert!(of("a", None).bytes().all(|byte| ALPHABET.contains(&byte)));
    }

    #[test]
    fn a_set_is_of_its_template_whatever_hash_it_was_labelled_with() {
        let set = |image: &str| -> ReplicaSet {
            let mut template = serde_json::to_value(template(image)).unwrap();
            template["metadata"]["labels"][TEMPLATE_HASH] = json!("x");
            from_value(json!({"metadata": {}, "spec": {"selector": {}, "template": template}}))
                .unwrap()
        };
        assert!(is_of(&template("a"), &set("a")));
        assert!(!is_of(&template("a"), &set("b")));
    }
}
