//! The webhook's rules for `consistentHash`.

use std::collections::BTreeSet;

use super::Complaints;
use crate::config::{TableSize, is_prime};
use crate::model::{ConsistentHash, HttpCookie, Maglev};

pub(super) fn check(hash: &ConsistentHash, complaints: &mut Complaints) {
    if let Some(written) = &hash.http_cookie {
        cookie(written, complaints);
    }
    if hash.minimum_ring_size.is_some_and(|size| size > 0) {
        complaints.warn(
            "consistent hash MinimumRingSize is deprecated, \
             use ConsistentHashLB's RingHash configuration instead",
        );
        let only = hash.ring_hash.is_none() && hash.maglev.is_none();
        complaints.check(only, || {
            "only one of MinimumRingSize or Maglev/Ringhash can be specified".to_owned()
        });
    }
    if let Some(written) = &hash.maglev {
        maglev(written, complaints);
    }
}

fn cookie(cookie: &HttpCookie, complaints: &mut Complaints) {
    complaints.check(!cookie.name.is_empty(), || {
        "name required for HttpCookie".to_owned()
    });
    let mut names = BTreeSet::new();
    for attribute in &cookie.attributes {
        if attribute.name.is_empty() {
            complaints.add("cookie attribute name cannot be empty");
        } else if !names.insert(&attribute.name) {
            complaints.add(format!(
                "duplicate cookie attribute name: {}",
                attribute.name
            ));
        }
    }
}

fn maglev(maglev: &Maglev, complaints: &mut Complaints) {
    let size = maglev.table_size.unwrap_or_default();
    complaints.check(size > 0, || "tableSize must be set for maglev".to_owned());
    complaints.check(size < TableSize::LIMIT, || {
        format!(
            "tableSize must be less than {} for maglev",
            TableSize::LIMIT
        )
    });
    // Istio: 1 passes for a prime here. What is far too large needs no second reason.
    let divisible = u32::try_from(size).is_ok_and(|size| size != 1 && !is_prime(size));
    complaints.check(!divisible, || {
        "tableSize must be a prime number for maglev".to_owned()
    });
}
