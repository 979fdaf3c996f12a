//! Walking a whole store: keys, scans for sending, checksums. By shard and slot, a bounded batch under each hold of a
//! lock.
//!
//! Slots do not move, so an entry that stands still is met exactly once. A key that leaves the store and comes back
//! during a walk may be met again, as another entry in another slot.

use super::slot::{Slot, State};
use super::value::{Key, Value};
use super::{Cursor, Gone, Outgoing, SLOTS_PER_LOCK, Scanned, SegmentSet, Store};
use crate::hlc::HlcTimestamp;
use crate::time::WallMs;

/// Slots one [`Store::scan`] reads at most before it returns with what it has.
const SLOTS_PER_SCAN: usize = 16 * SLOTS_PER_LOCK;

/// What each entry counts in a scan beside its key and value: what sending it takes, so that many tiny ones end a scan too.
const SCANNED_OVERHEAD: usize = 40;

impl Store {
    /// Keys of live, unexpired entries from `cursor` on, at most `max` of them (at least one is allowed) and exactly
    /// `max` unless the end is reached.
    ///
    /// What stands still from the first call to the last is returned exactly once; what comes or goes meanwhile, at
    /// most once, but for a key that leaves the store altogether and is put again.
    #[must_use]
    pub fn keys(&self, mut cursor: Cursor, max: usize, now: WallMs) -> (Vec<Key>, Cursor) {
        let mut keys = Vec::new();
        while cursor != Cursor::END && keys.len() < max.max(1) {
            let room = max.max(1) - keys.len();
            let key_of = |slot: &Slot| {
                let block = slot.block.as_ref().filter(|_| self.is_readable(slot, now))?;
                Some(Key::of(block.clone(), slot.key_len))
            };
            let mut batch = Vec::new();
            cursor = self.walk(cursor, |slot| {
                batch.extend(key_of(slot));
                batch.len() < room
            });
            batch.iter_mut().for_each(Key::slim);
            keys.append(&mut batch);
        }
        (keys, self.settle(cursor))
    }

    /// Entries, tombstones and floors of tags from `cursor` on, of the given segments (None: all), until `max_bytes` of keys and values
    /// or the end.
    ///
    /// At least one is allowed however long it is. Entries that expired but were not yet removed may be among them.
    /// Reads a bounded number of slots a call, so it may return none with a cursor that is not END.
    #[must_use]
    pub fn scan(&self, mut cursor: Cursor, segments: Option<&SegmentSet>, max_bytes: usize) -> (Vec<Scanned>, Cursor) {
        let mut found: Vec<Scanned> = Vec::new();
        let mut bytes = 0_usize;
        let mut full = false;
        for _ in 0..SLOTS_PER_SCAN / SLOTS_PER_LOCK {
            if cursor == Cursor::END || full {
                break;
            }
            let mut batch = Vec::new();
            if let Some(from) = self.tags_position(cursor) {
                // Behind the last shard.
                let room = max_bytes.saturating_sub(bytes) / (SCANNED_OVERHEAD + 8);
                let (tags, next) = self.scan_tags(from, segments, room.max(1));
                found.extend(tags);
                cursor = next.map_or(Cursor::END, |next| self.at_tags(next));
                break;
            }
            let none_yet = found.is_empty();
            cursor = self.walk_while(cursor, |slot| {
                let is_kept = self.marking && slot.state == State::Live;
                if is_kept || segments.is_some_and(|set| !contains(set, slot.key_hash.segment())) {
                    return true;
                }
                let sum = bytes.saturating_add(slot.block_len()).saturating_add(SCANNED_OVERHEAD);
                full = sum > max_bytes && !(none_yet && batch.is_empty());
                if !full {
                    bytes = sum;
                    batch.extend(self.scanned(slot));
                }
                !full
            });
            batch.iter_mut().for_each(|item| item.key.slim());
            found.append(&mut batch);
        }
        (found, cursor)
    }

    /// About how many slots a scan from one cursor to another looked at, those of other segments included.
    #[must_use]
    pub fn slots_between(&self, from: Cursor, to: Cursor) -> usize {
        let place = |cursor| self.position(cursor).unwrap_or((self.shards.len(), 0));
        let ((first, start), (last, end)) = (place(from), place(to));
        let within = if first == last { end.saturating_sub(start) } else { 0 };
        last.saturating_sub(first).saturating_mul(self.len() / self.shards.len().max(1)).saturating_add(within)
    }

    /// Live entries that are not confirmed, and whose version the floor of their segment reaches; each with that floor. For
    /// a floor of ZERO none. To confirm one there are its segment, its key's hash ([`Store::key_hash`]) and what it is.
    #[must_use]
    pub fn unconfirmed(
        &self,
        floor: impl Fn(u16) -> HlcTimestamp,
        is_confirmed: impl Fn(u16, u64, &Gone) -> bool,
    ) -> Vec<(Gone, HlcTimestamp)> {
        let mut found = Vec::new();
        let mut cursor = Cursor::START;
        while cursor != Cursor::END {
            let mut batch = Vec::new();
            cursor = self.walk(cursor, |slot| {
                let floor = floor(slot.key_hash.segment());
                let is_reached = slot.state == State::Live && slot.version.hlc <= floor;
                if let Some(block) = slot.block.as_ref().filter(|_| is_reached) {
                    let key = Key::of(block.clone(), slot.key_len);
                    let gone = Gone { key, version: slot.version, dirty: slot.dirty, told: slot.expired };
                    batch.push((gone, floor, slot.key_hash));
                }
                true
            });
            // Judged outside the lock.
            let unseen = batch.into_iter().filter(|(gone, _, hash)| !is_confirmed(hash.segment(), hash.0, gone));
            found.extend(unseen.map(|(gone, floor, _)| (gone.slim(), floor)));
        }
        found
    }

    /// Order-independent sum of a keyed hash of (key, codec, value) over live, unexpired entries, and how many there
    /// are.
    ///
    /// Equal contents give equal sums on every node. Not one instant's picture while others write.
    #[must_use]
    pub fn checksum(&self, now: WallMs) -> (u64, u64) {
        let (mut sum, mut count) = (0_u64, 0_u64);
        let mut cursor = Cursor::START;
        while cursor != Cursor::END {
            let mut batch: Vec<(Key, Value)> = Vec::new();
            cursor = self.walk(cursor, |slot| {
                if let (true, Some(block), Some(value)) = (self.is_readable(slot, now), &slot.block, slot.value()) {
                    batch.push((Key::of(block.clone(), slot.key_len), value));
                }
                true
            });
            // Hashed outside the lock: a value may be long.
            for (key, value) in batch {
                sum = sum.wrapping_add(self.hashes.content(&key, value.codec(), &value));
                count += 1;
            }
        }
        (sum, count)
    }

    /// Shows `visit` the slots in use from `cursor` on until it says stop, which it does having taken the slot, or the
    /// batch ends.
    pub(super) fn walk(&self, cursor: Cursor, mut visit: impl FnMut(&Slot) -> bool) -> Cursor {
        let mut stop = false;
        self.walk_while(cursor, |slot| {
            if stop {
                return false;
            }
            stop = !visit(slot);
            true
        })
    }

    /// Shows `visit` the slots in use from `cursor` on, a batch of one shard at most, until it does not want one. The
    /// cursor returned stands at that one.
    fn walk_while(&self, cursor: Cursor, mut visit: impl FnMut(&Slot) -> bool) -> Cursor {
        let Some((ix, from)) = self.position(cursor) else { return Cursor::END };
        let shard = self.shards[ix].lock();
        let slots = shard.slots().get(from..).unwrap_or_default();
        for (i, slot) in (from..).zip(slots).take(SLOTS_PER_LOCK) {
            if slot.state != State::Free && !visit(slot) {
                return at(ix, i);
            }
        }
        if slots.len() > SLOTS_PER_LOCK { at(ix, from + SLOTS_PER_LOCK) } else { at(ix + 1, 0) }
    }

    /// The shard and slot a cursor stands at; `None` behind the last shard.
    fn position(&self, cursor: Cursor) -> Option<(usize, usize)> {
        let ix = usize::try_from(cursor.0 >> 32).ok()?;
        let slot = usize::try_from(cursor.0 & u64::from(u32::MAX)).ok()?;
        (ix < self.shards.len()).then_some((ix, slot))
    }

    fn scanned(&self, slot: &Slot) -> Option<Scanned> {
        let key = Key::of(slot.block.clone()?, slot.key_len);
        Some(Scanned { key, state: self.outgoing(slot) })
    }

    /// The state of a slot in use as it would be sent.
    pub(super) fn outgoing(&self, slot: &Slot) -> Outgoing {
        let version = slot.version;
        match slot.value() {
            Some(value) => Outgoing::Put { value, version, deadline: slot.deadline },
            None if self.marking => Outgoing::Invalidate { version },
            None => Outgoing::Delete { version },
        }
    }

    /// Where among the floors of tags a cursor stands: they follow the last shard.
    fn tags_position(&self, cursor: Cursor) -> Option<u32> {
        let is_behind =
            cursor != Cursor::END && usize::try_from(cursor.0 >> 32).is_ok_and(|ix| ix == self.shards.len());
        is_behind.then(|| u32::try_from(cursor.0 & u64::from(u32::MAX)).unwrap_or(u32::MAX))
    }

    fn at_tags(&self, from: u32) -> Cursor {
        at(self.shards.len(), usize::try_from(from).unwrap_or(usize::MAX))
    }

    /// END for a cursor that stands behind the last shard.
    fn settle(&self, cursor: Cursor) -> Cursor {
        self.position(cursor).map_or(Cursor::END, |_| cursor)
    }
}

/// The cursor at slot `i` of shard `ix`; both are far below 2^32.
fn at(ix: usize, i: usize) -> Cursor {
    match (u32::try_from(ix), u32::try_from(i)) {
        (Ok(ix), Ok(i)) => Cursor(u64::from(ix) << 32 | u64::from(i)),
        _ => Cursor::END,
    }
}

pub(super) fn contains(set: &SegmentSet, segment: u16) -> bool {
    set[usize::from(segment / 8)] & (1 << (segment % 8)) != 0
}
