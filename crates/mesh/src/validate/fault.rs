//! The webhook's rules for a fault.

use super::Complaints;
use super::http_route::whole_milliseconds;
use crate::fault::GRPC;
use crate::model::{Abort, Delay, Fault, Percent};

pub(super) fn check(fault: &Fault, complaints: &mut Complaints) {
    if fault.delay.is_none() && fault.abort.is_none() {
        complaints.add_listed("HTTP fault injection must have an abort and/or a delay");
    }
    if let Some(written) = &fault.abort {
        abort(written, complaints);
    }
    if let Some(written) = &fault.delay {
        delay(written, complaints);
    }
}

fn abort(abort: &Abort, complaints: &mut Complaints) {
    percentage(abort.percentage, complaints);
    if let Some(written) = abort.http_status {
        status(written, complaints);
    }
    if let Some(name) = abort.grpc_status.as_deref() {
        complaints.check(GRPC.contains(&name), || {
            format!(
                "gRPC status {name:?} is not supported. See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md \
                 for a list of supported codes, for example 'NOT_FOUND'"
            )
        });
    }
    if abort.http2_error.is_some() {
        complaints.add("HTTP/2 abort fault injection not supported yet");
    }
}

fn delay(delay: &Delay, complaints: &mut Complaints) {
    percentage(delay.percentage, complaints);
    whole_milliseconds(delay.fixed_delay, complaints);
}

/// Checks a status; Istio's own bounds, of which the upper one passes.
pub(super) fn status(status: i64, complaints: &mut Complaints) {
    complaints.check((200..=600).contains(&status), || {
        format!("HTTP status {status} is not in range 200-599")
    });
}

fn percentage(percentage: Option<Percent>, complaints: &mut Complaints) {
    let Some(Percent { value }) = percentage else {
        return;
    };
    complaints.check(value == 0.0 || (0.0001..=100.0).contains(&value), || {
        format!(
            "percentage {} is neither 0.0, nor in range [0.0001, 100.0]",
            go_float(value)
        )
    });
}

/// A float as Go's `%v` writes it: small ones with an exponent of two digits.
fn go_float(value: f64) -> String {
    if value == 0.0 || value.abs() >= 1e-4 {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once("e-") {
        Some((mantissa, exponent)) => format!("{mantissa}e-{exponent:0>2}"),
        None => text,
    }
}
