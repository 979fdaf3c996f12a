//! Lists of fixed-size records inside a frame: `count u16`, then the records. Read in place, without allocation.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::reader::Reader;
use crate::hlc::HlcTimestamp;
use crate::ids::{CacheId, Origin, Seq};

macro_rules! list {
    ($(#[$doc:meta])* $list:ident of $item:ty, $len:literal bytes, $decode:expr, $encode:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $list<'a>(&'a [u8]);

        impl<'a> $list<'a> {
            /// Bytes of one record.
            pub const RECORD_LEN: usize = $len;

            /// The records as bytes, made by [`Self::pack`].
            #[must_use]
            pub fn new(packed: &'a [u8]) -> Self {
                $list(packed)
            }

            /// Turns records into the bytes that [`Self::new`] takes.
            #[must_use]
            pub fn pack(items: &[$item]) -> Vec<u8> {
                let mut buf = Vec::with_capacity(items.len().saturating_mul($len));
                for item in items {
                    ($encode)(item, &mut buf);
                }
                buf
            }

            /// How many.
            #[must_use]
            pub fn len(&self) -> usize {
                self.0.len() / $len
            }

            /// Whether there are none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// The records in order.
            pub fn iter(&self) -> impl Iterator<Item = $item> + 'a {
                self.0.chunks_exact($len).filter_map(|record| ($decode)(&mut Reader(record)))
            }

            pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
                reader.records($len).map($list)
            }

            pub(super) fn write(&self, buf: &mut Vec<u8>) {
                let count = u16::try_from(self.len()).unwrap_or(u16::MAX);
                buf.extend_from_slice(&count.to_le_bytes());
                buf.extend_from_slice(self.0.get(..usize::from(count).saturating_mul($len)).unwrap_or_default());
            }

            pub(super) fn encoded_len(&self) -> usize {
                self.0.len().saturating_add(2)
            }
        }
    };
}

/// How far a receiver has a sender's stream without a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The sender.
    pub origin: Origin,
    /// Everything up to here has been received and applied.
    pub contiguous: Seq,
}

list!(
    /// What a receiver has of every sender.
    Acks of Ack, 16 bytes,
    |r: &mut Reader<'_>| Some(Ack { origin: Origin(r.u64()?), contiguous: r.u64()? }),
    |ack: &Ack, buf: &mut Vec<u8>| {
        buf.extend_from_slice(&ack.origin.0.to_le_bytes());
        buf.extend_from_slice(&ack.contiguous.to_le_bytes());
    }
);

/// A run of missing datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first missing.
    pub first: Seq,
    /// How many.
    pub count: u32,
}

list!(
    /// Runs of missing datagrams.
    Ranges of Range, 12 bytes,
    |r: &mut Reader<'_>| Some(Range { first: r.u64()?, count: r.u32()? }),
    |range: &Range, buf: &mut Vec<u8>| {
        buf.extend_from_slice(&range.first.to_le_bytes());
        buf.extend_from_slice(&range.count.to_le_bytes());
    }
);

/// The digest of one cache's whole state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheDigest {
    /// The cache.
    pub cache: CacheId,
    /// XOR of all its segments' digests.
    pub digest: u64,
}

list!(
    /// Digests of a member's caches.
    CacheDigests of CacheDigest, 16 bytes,
    |r: &mut Reader<'_>| Some(CacheDigest { cache: CacheId(r.u64()?), digest: r.u64()? }),
    |digest: &CacheDigest, buf: &mut Vec<u8>| {
        buf.extend_from_slice(&digest.cache.0.to_le_bytes());
        buf.extend_from_slice(&digest.digest.to_le_bytes());
    }
);

/// How a member has a cache open. Append-only; a number that is not known is a mode that this version does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u8);

impl Mode {
    /// Values travel.
    pub const REPLICATE: Mode = Mode(1);
    /// Values travel, and those take them that hold the key.
    pub const PARTIAL: Mode = Mode(2);
    /// Values stay with each member, and marks travel.
    pub const INVALIDATE: Mode = Mode(3);
}

/// How one cache is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheMode {
    /// The cache.
    pub cache: CacheId,
    /// How it is open.
    pub mode: Mode,
}

list!(
    /// Modes of a member's caches.
    CacheModes of CacheMode, 9 bytes,
    |r: &mut Reader<'_>| Some(CacheMode { cache: CacheId(r.u64()?), mode: Mode(r.u8()?) }),
    |told: &CacheMode, buf: &mut Vec<u8>| {
        buf.extend_from_slice(&told.cache.0.to_le_bytes());
        buf.push(told.mode.0);
    }
);

/// Whether a member hears another's multicast. Append-only; a number that is not known reads as not known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hearing {
    /// It cannot be told yet.
    #[default]
    Unknown,
    /// It has heard it lately.
    Heard,
    /// It hears that member by unicast only.
    Unheard,
}

impl Hearing {
    fn number(self) -> u8 {
        match self {
            Hearing::Unknown => 0,
            Hearing::Heard => 1,
            Hearing::Unheard => 2,
        }
    }

    fn from_number(number: u8) -> Hearing {
        match number {
            1 => Hearing::Heard,
            2 => Hearing::Unheard,
            _ => Hearing::Unknown,
        }
    }
}

/// What a member says of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who it is.
    pub origin: Origin,
    /// Whether its multicast is heard.
    pub hearing: Hearing,
    /// Where it was heard from.
    pub address: SocketAddr,
}

list!(
    /// The members that a member knows.
    Peers of Peer, 27 bytes,
    |r: &mut Reader<'_>| {
        let (origin, hearing) = (Origin(r.u64()?), Hearing::from_number(r.u8()?));
        // IPv4 addresses travel as IPv6 ones that stand for them (RFC 4291, 2.5.5.2).
        let ip = IpAddr::V6(Ipv6Addr::from(r.array::<16>()?)).to_canonical();
        Some(Peer { origin, hearing, address: SocketAddr::from((ip, r.u16()?)) })
    },
    |peer: &Peer, buf: &mut Vec<u8>| {
        let ip = match peer.address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        buf.extend_from_slice(&peer.origin.0.to_le_bytes());
        buf.push(peer.hearing.number());
        buf.extend_from_slice(&ip.octets());
        buf.extend_from_slice(&peer.address.port().to_le_bytes());
    }
);

/// What was forgotten of a segment: an update of a key that is not held is refused at or below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentFloor {
    /// Which segment.
    pub segment: u16,
    /// A reading of the hybrid clock.
    pub floor: HlcTimestamp,
}

list!(
    /// Floors of segments.
    SegmentFloors of SegmentFloor, 10 bytes,
    |r: &mut Reader<'_>| Some(SegmentFloor { segment: r.u16()?, floor: HlcTimestamp(r.u64()?) }),
    |told: &SegmentFloor, buf: &mut Vec<u8>| {
        buf.extend_from_slice(&told.segment.to_le_bytes());
        buf.extend_from_slice(&told.floor.0.to_le_bytes());
    }
);

list!(
    /// Plain 64-bit words.
    Words of u64, 8 bytes,
    |r: &mut Reader<'_>| r.u64(),
    |word: &u64, buf: &mut Vec<u8>| buf.extend_from_slice(&word.to_le_bytes())
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_of_both_ip_versions_round_trip() {
        let peer =
            |text: &str, hearing| Peer { origin: Origin(7), hearing, address: text.parse().expect("an address") };
        let peers = [
            peer("10.0.0.5:4000", Hearing::Heard),
            peer("[fd00::5]:65535", Hearing::Unheard),
            peer("127.0.0.1:1", Hearing::Unknown),
        ];
        let packed = Peers::pack(&peers);
        assert_eq!(packed.len(), 3 * Peers::RECORD_LEN);
        assert_eq!(Peers::new(&packed).iter().collect::<Vec<_>>(), peers);
        assert_eq!(Hearing::from_number(200), Hearing::Unknown);
    }
}
