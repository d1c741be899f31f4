//! Requests with random parts, decided from virtual host to retry.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use mesh::config::{Action, Config, Forward, Route, RouteTable};
use mesh::cors::Verdict;
use mesh::engine::{Hashable, hash};
use mesh::local_reply::{Reason, Reset, local_reply};
use mesh::matching::{Request, normalize};
use mesh::retry::Outcome;
use proptest::prelude::*;

/// What a client sends, and the numbers drawn for it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    method: String,
    authority: String,
    path: String,
    query: String,
    headers: Vec<(&'static str, String)>,
    draws: [u64; 4],
    status: u16,
}

/// Any request.
pub(crate) fn request() -> impl Strategy<Value = Sent> {
    let names = prop::sample::select(vec![
        "x-canary",
        "x-user",
        "x-p",
        "x-no",
        "origin",
        "access-control-request-method",
        "cookie",
    ]);
    let headers = prop::collection::vec((names, "(true|http://ok.example|[ -~]{0,12})"), 0..4);
    let authority = "(svc|svc:8080|user-service|SVC.t|\\*|\\[::1\\]:80|[ -~]{0,12})";
    let path = "(/|/api/v1|/Foo|/m|/old/x|/re/12|/[ -~]{0,12})";
    let parts = (
        "(GET|POST|OPTIONS|[A-Z]{1,6})",
        authority,
        path,
        "[ -~]{0,12}",
    );
    (
        parts,
        headers,
        prop::array::uniform4(any::<u64>()),
        100_u16..700,
    )
        .prop_map(
            |((method, authority, path, query), headers, draws, status)| Sent {
                method,
                authority,
                path,
                query,
                headers,
                draws,
                status,
            },
        )
}

impl Sent {
    /// Every decision that a proxy makes about a request.
    pub(crate) fn decide(&self, config: &Config) {
        let headers: HeaderMap = self
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some((
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).ok()?,
                ))
            })
            .collect();
        let path = normalize(&self.path);
        let request = Request {
            method: &self.method,
            scheme: "http",
            authority: &self.authority,
            path: &path,
            query: &self.query,
            headers: &headers,
        };
        for table in config.routes.values() {
            if let Some(route) = route(table, &request) {
                self.follow(route, &request);
            }
        }
    }

    fn follow(&self, route: &Route, request: &Request<'_>) {
        let injected = route.fault.draw(self.draws[0], self.draws[1]);
        if let Some(abort) = injected.abort {
            local_reply(&Reason::Abort(abort)).response(false, false);
        }
        let mut changed = request.headers.clone();
        route.headers.request.apply(&mut changed);
        match &route.action {
            Action::Forward(forward) => self.forward(forward, request, changed),
            Action::Redirect(redirect) => {
                let location = redirect.location("http", request.authority, request.path);
                let status = redirect.status;
                local_reply(&Reason::Redirect { status, location }).response(false, false);
            }
            Action::Respond { status, body } => {
                let (status, body) = (*status, body.to_vec().into());
                local_reply(&Reason::Direct { status, body }).response(false, true);
            }
        }
    }

    fn forward(&self, forward: &Forward, request: &Request<'_>, mut headers: HeaderMap) {
        let destination = forward.destinations.pick(self.draws[2]);
        destination.headers.request.apply(&mut headers);
        if let Some(rewrite) = &forward.rewrite {
            rewrite.path(request.path);
        }
        if let (Some(cors), Ok(method)) = (&forward.cors, self.method.parse::<Method>())
            && let Verdict::Grant(origin) = cors.judge(&method, request.headers)
        {
            cors.grant(&origin, &mut headers);
        }
        for mirror in &forward.mirrors {
            mirror.chance.hit(self.draws[2]);
        }
        let hashable = Hashable {
            headers: request.headers,
            query: request.query,
            client: ([10, 1, 0, 9], 4711).into(),
            local: Some(([10, 96, 0, 7], 8080).into()),
        };
        hash(&forward.hash, hashable);
        if let Some(policy) = &forward.retry {
            let outcomes = Reset::ALL.map(Outcome::Reset);
            let answered = Outcome::Response {
                status: self.status,
                grpc_status: None,
            };
            for outcome in outcomes.into_iter().chain([answered, Outcome::TryTimeout]) {
                policy.on.retry(outcome);
            }
            for number in [0, 1, 2, 31, u32::MAX] {
                assert!(policy.back_off(number, self.draws[3]) <= policy.base * 10);
            }
        }
    }
}

fn route<'a>(table: &'a RouteTable, request: &Request<'_>) -> Option<&'a Route> {
    let host = table.virtual_host(request.authority)?;
    let found = host.routes.iter().find(|it| it.matches.matches(request));
    found.map(|route| &**route)
}
