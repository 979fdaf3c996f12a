//! Clearing a whole store, by one version.
//!
//! Invariant: the version of a clear is recorded before any shard is swept. An update that was judged before, under its
//! shard's lock, is swept; one that is judged after, under a lock that the sweep or a later holder released, sees the
//! record.

use std::sync::atomic::{AtomicU64, Ordering};

use super::slot::State;
use super::{Evicted, Fate, Outcome, SLOTS_PER_LOCK, Store};
use crate::hlc::Version;
use crate::lock::Mutex;

/// The latest clear.
#[derive(Debug, Default)]
pub(super) struct Clears {
    /// Its clock, for a first look that takes no lock.
    hlc: AtomicU64,
    version: Mutex<Version>,
    /// How many were heard, older ones included.
    heard: AtomicU64,
}

impl Clears {
    pub(super) fn latest(&self) -> Version {
        *self.version.lock()
    }

    /// Whether a clear at or above `version` was recorded.
    pub(super) fn cover(&self, version: Version) -> bool {
        version.hlc.0 <= self.hlc.load(Ordering::Acquire) && version <= self.latest()
    }

    /// How many clears were heard.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Acquire)
    }

    /// Forgets the latest clear.
    pub(super) fn take_back(&self) {
        let mut latest = self.version.lock();
        *latest = Version::ZERO;
        self.hlc.store(0, Ordering::Release);
    }

    /// Records a clear unless one as new is known.
    fn record(&self, version: Version) -> bool {
        let mut latest = self.version.lock();
        self.heard.fetch_add(1, Ordering::Release);
        if version <= *latest {
            return false;
        }
        *latest = version;
        self.hlc.store(version.hlc.0, Ordering::Release);
        true
    }
}

impl Store {
    /// The version of the latest clear applied, ZERO if none.
    #[must_use]
    pub fn clear_version(&self) -> Version {
        self.clears.latest()
    }

    /// Removes every entry and tombstone below `version`, a bounded batch at a time.
    pub(super) fn apply_clear(&self, version: Version) -> Outcome {
        let fate = if self.clears.record(version) { Fate::Applied } else { Fate::Stale };
        if fate == Fate::Applied {
            self.tags.clear(version, &self.segments);
            for ix in 0..self.shards.len() {
                self.clear_shard(ix, version);
            }
        }
        Outcome { fate, dirty_key: None, had_value: false, evicted: Evicted::new() }
    }

    fn clear_shard(&self, ix: usize, version: Version) {
        let mut from = 0;
        loop {
            // Dropped after the lock: declared before it.
            let mut swept = Vec::new();
            let _memory;
            let mut shard = self.shards[ix].lock();
            let slots = shard.slots().get(from..).unwrap_or_default();
            if slots.is_empty() {
                _memory = shard.release_memory();
                self.publish(ix, &shard);
                return;
            }
            let batch = (from..).zip(slots).take(SLOTS_PER_LOCK);
            let old = batch.filter(|(_, slot)| slot.state != State::Free && slot.version < version);
            let old: Vec<_> = old.filter_map(|(i, _)| u32::try_from(i).ok()).collect();
            swept.extend(old.into_iter().filter_map(|i| self.unlink(ix, &mut shard, i)));
            from += SLOTS_PER_LOCK;
        }
    }
}
