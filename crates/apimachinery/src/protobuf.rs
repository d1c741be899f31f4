//! Objects in Kubernetes' binary form, as `kubectl create KIND` sends them.
//!
//! An envelope says what the object is, and the table of message types says what its bytes mean.
//! Field numbers the table does not know are skipped, as protobuf wants it.

mod message;
mod wire;

use serde_json::Value;

use crate::schema::kubernetes;
use wire::{Payload, Reader};

/// What every object in binary form begins with.
const PREFIX: &[u8] = b"k8s\0";

/// Bytes that are no object.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// The envelope is missing.
    #[error("provided data does not appear to be a protobuf message, expected prefix {PREFIX:?}")]
    NoEnvelope,
    /// There is no such kind, or it has no binary form.
    #[error("no kind with a binary form is registered for the type of the message")]
    UnknownKind,
    /// A message is cut short.
    #[error("unexpected EOF")]
    CutShort,
    /// A number has more bytes than any number has.
    #[error("proto: integer overflow")]
    Overflow,
    /// A field has another type on the wire than in the table.
    #[error("proto: wrong wireType")]
    WrongType,
    /// A type on the wire that is none, or is not used any more.
    #[error("proto: illegal wireType")]
    NoType,
    /// Text is not UTF-8.
    #[error("proto: invalid UTF-8 in a string")]
    NoText,
    /// Messages in messages without end.
    #[error("proto: nested too deeply")]
    TooDeep,
    /// A part is JSON in binary clothes, and no JSON.
    #[error("proto: a raw value is no JSON")]
    NoJson,
}

/// The object in an envelope as JSON, its `apiVersion` and `kind` included.
///
/// # Errors
/// [`Malformed`].
pub fn decode(bytes: &[u8]) -> Result<Value, Malformed> {
    let envelope = bytes.strip_prefix(PREFIX).ok_or(Malformed::NoEnvelope)?;
    let (mut identity, mut raw) = (&[][..], &[][..]);
    let mut reader = Reader::new(envelope);
    while let Some((number, payload)) = reader.field()? {
        match (number, payload) {
            (1, Payload::Bytes(bytes)) => identity = bytes,
            (2, Payload::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let [api_version, kind] = texts(identity)?;
    let shape = kubernetes::of_kind(&api_version, &kind).ok_or(Malformed::UnknownKind)?;
    let mut object = message::decode(shape, raw)?;
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    Ok(object.into())
}

/// The texts in the first fields of a message.
fn texts<const N: usize>(bytes: &[u8]) -> Result<[String; N], Malformed> {
    let mut texts = std::array::from_fn(|_| String::new());
    let mut reader = Reader::new(bytes);
    while let Some((number, payload)) = reader.field()? {
        let at = usize::try_from(number)
            .ok()
            .and_then(|it| it.checked_sub(1));
        if let Some(text) = at.and_then(|at| texts.get_mut(at)) {
            *text = payload.text()?.to_owned();
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests;
