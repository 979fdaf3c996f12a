//! The multicast group a cluster meets in when none is configured.
//!
//! The invariant: the same cluster name gives the same group on every node of every version, as it is how nodes without
//! configuration find each other. Sockets do not live here but in `transport`, a configured group's check in `config`.

use std::hash::Hasher;
use std::net::{Ipv4Addr, Ipv6Addr};

use siphasher::sip::SipHasher24;

/// Derives the group of the cluster called `cluster`: 239.192.x.y, where y is 1 to 254.
///
/// 239.192.0.0/14 is the organisation-local scope of RFC 2365, which routers keep inside a site. x and y come from
/// SipHash-2-4 of the name under a fixed key. The last octet is never 0 or 255, which some equipment takes for a
/// network's or a broadcast address. Clusters that share a group by chance are kept apart by their tag and key; they
/// only cost each other some receiving.
#[must_use]
pub fn default_group(cluster: &str) -> Ipv4Addr {
    let mut hasher = SipHasher24::new_with_key(b"mccache/group/v4");
    hasher.write(cluster.as_bytes());
    let hash = hasher.finish();
    let [third, ..] = hash.to_le_bytes();
    // The remainder of a division by 254 is 0 to 253, so one more fits a byte: it is the low one of eight.
    let [fourth, ..] = ((hash >> 8) % 254 + 1).to_le_bytes();
    Ipv4Addr::new(239, 192, third, fourth)
}

/// Derives the IPv6 group of the cluster called `cluster`: ff15::8xxx:xxxx to ff15::fxxx:xxxx.
///
/// ff15 is a group that nobody registered (RFC 4291, 2.7), of the site-local scope, which routers keep inside a site. The
/// last 32 bits, of SipHash-2-4 of the name under a fixed key, are from the half that RFC 3307 leaves to hosts.
#[must_use]
pub fn default_group_v6(cluster: &str) -> Ipv6Addr {
    let mut hasher = SipHasher24::new_with_key(b"mccache/group/v6");
    hasher.write(cluster.as_bytes());
    let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
    let high = u16::from_be_bytes([a | 0x80, b]);
    Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, high, u16::from_be_bytes([c, d]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Pinned: another answer would part the nodes of a cluster during an upgrade. Computed apart, with a SipHash-2-4 in
    /// Python that gives the reference vector of the SipHash paper (appendix A).
    #[test]
    fn the_group_of_a_name_never_changes() {
        assert_eq!(default_group("mccache"), Ipv4Addr::new(239, 192, 136, 126));
        assert_eq!(default_group("orders-eu"), Ipv4Addr::new(239, 192, 76, 114));
    }

    #[test]
    fn the_ipv6_group_of_a_name_never_changes_and_is_one_that_hosts_may_choose() {
        assert_eq!(default_group_v6("mccache"), "ff15::d743:a636".parse::<Ipv6Addr>().expect("an address"));
        assert_eq!(default_group_v6("orders-eu"), "ff15::fa4f:e2f1".parse::<Ipv6Addr>().expect("an address"));
        for i in 0..1000 {
            let [scope, .., high, _] = default_group_v6(&format!("cluster {i}")).segments();
            assert!(scope == 0xff15 && high >= 0x8000);
        }
    }

    #[test]
    fn names_spread_over_the_groups_and_avoid_the_ends_of_the_last_octet() {
        let groups: BTreeSet<_> = (0..1000).map(|i| default_group(&format!("cluster {i}"))).collect();
        // 1000 draws from 65,024 collide 7.7 times on average; 40 would be twelve standard deviations away.
        assert!(groups.len() > 960, "{}", groups.len());
        for group in groups {
            let [a, b, _, d] = group.octets();
            assert_eq!((a, b), (239, 192));
            assert!((1..=254).contains(&d), "{group}");
        }
    }
}
