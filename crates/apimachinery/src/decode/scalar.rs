//! Values without parts.

use base64::DecodeError;
use base64::alphabet;
use base64::engine::{Engine as _, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Number, Value};

use super::{Document, quantity, time};
use crate::schema::Scalar;

/// Why a value is refused.
pub(super) enum Refusal {
    /// It has another type.
    Misfit(Misfit),
    /// The type itself refuses the text; its words.
    Malformed(String),
}

/// A value of another type than the field's.
#[derive(Debug)]
pub(super) struct Misfit {
    /// What Go calls the type of the value.
    pub(super) found: String,
    /// Go's name of the field's type.
    pub(super) wanted: String,
}

impl Misfit {
    pub(super) fn kind(document: &Document, wanted: String) -> Self {
        Self {
            found: document.go_type().to_owned(),
            wanted,
        }
    }
}

/// The value in the form it is stored in.
pub(super) fn decode(scalar: &Scalar, document: Document) -> Result<Value, Refusal> {
    let decoded = match scalar {
        Scalar::Text { .. } => text(&document),
        Scalar::Bool => match document {
            Document::Bool(it) => Some(it.into()),
            _ => None,
        },
        Scalar::Int32 => return integer(scalar, document, i64::from(i32::MIN), i32::MAX.into()),
        Scalar::Int64 => return integer(scalar, document, i64::MIN, i64::MAX),
        Scalar::Float64 => match document {
            Document::Number(ref number) => Some(number.clone().into()),
            _ => None,
        },
        Scalar::Bytes => return bytes(document),
        Scalar::Time | Scalar::MicroTime | Scalar::Duration => {
            return timely(scalar, &document);
        }
        Scalar::Quantity => return quantity(&document),
        Scalar::IntOrString => return int_or_string(document),
    };
    decoded.ok_or_else(|| misfit(scalar, &document))
}

/// What stands for an absent value of the type.
pub(super) fn zero(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text { .. } | Scalar::Bytes | Scalar::Duration => "".into(),
        Scalar::Bool => false.into(),
        Scalar::Int32 | Scalar::Int64 | Scalar::Float64 | Scalar::IntOrString => 0.into(),
        Scalar::Quantity => "0".into(),
        Scalar::Time | Scalar::MicroTime => Value::Null,
    }
}

/// Go's name of the type.
pub(super) fn go_type(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Text { named, .. } => named.as_deref().map_or("string".into(), go_name),
        Scalar::Bool => "bool".into(),
        Scalar::Int32 => "int32".into(),
        Scalar::Int64 => "int64".into(),
        Scalar::Float64 => "float64".into(),
        Scalar::Bytes => "[]uint8".into(),
        Scalar::Time => "v1.Time".into(),
        Scalar::MicroTime => "v1.MicroTime".into(),
        Scalar::Duration => "v1.Duration".into(),
        Scalar::Quantity => "resource.Quantity".into(),
        Scalar::IntOrString => "intstr.IntOrString".into(),
    }
}

fn misfit(scalar: &Scalar, document: &Document) -> Refusal {
    Refusal::Misfit(Misfit::kind(document, go_type(scalar)))
}

fn text(document: &Document) -> Option<Value> {
    document.as_text().map(Value::from)
}

fn integer(scalar: &Scalar, document: Document, min: i64, max: i64) -> Result<Value, Refusal> {
    let Document::Number(number) = document else {
        return Err(misfit(scalar, &document));
    };
    match number.as_i64().filter(|it| (min..=max).contains(it)) {
        Some(it) => Ok(it.into()),
        None => Err(Refusal::Misfit(Misfit {
            found: format!("number {number}"),
            wanted: go_type(scalar),
        })),
    }
}

/// The words of a type that decodes itself, for a value that is not even of the right JSON type.
fn foreign(document: &Document, wanted: &str) -> Refusal {
    let found = document.go_type();
    Refusal::Malformed(format!(
        "json: cannot unmarshal {found} into Go value of type {wanted}"
    ))
}

fn timely(scalar: &Scalar, document: &Document) -> Result<Value, Refusal> {
    let Some(text) = document.as_text() else {
        return Err(foreign(document, "string"));
    };
    match scalar {
        Scalar::Duration => time::check_duration(text),
        Scalar::MicroTime => time::check(text, time::MICRO),
        _ => time::check(text, time::SECONDS),
    }
    .map_err(Refusal::Malformed)?;
    Ok(text.into())
}

/// Kubernetes: a number is a quantity too; it is written as text.
fn quantity(document: &Document) -> Result<Value, Refusal> {
    let written = match document {
        Document::Text(text) => text.trim().to_owned(),
        Document::Number(number) => number.to_string(),
        // The type reads any JSON as the text it is written in.
        _ => return Err(Refusal::Malformed(quantity::MALFORMED.to_owned())),
    };
    let canonical = quantity::canonical(&written);
    canonical
        .map(Value::from)
        .map_err(|why| Refusal::Malformed(why.to_owned()))
}

fn int_or_string(document: Document) -> Result<Value, Refusal> {
    match document {
        Document::Text(text) => Ok(text.into()),
        Document::Number(number) => integer_alone(&number),
        other => Err(foreign(&other, "int32")),
    }
}

fn integer_alone(number: &Number) -> Result<Value, Refusal> {
    match number.as_i64().and_then(|it| i32::try_from(it).ok()) {
        Some(it) => Ok(it.into()),
        None => Err(Refusal::Malformed(format!(
            "json: cannot unmarshal number {number} into Go value of type int32"
        ))),
    }
}

/// Kubernetes: base64 with padding, lines may be broken; written without breaks.
fn bytes(document: Document) -> Result<Value, Refusal> {
    let Document::Text(text) = document else {
        return Err(misfit(&Scalar::Bytes, &document));
    };
    let text = text.replace(['\r', '\n'], "");
    match BASE64.decode(&text) {
        Ok(bytes) => Ok(BASE64.encode(bytes).into()),
        Err(error) => Err(Refusal::Malformed(format!(
            "illegal base64 data at input byte {}",
            first_wrong_byte(&text, &error)
        ))),
    }
}

/// As Go's decoder: unused bits of the last letter are not looked at.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Go counts what is incomplete from the start of its group of four letters.
fn first_wrong_byte(text: &str, error: &DecodeError) -> usize {
    match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. } => *at,
        DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => {
            text.trim_end_matches('=').len() / 4 * 4
        }
    }
}

/// `v1.Container` of `core.v1.Container`: Go shows the last part of a package only.
pub(super) fn go_name(name: &str) -> String {
    let mut parts: Vec<_> = name.rsplitn(3, '.').take(2).collect();
    parts.reverse();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decoded(scalar: &Scalar, value: Value) -> Result<Value, String> {
        decode(scalar, value.into()).map_err(|refusal| match refusal {
            Refusal::Misfit(it) => format!("{} for {}", it.found, it.wanted),
            Refusal::Malformed(why) => why,
        })
    }

    #[test]
    fn values_are_stored_in_their_canonical_form() {
        for (scalar, written, stored) in [
            (Scalar::Quantity, json!(0.5), json!("500m")),
            (Scalar::Quantity, json!(" 1024Mi "), json!("1Gi")),
            (Scalar::IntOrString, json!(80), json!(80)),
            (Scalar::IntOrString, json!("25%"), json!("25%")),
            (Scalar::Bytes, json!("YW\nJj"), json!("YWJj")),
            (Scalar::Float64, json!(1), json!(1)),
        ] {
            assert_eq!(decoded(&scalar, written), Ok(stored));
        }
    }

    #[test]
    fn each_type_refuses_in_its_own_words() {
        for (scalar, written, why) in [
            (Scalar::Int32, json!("two"), "string for int32"),
            (Scalar::Int32, json!(1.5), "number 1.5 for int32"),
            (
                Scalar::Int32,
                json!(1_i64 << 31),
                "number 2147483648 for int32",
            ),
            (Scalar::Bool, json!("yes"), "string for bool"),
            (Scalar::Bytes, json!(1), "number for []uint8"),
            (
                Scalar::Bytes,
                json!("YW!j"),
                "illegal base64 data at input byte 2",
            ),
            (
                Scalar::Bytes,
                json!("YWJjYW"),
                "illegal base64 data at input byte 4",
            ),
            (
                Scalar::IntOrString,
                json!(true),
                "json: cannot unmarshal bool into Go value of type int32",
            ),
            (
                Scalar::Time,
                json!(1),
                "json: cannot unmarshal number into Go value of type string",
            ),
        ] {
            assert_eq!(decoded(&scalar, written), Err(why.to_owned()));
        }
    }
}
