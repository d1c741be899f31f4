//! Rules for one field.

use serde_json::Value;

use super::Path;
use crate::names;
use crate::quantity::Quantity;
use crate::status::Cause;

/// What one field's value must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// Something; the detail may be empty.
    Required(&'static str),
    /// A number of 0 or more.
    NonNegative,
    /// A number of 1 or more; the detail says so.
    Positive(&'static str),
    /// 1 to 65535.
    Port,
    /// A port's number, or its name.
    PortOrName,
    /// An RFC 1123 label.
    Label,
    /// The name of a port: a label of at most 15 characters with a letter.
    PortName,
    /// The name of an environment variable.
    EnvName,
    /// Labels.
    Labels,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Amounts that are not negative.
    Quantities,
    /// A number of 0 or more, or a percentage.
    NumberOrPercent,
}

const PORT: &str = "must be between 1 and 65535, inclusive";
pub(super) const NOT_NEGATIVE: &str = "must be greater than or equal to 0";
const ENV_NAME: &str = "a valid environment variable name must consist only of printable ASCII characters other than '='";
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' \
    (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

impl Rule {
    pub(super) fn check(self, value: Option<&Value>, path: &Path<'_>, faults: &mut Vec<Cause>) {
        if let Self::Required(detail) = self {
            if is_empty(value) {
                faults.push(Cause::required(path.to_string(), detail));
            }
            return;
        }
        let Some(value) = value else { return };
        match self {
            Self::Labels => {
                faults.extend(names::label_faults(&path.to_string(), value.as_object()))
            }
            Self::OneOf(values) => {
                let text = value.as_str().unwrap_or_default();
                if !text.is_empty() && !values.contains(&text) {
                    faults.push(Cause::not_supported(path.to_string(), text, values));
                }
            }
            Self::Quantities => negative_quantities(value, path, faults),
            _ => faults.extend(
                self.fault(value)
                    .map(|why| Cause::invalid(path.to_string(), value, why)),
            ),
        }
    }

    fn fault(self, value: &Value) -> Option<String> {
        let number = value.as_i64();
        let unless = |good: bool, why: &str| (!good).then(|| why.to_owned());
        match (self, value) {
            (Self::NonNegative, _) => unless(number.is_none_or(|it| it >= 0), NOT_NEGATIVE),
            (Self::Positive(why), _) => unless(number.is_none_or(|it| it > 0), why),
            (Self::PortOrName, Value::String(name)) => names::port_name_fault(name),
            (Self::Port | Self::PortOrName, _) => {
                unless(number.is_none_or(|it| (1..=65_535).contains(&it)), PORT)
            }
            (Self::Label, Value::String(name)) if !name.is_empty() => names::dns_label_fault(name),
            (Self::PortName, Value::String(name)) if !name.is_empty() => {
                names::port_name_fault(name)
            }
            (Self::EnvName, Value::String(name)) if !name.is_empty() => unless(
                name.bytes()
                    .all(|c| (b' '..=b'~').contains(&c) && c != b'='),
                ENV_NAME,
            ),
            (Self::NumberOrPercent, Value::String(text)) => {
                unless(percent(text).is_some(), PERCENT)
            }
            (Self::NumberOrPercent, _) => unless(number.is_none_or(|it| it >= 0), NOT_NEGATIVE),
            _ => None,
        }
    }
}

/// The number of a percentage such as `25%`.
pub(super) fn percent(text: &str) -> Option<u32> {
    let digits = text.strip_suffix('%')?;
    let plain = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

fn negative_quantities(value: &Value, path: &Path<'_>, faults: &mut Vec<Cause>) {
    for (name, amount) in value.as_object().into_iter().flatten() {
        let shown = amount
            .as_str()
            .map_or_else(|| amount.to_string(), str::to_owned);
        if Quantity::parse(&shown).is_some_and(|amount| amount.is_negative()) {
            faults.push(Cause::invalid(
                path.key(name).to_string(),
                shown,
                NOT_NEGATIVE,
            ));
        }
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(_) => false,
    }
}
