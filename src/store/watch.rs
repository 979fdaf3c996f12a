//! Watches: whether an update of one key was heard since somebody began to load it.
//!
//! What a store knows of a key it may forget again: the limits take it out, its time, or a fence. So that a write was heard
//! is noted beside the key, for as long as somebody asks, and not told from what is held. Invariant: from the return of
//! [`Store::watch`] on, every update of the key that is judged under its shard's lock is noted there before that lock is
//! free, be it applied or be it stale by its version; a writer whose clock is behind has written all the same. Clears are
//! counted for the whole store.

use super::Store;
use super::hashes::{KeyHash, Place};

/// A key's watch, for [`Precondition::QuietSince`](super::Precondition::QuietSince). [`Store::unwatch`] ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    number: u64,
    /// Clears heard before it began.
    clears: u64,
    /// What was heard of tags before it began.
    tags: u64,
    /// A bar of its key was up when it began (see `bars`): it is never quiet.
    barred: bool,
}

impl Watch {
    pub(super) fn tags(self) -> u64 {
        self.tags
    }
}

/// The watches of one shard: as many as loads go on there, so a short list.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watched: Vec<Watched>,
    began: u64,
}

#[derive(Debug)]
struct Watched {
    number: u64,
    /// The table hash. Of two keys that share it each hears what the other does, which costs one of them its fill.
    hash: u32,
    /// The hash that all members compute alike, by which bars name keys.
    key_hash: KeyHash,
    heard: bool,
}

impl Watches {
    /// An update of a key of this hash was judged.
    #[inline]
    pub(super) fn hear(&mut self, hash: u32) {
        for watched in &mut self.watched {
            watched.heard |= watched.hash == hash;
        }
    }

    /// A bar of this key was raised.
    pub(super) fn bar(&mut self, key_hash: KeyHash) {
        for watched in &mut self.watched {
            watched.heard |= watched.key_hash == key_hash;
        }
    }

    /// Whether nothing was heard since `watch` began, neither of its key nor a clear.
    pub(super) fn is_quiet(&self, watch: Watch, clears: u64) -> bool {
        let watched = self.watched.iter().find(|watched| watched.number == watch.number);
        watched.is_some_and(|watched| !watched.heard) && !watch.barred && clears == watch.clears
    }
}

impl Store {
    /// Watches `key` from now on. Whoever begins it ends it.
    #[must_use]
    pub fn watch(&self, key: &[u8]) -> Watch {
        // Before the key: a clear that comes between the two is then newer than what is noted.
        let (clears, tags) = (self.clears.heard(), self.tags.heard());
        let Place { shard, hash } = self.hashes.place(key, self.shard_mask);
        let key_hash = self.hashes.key(key);
        let number = {
            let watches = &mut self.shards[shard].lock().watches;
            watches.began += 1;
            watches.watched.push(Watched { number: watches.began, hash, key_hash, heard: false });
            watches.began
        };
        // After it is in the list: a bar that is raised from here on finds it there.
        let barred = self.bars.cover(key_hash);
        Watch { number, clears, tags, barred }
    }

    /// Ends the watch of `key`.
    pub fn unwatch(&self, key: &[u8], watch: Watch) {
        let Place { shard, .. } = self.hashes.place(key, self.shard_mask);
        let watches = &mut self.shards[shard].lock().watches.watched;
        if let Some(at) = watches.iter().position(|watched| watched.number == watch.number) {
            watches.swap_remove(at);
        }
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

    fn apply(store: &Store, kind: UpdateKind, key: &[u8], clock: u64, only_if: Precondition) -> Fate {
        let version = Version { hlc: HlcTimestamp(clock), origin: Origin(1) };
        let deadline = Deadline(WallMs(2_000));
        let update = Update { kind, key, value: b"", codec: Codec::RAW, version, deadline };
        store.apply(&update, Source::Remote, only_if, NOW).fate
    }

    fn fill_after(between: impl FnOnce(&Store)) -> Fate {
        let store = Store::with_seed(Limits { max_entries: 10, max_bytes: 10_000 }, [0; 16], true, 1);
        apply(&store, UpdateKind::Put, b"k", 5, Precondition::Any);
        let watch = store.watch(b"k");
        between(&store);
        let fate = apply(&store, UpdateKind::Put, b"k", 100, Precondition::QuietSince(watch));
        store.unwatch(b"k", watch);
        assert!(store.shards[0].lock().watches.watched.is_empty());
        fate
    }

    #[test]
    fn what_is_heard_of_a_key_is_remembered_though_it_is_forgotten() {
        assert_eq!(fill_after(|_| {}), Fate::Applied);
        let fate = fill_after(|store| {
            apply(store, UpdateKind::Put, b"k", 6, Precondition::Any);
            assert_eq!(store.expire(WallMs(2_000), 10).len(), 1);
        });
        assert_eq!(fate, Fate::Refused);
    }

    #[test]
    fn each_kind_of_news_is_heard_and_no_others() {
        for kind in [UpdateKind::Put, UpdateKind::Delete, UpdateKind::Invalidate, UpdateKind::Clear] {
            let heard = |store: &Store| assert_eq!(apply(store, kind, b"k", 6, Precondition::Any), Fate::Applied);
            assert_eq!(fill_after(heard), Fate::Refused, "{kind:?}");
        }
        let stale = |store: &Store| assert_eq!(apply(store, UpdateKind::Put, b"k", 4, Precondition::Any), Fate::Stale);
        assert_eq!(fill_after(stale), Fate::Refused);
        let refused = |store: &Store| {
            assert_eq!(apply(store, UpdateKind::Put, b"k", 9, Precondition::Absent), Fate::Refused);
            assert_eq!(apply(store, UpdateKind::Put, b"another", 9, Precondition::Any), Fate::Applied);
            store.expire(WallMs(2_000), 10);
        };
        assert_eq!(fill_after(refused), Fate::Applied);
    }
}
