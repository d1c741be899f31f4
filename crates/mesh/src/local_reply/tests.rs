use http::HeaderValue;

use super::*;

fn reset(reset: Reset, retried: bool) -> Reason {
    Reason::Reset { reset, retried }
}

/// Status, length of the body, flag, details.
fn told(reason: &Reason) -> (u16, usize, String, &'static str) {
    let reply = local_reply(reason);
    (
        reply.status,
        reply.body.len(),
        reply.flags.to_string(),
        reply.details,
    )
}

#[test]
fn resets_have_envoys_texts_by_length() {
    type Row = (Reset, u16, usize, usize, &'static str, &'static str);
    let refused = "remote_connection_failure|delayed_connect_error:_Connection_refused";
    let rows: [Row; 5] = [
        (Reset::ConnectionFailure, 503, 98, 121, "UF", refused),
        (
            Reset::ConnectionTimeout,
            503,
            91,
            114,
            "UF",
            "connection_timeout",
        ),
        (
            Reset::ConnectionTermination,
            503,
            95,
            118,
            "UC",
            "connection_termination",
        ),
        (Reset::Overflow, 503, 81, 104, "UO", "overflow"),
        (Reset::Protocol, 502, 87, 110, "UPE", "protocol_error"),
    ];
    for (how, status, once, again, flag, details) in rows {
        for (retried, length) in [(false, once), (true, again)] {
            let (got_status, got_length, got_flag, got_details) = told(&reset(how, retried));
            assert_eq!(
                (got_status, got_length, got_flag.as_str()),
                (status, length, flag)
            );
            assert_eq!(
                got_details,
                format!("upstream_reset_before_response_started{{{details}}}")
            );
        }
        assert_eq!(
            local_reply(&reset(how, false)).overloaded,
            how == Reset::Overflow
        );
    }
    let reply = local_reply(&reset(Reset::ConnectionFailure, true));
    let expected = "upstream connect error or disconnect/reset before headers. \
                    retried and the latest reset reason: remote connection failure";
    assert_eq!(reply.text(), expected);
}

#[test]
fn other_replies_have_envoys_status_length_flag_and_details() {
    let teapot = Reason::Direct {
        status: 418,
        body: b"teapot".as_slice().into(),
    };
    let rows = [
        (Reason::NoRoute, 404, 0, "NR", "route_not_found"),
        (Reason::NoCluster, 503, 0, "NC", "cluster_not_found"),
        (
            Reason::NoHealthyUpstream,
            503,
            19,
            "UH",
            "no_healthy_upstream",
        ),
        (Reason::RouteTimeout, 504, 24, "UT", "response_timeout"),
        (
            Reason::TryTimeout,
            504,
            24,
            "UT",
            "upstream_per_try_timeout",
        ),
        (
            Reason::Abort(AbortStatus::Http(555)),
            555,
            18,
            "FI",
            "fault_filter_abort",
        ),
        (
            Reason::Abort(AbortStatus::Grpc(14)),
            200,
            18,
            "FI",
            "fault_filter_abort",
        ),
        (Reason::UpgradeRequired, 426, 16, "-", "low_version"),
        (Reason::Malformed, 400, 11, "DPE", "http1.codec_error"),
        (Reason::UpgradeFailed, 403, 0, "-", "upgrade_failed"),
        (Reason::BadRequest, 400, 0, "-", "missing_host_header"),
        (teapot, 418, 6, "-", "direct_response"),
    ];
    for (reason, status, length, flag, details) in rows {
        assert_eq!(
            told(&reason),
            (status, length, flag.to_owned(), details),
            "{reason:?}"
        );
    }
}

#[test]
fn bodies_carry_type_and_length_and_empty_ones_only_length() {
    let headers = |reason: &Reason| {
        let response = local_reply(reason).response(false, false);
        let text = |name| {
            response
                .headers()
                .get(name)
                .map(|value: &HeaderValue| value.to_str().unwrap().to_owned())
        };
        (
            text("content-length"),
            text("content-type"),
            text("x-envoy-overloaded"),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(headers(&Reason::NoCluster), (some("0"), None, None));
    assert_eq!(
        headers(&Reason::RouteTimeout),
        (some("24"), some("text/plain"), None)
    );
    let overflow = reset(Reset::Overflow, false);
    assert_eq!(
        headers(&overflow),
        (some("81"), some("text/plain"), some("true"))
    );
    let nothing = Reason::Direct {
        status: 204,
        body: b"".as_slice().into(),
    };
    assert_eq!(headers(&nothing), (None, None, None));
}

#[test]
fn head_gets_the_headers_alone() {
    let response = local_reply(&Reason::NoHealthyUpstream).response(false, true);
    assert_eq!(
        (
            response.headers()["content-length"].to_str().unwrap(),
            response.body().len()
        ),
        ("19", 0)
    );
}

#[test]
fn a_redirect_carries_its_location() {
    let reason = Reason::Redirect {
        status: 302,
        location: "http://h/new".into(),
    };
    let response = local_reply(&reason).response(false, false);
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "http://h/new");
    assert_eq!(response.headers()["content-length"], "0");
}

#[test]
fn a_grpc_client_gets_the_status_in_headers() {
    let rows = [
        (Reason::Abort(AbortStatus::Grpc(5)), "5"),
        (Reason::Abort(AbortStatus::Http(503)), "14"),
        (Reason::NoRoute, "12"),
        (Reason::Abort(AbortStatus::Http(418)), "2"),
    ];
    for (reason, status) in rows {
        let response = local_reply(&reason).response(true, false);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], status);
        assert!(response.body().is_empty());
    }
}

#[test]
fn flags_are_joined_in_the_order_they_were_raised() {
    let mut flags = Flags::none();
    assert_eq!(flags.to_string(), "-");
    flags.raise("URX");
    assert_eq!(
        flags
            .then(&local_reply(&reset(Reset::ConnectionFailure, true)).flags)
            .to_string(),
        "URX,UF"
    );
}
