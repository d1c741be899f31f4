//! The webhook's rules for the ejection of failing hosts.

use super::Complaints;
use super::http_route::whole_milliseconds;
use crate::model::OutlierDetection;

pub(super) fn check(outlier: &OutlierDetection, complaints: &mut Complaints) {
    whole_milliseconds(outlier.base_ejection_time, complaints);
    if outlier.consecutive_errors != 0 {
        complaints.warn(
            "outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or \
             consecutive5xxErrors instead",
        );
    }
    let local = outlier
        .consecutive_local_origin_failures
        .unwrap_or_default();
    complaints.check(outlier.split_external_local_origin_errors || local == 0, || {
        "outlier detection consecutive local origin failures is specified, but split external local \
         origin errors is set to false"
            .to_owned()
    });
    whole_milliseconds(outlier.interval, complaints);
    for percent in [outlier.max_ejection_percent, outlier.min_health_percent] {
        complaints.check((0..=100).contains(&percent), || {
            format!("percentage {percent} is not in range 0..100")
        });
    }
}
