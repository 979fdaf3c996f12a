//! What is remembered of each segment of the keys: a digest of what is known, and a floor below which it was forgotten.
//!
//! Invariant: a floor never falls, and is raised under the shard's lock *before* the key it is raised for is gone from
//! the table. So whoever finds a key absent, under that lock, and compares with the floor cannot take an update older
//! than what was forgotten. A floor serves all keys of its segment: it may refuse too much, never too little.

use std::sync::atomic::{AtomicU64, Ordering};

use super::SEGMENTS;
use crate::hlc::HlcTimestamp;

#[derive(Debug, Default)]
struct Segment {
    digest: AtomicU64,
    floor: AtomicU64,
}

/// All segments of one store: 64 KiB.
#[derive(Debug)]
pub(super) struct Segments(Box<[Segment]>);

impl Segments {
    pub(super) fn new() -> Segments {
        Segments((0..SEGMENTS).map(|_| Segment::default()).collect())
    }

    /// Adds or takes away (it is the same) what one state of a key adds to the digest.
    ///
    /// Exclusive or commutes, so no order with other threads is needed.
    pub(super) fn mix(&self, segment: u16, fingerprint: u64) {
        self.0[usize::from(segment)].digest.fetch_xor(fingerprint, Ordering::Relaxed);
    }

    /// The digest of `segment`; 0 for one there is not.
    pub(super) fn digest(&self, segment: usize) -> u64 {
        self.0.get(segment).map_or(0, |segment| segment.digest.load(Ordering::Relaxed))
    }

    /// XOR of all digests.
    pub(super) fn digest_all(&self) -> u64 {
        self.0.iter().fold(0, |all, segment| all ^ segment.digest.load(Ordering::Relaxed))
    }

    /// Remembers that a key of `segment` was forgotten at `hlc`. Under the lock of the key's shard.
    pub(super) fn raise(&self, segment: u16, hlc: HlcTimestamp) {
        self.0[usize::from(segment)].floor.fetch_max(hlc.0, Ordering::Relaxed);
    }

    /// Lowers each floor above `limit` to `to`.
    pub(super) fn lower(&self, limit: HlcTimestamp, to: HlcTimestamp) {
        for segment in &self.0 {
            // Fails only for a floor that is not above.
            let lowered = |floor: u64| (floor > limit.0).then_some(to.0);
            let _as_it_was = segment.floor.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lowered);
        }
    }

    /// Below and at this, an update of an absent key of `segment` is refused. Under the lock of the key's shard, which
    /// orders it after every [`Segments::raise`] for that key.
    pub(super) fn floor(&self, segment: u16) -> HlcTimestamp {
        HlcTimestamp(self.0[usize::from(segment)].floor.load(Ordering::Relaxed))
    }
}
