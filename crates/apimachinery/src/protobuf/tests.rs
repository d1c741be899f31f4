use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::decode::{self, Document};
use crate::resource::{ALL, rows};
use crate::schema::{Field, Scalar, Shape, Struct, kubernetes};

/// A field with bytes.
fn bytes(number: u32, content: &[u8]) -> Vec<u8> {
    let mut field = varint(u64::from(number) << 3 | 2);
    field.extend(varint(content.len() as u64));
    field.extend(content);
    field
}

/// A field with a number.
fn number(number: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(number) << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn enveloped(api_version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
    let identity = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
    [PREFIX, &bytes(1, &identity), &bytes(2, message)].concat()
}

/// The binary form of JSON, by the same table: every kind can be written and read again.
fn encode(shape: &Struct, object: &Value) -> Vec<u8> {
    let mut message = Vec::new();
    for field in &shape.fields {
        let Some(number) = field.number else {
            continue;
        };
        match (&field.shape, &object[&field.name]) {
            (Shape::Struct(inner), _) if field.name.is_empty() => {
                message.extend(bytes(number, &encode(inner, object)));
            }
            (_, Value::Null) => {}
            (shape, value) => message.extend(encode_field(field, number, shape, value)),
        }
    }
    message
}

fn encode_field(field: &Field, at: u32, shape: &Shape, value: &Value) -> Vec<u8> {
    match (shape, value) {
        (Shape::List(list), Value::Array(items)) => items
            .iter()
            .flat_map(|item| encode_field(field, at, &list.item, item))
            .collect(),
        (Shape::Map(map), Value::Object(members)) => members
            .iter()
            .flat_map(|(key, value)| {
                let value = match &map.value {
                    list @ Shape::List(_) => bytes(2, &encode_field(field, 1, list, value)),
                    shape => encode_field(field, 2, shape, value),
                };
                bytes(at, &[bytes(1, key.as_bytes()), value].concat())
            })
            .collect(),
        (Shape::Struct(inner), value) => bytes(at, &encode(inner, value)),
        (Shape::Any, value) => bytes(at, &bytes(1, value.to_string().as_bytes())),
        (Shape::Scalar(scalar), value) => encode_scalar(scalar, at, value),
        (shape, value) => panic!("{}: {shape:?} {value}", field.name),
    }
}

fn encode_scalar(scalar: &Scalar, at: u32, value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    match scalar {
        Scalar::Text { .. } => bytes(at, text.as_bytes()),
        Scalar::Bool => number(at, value.as_bool().unwrap().into()),
        Scalar::Int32 | Scalar::Int64 => number(at, value.as_i64().unwrap().cast_unsigned()),
        Scalar::Quantity => bytes(at, &bytes(1, text.as_bytes())),
        Scalar::IntOrString if value.is_string() => {
            bytes(at, &[number(1, 1), bytes(3, text.as_bytes())].concat())
        }
        Scalar::IntOrString => {
            let value = value.as_i64().unwrap().cast_unsigned();
            bytes(
                at,
                &[number(1, 0), number(2, value), bytes(3, b"")].concat(),
            )
        }
        Scalar::Time | Scalar::MicroTime => {
            let time: jiff::Timestamp = text.parse().unwrap();
            let nanoseconds = u64::try_from(time.subsec_nanosecond()).unwrap();
            let seconds = time.as_second().cast_unsigned();
            bytes(at, &[number(1, seconds), number(2, nanoseconds)].concat())
        }
        Scalar::Bytes => bytes(at, b"a"),
        Scalar::Float64 | Scalar::Duration => Vec::new(),
    }
}

#[test]
fn what_a_generator_of_kubectl_sends_is_read() {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "replicas": -1, "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [{
                "name": "c", "image": "i:1", "args": ["a", "b"],
                "ports": [{"containerPort": 8080}],
                "readinessProbe": {"httpGet": {"port": "http", "path": "/"}},
                "resources": {"limits": {"cpu": "100m"}},
            }]}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}},
        },
    });
    let shape = kubernetes::named("apps.v1.Deployment").unwrap();
    let sent = enveloped("apps/v1", "Deployment", &encode(shape, &deployment));
    let read = decode::object(
        &rows::DEPLOYMENTS,
        "v1",
        super::decode(&sent).unwrap().into(),
    );
    assert_eq!(read.unwrap().object, deployment);
}

#[test]
fn a_secret_an_event_and_a_review_keep_their_values() {
    let read = |api_version: &str, kind: &str, object: &Value| {
        let shape = kubernetes::of_kind(api_version, kind).unwrap();
        let sent = enveloped(api_version, kind, &encode(shape, object));
        super::decode(&sent).unwrap()
    };
    let secret = read(
        "v1",
        "Secret",
        &json!({"data": {"k": "YQ=="}, "type": "Opaque"}),
    );
    assert_eq!(
        (&secret["data"]["k"], &secret["type"]),
        (&json!("YQ=="), &json!("Opaque"))
    );
    let times = json!({
        "firstTimestamp": "2026-11-21T06:29:49Z", "eventTime": "2026-11-21T06:29:49.000001Z",
    });
    let event = read("v1", "Event", &times);
    assert_eq!(event["firstTimestamp"], times["firstTimestamp"]);
    assert_eq!(event["eventTime"], times["eventTime"]);
    let extra = json!({"spec": {"user": "jane", "extra": {"scopes": ["a", "b"]}}});
    let review = read("authorization.k8s.io/v1", "SubjectAccessReview", &extra);
    assert_eq!(review["spec"]["extra"], extra["spec"]["extra"]);
    let options = read("v1", "DeleteOptions", &json!({"gracePeriodSeconds": 0}));
    assert_eq!(options["gracePeriodSeconds"], 0);
}

#[test]
fn unknown_numbers_are_skipped_and_packed_numbers_unpacked() {
    let group = [
        bytes(99, b"x"),
        number(98, 1),
        bytes(4, &[varint(1), varint(300)].concat()),
    ];
    let context = bytes(2, &bytes(14, &group.concat()));
    let pod = super::decode(&enveloped("v1", "Pod", &context)).unwrap();
    assert_eq!(
        pod["spec"]["securityContext"]["supplementalGroups"],
        json!([1, 300])
    );
}

#[test]
fn what_is_no_message_is_told_apart() {
    let broken = |message: &[u8]| super::decode(&enveloped("v1", "Pod", message)).unwrap_err();
    assert_eq!(super::decode(b"{}"), Err(Malformed::NoEnvelope));
    assert_eq!(
        super::decode(&enveloped("v1", "Foo", b"")),
        Err(Malformed::UnknownKind)
    );
    assert_eq!(broken(&[0x0a, 0x05, 0x01]), Malformed::CutShort);
    assert_eq!(broken(&[0xff; 11]), Malformed::Overflow);
    assert_eq!(broken(&number(1, 7)), Malformed::WrongType);
    assert_eq!(broken(&[0x0b]), Malformed::NoType);
    assert_eq!(broken(&bytes(1, &bytes(1, &[0xff]))), Malformed::NoText);
    assert!(
        Malformed::NoEnvelope
            .to_string()
            .ends_with("prefix [107, 56, 115, 0]")
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(message in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let typed: Vec<_> = ALL.iter().filter(|row| !row.custom).collect();
        let row = typed[at.index(typed.len())];
        let _ = super::decode(&message);
        if let Ok(object) = super::decode(&enveloped(&row.preferred_api_version(), row.kind, &message)) {
            let _ = decode::object(row, row.preferred_version(), Document::from(object));
        }
    }

    #[test]
    fn a_message_with_one_wrong_byte_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let pod = json!({
            "metadata": {"name": "p", "labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 1}]}]},
        });
        let mut sent = enveloped("v1", "Pod", &encode(kubernetes::named("core.v1.Pod").unwrap(), &pod));
        let at = at.index(sent.len());
        sent[at] = byte;
        if let Ok(object) = super::decode(&sent) {
            let _ = decode::object(&rows::PODS, "v1", object.into());
        }
    }
}
