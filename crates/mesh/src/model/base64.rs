//! Bytes as JSON writes them.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer, de};

/// Bytes of a rule, `bytes: dGVhcG90`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

/// Protobuf's JSON: padded or not.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl<'de> Deserialize<'de> for Base64 {
    /// Protobuf's JSON: also in the alphabet of URLs.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let standard = text.replace('-', "+").replace('_', "/");
        let bytes = DECODER.decode(standard);
        bytes.map(Self).map_err(|error| {
            de::Error::custom(format!(
                "{text:?} is no base64 ({error}), write it as `base64` does"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<u8>> {
        let read = serde_json::from_value::<Base64>(text.into());
        read.ok().map(|bytes| bytes.0)
    }

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        let rows: [(&str, &[u8]); 5] = [
            ("", b""),
            ("dGVhcG90", b"teapot"),
            ("+/8=", &[0xFB, 0xFF]),
            ("-_8=", &[0xFB, 0xFF]),
            ("-_8", &[0xFB, 0xFF]),
        ];
        for (text, bytes) in rows {
            assert_eq!(read(text).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(["tea pot", "a", "é"].map(read), [None, None, None]);
    }
}
