//! Messages by their table.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::wire::{Payload, Reader};
use super::{Malformed, texts};
use crate::schema::{Field, Scalar, Shape, Struct};

/// More levels than any kind has.
const MAX_DEPTH: usize = 64;

/// The fields of a message as JSON.
pub(super) fn decode(shape: &Struct, bytes: &[u8]) -> Result<Map<String, Value>, Malformed> {
    message(shape, bytes, MAX_DEPTH)
}

fn message(shape: &Struct, bytes: &[u8], depth: usize) -> Result<Map<String, Value>, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::TooDeep)?;
    let mut object = Map::new();
    let mut reader = Reader::new(bytes);
    while let Some((number, payload)) = reader.field()? {
        let known = |field: &&Field| field.number.map(u64::from) == Some(number);
        if let Some(field) = shape.fields.iter().find(known) {
            add(&mut object, field, payload, depth)?;
        }
    }
    Ok(object)
}

/// Adds what a field holds: elements of a list and entries of a map come one by one.
fn add(
    object: &mut Map<String, Value>,
    field: &Field,
    payload: Payload<'_>,
    depth: usize,
) -> Result<(), Malformed> {
    match &field.shape {
        Shape::Struct(inner) if field.name.is_empty() => {
            object.extend(message(inner, payload.bytes()?, depth)?);
        }
        Shape::List(list) => {
            let items = object.entry(&field.name).or_insert_with(|| json!([]));
            if let Value::Array(items) = items {
                add_items(items, &list.item, payload, depth)?;
            }
        }
        Shape::Map(map) => {
            let (key, value) = entry(&map.value, payload.bytes()?, depth)?;
            object.entry(&field.name).or_insert_with(|| json!({}))[key] = value;
        }
        shape => {
            let value = value(shape, payload, depth)?;
            object.insert(field.name.clone(), value);
        }
    }
    Ok(())
}

/// Numbers may come packed, many in one field.
fn add_items(
    items: &mut Vec<Value>,
    shape: &Shape,
    payload: Payload<'_>,
    depth: usize,
) -> Result<(), Malformed> {
    let is_number = matches!(
        shape,
        Shape::Scalar(Scalar::Bool | Scalar::Int32 | Scalar::Int64)
    );
    match payload {
        Payload::Bytes(packed) if is_number => {
            let mut reader = Reader::new(packed);
            while !reader.is_empty() {
                items.push(value(shape, Payload::Varint(reader.varint()?), depth)?);
            }
        }
        payload => items.push(value(shape, payload, depth)?),
    }
    Ok(())
}

fn entry(shape: &Shape, bytes: &[u8], depth: usize) -> Result<(String, Value), Malformed> {
    let (mut key, mut found) = ("", None);
    let mut reader = Reader::new(bytes);
    while let Some((number, payload)) = reader.field()? {
        match number {
            1 => key = payload.text()?,
            2 => found = Some(value(shape, payload, depth)?),
            _ => {}
        }
    }
    let value = found.map_or_else(|| value(shape, Payload::Bytes(&[]), depth), Ok)?;
    Ok((key.to_owned(), value))
}

fn value(shape: &Shape, payload: Payload<'_>, depth: usize) -> Result<Value, Malformed> {
    Ok(match shape {
        Shape::Scalar(scalar) => return self::scalar(scalar, payload),
        Shape::Struct(inner) => message(inner, payload.bytes()?, depth)?.into(),
        Shape::Any => raw_json(payload.bytes()?)?,
        // A list that is the value of a map is a message with the list as its first field.
        Shape::List(list) => {
            let mut items = Vec::new();
            let mut reader = Reader::new(payload.bytes()?);
            while let Some((number, payload)) = reader.field()? {
                if number == 1 {
                    let depth = depth.checked_sub(1).ok_or(Malformed::TooDeep)?;
                    add_items(&mut items, &list.item, payload, depth)?;
                }
            }
            items.into()
        }
        Shape::Map(_) => return Err(Malformed::WrongType),
    })
}

fn scalar(scalar: &Scalar, payload: Payload<'_>) -> Result<Value, Malformed> {
    Ok(match scalar {
        Scalar::Text { .. } => payload.text()?.into(),
        Scalar::Bool => (payload.integer()? != 0).into(),
        // Protobuf: a number that is too long for its field loses its upper half.
        Scalar::Int32 => json!(payload.integer()? as i32),
        Scalar::Int64 => payload.integer()?.into(),
        Scalar::Float64 => payload.float()?.into(),
        Scalar::Bytes => BASE64_STANDARD.encode(payload.bytes()?).into(),
        Scalar::Time => time(payload.bytes()?, false)?,
        Scalar::MicroTime => time(payload.bytes()?, true)?,
        Scalar::Duration => {
            let [nanoseconds] = numbers(payload.bytes()?)?;
            format!("{nanoseconds}ns").into()
        }
        Scalar::Quantity => {
            let [text] = texts(payload.bytes()?)?;
            text.into()
        }
        Scalar::IntOrString => int_or_string(payload.bytes()?)?,
    })
}

fn int_or_string(bytes: &[u8]) -> Result<Value, Malformed> {
    let (mut is_text, mut number, mut text) = (false, 0, "");
    let mut reader = Reader::new(bytes);
    while let Some((field, payload)) = reader.field()? {
        match field {
            1 => is_text = payload.integer()? != 0,
            2 => number = payload.integer()?,
            3 => text = payload.text()?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

/// Kubernetes: no time at all is an empty message.
fn time(bytes: &[u8], micro: bool) -> Result<Value, Malformed> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let [seconds, nanoseconds] = numbers(bytes)?;
    let fraction = SignedDuration::from_nanos(nanoseconds);
    let time = Timestamp::from_second(seconds).and_then(|it| it.checked_add(fraction));
    let time = time.map_err(|_| Malformed::Overflow)?;
    let text = if micro {
        format!("{time:.6}")
    } else {
        format!("{time:.0}")
    };
    Ok(text.into())
}

/// The numbers in the first fields of a message.
fn numbers<const N: usize>(bytes: &[u8]) -> Result<[i64; N], Malformed> {
    let mut numbers = [0; N];
    let mut reader = Reader::new(bytes);
    while let Some((field, payload)) = reader.field()? {
        let at = usize::try_from(field).ok().and_then(|it| it.checked_sub(1));
        if let Some(number) = at.and_then(|at| numbers.get_mut(at)) {
            *number = payload.integer()?;
        }
    }
    Ok(numbers)
}

/// A value of any kind travels as the text of its JSON, in the first field of a message.
fn raw_json(bytes: &[u8]) -> Result<Value, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut found = Value::Null;
    while let Some((number, payload)) = reader.field()? {
        if number == 1 {
            let text = payload.bytes()?;
            found = serde_json::from_slice(text).map_err(|_| Malformed::NoJson)?;
        }
    }
    Ok(found)
}
