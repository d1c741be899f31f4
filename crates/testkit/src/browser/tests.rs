use std::time::Duration;

use super::*;
use crate::wait;

const LIMIT: Duration = Duration::from_secs(10);

/// A document that needs no server.
fn document(body: &str) -> String {
    format!("data:text/html,<!doctype html><body>{body}</body>")
}

#[tokio::test]
async fn a_page_runs_scripts_and_tells_what_they_write() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = browser.page().await;
    page.goto(&document(
        "<script>console.info('hello', 1); setTimeout(() => { throw new Error('late') })</script>",
    ))
    .await;
    assert_eq!(page.eval::<u32>("Promise.resolve(6 * 7)").await, 42);
    assert_eq!(page.eval::<Option<u32>>("undefined").await, None);
    wait::until("both lines", LIMIT, async || page.console().len() == 2).await;
    let console = page.console();
    assert_eq!((&*console[0].level, &*console[0].text), ("info", "hello 1"));
    assert!(
        console[1].is_trouble() && console[1].text.contains("late"),
        "{console:?}"
    );
}

#[tokio::test]
async fn a_page_has_the_size_it_was_given_on_screen_and_in_pictures() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let page = browser.page().await;
    page.set_size(390, 700).await;
    page.goto(&document("narrow")).await;
    assert_eq!(
        page.eval::<[u32; 2]>("[innerWidth, innerHeight]").await,
        [390, 700]
    );
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("page.png");
    page.screenshot(&picture).await;
    let picture = std::fs::read(picture).unwrap();
    // PNG: an eight-byte signature, then the IHDR chunk with width and height at 16 and 20.
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(
        [&picture[16..20], &picture[20..24]],
        [390_u32.to_be_bytes(), 700_u32.to_be_bytes()]
    );
}

#[tokio::test]
async fn pages_are_drawn_side_by_side() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let pages = [browser.page().await, browser.page().await];
    for page in pages {
        page.goto(&document("here")).await;
        assert!(!page.eval::<bool>("document.hidden").await);
        page.eval::<f64>("new Promise((drawn) => requestAnimationFrame(drawn))")
            .await;
    }
}

#[tokio::test]
async fn the_browser_ends_with_its_handle_and_leaves_no_profile() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.page().await;
    let group = Pid::from_child(&browser.process);
    let profile = browser._profile.path().to_owned();
    drop(browser);
    wait::until("the whole group to end", LIMIT, async || {
        rustix::process::test_kill_process_group(group).is_err()
    })
    .await;
    assert!(!profile.exists());
}

#[tokio::test]
#[should_panic(expected = "no such thing")]
async fn a_script_that_throws_fails_the_test_with_its_words() {
    let Some(browser) = Browser::start().await else {
        panic!("no such thing as a browser here")
    };
    browser
        .page()
        .await
        .eval::<()>("Promise.reject(new Error('no such thing'))")
        .await;
}
