//! Tags: names that entries are put with, and floors that make all entries of a tag a miss at once.
//!
//! Invariant: an entry is not read if a floor of one of its tags, or the coarse floor, is at or above its version. So to
//! invalidate a tag is to raise one floor, however many entries have it; they stay until they expire or make room, and go
//! first then, as nobody uses them. A floor counts in the digest and is shown in scans like a tombstone, of the segment that
//! its hash falls into. There are [`TAG_FLOORS_MAX`] of them: beyond, the oldest becomes the *coarse* floor, which is of all
//! tags, and those at or below that or the latest clear are dropped. So what is kept depends on what was heard, and not on
//! the order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use super::block::Block;
use super::hashes::{Hashes, KeyHash};
use super::segments::Segments;
use super::slot::Slot;
use super::value::Key;
use super::{Evicted, Fate, Outcome, Outgoing, Scanned, SegmentSet, Source, Store};
use crate::hlc::Version;
use crate::lock::Mutex;
use crate::time::WallMs;
use crate::update::{Update, tag_hashes};

/// Most floors of tags that a store keeps apart.
pub const TAG_FLOORS_MAX: usize = 65_536;

/// The tag that stands for all of them: its floor is the coarse one.
const EVERY_TAG: u64 = 0;

/// The floor of one tag.
#[derive(Clone, Copy, Debug, Default)]
struct Floor {
    version: Version,
    /// Which of all that was heard of tags was heard of this one last.
    heard: u64,
}

#[derive(Debug, Default)]
struct Table {
    floors: BTreeMap<u64, Floor>,
    /// The same but for the coarse one, oldest first.
    by_age: BTreeSet<(Version, u64)>,
    heard: u64,
}

/// The floors of a store's tags.
#[derive(Debug, Default)]
pub(super) struct TagFloors {
    /// The newest floor's clock, for a first look that takes no lock.
    newest: AtomicU64,
    table: Mutex<Table>,
}

impl Table {
    fn version(&self, tag: u64) -> Version {
        self.floors.get(&tag).map_or(Version::ZERO, |floor| floor.version)
    }

    fn set(&mut self, tag: u64, version: Version, segments: &Segments) {
        self.remove(tag, segments);
        self.floors.insert(tag, Floor { version, heard: self.heard });
        if tag != EVERY_TAG {
            self.by_age.insert((version, tag));
        }
        mix(segments, tag, version);
    }

    fn remove(&mut self, tag: u64, segments: &Segments) {
        if let Some(floor) = self.floors.remove(&tag) {
            self.by_age.remove(&(floor.version, tag));
            mix(segments, tag, floor.version);
        }
    }

    /// Drops the floors at or below `version`, but for the coarse one.
    fn drop_below(&mut self, version: Version, segments: &Segments) {
        while let Some(&(_, tag)) = self.by_age.first().filter(|(floor, _)| *floor <= version) {
            self.remove(tag, segments);
        }
    }

    fn trim(&mut self, most: usize, segments: &Segments) {
        while self.by_age.len() > most {
            let Some(&(oldest, _)) = self.by_age.first() else { return };
            self.set(EVERY_TAG, oldest, segments);
            self.drop_below(oldest, segments);
        }
    }
}

fn segment_of(tag: u64) -> u16 {
    KeyHash(tag).segment()
}

fn mix(segments: &Segments, tag: u64, version: Version) {
    segments.mix(segment_of(tag), Hashes::fingerprint(KeyHash(tag), version, true));
}

impl TagFloors {
    /// What was heard of tags until now, as a number that rises with each.
    pub(super) fn heard(&self) -> u64 {
        self.table.lock().heard
    }

    /// Whether a floor of one of these tags is at or above `version`.
    pub(super) fn cover(&self, tags: &[u8], version: Version) -> bool {
        if version.hlc.0 > self.newest.load(Ordering::Acquire) {
            return false;
        }
        let table = self.table.lock();
        version <= table.version(EVERY_TAG) || tag_hashes(tags).any(|tag| version <= table.version(tag))
    }

    /// Whether something was heard of one of these tags after `heard`.
    pub(super) fn is_heard_since(&self, tags: &[u8], heard: u64) -> bool {
        let table = self.table.lock();
        let is_later = |tag| table.floors.get(&tag).is_some_and(|floor| floor.heard > heard);
        is_later(EVERY_TAG) || tag_hashes(tags).any(is_later)
    }

    /// Makes anew each floor that is wild.
    pub(super) fn disown(&self, is_wild: impl Fn(Version) -> bool, stamp: impl Fn() -> Version, segments: &Segments) {
        let mut table = self.table.lock();
        let wild = table.floors.iter().filter(|(_, floor)| is_wild(floor.version)).map(|(&tag, _)| tag);
        for tag in wild.collect::<Vec<_>>() {
            table.set(tag, stamp(), segments);
        }
        let newest = table.floors.values().map(|floor| floor.version.hlc.0).max().unwrap_or(0);
        self.newest.store(newest, Ordering::Release);
    }

    /// A clear at `version` was applied: what is older it covers itself.
    pub(super) fn clear(&self, version: Version, segments: &Segments) {
        let mut table = self.table.lock();
        if table.version(EVERY_TAG) <= version {
            table.remove(EVERY_TAG, segments);
        }
        table.drop_below(version, segments);
    }
}

impl Store {
    /// The hash that stands for a tag, here and on the wire.
    #[must_use]
    pub fn tag_hash(&self, tag: &[u8]) -> u64 {
        // Never the one that stands for all.
        self.hashes.tag(tag).max(EVERY_TAG + 1)
    }

    /// Whether a reader may see a slot: its time is not over, and none of its tags was invalidated since it was put.
    #[inline]
    pub(super) fn is_readable(&self, slot: &Slot, now: WallMs) -> bool {
        slot.is_readable(now) && (slot.tags == 0 || !self.tags.cover(slot.tag_bytes(), slot.version))
    }

    /// Raises the floor of the tag that the update names.
    pub(super) fn apply_tag(&self, update: &Update<'_>, source: Source) -> Outcome {
        self.apply_tag_of(update, source, TAG_FLOORS_MAX)
    }

    fn apply_tag_of(&self, update: &Update<'_>, _source: Source, most: usize) -> Outcome {
        let done = |fate| Outcome { fate, dirty_key: None, had_value: false, evicted: Evicted::new() };
        let Some(tag) = update.key.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) else {
            return done(Fate::Stale);
        };
        let mut table = self.tags.table.lock();
        table.heard += 1;
        let heard = table.heard;
        let known = table.version(tag).max(table.version(EVERY_TAG));
        if update.version <= known || self.clears.cover(update.version) {
            if let Some(floor) = table.floors.get_mut(&tag) {
                floor.heard = heard;
            }
            return done(Fate::Stale);
        }
        table.set(tag, update.version, &self.segments);
        if tag == EVERY_TAG {
            table.drop_below(update.version, &self.segments);
        }
        table.trim(most, &self.segments);
        self.tags.newest.fetch_max(update.version.hlc.0, Ordering::AcqRel);
        done(Fate::Applied)
    }

    /// The floors of tags from the one on whose hash begins with `from`, as [`Store::scan`] gives them, and where to go on:
    /// about `most` at a time.
    pub(super) fn scan_tags(
        &self,
        from: u32,
        segments: Option<&SegmentSet>,
        most: usize,
    ) -> (Vec<Scanned>, Option<u32>) {
        let table = self.tags.table.lock();
        let mut found = Vec::new();
        for (&tag, floor) in table.floors.range(u64::from(from) << 32..) {
            let prefix = u32::try_from(tag >> 32).unwrap_or(u32::MAX);
            if found.len() >= most && prefix > from {
                return (found, Some(prefix));
            }
            if segments.is_none_or(|set| super::scan::contains(set, segment_of(tag))) {
                let key = Key::of(Block::join(&tag.to_le_bytes(), b""), 8);
                found.push(Scanned { key, state: Outgoing::InvalidateTag { version: floor.version } });
            }
        }
        (found, None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cursor, Limits, Precondition};
    use super::*;
    use crate::hlc::HlcTimestamp;
    use crate::ids::Origin;
    use crate::time::Deadline;
    use crate::update::{Codec, UpdateKind, join_tags};

    const NOW: WallMs = WallMs(1_000);

    fn store() -> Store {
        Store::with_seed(Limits { max_entries: 100, max_bytes: usize::MAX }, [3; 16], true, 1)
    }

    fn v(clock: u64) -> Version {
        Version { hlc: HlcTimestamp(clock), origin: Origin(1) }
    }

    fn apply(
        store: &Store,
        update: (UpdateKind, &[u8], &[u8]),
        clock: u64,
        source: Source,
        only_if: Precondition,
    ) -> Fate {
        let (kind, key, value) = update;
        let update = Update { kind, key, value, codec: Codec::TEXT, version: v(clock), deadline: Deadline::NEVER };
        store.apply(&update, source, only_if, NOW).fate
    }

    fn put(store: &Store, key: &[u8], tags: &[&[u8]], clock: u64, source: Source) -> Fate {
        let tags: Vec<u64> = tags.iter().map(|tag| store.tag_hash(tag)).collect();
        apply(store, (UpdateKind::TaggedPut, key, &join_tags(&tags, b"value")), clock, source, Precondition::Any)
    }

    fn invalidate(store: &Store, tag: &[u8], clock: u64) -> Fate {
        let key = store.tag_hash(tag).to_le_bytes();
        apply(store, (UpdateKind::InvalidateTag, &key, b""), clock, Source::Remote, Precondition::Any)
    }

    fn get(store: &Store, key: &[u8]) -> Option<Vec<u8>> {
        store.get(key, NOW).map(|value| value.to_vec())
    }

    #[test]
    fn a_tag_takes_all_its_entries_and_no_others() {
        let store = store();
        for (key, tags) in [(b"a", &[&b"x"[..], b"y"][..]), (b"b", &[b"y"]), (b"c", &[b"z"])] {
            assert_eq!(put(&store, key, tags, 5, Source::Local), Fate::Applied);
            assert_eq!(get(&store, key).as_deref(), Some(&b"value"[..]));
        }
        apply(&store, (UpdateKind::Put, b"d", b"value"), 5, Source::Local, Precondition::Any);
        assert_eq!(invalidate(&store, b"y", 6), Fate::Applied);
        let held = |key: &[u8]| (store.contains(key, NOW), get(&store, key).is_some());
        assert_eq!(
            [b"a", b"b", b"c", b"d"].map(|key| held(key)),
            [(false, false), (false, false), (true, true), (true, true)]
        );
        assert_eq!((store.keys(Cursor::START, 9, NOW).0.len(), store.checksum(NOW).1), (2, 2));
        let touched = store.touch(b"a", Deadline::NEVER, v(7), NOW).fate;
        let absent = (UpdateKind::Put, &b"b"[..], &b"new"[..]);
        assert_eq!(
            (touched, apply(&store, absent, 7, Source::Local, Precondition::Absent)),
            (Fate::Refused, Fate::Applied)
        );
        assert_eq!(get(&store, b"b").as_deref(), Some(&b"new"[..]));
        assert_eq!(store.take(b"a", v(8), NOW).1.map(|value| value.to_vec()), None);
    }

    #[test]
    fn an_entry_that_comes_late_is_dead_and_a_local_put_is_stamped_anew() {
        let store = store();
        invalidate(&store, b"x", 6);
        assert_eq!(put(&store, b"k", &[b"x"], 5, Source::Remote), Fate::Applied);
        assert_eq!(get(&store, b"k"), None, "and known at its version, as elsewhere");
        assert_eq!(put(&store, b"k", &[b"x"], 6, Source::Local), Fate::Stale);
        assert_eq!(put(&store, b"k", &[b"x"], 7, Source::Local), Fate::Applied);
        assert!(get(&store, b"k").is_some());
        assert_eq!(invalidate(&store, b"x", 6), Fate::Stale);
        assert!(get(&store, b"k").is_some());
    }

    #[test]
    fn a_tag_that_was_invalidated_while_a_value_was_loaded_bars_the_fill() {
        for (clock, tag, fate) in [(9, b"x", Fate::Refused), (4, b"x", Fate::Refused), (9, b"z", Fate::Applied)] {
            let store = store();
            invalidate(&store, b"x", 3);
            let watch = store.watch(b"k");
            invalidate(&store, tag, clock);
            let value = join_tags(&[store.tag_hash(b"x")], b"loaded");
            let only_if = Precondition::QuietSince(watch);
            let filled = apply(&store, (UpdateKind::TaggedPut, b"k", &value), 100, Source::Fill, only_if);
            assert_eq!(filled, fate, "{clock}");
        }
    }

    #[test]
    fn floors_are_in_the_digest_and_shown_and_end_with_a_clear() {
        let (one, two) = (store(), store());
        for (number, tag) in (10..).zip([b"x", b"y", b"z"]) {
            invalidate(&one, tag, number);
        }
        let (shown, next) = one.scan(Cursor::START, None, usize::MAX);
        let (shown, next) = if shown.is_empty() { one.scan(next, None, usize::MAX) } else { (shown, next) };
        assert_eq!((shown.len(), next), (3, Cursor::END));
        for Scanned { key, state } in shown {
            let clock = state.version().hlc.0;
            assert_eq!(
                apply(&two, (UpdateKind::InvalidateTag, &key, b""), clock, Source::Remote, Precondition::Any),
                Fate::Applied
            );
        }
        assert_eq!(one.digest_all(), two.digest_all());
        assert_ne!(one.digest_all(), 0);
        apply(&one, (UpdateKind::Clear, b"", b""), 20, Source::Remote, Precondition::Any);
        assert_eq!((one.digest_all(), invalidate(&one, b"x", 15)), (0, Fate::Stale));
    }

    #[test]
    fn beyond_the_limit_the_oldest_floor_is_of_all_tags_whatever_the_order() {
        let digests = [[1_u8, 2, 3, 4], [4, 3, 2, 1], [3, 1, 4, 2]].map(|order| {
            let store = store();
            for (key, tag, clock) in [(b"a", 9, 11), (b"b", 9, 15)] {
                put(&store, key, &[&[tag]], clock, Source::Local);
            }
            for number in order {
                let key = store.tag_hash(&[number]).to_le_bytes();
                let (kind, version) = (UpdateKind::InvalidateTag, v(10 + u64::from(number)));
                let update =
                    Update { kind, key: &key, value: b"", codec: Codec::RAW, version, deadline: Deadline::NEVER };
                store.apply_tag_of(&update, Source::Remote, 3);
            }
            // The coarse floor is 11: the older entry, of a tag that nobody invalidated, is a miss, in doubt.
            assert_eq!((get(&store, b"a"), get(&store, b"b").is_some()), (None, true));
            store.digest_all()
        });
        assert!(digests.iter().all(|digest| *digest == digests[0]));
    }

    #[test]
    fn tags_come_and_go_with_puts_and_values_are_read_without_them() {
        let store = store();
        let sixteen: Vec<Vec<u8>> = (0..16_u8).map(|tag| vec![tag]).collect();
        let sixteen: Vec<&[u8]> = sixteen.iter().map(Vec::as_slice).collect();
        for tags in [&sixteen[..], &sixteen[..1], &[]] {
            let clock = 10 + 16 - u64::try_from(tags.len()).expect("few");
            match tags {
                [] => apply(&store, (UpdateKind::Put, b"k", b"value"), clock, Source::Local, Precondition::Any),
                _ => put(&store, b"k", tags, clock, Source::Local),
            };
            let mut copied = Vec::new();
            let read = store.get_into(b"k", NOW, 5, |bytes| copied.extend_from_slice(bytes));
            assert_eq!((read, &copied[..]), (super::super::Copied::Done { len: 5, codec: Codec::TEXT }, &b"value"[..]));
            let Some(Outgoing::Put { value, .. }) = store.take_dirty(b"k") else { panic!("a put") };
            assert_eq!((value.is_tagged(), &*value), (!tags.is_empty(), &b"value"[..]));
        }
        invalidate(&store, &[0], 100);
        assert!(get(&store, b"k").is_some(), "the last put had no tags");
    }
}
