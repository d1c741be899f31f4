//! `trafficPolicy` → the [`Policy`] of a subset at a port.

use super::load_balancer::{balancing, hash_policy, hashes_sources, slow_start};
use super::locality::Nearness;
use crate::config::{
    CONNECT_TIMEOUT, Discovery, HashPolicy, IDLE_TIMEOUT, Limits, Outlier, Policy, RetryBudget,
    Threshold,
};
use crate::model::{
    self, ConnectionPool, DestinationRule, LoadBalancer, OutlierDetection, PortSettings, SimpleLb,
    Subset, TrafficPolicy,
};

/// The blocks of a policy that replace each other as wholes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Blocks<'a> {
    load_balancer: Option<&'a LoadBalancer>,
    connection_pool: Option<&'a ConnectionPool>,
    outlier_detection: Option<&'a OutlierDetection>,
    retry_budget: Option<&'a model::RetryBudget>,
}

impl<'a> Blocks<'a> {
    /// What counts for a subset at a port.
    ///
    /// Istio: a block of the subset replaces the host's block, never field by field. Settings for a
    /// port hide everything above them: a port block of the host hides the host's other blocks, one
    /// of a subset hides the host's policy too, and what it leaves out has its default. A port has no
    /// budget of its own; what is written for a port of a subset leaves the host's.
    pub(super) fn of(
        rule: Option<&'a DestinationRule>,
        subset: Option<&'a Subset>,
        port: u16,
    ) -> Self {
        let top = rule.and_then(|rule| rule.spec.traffic_policy.as_ref());
        let base = top.map_or(Self::default(), |top| {
            Self::at_port(top, port).unwrap_or_else(|| Self::whole(top))
        });
        let own = subset.and_then(|subset| subset.traffic_policy.as_ref());
        own.map_or(base, |own| {
            let at_port = Self::at_port(own, port).map(|own| Self {
                retry_budget: base.retry_budget,
                ..own
            });
            at_port.unwrap_or_else(|| Self::whole(own).over(base))
        })
    }

    /// Who is asked first.
    pub(super) fn nearness(self) -> Nearness<'a> {
        let setting = self
            .load_balancer
            .and_then(|it| it.locality_lb_setting.as_ref());
        Nearness::of(setting, self.outlier_detection.is_some())
    }

    /// Who says which hosts there are.
    pub(super) fn discovery(self) -> Discovery {
        match self.load_balancer.and_then(|it| it.simple) {
            Some(SimpleLb::Passthrough) => Discovery::OriginalDst,
            _ => Discovery::Eds,
        }
    }

    /// What of a request is hashed.
    pub(super) fn hash(self) -> Option<HashPolicy> {
        let hash = self
            .load_balancer
            .and_then(|it| it.consistent_hash.as_ref());
        hash.and_then(hash_policy)
    }

    /// In Envoy's words.
    pub(super) fn policy(self) -> Policy {
        Policy {
            balancing: balancing(self.load_balancer),
            hashes_sources: hashes_sources(self.load_balancer),
            slow_start: slow_start(self.load_balancer),
            weighs_localities: self.nearness().weighs(),
            outlier: self.outlier_detection.map(outlier),
            ..self.connections()
        }
    }

    /// The connection pool alone.
    pub(super) fn connections(self) -> Policy {
        let tcp = self.connection_pool.and_then(|pool| pool.tcp.as_ref());
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        Policy {
            connect_timeout: tcp
                .and_then(|tcp| tcp.connect_timeout)
                .map_or(CONNECT_TIMEOUT, |limit| limit.0),
            limits: Limits {
                max_connections: tcp.and_then(|tcp| limit(tcp.max_connections)),
                max_pending_requests: http.and_then(|http| limit(http.http1_max_pending_requests)),
                max_requests: http.and_then(|http| limit(http.http2_max_requests)),
                max_retries: http.and_then(|http| limit(http.max_retries)),
                retry_budget: self.retry_budget.map(budget),
            },
            max_requests_per_connection: http
                .and_then(|http| limit(http.max_requests_per_connection)),
            // Istio: where only connections have one, it is that of requests too.
            idle_timeout: http
                .and_then(|http| http.idle_timeout)
                .or_else(|| tcp?.idle_timeout)
                .map_or(IDLE_TIMEOUT, |limit| limit.0),
            max_connection_duration: tcp
                .and_then(|tcp| tcp.max_connection_duration)
                .map(|limit| limit.0),
            ..Policy::default()
        }
    }

    fn whole(policy: &'a TrafficPolicy) -> Self {
        Self {
            load_balancer: policy.load_balancer.as_ref(),
            connection_pool: policy.connection_pool.as_ref(),
            outlier_detection: policy.outlier_detection.as_ref(),
            retry_budget: policy.retry_budget.as_ref(),
        }
    }

    fn over(self, base: Self) -> Self {
        Self {
            load_balancer: self.load_balancer.or(base.load_balancer),
            connection_pool: self.connection_pool.or(base.connection_pool),
            outlier_detection: self.outlier_detection.or(base.outlier_detection),
            retry_budget: self.retry_budget.or(base.retry_budget),
        }
    }

    fn at_port(policy: &'a TrafficPolicy, port: u16) -> Option<Self> {
        let of_port = |settings: &&PortSettings| {
            let own = settings.port;
            own.is_some_and(|own| own.number == u32::from(port))
        };
        let settings = policy.port_level_settings.iter().rev().find(of_port)?;
        Some(Self {
            load_balancer: settings.load_balancer.as_ref(),
            connection_pool: settings.connection_pool.as_ref(),
            outlier_detection: settings.outlier_detection.as_ref(),
            retry_budget: None,
        })
    }
}

/// Istio: 0 cannot be told from nothing written, and both mean no limit.
fn limit(written: i64) -> Option<u32> {
    u32::try_from(written).ok().filter(|&limit| limit > 0)
}

/// Istio: a budget that leaves something out has Envoy's 20 % and 3 for it, and 0 at a time counts
/// as not written.
fn budget(written: &model::RetryBudget) -> RetryBudget {
    let default = RetryBudget::default();
    let minimum = Some(written.min_retry_concurrency).filter(|&minimum| minimum > 0);
    RetryBudget {
        percent: written.percent.unwrap_or(default.percent),
        minimum: minimum.unwrap_or(default.minimum),
    }
}

/// Istio: what is not written has Envoy's default; a percentage of 0 counts as not written.
fn outlier(written: &OutlierDetection) -> Outlier {
    let default = Outlier::default();
    let enforced = |errors: Option<u32>, default| errors.map_or(default, Threshold::enforced);
    let percent = |written: i64| limit(written).map(|percent| percent.min(100));
    let local = written.consecutive_local_origin_failures;
    // Envoy's own threshold is enforced too.
    let local = local.filter(|&errors| errors > 0).unwrap_or(5);
    Outlier {
        consecutive_5xx: enforced(written.consecutive_5xx_errors, default.consecutive_5xx),
        consecutive_gateway: enforced(
            written.consecutive_gateway_errors,
            default.consecutive_gateway,
        ),
        consecutive_local_origin: written
            .split_external_local_origin_errors
            .then_some(Threshold::enforced(local)),
        interval: written.interval.map_or(default.interval, |it| it.0),
        base_ejection_time: written
            .base_ejection_time
            .map_or(default.base_ejection_time, |it| it.0),
        max_ejection_percent: percent(written.max_ejection_percent)
            .unwrap_or(default.max_ejection_percent),
        panic_threshold: percent(written.min_health_percent).unwrap_or(default.panic_threshold),
    }
}
