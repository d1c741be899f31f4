//! Orders in `/metrics`: which one is obeyed, how many answers it touched, what was refused.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::time::Instant;

use super::Chaos;

/// Asked at each scrape, so that an order's end shows in time.
impl Collector for Chaos {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let order = self.0.in_force.borrow().clone();
        let obeyed = order.filter(|it| Instant::now() < it.ends);
        let help = "1 for the key whose order this pod obeys";
        let mut family =
            encoder.encode_descriptor("chaos_order_in_force", help, None, MetricType::Gauge)?;
        for key in &self.0.keys {
            let here = obeyed.as_ref().is_some_and(|it| it.key == *key);
            let gauge = ConstGauge::new(i64::from(here));
            gauge.encode(family.encode_family(&[("key", key.as_str())])?)?;
        }
        count(
            &mut encoder,
            "chaos_answers",
            "Answers that an order touched",
            &self.0.affected,
        )?;
        count(
            &mut encoder,
            "chaos_orders_refused",
            "Orders that were ignored",
            &self.0.refused,
        )
    }
}

fn count(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counter: &AtomicU64,
) -> Result<(), fmt::Error> {
    let counter = ConstCounter::new(counter.load(Ordering::Relaxed));
    counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}
