//! Virtual addresses, given out in order.
//!
//! ```text
//! 10.1.x.y, 10.2.x.y       pods of ctx1, ctx2
//! 10.96.x.y, 10.97.x.y     Services of ctx1, ctx2 (x.1 is the API's own)
//! 203.0.113.11, .12        east-west gateways' load balancers (RFC 5737: for documentation)
//! ```

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

/// Addresses of one cluster.
#[derive(Debug)]
pub struct Addresses {
    /// 1 for ctx1, 2 for ctx2.
    number: u8,
    next_pod: AtomicU16,
}

impl Addresses {
    /// Of the cluster of that number, from 1 on.
    pub fn of_cluster(number: u8) -> Self {
        Self {
            number,
            // .0.0 is the network, .0.1 the node's end.
            next_pod: AtomicU16::new(2),
        }
    }

    /// A pod address that was never given out; starts over after 65,000 pods.
    pub fn next_pod(&self) -> Ipv4Addr {
        let [high, low] = next(&self.next_pod, 2);
        Ipv4Addr::new(10, self.number, high, low)
    }

    /// The /16 network of the Services.
    pub fn services(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 95 + self.number, 0, 0)
    }

    /// Node `index` of the cluster, from 0 on.
    pub fn node(&self, index: u8) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, self.number, 10 + index)
    }

    /// The control plane, whose API the Service `kubernetes` leads to.
    pub fn control_plane(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, self.number, 2)
    }

    /// The east-west gateway as the other cluster sees it.
    pub fn east_west(&self) -> Ipv4Addr {
        Ipv4Addr::new(203, 0, 113, 10 + self.number)
    }
}

/// The API's own ClusterIP, which every pod finds in `KUBERNETES_SERVICE_HOST`.
pub fn service_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 95 + number, 0, 1)
}

fn next(counter: &AtomicU16, first: u16) -> [u8; 2] {
    let given = counter.fetch_add(1, Ordering::Relaxed);
    if given == u16::MAX {
        counter.store(first, Ordering::Relaxed);
    }
    given.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_cluster_and_never_repeat() {
        let (one, two) = (Addresses::of_cluster(1), Addresses::of_cluster(2));
        assert_eq!(one.next_pod().to_string(), "10.1.0.2");
        assert_eq!(one.next_pod().to_string(), "10.1.0.3");
        assert_eq!(two.next_pod().to_string(), "10.2.0.2");
        assert_eq!(two.services().to_string(), "10.97.0.0");
        assert_eq!(service_address(1).to_string(), "10.96.0.1");
    }
}
