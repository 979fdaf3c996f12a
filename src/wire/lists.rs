//! Lists of fixed-size records inside a frame: `count u16`, then the records. Read in place, without allocation.

use super::reader::Reader;
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

list!(
    /// Plain 64-bit words.
    Words of u64, 8 bytes,
    |r: &mut Reader<'_>| r.u64(),
    |word: &u64, buf: &mut Vec<u8>| buf.extend_from_slice(&word.to_le_bytes())
);
