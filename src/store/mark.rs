//! Stores whose values stay in the process ([`Store::marking`]): what the others are told of a key is a *mark*, that it was
//! written or deleted, and when. It is kept as a tombstone beside the value.
//!
//! Invariant: a value is held only if it was put or loaded here, and nothing has been heard of its key since, nor while it
//! was loaded. Any mark of another member drops it, but for the one that is known already: of two writes within one tick of
//! the clocks the database may have the other one last. Marks alone make digests and
//! are transferred, and a mark that is forgotten raises its segment's floor. A value that goes leaves nothing behind: nobody
//! else has it from here.
//!
//! In a *partial* store ([`Store::partial`]) values travel: a put of a key that is held here, newer than what is known of it,
//! takes the held value's place; of a key that is not held it is a mark. So here versions decide between two writes, as they do
//! where all is replicated, and a mark that comes late drops only what was loaded.

use super::Store;
use super::block::Block;
use super::change::{Attempt, Change, Deed, Done, Replaced};
use super::hashes::{Hashes, Place};
use super::shard::{Content, Shard};
use super::slot::State;
use super::value::Key;
use super::{Cursor, Fate, Gone, Source};
use crate::hlc::{HlcTimestamp, Version};

use crate::time::Deadline;
use crate::update::{Codec, Update};

impl Store {
    /// Drops the value of `key` if it is of `version`, and remembers nothing: for what has come to be doubted.
    pub fn drop_value(&self, key: &[u8], version: Version) -> bool {
        let Place { shard: ix, hash } = self.hashes.place(key, self.shard_mask);
        // Freed after the lock: declared before it.
        let _left;
        let mut shard = self.shards[ix].lock();
        let found = shard.find(hash, key).filter(|i| shard.slot(*i).state == State::Live);
        let Some(i) = found.filter(|i| shard.slot(*i).version == version) else { return false };
        _left = self.unlink(ix, &mut shard, i);
        true
    }

    /// Drops the values of all keys that are marked as written after `since`, and tells which: of two writes of a key at
    /// about that time the mark may tell of the one that the database had first.
    pub fn drop_marked(&self, since: HlcTimestamp) -> Vec<(Key, Version)> {
        let mut dropped = Vec::new();
        let mut cursor = Cursor::START;
        while cursor != Cursor::END {
            let (marks, next) = self.scan(cursor, None, usize::MAX);
            cursor = next;
            for mark in marks.into_iter().filter(|mark| mark.state.version().hlc > since) {
                let held = self.version_of_value(&mark.key);
                dropped.extend(held.filter(|version| self.drop_value(&mark.key, *version)).map(|of| (mark.key, of)));
            }
        }
        dropped
    }

    fn version_of_value(&self, key: &[u8]) -> Option<Version> {
        let Place { shard, hash } = self.hashes.place(key, self.shard_mask);
        let shard = self.shards[shard].lock();
        shard.find(hash, key).map(|i| shard.slot(i).version)
    }

    /// As `attempt`, where values stay here.
    #[cold]
    #[inline(never)]
    pub(super) fn attempt_marking(&self, shard: &mut Shard, change: &mut Change<'_>) -> Attempt {
        let Update { key, version, .. } = *change.update;
        let found = shard.find(change.place.hash, key);
        let live = found.map(|i| shard.slot(i)).filter(|slot| self.is_readable(slot, change.now));
        let had_value = live.is_some();
        if !change.precondition.holds(live, |watch| self.is_quiet(shard, watch, change.tags)) {
            return Done::refused(Fate::Refused, had_value);
        }
        if !change.is_hashed {
            change.key_hash = self.hashes.key(key);
            change.is_hashed = true;
        }
        let mark = shard.find_mark(change.place.hash, key).map(|i| shard.slot(i).version);
        let is_forgotten = version.hlc <= self.segments.floor(change.key_hash.segment()) && mark.is_none();
        let is_covered = is_forgotten || self.clears.cover(version);
        let takes_back = mark.is_some_and(|mark| change.deed == Deed::TakeBack(mark));
        let is_news = !is_covered && (takes_back || mark.is_none_or(|mark| version > mark));
        // What is held was put under the version that the mark tells of: it is the latest, whatever else comes late.
        let is_latest = self.partial && found.is_some_and(|i| mark == Some(shard.slot(i).version));
        match (change.deed, change.source, found) {
            (Deed::Touch, _, Some(i)) => {
                // The value is the same: what was loaded under its version is as good as it was.
                shard.restamp(i, shard.slot(i).version, change.update.deadline, false);
                self.publish(change.place.shard, shard);
                Attempt::Done(Done { fate: Fate::Applied, had_value, dirty_key: None, replaced: None })
            }
            // It may tell of a later write all the same: clocks differ, and what covers it may tell of other keys.
            (_, Source::Remote, Some(_)) if !is_news && mark != Some(version) && !is_latest => {
                self.let_go(shard, change, found, Fate::Applied)
            }
            _ if !is_news || self.is_dead(change) => Done::refused(Fate::Stale, had_value),
            (Deed::Put, Source::Fill, _) => self.keep(shard, change, found),
            (Deed::Put, Source::Local, _) => self.keep_marked(shard, change, found),
            (Deed::Put, Source::Remote, Some(i)) if self.partial && version > shard.slot(i).version => {
                self.keep_marked(shard, change, found)
            }
            (Deed::Touch, _, None) => Done::refused(Fate::Refused, had_value),
            (Deed::PutTooHeavy, Source::Fill, _) => Done::refused(Fate::TooHeavy, had_value),
            (deed, source, _) => {
                let is_dirty = deed == Deed::Delete && source != Source::Remote;
                let dirty_key = self.mark(shard, change, is_dirty);
                let fate = if deed == Deed::PutTooHeavy { Fate::TooHeavy } else { Fate::Applied };
                match self.let_go(shard, change, found, fate) {
                    Attempt::Done(done) => Attempt::Done(Done { dirty_key, ..done }),
                    crowded @ Attempt::Crowded(_) => crowded,
                }
            }
        }
    }

    /// Holds the update's value, and marks the key as written.
    fn keep_marked(&self, shard: &mut Shard, change: &mut Change<'_>, found: Option<u32>) -> Attempt {
        match self.keep(shard, change, found) {
            Attempt::Done(done) => {
                let dirty_key = self.mark(shard, change, change.source == Source::Local);
                Attempt::Done(Done { dirty_key, ..done })
            }
            crowded @ Attempt::Crowded(_) => crowded,
        }
    }

    /// Holds the update's value.
    fn keep(&self, shard: &mut Shard, change: &mut Change<'_>, found: Option<u32>) -> Attempt {
        let had_value = found.is_some_and(|i| self.is_readable(shard.slot(i), change.now));
        match found {
            Some(i) if change.block.is_none() && shard.rewrite(i, change.update, change.tags_count()) => {
                self.restamp(shard, change, i, had_value)
            }
            found => match self.room_for(shard, change, found) {
                Some(need) => Attempt::Crowded(need),
                None => self.replace(shard, change, found, State::Live),
            },
        }
    }

    /// Holds the value no more.
    fn let_go(&self, shard: &mut Shard, change: &Change<'_>, found: Option<u32>, fate: Fate) -> Attempt {
        let (had_value, codec, tags) = match found.map(|i| shard.slot(i)) {
            Some(slot) => (self.is_readable(slot, change.now), slot.codec, slot.tags),
            None => (false, Codec::RAW, 0),
        };
        let left = found.and_then(|i| self.unlink(change.place.shard, shard, i));
        let replaced =
            left.map(|left| Replaced { block: left.block, key_len: left.key_len, codec, tags, readable: had_value });
        Attempt::Done(Done { fate, had_value, dirty_key: None, replaced })
    }

    /// Marks the key as written under the update's version. Returns it if others are to be told and were not to be before.
    fn mark(&self, shard: &mut Shard, change: &mut Change<'_>, dirty: bool) -> Option<Key> {
        let Update { key, version, .. } = *change.update;
        let found = shard.find_mark(change.place.hash, key);
        let old = found.map(|i| shard.slot(i));
        let was_dirty = old.is_some_and(|slot| slot.dirty);
        if let (Some(slot), true) = (old, was_dirty && change.source == Source::Remote && !self.partial) {
            // Clocks say that it was overwritten before it was told, the database may say otherwise: it is told all the same.
            let key = Key::of(Block::join(key, b""), change.key_len);
            change.evicted.push(Gone { key, version: slot.version, dirty: true, told: true });
        }
        let fingerprint = |version| Hashes::fingerprint(change.key_hash, version, true);
        let before = old.map_or(0, |slot| fingerprint(slot.version));
        self.segments.mix(change.key_hash.segment(), before ^ fingerprint(version));
        let block = old.and_then(|slot| slot.block.clone()).unwrap_or_else(|| Block::join(key, b""));
        let dirty_key = (dirty && !was_dirty).then(|| Key::of(block.clone(), change.key_len));
        let content = Content {
            block,
            version,
            deadline: Deadline::NEVER,
            key_len: change.key_len,
            key_hash: change.key_hash,
            codec: Codec::RAW,
            state: State::Tombstone,
            dirty,
            tags: 0,
        };
        // The same block, if there was one: nothing is freed here.
        shard.put(found, change.place.hash, content);
        self.trim_tombstones(shard, change);
        dirty_key
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Outgoing, Precondition};
    use super::*;
    use crate::ids::Origin;
    use crate::time::WallMs;
    use crate::update::UpdateKind;

    const NOW: WallMs = WallMs(1_000);

    fn store(max_entries: usize) -> Store {
        Store::with_seed(Limits { max_entries, max_bytes: usize::MAX }, [3; 16], true, 1).marking()
    }

    fn v(clock: u64) -> Version {
        Version { hlc: HlcTimestamp(clock), origin: Origin(1) }
    }

    fn apply(store: &Store, kind: UpdateKind, clock: u64, source: Source) -> (Fate, bool) {
        apply_to(store, b"k", kind, clock, source)
    }

    fn apply_to(store: &Store, key: &[u8], kind: UpdateKind, clock: u64, source: Source) -> (Fate, bool) {
        let value = if kind == UpdateKind::Put { &b"v"[..] } else { b"" };
        let deadline = Deadline::NEVER;
        let update = Update { kind, key, value, codec: Codec::TEXT, version: v(clock), deadline };
        let outcome = store.apply(&update, source, Precondition::Any, NOW);
        (outcome.fate, outcome.dirty_key.is_some())
    }

    fn holds(store: &Store) -> bool {
        store.contains(b"k", NOW)
    }

    #[test]
    fn a_write_is_told_as_a_mark_and_a_fill_is_not_told() {
        let store = store(10);
        assert_eq!(apply(&store, UpdateKind::Put, 5, Source::Fill), (Fate::Applied, false));
        assert_eq!((store.take_dirty(b"k").is_none(), store.digest_all(), holds(&store)), (true, 0, true));
        for (kind, clock) in [(UpdateKind::Put, 6), (UpdateKind::Delete, 7)] {
            assert_eq!(apply(&store, kind, clock, Source::Local), (Fate::Applied, true));
            assert_eq!(holds(&store), kind == UpdateKind::Put);
            let told = store.take_dirty(b"k");
            assert!(matches!(told, Some(Outgoing::Invalidate { version }) if version == v(clock)), "{told:?}");
            assert!(store.take_dirty(b"k").is_none());
        }
        let (shown, _) = store.scan(Cursor::START, None, usize::MAX);
        assert!(matches!(shown[..], [ref mark] if mark.state.version() == v(7)));
    }

    #[test]
    fn equal_marks_make_equal_digests_whatever_is_held() {
        let (one, two) = (store(10), store(1));
        apply(&one, UpdateKind::Put, 5, Source::Local);
        apply(&two, UpdateKind::Invalidate, 5, Source::Remote);
        apply(&two, UpdateKind::Put, 6, Source::Fill);
        assert_eq!(one.digest_all(), two.digest_all());
        assert_ne!(one.digest_all(), 0);
        apply_to(&two, b"another", UpdateKind::Put, 7, Source::Fill);
        assert!(!holds(&two), "evicted");
        assert_eq!(one.digest_all(), two.digest_all());
        assert_eq!(two.floor(u16::try_from(two.segment_of(b"k")).expect("small")), HlcTimestamp::ZERO);
    }

    #[test]
    fn news_drops_what_is_held_whatever_its_clock_says_and_what_is_known_does_not() {
        let store = store(10);
        apply(&store, UpdateKind::Put, 9, Source::Fill);
        assert_eq!(apply(&store, UpdateKind::Invalidate, 5, Source::Remote).0, Fate::Applied);
        assert!(!holds(&store));
        apply(&store, UpdateKind::Put, 9, Source::Fill);
        assert_eq!(apply(&store, UpdateKind::Invalidate, 5, Source::Remote).0, Fate::Stale);
        assert!(holds(&store));
        // Which of the two was last the clocks do not tell.
        assert_eq!(apply(&store, UpdateKind::Invalidate, 4, Source::Remote).0, Fate::Applied);
        assert!(!holds(&store));
        assert_eq!(apply(&store, UpdateKind::Invalidate, 4, Source::Remote).0, Fate::Stale);
        apply(&store, UpdateKind::Put, 9, Source::Fill);
        // A member in another mode sends the value; it is none of this store's business.
        assert_eq!(apply(&store, UpdateKind::Put, 6, Source::Remote).0, Fate::Applied);
        assert!(!holds(&store));
    }

    #[test]
    fn what_a_floor_or_a_clear_covers_may_be_news_and_drops_the_value() {
        for kind in [UpdateKind::Clear, UpdateKind::Invalidate] {
            let store = store(10);
            let segment = u16::try_from(store.segment_of(b"k")).expect("small");
            match kind {
                UpdateKind::Clear => drop(apply(&store, kind, 7, Source::Remote)),
                _ => store.raise_floor(segment, HlcTimestamp(7)),
            }
            assert_eq!(apply(&store, UpdateKind::Put, 7, Source::Fill).0, Fate::Stale, "{kind:?}");
            assert_eq!(apply(&store, UpdateKind::Put, 9, Source::Fill).0, Fate::Applied, "{kind:?}");
            assert_eq!(apply(&store, UpdateKind::Invalidate, 5, Source::Remote).0, Fate::Applied, "{kind:?}");
            assert_eq!((holds(&store), store.digest_all()), (false, 0), "{kind:?}");
        }
    }

    #[test]
    fn a_write_that_was_not_told_yet_is_told_though_the_clocks_say_it_was_overwritten() {
        let store = store(10);
        apply(&store, UpdateKind::Put, 5, Source::Local);
        let update = Update {
            kind: UpdateKind::Invalidate,
            key: b"k",
            value: b"",
            codec: Codec::RAW,
            version: v(6),
            deadline: Deadline::NEVER,
        };
        let outcome = store.apply(&update, Source::Remote, Precondition::Any, NOW);
        assert!(matches!(&outcome.evicted[..], [gone] if gone.version == v(5) && gone.dirty && *gone.key == *b"k"));
        assert!(!holds(&store) && store.take_dirty(b"k").is_none());
    }

    #[test]
    fn in_doubt_what_was_written_lately_goes() {
        let store = store(10);
        for (key, clock) in [(b"a", 5), (b"b", 7)] {
            apply_to(&store, key, UpdateKind::Invalidate, clock, Source::Remote);
            apply_to(&store, key, UpdateKind::Put, 9, Source::Fill);
        }
        let dropped = store.drop_marked(HlcTimestamp(6));
        assert!(matches!(&dropped[..], [(key, version)] if **key == *b"b" && *version == v(9)));
        assert!(store.contains(b"a", NOW) && !store.contains(b"b", NOW));
    }

    fn partial() -> Store {
        Store::with_seed(Limits { max_entries: 10, max_bytes: usize::MAX }, [3; 16], true, 1).partial()
    }

    fn put_remote(store: &Store, value: &[u8], clock: u64) -> Fate {
        let (codec, deadline) = (Codec::TEXT, Deadline::NEVER);
        let update = Update { kind: UpdateKind::Put, key: b"k", value, codec, version: v(clock), deadline };
        store.apply(&update, Source::Remote, Precondition::Any, NOW).fate
    }

    fn held(store: &Store) -> Option<(Vec<u8>, u64)> {
        store.peek(b"k", NOW).map(|entry| (entry.value.to_vec(), entry.version.hlc.0))
    }

    #[test]
    fn a_partial_store_takes_values_of_what_it_holds_and_notes_the_rest() {
        let store = partial();
        assert_eq!((put_remote(&store, b"1", 5), held(&store)), (Fate::Applied, None), "not held: a mark");
        assert_eq!(apply(&store, UpdateKind::Put, 5, Source::Fill).0, Fate::Stale, "it refuses what is no newer");
        assert_eq!(apply(&store, UpdateKind::Put, 6, Source::Fill).0, Fate::Applied);
        assert_eq!((put_remote(&store, b"2", 7), held(&store)), (Fate::Applied, Some((b"2".to_vec(), 7))));
        assert_eq!((put_remote(&store, b"3", 9), held(&store)), (Fate::Applied, Some((b"3".to_vec(), 9))));
        assert_eq!((put_remote(&store, b"2", 8), held(&store)), (Fate::Stale, Some((b"3".to_vec(), 9))), "a late one");
        assert_eq!(apply(&store, UpdateKind::Invalidate, 10, Source::Remote).0, Fate::Applied);
        assert_eq!(held(&store), None, "deleted, or its writer has no value to tell");
        assert_eq!((put_remote(&store, b"4", 11), held(&store)), (Fate::Applied, None));
    }

    #[test]
    fn news_of_before_a_load_drops_what_was_loaded_in_a_partial_store_too() {
        let store = partial();
        apply(&store, UpdateKind::Put, 9, Source::Fill);
        assert_eq!((put_remote(&store, b"2", 7), held(&store)), (Fate::Applied, None));
    }

    #[test]
    fn a_partial_store_sends_the_value_of_a_put_while_it_has_it() {
        let (store, other) = (partial(), partial());
        assert_eq!(apply(&store, UpdateKind::Put, 5, Source::Local), (Fate::Applied, true));
        let told = store.take_dirty(b"k");
        assert!(matches!(&told, Some(Outgoing::Put { value, version, .. }) if **value == *b"v" && *version == v(5)));
        put_remote(&other, b"v", 5);
        assert_eq!((store.digest_all(), held(&other)), (other.digest_all(), None), "marks are compared");
        apply(&store, UpdateKind::Put, 6, Source::Local);
        assert!(store.drop_value(b"k", v(6)));
        assert!(matches!(store.take_dirty(b"k"), Some(Outgoing::Invalidate { version }) if version == v(6)));
        apply(&store, UpdateKind::Put, 7, Source::Local);
        put_remote(&store, b"newer", 8);
        assert_eq!((store.take_dirty(b"k").is_none(), held(&store)), (true, Some((b"newer".to_vec(), 8))));
    }

    #[test]
    fn a_fill_older_than_the_mark_is_stale_and_a_local_write_is_stamped_anew() {
        let store = store(10);
        apply(&store, UpdateKind::Invalidate, 7, Source::Remote);
        for source in [Source::Fill, Source::Local] {
            assert_eq!(apply(&store, UpdateKind::Put, 7, source), (Fate::Stale, false));
            assert_eq!(apply(&store, UpdateKind::Put, 8, source).0, Fate::Applied);
        }
        assert_eq!(apply(&store, UpdateKind::Delete, 8, Source::Local), (Fate::Stale, false));
    }

    #[test]
    fn a_mark_that_is_forgotten_raises_its_floor() {
        let store = store(10);
        apply(&store, UpdateKind::Delete, 7, Source::Local);
        assert_eq!(store.collect_tombstones(HlcTimestamp(8)), 0, "nobody was told yet");
        assert!(store.take_dirty(b"k").is_some());
        assert_eq!(store.collect_tombstones(HlcTimestamp(8)), 1);
        assert_eq!((store.digest_all(), apply(&store, UpdateKind::Put, 7, Source::Fill).0), (0, Fate::Stale));
    }

    #[test]
    fn a_take_gives_the_value_with_its_codec_and_a_touch_tells_nobody() {
        let store = store(10);
        apply(&store, UpdateKind::Put, 5, Source::Fill);
        let touched = store.touch(b"k", Deadline(WallMs(2_000)), v(6), NOW);
        assert_eq!((touched.fate, touched.dirty_key.is_none(), store.digest_all()), (Fate::Applied, true, 0));
        assert_eq!(store.peek(b"k", NOW).map(|entry| entry.deadline), Some(Deadline(WallMs(2_000))));
        let (outcome, value) = store.take(b"k", v(7), NOW);
        assert_eq!(value.map(|value| (value.to_vec(), value.codec())), Some((b"v".to_vec(), Codec::TEXT)));
        assert!(outcome.dirty_key.is_some() && !holds(&store));
        assert_eq!(store.touch(b"k", Deadline::NEVER, v(8), NOW).fate, Fate::Refused);
    }

    #[test]
    fn a_clear_takes_values_and_marks_and_gives_their_memory_back() {
        let store = store(10);
        apply(&store, UpdateKind::Put, 5, Source::Local);
        apply(&store, UpdateKind::Clear, 6, Source::Local);
        assert_eq!((store.len(), store.weight(), store.stats().tombstones, store.digest_all()), (0, 0, 0, 0));
        assert!(!store.drop_value(b"k", v(5)));
        apply(&store, UpdateKind::Put, 8, Source::Fill);
        assert!(!store.drop_value(b"k", v(7)) && store.drop_value(b"k", v(8)) && !holds(&store));
        assert_eq!(store.weight(), 0);
    }
}
