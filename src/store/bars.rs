//! Bars: keys whose fills are refused while somebody writes what they are loaded from.
//!
//! Invariant: a load that had not ended when a bar of its key was raised, or that began while one was up, is not put, however
//! late it ends. Puts and deletes pass. Bars name keys by the hash that all members compute alike; of two keys that share it,
//! each is barred with the other. Who raises and lifts them is told in `protocol/bars.rs`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Store;
use super::hashes::KeyHash;
use crate::lock::Mutex;

/// The bars of a store.
#[derive(Debug, Default)]
pub(super) struct Bars {
    /// Keys that are barred, for a first look that takes no lock.
    keys: AtomicUsize,
    /// How many bars are up of each.
    up: Mutex<BTreeMap<KeyHash, usize>>,
}

impl Bars {
    /// Whether a bar of this key is up.
    pub(super) fn cover(&self, key: KeyHash) -> bool {
        self.keys.load(Ordering::Acquire) > 0 && self.up.lock().contains_key(&key)
    }

    fn raise(&self, key: KeyHash) {
        let mut up = self.up.lock();
        *up.entry(key).or_default() += 1;
        self.keys.store(up.len(), Ordering::Release);
    }

    fn lift(&self, key: KeyHash) {
        let mut up = self.up.lock();
        match up.get_mut(&key) {
            Some(bars) if *bars > 1 => *bars -= 1,
            _ => drop(up.remove(&key)),
        }
        self.keys.store(up.len(), Ordering::Release);
    }
}

impl Store {
    /// Raises a bar of the key of this hash ([`Store::key_hash`]): loads of it that go on, and those that begin until it is
    /// lifted, are not put. Each is lifted by itself.
    pub fn raise_bar(&self, key_hash: u64) {
        self.bars.raise(KeyHash(key_hash));
        // A watch that begins meanwhile is found in its shard's list, or finds the bar.
        for shard in &self.shards {
            shard.lock().watches.bar(KeyHash(key_hash));
        }
    }

    /// Lifts one.
    pub fn lift_bar(&self, key_hash: u64) {
        self.bars.lift(KeyHash(key_hash));
    }

    /// Whether what is loaded of `key` would not be put.
    #[must_use]
    pub fn is_barred(&self, key: &[u8]) -> bool {
        self.bars.keys.load(Ordering::Acquire) > 0 && self.bars.cover(self.hashes.key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fate, Limits, Precondition, Source};
    use super::*;
    use crate::hlc::{HlcTimestamp, Version};
    use crate::ids::Origin;
    use crate::time::{Deadline, WallMs};
    use crate::update::{Codec, Update, UpdateKind};

    const NOW: WallMs = WallMs(1_000);

    fn store(marking: bool) -> Store {
        let store = Store::with_seed(Limits { max_entries: 5_000, max_bytes: 1_000_000 }, [0; 16], true, 1);
        if marking { store.marking() } else { store }
    }

    fn put(store: &Store, key: &[u8], clock: u64, only_if: Precondition, source: Source) -> Fate {
        let version = Version { hlc: HlcTimestamp(clock), origin: Origin(1) };
        let deadline = Deadline::NEVER;
        let update = Update { kind: UpdateKind::Put, key, value: b"v", codec: Codec::RAW, version, deadline };
        store.apply(&update, source, only_if, NOW).fate
    }

    /// What becomes of a load of `key` that `between` comes in.
    fn fill_after(store: &Store, key: &[u8], between: impl FnOnce()) -> Fate {
        let watch = store.watch(key);
        between();
        let fate = put(store, key, 100, Precondition::QuietSince(watch), Source::Fill);
        store.unwatch(key, watch);
        fate
    }

    #[test]
    fn a_load_that_meets_a_bar_at_any_time_is_not_put_and_a_write_is() {
        for marking in [false, true] {
            let store = store(marking);
            let (k, other) = (store.key_hash(b"k"), store.key_hash(b"another"));
            let raised_and_lifted = || {
                store.raise_bar(k);
                store.lift_bar(k);
            };
            assert_eq!(fill_after(&store, b"k", raised_and_lifted), Fate::Refused);
            store.raise_bar(k);
            assert!(store.is_barred(b"k") && !store.is_barred(b"another"));
            assert_eq!(fill_after(&store, b"k", || {}), Fate::Refused);
            assert_eq!(fill_after(&store, b"k", || store.lift_bar(k)), Fate::Refused);
            store.raise_bar(k);
            store.raise_bar(other);
            store.lift_bar(other);
            assert_eq!(fill_after(&store, b"another", || {}), Fate::Applied);
            assert_eq!(put(&store, b"k", 7, Precondition::Any, Source::Local), Fate::Applied);
        }
    }

    #[test]
    fn a_bar_is_up_until_each_of_them_is_lifted() {
        let store = store(false);
        let k = store.key_hash(b"k");
        store.raise_bar(k);
        store.raise_bar(k);
        store.lift_bar(k);
        assert_eq!(fill_after(&store, b"k", || {}), Fate::Refused);
        store.lift_bar(k);
        assert!(!store.is_barred(b"k"));
        assert_eq!(fill_after(&store, b"k", || {}), Fate::Applied);
        // One that was lifted too often does no harm.
        store.lift_bar(k);
        store.raise_bar(k);
        assert!(store.is_barred(b"k"));
    }
}
