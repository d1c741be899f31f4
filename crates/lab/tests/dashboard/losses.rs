//! What the page shows of what is gone: its stream, its gateway, the other cluster.

use serde_json::Value;
use testkit::wait;

use crate::theater::{Column, LAMPS, LIMIT, Theater, lamps};

#[tokio::test]
async fn without_the_stream_the_page_says_so_and_its_lists_still_load() {
    let Some(theater) = Theater::open().await else {
        return;
    };
    theater.page.hold_requests("*/events").await;
    theater.reload().await;
    wait::until("the page to notice", LIMIT, async || {
        theater.state().await == "disconnected"
    })
    .await;
    assert_eq!(
        theater.list("user", 3).await,
        ["홍길동", "이순신", "김유신"]
    );
    let untold = theater.column("user").await;
    assert_eq!(
        (untold.total, &*untold.source),
        (0, "waiting"),
        "what was not told is not shown"
    );
}

#[tokio::test]
async fn after_its_gateway_is_gone_the_page_comes_back_with_its_history_and_says_what_it_cannot_know()
 {
    let Some(theater) = Theater::open().await else {
        return;
    };
    theater.traffic("/users/", 40).await;
    let before = theater
        .column_when("user", "all answers", |it| it.total == 41)
        .await;
    the_gateway_is_replaced(&theater).await;
    ctx2_is_unknown(&theater).await;
    the_history_is_the_stores(&theater, &before).await;
    lamps_go_on(&theater, before.total).await;
}

/// Its pod goes, and with it what knew ctx2; the page notices, and shows the next one.
async fn the_gateway_is_replaced(theater: &Theater) {
    theater.page.eval::<()>(NOTE_LOSS).await;
    lose_ctx2(theater);
    let gone = delete_gateway(theater).await;
    wait::until("the page to notice", LIMIT, async || {
        theater.page.eval("window.__lost === true").await
    })
    .await;
    theater.wait_until_live().await;
    wait::until("the new pod on the page", LIMIT, async || {
        let name: Option<String> = theater.page.eval(READY_GATEWAY).await;
        name.is_some_and(|name| name != gone)
    })
    .await;
}

async fn ctx2_is_unknown(theater: &Theater) {
    let (state, text) = theater.cluster("ctx2").await;
    assert_eq!((&*state, &*text), ("unknown", "알 수 없음 · 연결되지 않음"));
    assert_eq!(theater.cluster("ctx1").await.0, "live");
}

async fn the_history_is_the_stores(theater: &Theater, before: &Column) {
    let told = theater.lab.get("/traffic-history").await.bytes().await;
    let told: Value =
        serde_json::from_slice(&told.expect("an answer is whole")).expect("it is JSON");
    let history = told["userServiceHistory"].as_array();
    assert_eq!(history.map(Vec::len), Some(41));
    let back = theater.column("user").await;
    assert_eq!(
        (&back.rows, back.n, &back.measured, back.total),
        (&before.rows, before.n, &before.measured, before.total)
    );
}

async fn lamps_go_on(theater: &Theater, total: u64) {
    let (answers, _) = theater.traffic("/users/", LAMPS).await;
    let all = total + LAMPS as u64;
    let after = theater
        .column_when("user", "new answers", |it| it.total == all)
        .await;
    assert_eq!(after.rows, lamps(&answers));

    // What the page kept itself is gone now; its own request is one lamp more.
    theater.reload().await;
    let anew = theater
        .column_when("user", "its own request", |it| it.total == all + 1)
        .await;
    for (row, newest) in anew.rows.iter().zip(&after.rows) {
        assert_eq!(row[..LAMPS - 1], newest[1..]);
    }
}

/// The next gateway finds nobody at the address of ctx2's API.
fn lose_ctx2(theater: &Theater) {
    let file = theater.lab.kubeconfig();
    let text = std::fs::read_to_string(&file).expect("the kubeconfig is there");
    let text = text.replace(&theater.lab.api("ctx2"), "http://127.0.0.1:9/ctx2");
    std::fs::write(&file, text).expect("the kubeconfig can be written");
}

/// Notes that the stream was not live for a moment, however short.
const NOTE_LOSS: &str = "{
    const state = document.querySelector('[data-role=connection]');
    const note = () => { window.__lost ||= state.dataset.state !== 'live'; };
    new MutationObserver(note).observe(state, { attributes: true });
}";
const READY_GATEWAY: &str = "document.querySelector('[data-cluster=ctx1] .pod[data-pod^=api-gateway][data-ready=true]')?.dataset.pod";

/// Deletes the gateway's pod; gives its name.
async fn delete_gateway(theater: &Theater) -> String {
    let all = "/api/v1/namespaces/theater-msa/pods";
    let pods = theater.lab.list("ctx1", all).await;
    let names = pods
        .iter()
        .filter_map(|pod| pod["metadata"]["name"].as_str());
    let gateway = names
        .into_iter()
        .find(|name| name.starts_with("api-gateway-"));
    let gateway = gateway.expect("the gateway has a pod");
    let url = format!("{}{all}/{gateway}", theater.lab.api("ctx1"));
    let answer = theater.lab.client.delete(url).send().await;
    assert_eq!(answer.expect("the API answers").status(), 200);
    gateway.to_owned()
}
