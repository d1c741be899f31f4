//! The dashboard as a viewer sees it: a real browser on a real lab.

#[path = "dashboard/losses.rs"]
mod losses;
mod support;
#[path = "dashboard/theater.rs"]
mod theater;

use std::path::Path;

use serde_json::json;
use support::kubectl::{self, Shell};
use testkit::wait;

use theater::{Answer, Column, KEPT, LAMPS, LIMIT, Theater, lamps, weighted};

/// Between an answer and its lamp.
const AT_ONCE_MS: i64 = 500;
/// Between the API's answer to a change of a rule and the figure on the page.
const RULE_ON_PAGE_MS: i64 = 1_000;

#[tokio::test]
async fn every_answer_from_outside_is_a_lamp_a_share_and_a_line_at_once() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    let own = theater.routing_lines();
    assert_eq!(own.len(), 3, "the page's own requests: {own:?}");
    for (service, path) in [("user", "/users/"), ("movie", "/movies/")] {
        theater.watch(service, "total", "data-value").await;
        let lines_before = theater.routing_lines().len();
        let answers = traffic_shown_at_once(&theater, service, path).await;
        check_column(&theater.column(service).await, &answers);
        let line = |it: &Answer| {
            format!(
                "실제 라우팅 결과 - 서비스: {service}-service, 클러스터: {}, 파드: {}",
                it.cluster, it.pod
            )
        };
        let lines: Vec<_> = answers.iter().map(line).collect();
        assert_eq!(theater.routing_lines()[lines_before..], lines);
    }
    assert_eq!(theater.troubles(), Vec::<String>::new());
}

/// One answer alone, so that nothing around it can carry it onto the page, then many in a row.
/// A busy machine may miss the bound once, never twice.
async fn traffic_shown_at_once(theater: &Theater, service: &str, path: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    // What is still under way must not carry the answer alone.
    let quiet = format!(
        "new Promise((after) => setTimeout(after, {}))",
        2 * AT_ONCE_MS
    );
    for _ in 0..2 {
        theater.page.eval::<()>(&quiet).await;
        let mut late = Vec::new();
        for count in [1, KEPT] {
            let (round, last) = theater.traffic(path, count).await;
            answers.extend(round);
            let total = answers.len() + 1;
            late.push(theater.seen_at(&format!("{service} total {total}")).await - last);
        }
        println!(
            "{service}: one answer alone and the last of {KEPT} were on the page after {late:?} ms"
        );
        if late.iter().all(|&it| it <= AT_ONCE_MS) {
            return answers;
        }
    }
    panic!("{service}: twice later than {AT_ONCE_MS} ms on the page");
}

fn check_column(column: &Column, answers: &[Answer]) {
    let kept = &answers[answers.len() - KEPT..];
    let ctx1 = kept.iter().filter(|it| it.cluster == "ctx1").count();
    let percent = |count: usize| Some((100 * count / KEPT).to_string());
    assert_eq!(column.rows, lamps(answers));
    assert_eq!(
        (column.n, &column.measured),
        (KEPT, &[percent(ctx1), percent(KEPT - ctx1)])
    );
    assert_eq!(
        column.total,
        answers.len() as u64 + 1,
        "with the page's own request"
    );
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
    let user = |name: &str| json!({"name": name, "email": "viewer@example.com"});
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
        assert_eq!(theater.create("/users/", &user(name)).await, 201, "{name}");
    }
    assert_eq!(
        theater.create("/users/", &user(&"x".repeat(10_000))).await,
        422
    );

    theater.refresh("user").await;
    assert_eq!(theater.list("user", 3 + names.len()).await[3..], names);
    let kinds = "[...new Set([...document.querySelectorAll('[data-role=list] *')].map((it) => it.tagName))].sort()";
    assert_eq!(
        theater.page.eval::<Vec<String>>(kinds).await,
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
    theater.users_answer(500).await;

    let is_aborted = |it: &Column| it.cause.as_deref() == Some("FI") && it.faults == ["abort"];
    let before = theater.column_when("user", "the fault", is_aborted).await;
    for _ in 0..5 {
        let answer = theater.lab.get("/users/").await;
        let cluster = answer.headers().get("x-service-cluster");
        assert_eq!((answer.status().as_u16(), cluster), (500, None));
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
}

#[tokio::test]
async fn a_fault_that_is_taken_back_is_gone_from_the_page() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    let mut rule = weighted(0, 100);
    rule["fault"] = json!({"abort": {"httpStatus": 503, "percentage": {"value": 100}}});
    theater.route_users(rule).await;
    theater.users_answer(503).await;
    let ill = theater
        .column_when("user", "the fault", |it| {
            it.faults == ["abort"] && it.status == Some(503)
        })
        .await;

    theater.route_users(weighted(0, 100)).await;
    theater.users_answer(200).await;
    let is_healed =
        |it: &Column| it.faults.is_empty() && it.total > ill.total && it.status == Some(200);
    let healed = theater
        .column_when("user", "a good answer", is_healed)
        .await;
    assert_eq!(
        healed.rows.map(|row| row[LAMPS - 1].clone()),
        ["miss", "hit"]
    );
    an_ejected_pod_is_on_the_page(&theater).await;
}

/// The way of a breaker: pod → sidecar of the gateway → its admin interface → event → page.
async fn an_ejected_pod_is_on_the_page(theater: &Theater) {
    let Some(program) = kubectl::current() else {
        return;
    };
    theater.route_users(weighted(100, 0)).await;
    theater.eject_users_after(2).await;
    let healthy = theater.breaker("ctx1", |it| it.hosts.len() == 2).await;
    assert!(
        healthy
            .hosts
            .iter()
            .all(|(pod, ejected)| pod.starts_with("user-service-ctx1-") && !ejected)
    );
    let gateway = theater.breaker("ctx2", |it| it.hosts.len() == 1).await;
    assert_eq!(
        gateway.hosts,
        [("203.0.113.12:15443".to_owned(), false)],
        "all of ctx2 is one host"
    );
    let sick = &healthy.hosts[0].0;
    let shell = Shell::new(&program, &theater.lab.kubeconfig());
    let order = format!(
        "kubectl exec {sick} --context ctx1 -n theater-msa -c user-service -- user-service order set --status 503 --ttl 1m"
    );
    let printed = shell.run(&order).await;
    assert_eq!(printed.exit, 0, "{}", printed.all());
    wait::until("the breaker's lamp", LIMIT, async || {
        theater.lab.get("/users/").await;
        theater
            .breaker_of("ctx1")
            .await
            .is_some_and(|it| it.hosts.contains(&(sick.clone(), true)))
    })
    .await;
    let shown = theater.breaker("ctx1", |_| true).await;
    assert_eq!(shown.ejected, 1);
    assert!(
        shown.text.contains(&format!("{sick} 제외됨")),
        "{}",
        shown.text
    );
    let host = format!("[data-subset=ctx1] .breaker-host[data-pod=\"{sick}\"]");
    let title = format!("document.querySelector('{host}').title");
    let told = || async { theater.page.eval::<String>(&title).await };
    let first = told().await;
    assert!(first.ends_with("전") || first.ends_with("지금"), "{first}");
    // Nobody asks the sidecar for anything now: the page alone counts the seconds.
    wait::until("the age of the ejection to grow", LIMIT, async || {
        told().await != first
    })
    .await;
}

#[tokio::test]
async fn the_chosen_language_is_everywhere_and_survives_a_reload() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    let texts = "[document.documentElement.lang, document.title, ...['#user-title', '[data-role=refresh]', '.ratio-label'].map((it) => document.querySelector(it).textContent)]";
    let english = [
        "en",
        "Theater MSA",
        "Users",
        "Refresh",
        "Configured traffic",
    ];
    let korean = ["ko", "영화관 MSA", "사용자 목록", "새로고침", "트래픽 설정"];
    for expected in [english, korean, english] {
        theater.click(&format!("[data-lang={}]", expected[0])).await;
        assert_eq!(theater.page.eval::<Vec<String>>(texts).await, expected);
        theater.reload().await;
        theater.wait_until_live().await;
        assert_eq!(
            theater.page.eval::<Vec<String>>(texts).await,
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
    assert_eq!(theater.create("/users/", &user).await, 201);
    let mut rule = weighted(20, 80);
    rule["fault"] = json!({
        "abort": {"httpStatus": 503, "percentage": {"value": 1}},
        "delay": {"fixedDelay": "3s", "percentage": {"value": 1}},
    });
    theater.refresh("user").await;
    theater.list("user", 4).await;
    theater.route_users(rule).await;
    theater
        .column_when("user", "both faults", |it| it.faults.len() == 2)
        .await;
    for lang in ["en", "ko"] {
        theater.click(&format!("[data-lang={lang}]")).await;
        for width in [390, 768, 1080, 1400, 2560] {
            theater.page.set_size(width, 900).await;
            let widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth, innerWidth]";
            let [needed, free, whole] = theater.page.eval::<[u32; 3]>(widths).await;
            assert_eq!(whole, width);
            assert!(
                needed <= free,
                "{lang}, {width} px: {needed} px needed, {free} free"
            );
        }
    }
}

#[tokio::test]
#[ignore = "writes docs/dashboard.png"]
async fn the_picture_in_the_docs_shows_a_real_page() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    for (user, movie, seats) in [("1", "3", 2), ("2", "1", 4), ("3", "2", 1)] {
        let booking = json!({"userId": user, "movieId": movie, "seats": seats});
        assert_eq!(theater.create("/bookings/", &booking).await, 201);
    }
    for path in ["/users/", "/movies/", "/bookings/"] {
        theater.traffic(path, 60).await;
    }
    theater.refresh("booking").await;
    theater.list("booking", 3).await;
    theater
        .column_when("booking", "all answers", |it| it.total == 65)
        .await;
    // The bars of the ratios move for a moment; those for scrolling say nothing on paper.
    let still = "document.documentElement.style.scrollbarWidth = 'none';
        Promise.all(document.getAnimations().map((it) => it.finished)).then(() => {})";
    theater.page.eval::<()>(still).await;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::create_dir_all(&docs).unwrap();
    theater.page.screenshot(&docs.join("dashboard.png")).await;
}
