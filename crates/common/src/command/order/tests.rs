use super::super::{Asked, Setting, Task, parse};
use super::*;

/// What a line is understood as, in a pod of this name that obeys orders.
fn command(line: &str) -> Result<Command, Said> {
    match parse("user-service", line.split(' '))? {
        Asked::Task(Task::Order(command)) => Ok(command),
        other => panic!("{line} is {other:?}"),
    }
}

fn pod<const N: usize>(more: [(&str, &str); N]) -> Env {
    let pairs = [("HOSTNAME", "pod-1"), ("CHAOS_ENABLED", "true")];
    let pairs = pairs.iter().chain(&more);
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Key, order and seconds of a good `order set`; what is said of a bad one.
fn set(line: &str, env: &Env) -> Result<(String, String, u64), String> {
    match command(&format!("order set {line}")) {
        Ok(Command::Set(set)) => {
            let key = set.prepare(env)?.key();
            Ok((key, set.order.to_json(), set.ttl.as_secs()))
        }
        Ok(other) => panic!("{line} is {other:?}"),
        Err(said) => {
            assert_eq!(said.code, 64, "{line}");
            Err(said.err)
        }
    }
}

#[test]
fn an_order_is_what_the_options_say_and_for_whom_they_say() {
    for (line, key, order, seconds) in [
        (
            "--status 500 --ttl 5m",
            "chaos:pod-1",
            r#"{"status":500,"rate":1.0}"#,
            300,
        ),
        (
            "--pod user-service-ctx1-abc --status=503 --rate 0.5 --ttl 90s",
            "chaos:user-service-ctx1-abc",
            r#"{"status":503,"rate":0.5}"#,
            90,
        ),
        (
            "--service user-service --delay-ms 3000 --ttl 15m",
            "chaos:user-service",
            r#"{"rate":1.0,"delay_ms":3000}"#,
            900,
        ),
        (
            "--service user-service --cluster ctx2 --hang --ttl 1",
            "chaos:user-service:ctx2",
            r#"{"rate":1.0,"hang":true}"#,
            1,
        ),
        (
            "--cpu-ms 20 --memory-mib 64 --ttl 10s",
            "chaos:pod-1",
            r#"{"rate":1.0,"cpu_ms":20,"memory_mib":64}"#,
            10,
        ),
    ] {
        let expected = (key.to_owned(), order.to_owned(), seconds);
        assert_eq!(set(line, &pod([])), Ok(expected), "{line}");
    }
}

#[test]
fn what_cannot_be_ordered_is_refused_and_says_what_to_do() {
    for (line, advice) in [
        ("--status 500", "--ttl <1s..15m>"),
        ("--status 500 --ttl 16m", "within 15 minutes"),
        ("--status 500 --ttl 0s", "within 15 minutes"),
        ("--status 500 --ttl soon", "such as 90s or 5m"),
        (
            "--status 500 --ttl 99999999999999999999m",
            "such as 90s or 5m",
        ),
        ("--ttl 5m", "needs one of status"),
        ("--status 200 --ttl 5m", "status must be 400..599"),
        ("--status 500 --rate 2 --ttl 5m", "rate must be 0..1"),
        ("--status 500 --rate NaN --ttl 5m", "rate must be 0..1"),
        ("--hang --status 500 --ttl 5m", "hang excludes"),
        ("--staus 500 --ttl 5m", "--status"),
        ("500 --ttl 5m", "unexpected argument '500'"),
        (
            "--cluster ctx2 --status 500 --ttl 5m",
            "--service <SERVICE>",
        ),
        (
            "--pod a --service b --status 500 --ttl 5m",
            "cannot be used with",
        ),
        ("--pod A:b --status 500 --ttl 5m", "small letters"),
    ] {
        let said = set(line, &pod([])).unwrap_err();
        assert!(said.contains(advice), "{line}: {said}");
    }
}

#[test]
fn a_pod_that_would_not_obey_is_not_ordered_by_default() {
    let line = "--status 500 --ttl 5m";
    let said = set(line, &pod([("CHAOS_ENABLED", "false")])).unwrap_err();
    assert!(said.contains("CHAOS_ENABLED is not true here"), "{said}");
    let said = set(line, &Env::from([("CHAOS_ENABLED", "true")])).unwrap_err();
    assert!(said.contains("HOSTNAME"), "{said}");
    let other = format!("--service movie-service {line}");
    assert!(set(&other, &Env::default()).is_ok(), "others may obey");
}

#[test]
fn clear_takes_back_one_order_or_all() {
    let clear = |line: &str| match command(line) {
        Ok(Command::Clear(clear)) => clear,
        other => panic!("{line} is {other:?}"),
    };
    assert!(clear("order clear --all").all);
    let one = clear("order clear --service s --cluster ctx1");
    assert_eq!(one.whom.addressee(&pod([])).unwrap().key(), "chaos:s:ctx1");
    let own = clear("order clear");
    assert_eq!(own.whom.addressee(&pod([])).unwrap().key(), "chaos:pod-1");
    let said = command("order clear --all --pod a").unwrap_err();
    assert_eq!(said.code, 64);
}

#[tokio::test]
async fn without_redis_it_fails_and_says_what_to_look_at() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = listener.local_addr().unwrap().to_string();
    drop(listener);
    let list = command("order list").unwrap();
    for (url, code) in [(nowhere.as_str(), 1), ("redis://a:b", 64)] {
        let setting = Setting::of_process(pod([("REDIS_URL", url)]));
        let said = run(list.clone(), &setting.env, setting.resolve).await;
        assert_eq!(said.code, code, "{}", said.err);
        assert!(said.err.contains("REDIS_URL"), "{}", said.err);
    }
}
