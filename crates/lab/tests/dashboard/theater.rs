//! A lab, a browser that looks at it, and what can be read off the page.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::browser::{Browser, Page};
use testkit::wait;
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Lab, Start};

/// For whatever has no promised time of its own.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// What the measured ratio looks back on.
pub(crate) const KEPT: usize = 100;
/// Lamps in a row.
pub(crate) const LAMPS: usize = 16;

const USER_POLICY: &str =
    "/apis/networking.istio.io/v1/namespaces/theater-msa/destinationrules/user-service-dr";
const USER_RULES: &str =
    "/apis/networking.istio.io/v1/namespaces/theater-msa/virtualservices/user-service-vs";

/// One browser at a time: two would measure each other.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A lab and a page that shows it.
pub(crate) struct Theater {
    pub(crate) page: Page,
    pub(crate) lab: Lab,
    _browser: Browser,
    _alone: MutexGuard<'static, ()>,
}

/// Who answered a request.
pub(crate) struct Answer {
    pub(crate) cluster: String,
    pub(crate) pod: String,
}

/// What one column shows.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Column {
    /// `data-state` of the lamps of both rows, newest last.
    pub(crate) rows: [Vec<String>; 2],
    pub(crate) configured: [String; 2],
    pub(crate) source: String,
    pub(crate) ratio: String,
    pub(crate) measured: [Option<String>; 2],
    pub(crate) n: usize,
    pub(crate) total: u64,
    pub(crate) status: Option<u16>,
    pub(crate) cause: Option<String>,
    pub(crate) faults: Vec<String>,
}

/// What a breaker shows.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Breaker {
    pub(crate) ejected: usize,
    /// Pod, or address where there is none, and whether it is ejected.
    pub(crate) hosts: Vec<(String, bool)>,
    pub(crate) text: String,
}

const COLUMN: &str = r#"((service) => {
    const column = document.querySelector(`section[data-service=${service}]`);
    const part = (role) => column.querySelector(`[data-role=${role}]`);
    const { ctx1, ctx2, source } = part("configured").dataset;
    const measured = part("measured").dataset;
    const last = part("last").dataset;
    return {
        rows: ["ctx1", "ctx2"].map((row) => [...column.querySelectorAll(`.lamp[data-cluster=${row}]`)].map((lamp) => lamp.dataset.state)),
        configured: [ctx1 ?? "", ctx2 ?? ""],
        source,
        ratio: part("configured").querySelector(".ratio-value").textContent,
        measured: [measured.ctx1 ?? null, measured.ctx2 ?? null],
        n: Number(measured.n),
        total: Number(part("total").dataset.value),
        status: last.status ? Number(last.status) : null,
        cause: last.cause ?? null,
        faults: [...part("faults").children].map((badge) => badge.dataset.fault),
    };
})"#;

const BREAKER: &str = r#"((service, subset) => {
    const breaker = document.querySelector(`section[data-service=${service}] .breaker[data-subset=${subset}]`);
    if (!breaker) return null;
    const host = (it) => [it.dataset.pod ?? it.dataset.address, it.dataset.ejected === "true"];
    return {
        ejected: Number(breaker.dataset.ejected),
        hosts: [...breaker.querySelectorAll(".breaker-host")].map(host),
        text: breaker.textContent,
    };
})"#;

/// Notes when a figure first had a value; the page's clock is this machine's clock.
const WATCH: &str = r#"((service, role, attribute) => {
    const element = document.querySelector(`section[data-service=${service}] [data-role=${role}]`);
    const seen = (window.__seen ??= {});
    const note = () => { seen[`${service} ${role} ${element.getAttribute(attribute)}`] ??= Date.now(); };
    new MutationObserver(note).observe(element, { attributes: true });
})"#;

impl Theater {
    /// None after a loud skip.
    pub(crate) async fn open() -> Option<Self> {
        let alone = ALONE.lock().await;
        let browser = Browser::start().await?;
        let lab = Start::embedded().up().await;
        let page = browser.page().await;
        page.set_size(1400, 1100).await;
        let theater = Self {
            page,
            lab,
            _browser: browser,
            _alone: alone,
        };
        theater.reload().await;
        theater.click("[data-lang=ko]").await;
        theater.wait_until_live().await;
        theater.wait_for_own_answers().await;
        Some(theater)
    }

    pub(crate) async fn reload(&self) {
        self.page.goto(&format!("{}/", self.lab.url)).await;
    }

    pub(crate) async fn wait_until_live(&self) {
        wait::until("the stream to be live", LIMIT, async || {
            self.state().await == "live"
        })
        .await;
    }

    pub(crate) async fn state(&self) -> String {
        self.page
            .eval("document.querySelector('[data-role=connection]').dataset.state")
            .await
    }

    /// Each list asks once when the page opens, and that is an answer like any other.
    async fn wait_for_own_answers(&self) {
        for service in ["user", "movie", "booking"] {
            self.column_when(service, "the page's own request", |column| {
                column.total == 1
            })
            .await;
        }
    }

    /// State of what is shown of a cluster, and how the page says it.
    pub(crate) async fn cluster(&self, name: &str) -> (String, String) {
        let read = "((name) => {
            const section = document.querySelector(`section.cluster[data-cluster=${name}]`);
            return [section.dataset.state, section.querySelector('[data-role=state]').textContent];
        })";
        self.page.eval(&format!("{read}('{name}')")).await
    }

    pub(crate) async fn column(&self, service: &str) -> Column {
        self.page.eval(&format!("{COLUMN}('{service}')")).await
    }

    pub(crate) async fn column_when(
        &self,
        service: &str,
        what: &str,
        is: impl Fn(&Column) -> bool,
    ) -> Column {
        let what = format!("{what} in column {service}");
        wait::until_some(&what, LIMIT, async || {
            Some(self.column(service).await).filter(|it| is(it))
        })
        .await
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.page
            .eval::<()>(&format!("document.querySelector('{selector}').click()"))
            .await;
    }

    pub(crate) async fn refresh(&self, service: &str) {
        self.click(&format!(
            "section[data-service={service}] [data-role=refresh]"
        ))
        .await;
    }

    /// The names in a list, when there are this many.
    pub(crate) async fn list(&self, service: &str, count: usize) -> Vec<String> {
        let names = format!(
            "[...document.querySelectorAll('section[data-service={service}] .item strong')].map((it) => it.textContent)"
        );
        let what = format!("{count} items in list {service}");
        wait::until_some(&what, LIMIT, async || {
            Some(self.page.eval::<Vec<String>>(&names).await).filter(|it| it.len() == count)
        })
        .await
    }

    pub(crate) async fn watch(&self, service: &str, role: &str, attribute: &str) {
        self.page
            .eval::<()>(&format!("{WATCH}('{service}', '{role}', '{attribute}')"))
            .await;
    }

    /// When a watched figure first had this value, in ms since 1970.
    pub(crate) async fn seen_at(&self, figure: &str) -> i64 {
        let seen = format!("window.__seen?.['{figure}']");
        wait::until_some(&format!("{figure} on the page"), LIMIT, async || {
            self.page.eval(&seen).await
        })
        .await
    }

    /// Sends requests one after the other; gives what answered, and when the last answer came.
    pub(crate) async fn traffic(&self, path: &str, count: usize) -> (Vec<Answer>, i64) {
        let mut answers = Vec::new();
        let mut last = 0;
        for _ in 0..count {
            let answer = self.lab.get(path).await;
            last = now();
            assert_eq!(answer.status(), 200, "{path}");
            answers.push(Answer::of(&answer));
        }
        (answers, last)
    }

    /// The status of a create.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> u16 {
        let url = format!("{}{path}", self.lab.url);
        let request = self
            .lab
            .client
            .post(url)
            .header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await;
        answer.expect("the lab answers").status().as_u16()
    }

    /// Replaces the rules of the users' VirtualService; gives when the API answered.
    pub(crate) async fn route_users(&self, rule: Value) -> i64 {
        let url = format!("{}{USER_RULES}", self.lab.api("ctx1"));
        let patch = json!({"spec": {"http": [rule]}}).to_string();
        let request = self
            .lab
            .client
            .patch(url)
            .header("content-type", "application/merge-patch+json");
        let answer = request.body(patch).send().await.expect("the API answers");
        let at = now();
        assert_eq!(
            answer.status(),
            200,
            "{}",
            answer.text().await.unwrap_or_default()
        );
        at
    }

    /// Pods of the users are ejected after so many failures in a row, for longer than any test.
    pub(crate) async fn eject_users_after(&self, failures: u32) {
        let policy = json!({
            "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"enabled": false}},
            "outlierDetection": {
                "consecutive5xxErrors": failures, "interval": "10s",
                "baseEjectionTime": "5m", "maxEjectionPercent": 50,
            },
        });
        let patch = json!({"spec": {"trafficPolicy": policy}});
        let answer = self.lab.merge_patch("ctx1", USER_POLICY, &patch).await;
        assert_eq!(answer.status(), 200);
    }

    /// The users' breaker of a subset, as the page shows it; none: not yet.
    pub(crate) async fn breaker_of(&self, subset: &str) -> Option<Breaker> {
        self.page
            .eval(&format!("{BREAKER}('user', '{subset}')"))
            .await
    }

    /// The same as soon as it is as expected.
    pub(crate) async fn breaker(
        &self,
        subset: &str,
        expected: impl Fn(&Breaker) -> bool,
    ) -> Breaker {
        let what = format!("the breaker of {subset}");
        wait::until_some(&what, LIMIT, async || {
            self.breaker_of(subset).await.filter(|it| expected(it))
        })
        .await
    }

    /// Waits until the users' sidecar lets this status through.
    pub(crate) async fn users_answer(&self, status: u16) {
        let what = format!("the sidecar to follow with {status}");
        wait::until(&what, LIMIT, async || {
            self.lab.get("/users/").await.status() == status
        })
        .await;
    }

    pub(crate) fn troubles(&self) -> Vec<String> {
        let console = self.page.console();
        console
            .iter()
            .filter(|entry| entry.is_trouble())
            .map(|entry| entry.text.clone())
            .collect()
    }

    pub(crate) fn routing_lines(&self) -> Vec<String> {
        let console = self.page.console();
        let lines = console
            .into_iter()
            .filter(|entry| entry.level == "info" && entry.text.contains("실제 라우팅 결과"));
        lines.map(|entry| entry.text).collect()
    }
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    i64::try_from(since.as_millis()).expect("the time fits")
}

impl Answer {
    fn of(answer: &Response) -> Self {
        let header = |name| {
            answer
                .headers()
                .get(name)
                .unwrap_or_else(|| panic!("{name} is missing"))
        };
        let text = |name| {
            header(name)
                .to_str()
                .expect("the header is text")
                .to_owned()
        };
        Self {
            cluster: text("x-service-cluster"),
            pod: text("x-pod-name"),
        }
    }
}

/// A rule without a match.
pub(crate) fn weighted(ctx1: u8, ctx2: u8) -> Value {
    let to = |subset, weight| json!({"destination": {"host": "user-service", "subset": subset}, "weight": weight});
    json!({"name": "weighted", "route": [to("ctx1", ctx1), to("ctx2", ctx2)]})
}

/// What the lamps of both rows must show after these answers.
pub(crate) fn lamps(answers: &[Answer]) -> [Vec<String>; 2] {
    let newest = &answers[answers.len() - LAMPS..];
    ["ctx1", "ctx2"].map(|row| {
        let state = |it: &Answer| if it.cluster == row { "hit" } else { "miss" };
        newest.iter().map(|it| state(it).to_owned()).collect()
    })
}
