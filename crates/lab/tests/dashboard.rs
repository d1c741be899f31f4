//! The dashboard as a viewer sees it: a real browser on a real lab.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::browser::{Browser, Page};
use testkit::wait;
use tokio::sync::{Mutex, MutexGuard};

use support::{Lab, Start};

/// For whatever has no promised time of its own.
const LIMIT: Duration = Duration::from_secs(30);
/// Between an answer and its lamp.
const AT_ONCE_MS: i64 = 500;
/// Between the API's answer to a change of a rule and the figure on the page.
const RULE_ON_PAGE_MS: i64 = 1_000;
/// What the measured ratio looks back on.
const KEPT: usize = 100;
/// Lamps in a row.
const LAMPS: usize = 16;

/// One browser at a time: two would measure each other.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A lab and a page that shows it.
struct Theater {
    page: Page,
    lab: Lab,
    _browser: Browser,
    _alone: MutexGuard<'static, ()>,
}

/// What one column shows.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Column {
    /// `data-state` of the lamps of both rows, newest last.
    rows: [Vec<String>; 2],
    configured: [String; 2],
    source: String,
    ratio: String,
    measured: [Option<String>; 2],
    n: usize,
    total: u64,
    status: Option<u16>,
    cause: Option<String>,
    faults: Vec<String>,
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

/// Notes when a figure first had a value; the page's clock is this machine's clock.
const WATCH: &str = r#"((service, role, attribute) => {
    const element = document.querySelector(`section[data-service=${service}] [data-role=${role}]`);
    const seen = (window.__seen ??= {});
    const note = () => { seen[`${service} ${role} ${element.getAttribute(attribute)}`] ??= Date.now(); };
    new MutationObserver(note).observe(element, { attributes: true });
})"#;

impl Theater {
    /// None after a loud skip.
    async fn open() -> Option<Self> {
        let alone = ALONE.lock().await;
        let browser = Browser::start().await?;
        let lab = Start::with(&["--redis", "auto"]).up().await;
        let page = browser.page().await;
        page.set_size(1400, 1100).await;
        page.goto(&format!("{}/", lab.url)).await;
        let theater = Self {
            page,
            lab,
            _browser: browser,
            _alone: alone,
        };
        theater.click("[data-lang=ko]").await;
        theater.wait_until_live().await;
        theater.wait_for_own_answers().await;
        Some(theater)
    }

    async fn wait_until_live(&self) {
        wait::until("the stream to be live", LIMIT, async || {
            self.state().await == "live"
        })
        .await;
    }

    async fn state(&self) -> String {
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

    async fn column(&self, service: &str) -> Column {
        self.page.eval(&format!("{COLUMN}('{service}')")).await
    }

    async fn column_when(&self, service: &str, what: &str, is: impl Fn(&Column) -> bool) -> Column {
        let what = format!("{what} in column {service}");
        wait::until_some(&what, LIMIT, async || {
            Some(self.column(service).await).filter(|it| is(it))
        })
        .await
    }

    async fn click(&self, selector: &str) {
        self.page
            .eval::<()>(&format!("document.querySelector('{selector}').click()"))
            .await;
    }

    async fn watch(&self, service: &str, role: &str, attribute: &str) {
        self.page
            .eval::<()>(&format!("{WATCH}('{service}', '{role}', '{attribute}')"))
            .await;
    }

    /// When a watched figure first had this value, in ms since 1970.
    async fn seen_at(&self, figure: &str) -> i64 {
        let seen = format!("window.__seen?.['{figure}']");
        wait::until_some(&format!("{figure} on the page"), LIMIT, async || {
            self.page.eval(&seen).await
        })
        .await
    }

    /// Sends requests one after the other; gives the clusters and pods, and when the last answer came.
    async fn traffic(&self, path: &str, count: usize) -> (Vec<(String, String)>, i64) {
        let mut answers = Vec::new();
        let mut last = 0;
        for _ in 0..count {
            let answer = self.lab.get(path).await;
            last = now();
            assert_eq!(answer.status(), 200, "{path}");
            answers.push((
                header(&answer, "x-service-cluster"),
                header(&answer, "x-pod-name"),
            ));
        }
        (answers, last)
    }

    /// Replaces the rules of the users' VirtualService; gives when the API answered.
    async fn route_users(&self, rules: Value) -> i64 {
        let path =
            "/apis/networking.istio.io/v1/namespaces/theater-msa/virtualservices/user-service-vs";
        let url = format!("{}{path}", self.lab.api("ctx1"));
        let patch = json!({"spec": {"http": [rules]}});
        let answer = send(
            &self.lab,
            Method::PATCH,
            &url,
            "application/merge-patch+json",
            &patch,
        )
        .await;
        let at = now();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        at
    }

    fn troubles(&self) -> Vec<String> {
        let console = self.page.console();
        console
            .iter()
            .filter(|entry| entry.is_trouble())
            .map(|entry| entry.text.clone())
            .collect()
    }

    fn routing_lines(&self) -> Vec<String> {
        let console = self.page.console();
        let lines = console
            .into_iter()
            .filter(|entry| entry.level == "info" && entry.text.contains("실제 라우팅 결과"));
        lines.map(|entry| entry.text).collect()
    }
}

async fn send(lab: &Lab, method: Method, url: &str, kind: &str, body: &Value) -> Response {
    let request = lab
        .client
        .request(method, url)
        .header("content-type", kind)
        .body(body.to_string());
    request.send().await.expect("the lab answers")
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    i64::try_from(since.as_millis()).expect("the time fits")
}

fn header(answer: &Response, name: &str) -> String {
    let value = answer
        .headers()
        .get(name)
        .unwrap_or_else(|| panic!("{name} is missing"));
    value.to_str().unwrap().to_owned()
}

/// A rule without a match.
fn weighted(ctx1: u8, ctx2: u8) -> Value {
    let to = |subset, weight| json!({"destination": {"host": "user-service", "subset": subset}, "weight": weight});
    json!({"name": "weighted", "route": [to("ctx1", ctx1), to("ctx2", ctx2)]})
}

/// What the newest lamps of a row must show for these answers.
fn lamps(answers: &[(String, String)], row: &str) -> Vec<String> {
    let newest = &answers[answers.len() - LAMPS..];
    newest
        .iter()
        .map(|(cluster, _)| if cluster == row { "hit" } else { "miss" }.to_owned())
        .collect()
}

#[tokio::test]
async fn every_answer_from_outside_is_a_lamp_a_share_and_a_line_at_once() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    assert_eq!(
        theater.routing_lines().len(),
        3,
        "the page's own requests: {:?}",
        theater.page.console()
    );
    for (service, path) in [("user", "/users/"), ("movie", "/movies/")] {
        theater.watch(service, "total", "data-value").await;
        let lines_before = theater.routing_lines().len();
        let mut total = 1;
        let mut answers = Vec::new();
        let mut late = Vec::new();
        // A busy machine may miss the bound once, never twice.
        for _ in 0..2 {
            let (round, last) = theater.traffic(path, KEPT).await;
            total += round.len();
            answers.extend(round);
            let shown = theater.seen_at(&format!("{service} total {total}")).await;
            println!(
                "{service}: the last of {total} answers was on the page after {} ms",
                shown - last
            );
            if shown - last <= AT_ONCE_MS {
                late.clear();
                break;
            }
            late.push(shown - last);
        }
        assert!(
            late.is_empty(),
            "{service}: on the page only after {late:?} ms"
        );
        check_column(&theater.column(service).await, &answers, total);
        let expected: Vec<_> = answers
            .iter()
            .map(|(cluster, pod)| {
                format!(
                    "실제 라우팅 결과 - 서비스: {service}-service, 클러스터: {cluster}, 파드: {pod}"
                )
            })
            .collect();
        assert_eq!(theater.routing_lines()[lines_before..], expected);
    }
    assert_eq!(theater.troubles(), Vec::<String>::new());
}

fn check_column(column: &Column, answers: &[(String, String)], total: usize) {
    let ctx1 = answers[answers.len() - KEPT..]
        .iter()
        .filter(|(cluster, _)| cluster == "ctx1")
        .count();
    assert_eq!(
        column.rows,
        [lamps(answers, "ctx1"), lamps(answers, "ctx2")]
    );
    assert_eq!(column.n, KEPT);
    assert_eq!(
        column.measured,
        [ctx1, KEPT - ctx1].map(|percent| Some(percent.to_string()))
    );
    assert_eq!(column.total, total as u64);
    assert_eq!(
        (column.status, column.cause.as_deref()),
        (Some(200), Some("ok"))
    );
}

#[tokio::test]
async fn names_from_anywhere_are_text_and_never_elements() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    let users = format!("{}/users/", theater.lab.url);
    let long = "긴".repeat(100);
    let names = [
        "<script>window.__hacked=1</script>",
        "<img src=x onerror=window.__hacked=1>",
        "</script><svg onload=window.__hacked=1>",
        "{{constructor.constructor('window.__hacked=1')()}}",
        "👩‍👩‍👧‍👦 이순신 🎬",
        &long,
    ];
    for name in names {
        let user = json!({"name": name, "email": "viewer@example.com"});
        let answer = send(
            &theater.lab,
            Method::POST,
            &users,
            "application/json",
            &user,
        )
        .await;
        assert_eq!(answer.status(), 201, "{name}");
    }
    let user = json!({"name": "x".repeat(10_000), "email": "viewer@example.com"});
    assert_eq!(
        send(
            &theater.lab,
            Method::POST,
            &users,
            "application/json",
            &user
        )
        .await
        .status(),
        422
    );

    let list = "section[data-service=user] [data-role=list]";
    theater
        .click("section[data-service=user] [data-role=refresh]")
        .await;
    let shown = format!(
        "[...document.querySelectorAll('{list} .item strong')].map((name) => name.textContent)"
    );
    wait::until("all users in the list", LIMIT, async || {
        theater.page.eval::<Vec<String>>(&shown).await.len() == 3 + names.len()
    })
    .await;
    assert_eq!(theater.page.eval::<Vec<String>>(&shown).await[3..], names);
    let kinds = format!(
        "[...new Set([...document.querySelectorAll('{list} *')].map((it) => it.tagName))].sort()"
    );
    assert_eq!(
        theater.page.eval::<Vec<String>>(&kinds).await,
        ["LI", "SPAN", "STRONG"]
    );
    assert_eq!(
        theater.page.eval::<Option<u8>>("window.__hacked").await,
        None
    );
    assert_eq!(theater.troubles(), Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_weight_is_on_the_page_within_a_second_and_zero_is_zero() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    let before = theater
        .column_when("user", "the rules", |column| {
            column.source == "virtualservice"
        })
        .await;
    assert_eq!(before.configured, ["70", "30"]);
    theater.watch("user", "configured", "data-ctx1").await;
    for [ctx1, ctx2] in [[20, 80], [100, 0], [0, 100], [50, 50]] {
        let changed = theater.route_users(weighted(ctx1, ctx2)).await;
        let shown = theater.seen_at(&format!("user configured {ctx1}")).await;
        println!(
            "{ctx1} : {ctx2} was on the page after {} ms",
            shown - changed
        );
        assert!(
            shown - changed <= RULE_ON_PAGE_MS,
            "{ctx1} : {ctx2} took {} ms",
            shown - changed
        );
        let column = theater.column("user").await;
        assert_eq!(column.configured, [ctx1, ctx2].map(|it| it.to_string()));
        assert_eq!(column.ratio, format!("{ctx1} : {ctx2}"));
        assert_eq!(column.source, "virtualservice");
    }
    assert_eq!(
        theater.column("movie").await.configured,
        ["30", "70"],
        "the others keep theirs"
    );
}

#[tokio::test]
async fn an_aborted_request_has_its_own_mark_in_both_rows_and_no_share() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    theater.traffic("/users/", 10).await;
    let mut rule = weighted(20, 80);
    rule["fault"] = json!({"abort": {"httpStatus": 500, "percentage": {"value": 100}}});
    theater.route_users(rule).await;
    wait::until("the sidecar to follow", LIMIT, async || {
        theater.lab.get("/users/").await.status() == 500
    })
    .await;

    let before = theater
        .column_when("user", "the fault", |it| {
            it.cause.as_deref() == Some("FI") && it.faults == ["abort"]
        })
        .await;
    for _ in 0..5 {
        let answer = theater.lab.get("/users/").await;
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers().get("x-service-cluster")
            ),
            (500, None)
        );
    }
    let after = theater
        .column_when("user", "five more answers", |it| {
            it.total == before.total + 5
        })
        .await;
    for row in &after.rows {
        assert!(
            row[LAMPS - 6..].iter().all(|state| state == "unknown"),
            "{row:?}"
        );
    }
    assert_eq!(
        (after.status, after.cause.as_deref()),
        (Some(500), Some("FI"))
    );
    assert_eq!(after.configured, ["20", "80"]);
    assert_eq!((after.n, &after.measured), (before.n, &before.measured));

    theater.route_users(weighted(0, 100)).await;
    let healed = theater
        .column_when("user", "the fault to be gone", |it| it.faults.is_empty())
        .await;
    wait::until("the sidecar to follow", LIMIT, async || {
        theater.lab.get("/users/").await.status() == 200
    })
    .await;
    let healed = theater
        .column_when("user", "a good answer", |it| {
            it.total > healed.total && it.status == Some(200)
        })
        .await;
    assert_eq!(
        healed.rows.map(|row| row[LAMPS - 1].clone()),
        ["miss", "hit"]
    );
}

#[tokio::test]
async fn the_chosen_language_survives_a_reload_and_every_width_fits() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    let texts = "({ lang: document.documentElement.lang, title: document.title, heading: document.querySelector('#user-title').textContent, \
                 refresh: document.querySelector('[data-role=refresh]').textContent, configured: document.querySelector('.ratio-label').textContent })";
    let rows = [
        (
            "en",
            ["Theater MSA", "Users", "Refresh", "Configured traffic"],
        ),
        (
            "ko",
            ["영화관 MSA", "사용자 목록", "새로고침", "트래픽 설정"],
        ),
        (
            "en",
            ["Theater MSA", "Users", "Refresh", "Configured traffic"],
        ),
    ];
    for (lang, words) in rows {
        theater.click(&format!("[data-lang={lang}]")).await;
        let keys = ["title", "heading", "refresh", "configured"];
        let mut expected: BTreeMap<_, _> = keys
            .into_iter()
            .zip(words)
            .map(|(key, word)| (key.to_owned(), word.to_owned()))
            .collect();
        expected.insert("lang".to_owned(), lang.to_owned());
        assert_eq!(
            theater.page.eval::<BTreeMap<String, String>>(texts).await,
            expected
        );
        theater.page.goto(&format!("{}/", theater.lab.url)).await;
        theater.wait_until_live().await;
        assert_eq!(
            theater.page.eval::<BTreeMap<String, String>>(texts).await,
            expected,
            "after a reload"
        );
    }
    assert_eq!(theater.troubles(), Vec::<String>::new());
}

#[tokio::test]
async fn from_a_phone_to_a_wall_nothing_scrolls_sideways() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    let user = json!({"name": "W".repeat(100), "email": format!("{}@example.com", "w".repeat(60))});
    let users = format!("{}/users/", theater.lab.url);
    assert_eq!(
        send(
            &theater.lab,
            Method::POST,
            &users,
            "application/json",
            &user
        )
        .await
        .status(),
        201
    );
    let mut rule = weighted(20, 80);
    rule["fault"] = json!({"abort": {"httpStatus": 503, "percentage": {"value": 1}}, "delay": {"fixedDelay": "3s", "percentage": {"value": 1}}});
    theater.route_users(rule).await;
    theater
        .column_when("user", "both faults", |it| it.faults.len() == 2)
        .await;
    theater
        .click("section[data-service=user] [data-role=refresh]")
        .await;
    let shown = "document.querySelectorAll('section[data-service=user] .item').length === 4";
    wait::until("the long name", LIMIT, async || {
        theater.page.eval(shown).await
    })
    .await;
    for lang in ["en", "ko"] {
        theater.click(&format!("[data-lang={lang}]")).await;
        for width in [390, 768, 1080, 1400, 2560] {
            theater.page.set_size(width, 900).await;
            let root =
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]";
            let [needed, there] = theater.page.eval::<[u32; 2]>(root).await;
            assert!(
                needed <= there,
                "{lang}, {width} px: {there} px are there, {needed} needed"
            );
        }
    }
}

#[tokio::test]
async fn without_the_stream_the_page_says_so_and_its_lists_still_load() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    theater.page.hold_requests("*/events").await;
    theater.page.goto(&format!("{}/", theater.lab.url)).await;
    wait::until("the page to notice", LIMIT, async || {
        theater.state().await == "disconnected"
    })
    .await;
    let names = "[...document.querySelectorAll('section[data-service=user] .item strong')].map((it) => it.textContent)";
    wait::until("the list", LIMIT, async || {
        theater.page.eval::<Vec<String>>(names).await == ["홍길동", "이순신", "김유신"]
    })
    .await;
    let untold = theater.column("user").await;
    assert_eq!(
        (untold.total, &*untold.source),
        (0, "waiting"),
        "what was not told is not shown"
    );
}

#[tokio::test]
async fn after_its_gateway_is_gone_the_page_comes_back_by_itself_with_its_history() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    theater.traffic("/users/", 40).await;
    let before = theater
        .column_when("user", "all answers", |it| it.total == 41)
        .await;
    let pods = theater
        .lab
        .list("ctx1", "/api/v1/namespaces/theater-msa/pods")
        .await;
    let names = pods
        .iter()
        .filter_map(|pod| pod["metadata"]["name"].as_str());
    let gone = names
        .into_iter()
        .find(|name| name.starts_with("api-gateway-"))
        .expect("the gateway has a pod");
    theater.page.eval::<()>("new MutationObserver((_, it) => { window.__lost = true; it.disconnect() }).observe(document.querySelector('[data-role=connection]'), { attributes: true })").await;

    let url = format!(
        "{}/api/v1/namespaces/theater-msa/pods/{gone}",
        theater.lab.api("ctx1")
    );
    let answer = theater.lab.client.delete(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    wait::until("the page to notice", LIMIT, async || {
        theater.page.eval("window.__lost === true").await
    })
    .await;
    theater.wait_until_live().await;
    let successor = "document.querySelector('section.cluster[data-cluster=ctx1] .pod[data-pod^=api-gateway][data-ready=true]')?.dataset.pod";
    wait::until("the new pod on the page", LIMIT, async || {
        let name: Option<String> = theater.page.eval(successor).await;
        name.is_some_and(|name| name != gone)
    })
    .await;
    let back = theater
        .column_when("user", "the history", |it| it.n == before.n)
        .await;
    assert_eq!(
        (&back.rows, &back.measured, back.total),
        (&before.rows, &before.measured, before.total)
    );

    let (answers, _) = theater.traffic("/users/", LAMPS).await;
    let after = theater
        .column_when("user", "new answers", |it| {
            it.total == back.total + LAMPS as u64
        })
        .await;
    assert_eq!(
        after.rows,
        [lamps(&answers, "ctx1"), lamps(&answers, "ctx2")]
    );
}

#[tokio::test]
#[ignore = "writes docs/dashboard.png"]
async fn the_picture_in_the_docs_shows_a_real_page() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    let users = format!("{}/bookings/", theater.lab.url);
    for (user, movie, seats) in [("1", "3", 2), ("2", "1", 4), ("3", "2", 1)] {
        let booking = json!({"userId": user, "movieId": movie, "seats": seats});
        assert_eq!(
            send(
                &theater.lab,
                Method::POST,
                &users,
                "application/json",
                &booking
            )
            .await
            .status(),
            201
        );
    }
    for path in ["/users/", "/movies/", "/bookings/"] {
        theater.traffic(path, 60).await;
    }
    theater
        .click("section[data-service=booking] [data-role=refresh]")
        .await;
    theater
        .column_when("booking", "all answers", |it| it.total == 65)
        .await;
    // The bars move for a moment.
    theater
        .page
        .eval::<()>("Promise.all(document.getAnimations().map((it) => it.finished)).then(() => {})")
        .await;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::create_dir_all(&docs).unwrap();
    theater.page.screenshot(&docs.join("dashboard.png")).await;
}
