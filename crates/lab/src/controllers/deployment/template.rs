//! The name of a template: pods of one template share it.

use serde_json::Value;

/// A text of ten characters that is the same for the same template.
///
/// The alphabet is Kubernetes' own: no vowels, so no words, and nothing that looks alike.
pub(super) fn hash(template: &Value) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    // FNV-1a: stable between builds, unlike the standard library's hasher.
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = template
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, fnv);
    let letters = std::iter::repeat_with(|| {
        let letter = ALPHABET[usize::try_from(hash % ALPHABET.len() as u64).unwrap_or(0)];
        hash /= ALPHABET.len() as u64;
        char::from(letter)
    });
    letters.take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hash_depends_on_the_template_and_has_no_vowels() {
        let letters = hash(&json!({"a": 1}));
        assert_eq!(letters.len(), 10);
        assert_eq!(letters, hash(&json!({"a": 1})));
        assert_ne!(letters, hash(&json!({"a": 2})));
        assert!(!letters.contains(['a', 'e', 'i', 'o', 'u']));
    }
}
