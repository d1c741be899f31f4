//! Which rule a request with a special header takes, in every lesson that knows the header.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::theater::Lesson;

const CANARY: &str = "x-canary";
const TEST: &str = "x-circuit-test";

/// Measured: with both headers 53 of 60 were aborted as a circuit test's are; canaries had no fault.
#[test]
fn the_first_rule_wins_where_a_request_has_both_headers() {
    let rows: [(&[&str], &str); 4] = [
        (&[], "weighted"),
        (&[CANARY], "canary"),
        (&[TEST], "circuit-test"),
        (&[CANARY, TEST], "circuit-test"),
    ];
    for folder in ["04-error-fault", "99-scenarios"] {
        let lesson = Lesson::read(folder);
        for (names, rule) in rows {
            let named = |name: &&str| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_static("true"))
            };
            let headers: HeaderMap = names.iter().map(named).collect();
            let route = lesson.route_of(&headers);
            assert_eq!(&*route.name, rule, "{folder} {names:?}");
            let aborts = route.fault.draw(0, 0).abort.is_some();
            assert_eq!(aborts, rule != "canary", "{folder} {names:?}");
        }
    }
}
