//! What every service owes an order to be sick, over HTTP, its own command line and a real
//! redis-server.

use std::net::SocketAddr;
use std::time::Duration;

use common::command::{self, Asked, Said, Setting};
use common::env::Env;
use common::program::Seams;
use reqwest::{Client, Response};

use crate::redis_server::RedisServer;
use crate::{service, wait};

const LIMIT: Duration = Duration::from_secs(10);

/// A service that obeys orders, and one beside it that does not.
struct Ward {
    name: &'static str,
    pod: String,
    redis: SocketAddr,
    obedient: String,
    other: String,
    path: &'static str,
    client: Client,
}

/// The whole contract, for the service `name` whose collection is at `path`.
///
/// # Panics
/// When the service breaks it.
pub async fn contract<F, Fut>(name: &'static str, run: F, path: &'static str)
where
    F: Fn(Env, Seams) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let Some(mut redis) = RedisServer::start().await else {
        return;
    };
    let env = service::environment(name, redis.address());
    let ward = Ward {
        name,
        pod: format!("{name}-ctx1-test"),
        redis: redis.address(),
        obedient: service::start_in(env.clone().with("CHAOS_ENABLED", "true"), &run).await,
        other: service::start_in(env, &run).await,
        path,
        client: client(),
    };
    ward.is_well().await;
    ward.an_order_is_obeyed_and_probes_are_green().await;
    ward.the_most_specific_order_wins().await;
    ward.a_hung_answer_comes_when_the_order_goes().await;
    ward.what_is_no_order_is_ignored().await;
    redis = ward.an_order_ends_although_redis_is_away(redis).await;
    drop(redis);
}

fn client() -> Client {
    let client = Client::builder().no_proxy().timeout(LIMIT).build();
    client.expect("a client can be made")
}

impl Ward {
    async fn get(&self, base: &str, path: &str) -> Response {
        let answer = self.client.get(format!("{base}{path}")).send().await;
        answer.expect("the service answers")
    }

    async fn answer(&self) -> Response {
        self.get(&self.obedient, self.path).await
    }

    async fn metrics(&self) -> String {
        let answer = self.get(&self.obedient, "/metrics").await;
        answer.text().await.expect("metrics are text")
    }

    async fn is_well(&self) {
        wait::until("a healthy answer", LIMIT, async || {
            let answer = self.answer().await;
            answer.status() == 200 && !answer.headers().contains_key("x-chaos")
        })
        .await;
    }

    /// Waits for an answer by this order, and gives it.
    async fn is_sick(&self, chaos: &str) -> Response {
        wait::until_some(chaos, LIMIT, async || {
            let answer = self.answer().await;
            let label = answer.headers().get("x-chaos");
            label
                .is_some_and(|it| it.as_bytes() == chaos.as_bytes())
                .then_some(answer)
        })
        .await
    }

    /// Runs `<service> order …` as it would run in the pod.
    async fn order(&self, line: &str) -> Said {
        let words = std::iter::once("order").chain(line.split(' '));
        match command::parse(self.name, words) {
            Ok(Asked::Task(task)) => {
                let env = service::environment(self.name, self.redis).with("CHAOS_ENABLED", "true");
                task.run(Setting::of_process(env)).await
            }
            Ok(Asked::Serve) => panic!("order {line} is a task"),
            Err(said) => said,
        }
    }

    async fn does(&self, line: &str) -> String {
        let said = self.order(line).await;
        assert_eq!((said.code, said.err.as_str()), (0, ""), "order {line}");
        said.out
    }

    async fn redis(&self, arguments: &[&str]) {
        let client = redis::Client::open(format!("redis://{}", self.redis));
        let mut connection = client
            .expect("an address is an URL")
            .get_multiplexed_async_connection()
            .await
            .expect("redis is there");
        let done: redis::RedisResult<redis::Value> = redis::cmd(arguments[0])
            .arg(&arguments[1..])
            .query_async(&mut connection)
            .await;
        done.expect("redis does it");
    }

    async fn an_order_is_obeyed_and_probes_are_green(&self) {
        self.does("set --status 503 --ttl 60s").await;
        let label = format!("chaos:{}; status=503", self.pod);
        let sick = self.is_sick(&label).await;
        assert_eq!(sick.status(), 503);
        assert_eq!(sick.headers()["content-type"], "application/problem+json");
        assert_eq!(sick.headers()["x-service-name"], self.name);
        assert_eq!(sick.headers()["x-service-cluster"], "ctx1");
        assert_eq!(sick.headers()["x-pod-name"], *self.pod);
        let text = sick.text().await.expect("a problem is text");
        assert!(text.contains("sick by the order"), "{text}");
        for path in ["/healthz", "/readyz", "/metrics"] {
            let green = self.get(&self.obedient, path).await;
            assert_eq!(green.status(), 200, "{path}");
            assert!(!green.headers().contains_key("x-chaos"), "{path}");
        }
        let metrics = self.metrics().await;
        let obeyed = format!("chaos_order_in_force{{key=\"chaos:{}\"}} 1", self.pod);
        let not = format!("chaos_order_in_force{{key=\"chaos:{}\"}} 0", self.name);
        assert!(metrics.contains(&obeyed), "{metrics}");
        assert!(metrics.contains(&not), "{metrics}");
        assert!(!metrics.contains("chaos_answers_total 0"), "{metrics}");
        // Another process of the same name and cluster, without the switch.
        let well = self.get(&self.other, self.path).await;
        assert_eq!(well.status(), 200);
        let metrics = self.get(&self.other, "/metrics").await.text().await;
        assert!(!metrics.expect("metrics are text").contains("chaos"));
    }

    async fn the_most_specific_order_wins(&self) {
        let (name, pod) = (self.name, &self.pod);
        self.does(&format!("set --service {name} --delay-ms 1 --ttl 60s"))
            .await;
        self.does(&format!(
            "set --service {name} --cluster ctx1 --status 500 --ttl 60s"
        ))
        .await;
        self.does(&format!(
            "set --service {name} --cluster ctx2 --hang --ttl 60s"
        ))
        .await;
        let list = self.does("list").await;
        for line in [
            pod.as_str(),
            &format!("{name}:ctx1"),
            &format!("{name}:ctx2"),
            name,
        ] {
            let line = list.lines().find(|it| it.starts_with(&format!("{line} ")));
            assert!(line.is_some(), "{list}");
        }
        assert_eq!(self.does("clear").await, format!("{pod} cleared\n"));
        self.is_sick(&format!("chaos:{name}:ctx1; status=500"))
            .await;
        self.does(&format!("clear --service {name} --cluster ctx1"))
            .await;
        let slow = self.is_sick(&format!("chaos:{name}; delay_ms=1")).await;
        assert_eq!(slow.status(), 200, "late, but the true answer");
        self.does("clear --all").await;
        self.is_well().await;
        assert_eq!(self.does("list").await, "no orders\n");
        assert_eq!(self.does("clear").await, "no order to clear\n");
    }

    async fn a_hung_answer_comes_when_the_order_goes(&self) {
        self.does("set --hang --rate 1 --ttl 60s").await;
        let obeyed = format!("chaos_order_in_force{{key=\"chaos:{}\"}} 1", self.pod);
        wait::until("the order", LIMIT, async || {
            self.metrics().await.contains(&obeyed)
        })
        .await;
        let mut hung = std::pin::pin!(self.answer());
        let short = Duration::from_millis(200);
        let early = tokio::time::timeout(short, &mut hung).await;
        assert!(early.is_err(), "no answer while the order is in force");
        self.does("clear").await;
        let late = hung.await;
        assert_eq!(late.status(), 200);
        let label = format!("chaos:{}; hang", self.pod);
        assert_eq!(late.headers()["x-chaos"], *label);
        self.is_well().await;
    }

    async fn what_is_no_order_is_ignored(&self) {
        let key = format!("chaos:{}", self.pod);
        for (count, order) in [
            (1, &["SET", &key, r#"{"status":500}"#][..]),
            (2, &["SET", &key, r#"{"staus":500}"#, "EX", "60"]),
            (3, &["SET", &key, r#"{"status":500}"#, "EX", "901"]),
            (
                4,
                &["SET", &key, r#"{"status":500,"rate":1.5}"#, "EX", "60"],
            ),
        ] {
            self.redis(order).await;
            let refused = format!("chaos_orders_refused_total {count}\n");
            wait::until(&refused, LIMIT, async || {
                self.metrics().await.contains(&refused)
            })
            .await;
            assert_eq!(self.answer().await.status(), 200, "{order:?}");
            let list = self.does("list").await;
            assert!(list.contains("ignored: "), "{list}");
        }
        self.does("clear").await;
    }

    async fn an_order_ends_although_redis_is_away(&self, mut redis: RedisServer) -> RedisServer {
        self.does("set --status 418 --ttl 2s").await;
        self.is_sick(&format!("chaos:{}; status=418", self.pod))
            .await;
        redis.kill().await;
        assert_eq!(self.answer().await.status(), 418, "the last order stays");
        wait::until("the order's end", LIMIT, async || {
            !self.answer().await.headers().contains_key("x-chaos")
        })
        .await;
        redis.restart().await;
        self.is_well().await;
        redis
    }
}
