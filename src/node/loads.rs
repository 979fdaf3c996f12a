//! The keys of one cache that are being loaded in this process, who waits for them, and which could not be loaded lately.
//!
//! Who waits for a load sleeps on that key's own condition variable, under the one lock of the table; loaders run under none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Condvar, Mutex};

use super::clock::Until;
use super::lock::{lock, wait};
use crate::hlc::Version;

/// Failures remembered beyond which the next one is not: its key is tried again at once. A million keys that fail at the
/// same time are one failure of what they are loaded from, and some may as well find out when it is over.
const FAILED_MAX: usize = 65_536;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Loads {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Each with what its waiters sleep on.
    loading: BTreeMap<Box<[u8]>, Arc<Condvar>>,
    failed: BTreeMap<Box<[u8]>, Failed>,
    /// No failure is over before: looking for some to forget would be in vain.
    first_over: Option<Until>,
}

/// A load that failed.
#[derive(Debug)]
struct Failed {
    /// The value that is served meanwhile: a newer one has not failed.
    version: Version,
    /// Not tried again before.
    until: Until,
}

impl Loads {
    /// Waits for the end of the load of `key`; false if it goes on still at `until`. True does not say that there is a
    /// value now.
    pub(super) fn wait_for(&self, key: &[u8], until: Until, is_usable: impl FnOnce() -> bool) -> bool {
        let table = lock(&self.table);
        let Some(ended) = table.loading.get(key).map(Arc::clone) else { return true };
        // Looked at under the lock: a close from here on finds this thread asleep and wakes it.
        if !is_usable() {
            return true;
        }
        if until.has_come() {
            return false;
        }
        // An early return, or one at the end of patience, is found out by the caller's next turn.
        drop(wait(&ended, table, until));
        true
    }

    /// Begins a load of `key`; false if one goes on.
    pub(super) fn begin(&self, key: &[u8]) -> bool {
        match lock(&self.table).loading.entry(key.into()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::default());
                true
            }
        }
    }

    /// Ends the load of `key`, and wakes who waits for it.
    pub(super) fn end(&self, key: &[u8]) {
        if let Some(ended) = lock(&self.table).loading.remove(key) {
            ended.notify_all();
        }
    }

    /// Wakes everybody: the cache was closed.
    pub(super) fn wake_all(&self) {
        lock(&self.table).loading.values().for_each(|ended| ended.notify_all());
    }

    /// What is newer than the value of `version` could not be loaded, and is not to be tried again before `until`.
    pub(super) fn fail(&self, key: &[u8], version: Version, until: Until) {
        let Table { failed, first_over, .. } = &mut *lock(&self.table);
        if failed.len() >= FAILED_MAX && first_over.is_none_or(Until::has_come) {
            failed.retain(|_, failed| !failed.until.has_come());
            *first_over = failed.values().map(|failed| failed.until).reduce(Until::sooner);
        }
        if failed.len() < FAILED_MAX {
            failed.insert(key.into(), Failed { version, until });
            *first_over = first_over.map(|first| first.sooner(until));
        }
    }

    /// `key` could be loaded.
    pub(super) fn mend(&self, key: &[u8]) {
        lock(&self.table).failed.remove(key);
    }

    /// Whether what is newer than the value of `version` is not to be tried yet.
    pub(super) fn is_paused(&self, key: &[u8], version: Version) -> bool {
        let failed = &mut lock(&self.table).failed;
        let Some(found) = failed.get(key) else { return false };
        let is_paused = found.version == version && !found.until.has_come();
        if !is_paused {
            failed.remove(key);
        }
        is_paused
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hlc::HlcTimestamp;
    use crate::ids::Origin;

    #[test]
    fn a_failure_is_remembered_for_its_value_and_its_time() {
        let version = |clock| Version { hlc: HlcTimestamp(clock), origin: Origin(1) };
        let loads = Loads::default();
        loads.fail(b"k", version(1), Until::after(Duration::MAX));
        assert!(loads.is_paused(b"k", version(1)));
        assert!(!loads.is_paused(b"another", version(1)));
        assert!(!loads.is_paused(b"k", version(2)), "of another value");
        loads.fail(b"k", version(1), Until::after(Duration::MAX));
        loads.mend(b"k");
        assert!(!loads.is_paused(b"k", version(1)), "it was loaded");
        loads.fail(b"k", version(1), Until::after(Duration::ZERO));
        assert!(!loads.is_paused(b"k", version(1)), "the time is over");
    }

    #[test]
    fn the_memory_of_failures_is_bounded() {
        let loads = Loads::default();
        let fail = |key: usize, patience| loads.fail(&key.to_le_bytes(), Version::ZERO, Until::after(patience));
        (0..FAILED_MAX).for_each(|key| fail(key, Duration::ZERO));
        fail(FAILED_MAX, Duration::MAX);
        assert!(loads.is_paused(&FAILED_MAX.to_le_bytes(), Version::ZERO), "old ones make room");
        assert_eq!(lock(&loads.table).failed.len(), 1);
        (0..2 * FAILED_MAX).for_each(|key| fail(key, Duration::MAX));
        assert_eq!(lock(&loads.table).failed.len(), FAILED_MAX);
    }
}
