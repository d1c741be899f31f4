//! What of the hosts of a cluster decides among them.

use std::collections::BTreeMap;

use crate::config::Host;

/// What of a host decides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) weight: u32,
    /// What is hashed to find its places: its address.
    pub(super) key: String,
    /// Number of its locality, among those that are weighed.
    locality: usize,
    /// What its locality has of its priority's requests: everything where they are not weighed.
    part: f64,
}

#[cfg(test)]
impl Member {
    /// A member of which nothing but its weight decides.
    pub(super) fn of(weight: u32) -> Self {
        Self {
            weight,
            key: String::new(),
            locality: 0,
            part: 1.0,
        }
    }
}

/// A host in a table of hashes, and its part of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share<'a> {
    pub(super) host: usize,
    pub(super) key: &'a str,
    pub(super) part: f64,
}

/// The hosts of a cluster as members, by their index.
pub(super) fn members(hosts: &[Host], weighs_localities: bool) -> Vec<Member> {
    let place = |host: &Host| match weighs_localities {
        true => (host.priority, host.locality.clone()),
        false => Default::default(),
    };
    let weights: BTreeMap<_, _> = hosts
        .iter()
        .map(|host| (place(host), u64::from(host.locality_weight)))
        .collect();
    let member = |host: &Host| {
        let own = place(host);
        let of_priority = weights.iter().filter(|(other, _)| other.0 == own.0);
        let total: u64 = of_priority.map(|(_, weight)| weight).sum();
        let part = f64::from(host.locality_weight) / (total.max(1) as f64);
        Member {
            weight: host.weight,
            key: host.address.to_string(),
            locality: weights.range(..own).count(),
            part: if weighs_localities { part } else { 1.0 },
        }
    };
    hosts.iter().map(member).collect()
}

/// The parts of these hosts.
///
/// Envoy: those of a locality share its weight by their own; a locality without weight has no
/// place, and one of which nobody is here leaves its part to nobody.
pub(super) fn shares<'a>(members: &'a [Member], hosts: &[usize]) -> Vec<Share<'a>> {
    let total = |locality: usize| -> u64 {
        let of = hosts.iter().map(|host| &members[*host]);
        let of = of.filter(|member| member.locality == locality);
        of.map(|member| u64::from(member.weight)).sum()
    };
    let share = |host: &usize| {
        let member = &members[*host];
        let part = f64::from(member.weight) * member.part / (total(member.locality).max(1) as f64);
        Share {
            host: *host,
            key: &member.key,
            part,
        }
    };
    let shares = hosts.iter().map(share);
    shares.filter(|share| share.part > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Locality;

    /// Zone, priority, weight, weight of the locality.
    type Row = (&'static str, u32, u32, u32);

    fn parts(rows: &[Row], weighs_localities: bool, of: &[usize]) -> Vec<(usize, f64)> {
        let host = |(index, (zone, priority, weight, locality_weight)): (usize, &Row)| Host {
            address: ([10, 1, 0, index as u8], 80).into(),
            sni: None,
            weight: *weight,
            priority: *priority,
            locality_weight: *locality_weight,
            locality: Locality {
                zone: (*zone).into(),
                ..Locality::default()
            },
            cluster: "ctx1".into(),
        };
        let hosts: Vec<Host> = rows.iter().enumerate().map(host).collect();
        let members = members(&hosts, weighs_localities);
        let shares = shares(&members, of);
        shares
            .iter()
            .map(|share| (share.host, share.part))
            .collect()
    }

    #[test]
    fn hosts_share_by_weight_among_those_that_are_here() {
        let rows = [("a", 0, 1, 1), ("a", 0, 1, 1), ("b", 0, 2, 9)];
        assert_eq!(
            parts(&rows, false, &[0, 1, 2]),
            [(0, 0.25), (1, 0.25), (2, 0.5)]
        );
        assert_eq!(parts(&rows, false, &[1]), [(1, 1.0)]);
        assert_eq!(parts(&rows, false, &[]), []);
    }

    #[test]
    fn weighed_localities_share_by_their_own_weight_and_the_absent_leave_theirs() {
        let rows = [
            ("a", 0, 1, 3),
            ("a", 0, 1, 3),
            ("b", 0, 5, 1),
            ("c", 0, 1, 0),
            ("d", 1, 1, 7),
        ];
        assert_eq!(
            parts(&rows, true, &[0, 1, 2, 3]),
            [(0, 0.375), (1, 0.375), (2, 0.25)]
        );
        assert_eq!(parts(&rows, true, &[0, 2]), [(0, 0.75), (2, 0.25)]);
        assert_eq!(parts(&rows, true, &[2]), [(2, 0.25)]);
        assert_eq!(parts(&rows, true, &[4]), [(4, 1.0)]);
    }
}
