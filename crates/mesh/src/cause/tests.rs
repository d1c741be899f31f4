use super::*;
use crate::fault::AbortStatus;
use crate::local_reply::{Reason, local_reply};

/// What the client reads of a local reply.
fn local(reason: Reason, server: &'static str, has_service_time: bool) -> Cause {
    let reply = local_reply(&reason);
    cause(&Answer {
        status: reply.status,
        server: Some(server),
        has_service_time,
        overloaded: reply.overloaded,
        content_length: Some(reply.body.len() as u64),
        body: Some(&reply.text()),
    })
}

fn reset(reset: Reset, retried: bool) -> Reason {
    Reason::Reset { reset, retried }
}

#[test]
fn every_local_reply_is_read_back_from_both_sides() {
    let rows = [
        (reset(Reset::ConnectionFailure, false), Kind::Uf, false),
        (reset(Reset::ConnectionFailure, true), Kind::Uf, true),
        (reset(Reset::ConnectionTimeout, true), Kind::Uf, true),
        (reset(Reset::ConnectionTermination, false), Kind::Uc, false),
        (reset(Reset::Overflow, false), Kind::Uo, false),
        (Reason::NoHealthyUpstream, Kind::Uh, false),
        (Reason::RouteTimeout, Kind::Ut, false),
    ];
    for (reason, kind, retried) in rows {
        assert_eq!(
            local(reason.clone(), "envoy", false),
            Cause {
                kind,
                by: Some(By::Client),
                retried
            }
        );
        assert_eq!(
            local(reason.clone(), "envoy", true),
            Cause {
                kind,
                by: Some(By::Server),
                retried
            }
        );
        assert_eq!(
            local(reason, "istio-envoy", false),
            Cause {
                kind,
                by: Some(By::Server),
                retried
            }
        );
    }
}

#[test]
fn what_only_the_clients_side_says_is_an_application_behind_a_service_time() {
    let rows = [
        (Reason::Abort(AbortStatus::Http(500)), Kind::Fi, Kind::App),
        (Reason::Abort(AbortStatus::Http(200)), Kind::Fi, Kind::Ok),
        (Reason::NoCluster, Kind::Nc, Kind::App),
        (Reason::NoRoute, Kind::Nr, Kind::Ok),
    ];
    for (reason, client, behind) in rows {
        let expected = Cause {
            kind: client,
            by: Some(By::Client),
            retried: false,
        };
        assert_eq!(
            local(reason.clone(), "envoy", false),
            expected,
            "{reason:?}"
        );
        assert_eq!(
            local(reason.clone(), "envoy", true),
            Cause {
                kind: behind,
                by: None,
                retried: false
            }
        );
    }
}

#[test]
fn an_applications_answer_is_ok_below_500() {
    let rows = [
        (200, Kind::Ok),
        (404, Kind::Ok),
        (422, Kind::Ok),
        (500, Kind::App),
        (503, Kind::App),
    ];
    for (status, kind) in rows {
        for server in [Some("envoy"), None] {
            let answer = Answer {
                status,
                server,
                has_service_time: true,
                body: Some("{}"),
                ..Answer::default()
            };
            assert_eq!(
                cause(&answer),
                Cause {
                    kind,
                    by: None,
                    retried: false
                }
            );
        }
        // No sidecar on the way.
        let answer = Answer {
            status,
            server: Some("app"),
            ..Answer::default()
        };
        assert_eq!(cause(&answer).kind, kind);
    }
}

#[test]
fn what_is_not_certain_is_unknown() {
    let envoy = Answer {
        server: Some("envoy"),
        ..Answer::default()
    };
    let rows = [
        Answer {
            status: 503,
            ..envoy
        },
        Answer {
            status: 404,
            body: Some("page"),
            ..envoy
        },
        Answer {
            status: 502,
            content_length: Some(0),
            ..envoy
        },
        Answer {
            status: 418,
            body: Some("teapot"),
            ..envoy
        },
        Answer {
            status: 200,
            body: Some("[]"),
            ..envoy
        },
        Answer {
            status: 504,
            body: Some("other"),
            ..envoy
        },
        Answer {
            status: 503,
            body: Some(
                "upstream connect error or disconnect/reset before headers. reset reason: other",
            ),
            ..envoy
        },
        Answer {
            status: 503,
            body: Some("upstream connect error or disconnect/reset before headers. "),
            ..envoy
        },
    ];
    for answer in rows {
        assert_eq!(
            cause(&answer),
            Cause {
                kind: Kind::Unknown,
                by: None,
                retried: false
            },
            "{answer:?}"
        );
    }
}

#[test]
fn headers_alone_tell_what_they_can() {
    let envoy = Answer {
        status: 503,
        server: Some("envoy"),
        ..Answer::default()
    };
    assert_eq!(
        cause(&Answer {
            overloaded: true,
            ..envoy
        })
        .kind,
        Kind::Uo
    );
    assert_eq!(
        cause(&Answer {
            content_length: Some(0),
            ..envoy
        })
        .kind,
        Kind::Nc
    );
}

#[test]
fn older_envoys_append_the_transports_failure() {
    let body = "upstream connect error or disconnect/reset before headers. retried and the latest \
                reset reason: remote connection failure, transport failure reason: delayed connect \
                error: Connection refused";
    let answer = Answer {
        status: 503,
        server: Some("envoy"),
        body: Some(body),
        ..Answer::default()
    };
    assert_eq!(
        cause(&answer),
        Cause {
            kind: Kind::Uf,
            by: Some(By::Client),
            retried: true
        }
    );
    assert!(body.len() < LONGEST_TEXT);
}

#[test]
fn kinds_are_written_as_flags() {
    let kinds = [
        Kind::Ok,
        Kind::App,
        Kind::Fi,
        Kind::Uo,
        Kind::Uh,
        Kind::Nc,
        Kind::Nr,
        Kind::Uf,
        Kind::Uc,
        Kind::Ut,
        Kind::Dc,
        Kind::Unknown,
    ];
    for kind in kinds {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    let cause = Cause {
        kind: Kind::Uf,
        by: Some(By::Server),
        retried: true,
    };
    let json = serde_json::json!({"kind": "UF", "by": "server", "retried": true});
    assert_eq!(serde_json::to_value(cause).unwrap(), json);
}

#[test]
fn status_and_headers_are_read_from_a_response() {
    let mut headers = HeaderMap::new();
    headers.insert("server", "envoy".parse().unwrap());
    headers.insert("content-length", "0".parse().unwrap());
    let answer = Answer::new(404, &headers, None);
    assert_eq!(
        answer,
        Answer {
            status: 404,
            server: Some("envoy"),
            content_length: Some(0),
            ..Answer::default()
        }
    );
    headers.insert("x-envoy-upstream-service-time", "3".parse().unwrap());
    headers.insert("x-envoy-overloaded", "true".parse().unwrap());
    let answer = Answer::new(503, &headers, None);
    assert!(answer.has_service_time && answer.overloaded);
}
