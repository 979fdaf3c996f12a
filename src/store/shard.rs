//! One shard: a table from keys to slots, the slots, their order of eviction, the tombstones, the timers and the counters.
//!
//! Invariant: the table holds the index of every slot that is not free, under its key; a key has at most one slot, and one
//! for its mark in a store whose values stay here. All of it is behind the shard's lock. What spans shards (limits, floors, digests) is `Store`'s, which calls in here.

use hashbrown::HashTable;

use super::block::Block;
use super::hashes::KeyHash;
use super::policy::Order;
use super::slot::{List, NIL, Slot, State};
use super::timers::Timers;
use super::value::Key;
use super::watch::Watches;
use super::{Gone, Store};
use crate::hlc::Version;
use crate::time::{Deadline, WallMs};
use crate::update::{Codec, Update};

/// How far back from the newest a tombstone that arrives late is sorted in. Beyond that it waits its turn, which is
/// safe.
const TOMBSTONE_SORT_STEPS: usize = 32;

/// What a slot is to hold.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) block: Block,
    pub(super) version: Version,
    pub(super) deadline: Deadline,
    pub(super) key_len: u16,
    pub(super) key_hash: KeyHash,
    pub(super) codec: Codec,
    pub(super) state: State,
    pub(super) dirty: bool,
    pub(super) tags: u8,
}

/// What was in a slot that was freed. To be dropped outside the lock.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) block: Block,
    pub(super) version: Version,
    pub(super) key_len: u16,
    pub(super) key_hash: KeyHash,
    pub(super) live: bool,
    pub(super) dirty: bool,
    pub(super) expired: bool,
}

impl Left {
    pub(super) fn weight(&self) -> usize {
        Store::weight_of_block(self.block.len())
    }

    pub(super) fn into_gone(self) -> Gone {
        Gone { key: Key::of(self.block, self.key_len), version: self.version, dirty: self.dirty, told: self.expired }
    }
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Shard {
    table: HashTable<u32>,
    /// The tombstones, in a store whose values stay here: apart from the values, as a key may have both (see `mark`).
    marks: HashTable<u32>,
    marking: bool,
    slots: Vec<Slot>,
    free: u32,
    /// Of the live entries.
    order: Order,
    /// Newest first, nearly: see [`TOMBSTONE_SORT_STEPS`].
    tombstones: List,
    tombstone_bytes: usize,
    pub(super) timers: Timers,
    pub(super) watches: Watches,
    /// Live slots that are kept past their deadline.
    expired: usize,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) puts: u64,
    pub(super) deletes: u64,
    pub(super) evictions: u64,
    pub(super) expirations: u64,
}

impl Shard {
    pub(super) fn new(order: Order, grace_ms: u64, marking: bool) -> Shard {
        Shard {
            table: HashTable::new(),
            marks: HashTable::new(),
            marking,
            slots: Vec::new(),
            free: NIL,
            order,
            tombstones: List::EMPTY,
            tombstone_bytes: 0,
            timers: Timers::new(grace_ms),
            watches: Watches::default(),
            expired: 0,
            hits: 0,
            misses: 0,
            puts: 0,
            deletes: 0,
            evictions: 0,
            expirations: 0,
        }
    }

    /// The slot of `key`.
    #[inline]
    pub(super) fn find(&self, hash: u32, key: &[u8]) -> Option<u32> {
        self.table.find(spread(hash), |i| self.is_of(*i, hash, key)).copied()
    }

    /// The slot of the mark of `key`.
    pub(super) fn find_mark(&self, hash: u32, key: &[u8]) -> Option<u32> {
        self.marks.find(spread(hash), |i| self.is_of(*i, hash, key)).copied()
    }

    /// The slot that tells others of `key`: its mark in a store whose values stay here.
    pub(super) fn find_shared(&self, hash: u32, key: &[u8]) -> Option<u32> {
        if self.marking { self.find_mark(hash, key) } else { self.find(hash, key) }
    }

    #[inline]
    fn is_of(&self, i: u32, hash: u32, key: &[u8]) -> bool {
        let slot = &self.slots[i as usize];
        slot.hash == hash && slot.key() == key
    }

    /// A slot that [`Shard::find`] or a list gave.
    #[inline]
    pub(super) fn slot(&self, i: u32) -> &Slot {
        &self.slots[i as usize]
    }

    /// All slots, free ones included.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Marks slot `i` as sent.
    pub(super) fn set_clean(&mut self, i: u32) {
        self.slots[i as usize].dirty = false;
    }

    /// Records a use of the live slot `i`. Returns whether [`Shard::age`] is another one now.
    #[inline]
    pub(super) fn touch(&mut self, i: u32) -> bool {
        self.order.touch(&mut self.slots, i)
    }

    /// Puts `content` into slot `found`, or into a new one for a key that has none. Returns the block it replaced.
    pub(super) fn put(&mut self, found: Option<u32>, hash: u32, content: Content) -> Option<Block> {
        let i = found.unwrap_or_else(|| self.allocate(hash, content.state));
        let slot = &mut self.slots[i as usize];
        let (before, timed) = (slot.state, slot.is_timed().then_some(slot.deadline));
        let was_expired = std::mem::take(&mut slot.expired);
        self.expired -= usize::from(was_expired);
        match (before, content.state) {
            (State::Live, State::Live) => {
                self.touch(i);
            }
            (State::Live, _) => self.order.leave(&mut self.slots, i),
            (State::Tombstone, _) => self.unlink_tombstone(i),
            (State::Free, _) => {}
        }
        let slot = &mut self.slots[i as usize];
        let old = slot.block.replace(content.block);
        slot.version = content.version;
        slot.deadline = content.deadline;
        slot.key_len = content.key_len;
        slot.key_hash = content.key_hash;
        slot.codec = content.codec;
        slot.state = content.state;
        slot.dirty = content.dirty;
        slot.tags = content.tags;
        match (before, content.state) {
            (State::Live, State::Live) => {}
            (_, State::Live) => self.order.admit(&mut self.slots, i),
            _ => self.link_tombstone(i),
        }
        self.retime(i, timed, was_expired);
        old
    }

    /// Writes the update's value over that of slot `i`, if that is live, as long, and nobody else's; else does nothing.
    #[inline]
    pub(super) fn rewrite(&mut self, i: u32, update: &Update<'_>, tags: u8) -> bool {
        let slot = &mut self.slots[i as usize];
        if slot.state != State::Live {
            return false;
        }
        let Some(block) = slot.block.as_mut() else { return false };
        let done = block.rewrite(usize::from(slot.key_len), update.value);
        if done {
            slot.codec = update.codec;
            slot.tags = tags;
        }
        done
    }

    /// Gives the live slot `i` a new version and deadline, and records a use.
    pub(super) fn restamp(&mut self, i: u32, version: Version, deadline: Deadline, dirty: bool) {
        let slot = &mut self.slots[i as usize];
        let timed = slot.is_timed().then_some(slot.deadline);
        let was_expired = std::mem::take(&mut slot.expired);
        self.expired -= usize::from(was_expired);
        slot.version = version;
        slot.deadline = deadline;
        slot.dirty = dirty;
        self.retime(i, timed, was_expired);
        self.touch(i);
    }

    /// Frees slot `i`; `None` if it was free.
    pub(super) fn remove(&mut self, i: u32) -> Option<Left> {
        let slot = &mut self.slots[i as usize];
        let (live, timed) = (slot.state == State::Live, slot.is_timed());
        let hash = slot.hash;
        if slot.state == State::Free {
            return None;
        }
        match live {
            true => self.order.leave(&mut self.slots, i),
            false => self.unlink_tombstone(i),
        }
        if timed {
            self.timers.stop();
        }
        if let Ok(entry) = self.table_of(live).0.find_entry(spread(hash), |other| *other == i) {
            entry.remove();
        }
        let free = Slot { next: self.free, ..Slot::FREE };
        let slot = std::mem::replace(&mut self.slots[i as usize], free);
        self.free = i;
        self.expired -= usize::from(slot.expired);
        let Slot { version, key_len, key_hash, dirty, expired, .. } = slot;
        Some(Left { block: slot.block?, version, key_len, key_hash, live, dirty, expired })
    }

    /// Keeps the live slot `i`, which is due, past its deadline.
    pub(super) fn keep_expired(&mut self, i: u32) {
        self.slots[i as usize].expired = true;
        self.expired += 1;
        self.timers.keep(&self.slots, i);
    }

    /// Live slots that are kept past their deadline.
    pub(super) fn expired(&self) -> usize {
        self.expired
    }

    /// Who is to be evicted now, other than `spare`.
    pub(super) fn victim(&mut self, spare: u32) -> Option<u32> {
        self.order.victim(&mut self.slots, spare)
    }

    /// How much the shard calls for an eviction, beside others; 0 if it has no live entry.
    pub(super) fn age(&self) -> u32 {
        self.order.age()
    }

    /// The oldest tombstone, nearly: see [`TOMBSTONE_SORT_STEPS`].
    pub(super) fn oldest_tombstone(&self) -> Option<u32> {
        (self.tombstones.tail != NIL).then_some(self.tombstones.tail)
    }

    /// The tombstone that is next newer than `i`.
    pub(super) fn newer_tombstone(&self, i: u32) -> Option<u32> {
        let newer = self.slots[i as usize].prev;
        (newer != NIL).then_some(newer)
    }

    /// Tombstones and the bytes of their keys.
    pub(super) fn tombstones(&self) -> (usize, usize) {
        (self.tombstones.len, self.tombstone_bytes)
    }

    /// Takes out the next live slot that is due from the timers, reading at most `records_max` records. Returns it, or
    /// whether records that are due are left. The caller removes the slot, or keeps it if it was due for the first time.
    pub(super) fn next_due(&mut self, now: WallMs, records_max: &mut usize) -> Due {
        while *records_max > 0 {
            let Some((due, i)) = self.timers.pop_due(now) else { return Due::None };
            *records_max -= 1;
            let slot = &self.slots[i as usize];
            if slot.is_timed() && self.timers.due(slot) == due {
                return Due::Slot(i);
            }
        }
        Due::MoreRecords
    }

    /// Gives back the memory of a shard that holds nothing, to be dropped outside the lock.
    pub(super) fn release_memory(&mut self) -> Option<(HashTable<u32>, Vec<Slot>, Timers)> {
        if !self.table.is_empty() || !self.marks.is_empty() {
            return None;
        }
        self.free = NIL;
        let empty = Timers::new(self.timers.grace_ms());
        let timers = std::mem::replace(&mut self.timers, empty);
        Some((std::mem::take(&mut self.table), std::mem::take(&mut self.slots), timers))
    }

    /// The table that a slot is in, and the slots.
    #[inline]
    fn table_of(&mut self, live: bool) -> (&mut HashTable<u32>, &[Slot]) {
        (if self.marking && !live { &mut self.marks } else { &mut self.table }, &self.slots)
    }

    /// A slot for a key that has none, in its table but in no list.
    fn allocate(&mut self, hash: u32, state: State) -> u32 {
        let i = if self.free == NIL {
            // Unreachable below 2^32 slots a shard, 256 GiB of them; the limits are clamped to 2^31 entries.
            let i = u32::try_from(self.slots.len()).expect("MAX_ENTRIES and TOMBSTONES_MAX bound a shard's slots");
            self.slots.push(Slot::FREE);
            i
        } else {
            let i = self.free;
            self.free = self.slots[i as usize].next;
            i
        };
        self.slots[i as usize].hash = hash;
        let (table, slots) = self.table_of(state == State::Live);
        table.insert_unique(spread(hash), i, |other| spread(slots[*other as usize].hash));
        i
    }

    /// Files slot `i` anew if that is called for: one that `was_expired` is filed for a later time than its deadline.
    fn retime(&mut self, i: u32, before: Option<Deadline>, was_expired: bool) {
        let slot = &self.slots[i as usize];
        let after = slot.is_timed().then_some(slot.deadline);
        if before == after && !was_expired {
            return;
        }
        if before.is_some() {
            self.timers.stop();
        }
        if let Some(deadline) = after {
            self.timers.start(&self.slots, i, deadline);
        }
    }

    fn link_tombstone(&mut self, i: u32) {
        let version = self.slots[i as usize].version;
        let (mut newer, mut older) = (NIL, self.tombstones.head);
        for _ in 0..TOMBSTONE_SORT_STEPS {
            if older == NIL || self.slots[older as usize].version < version {
                break;
            }
            (newer, older) = (older, self.slots[older as usize].next);
        }
        self.tombstones.insert_after(&mut self.slots, newer, i);
        self.tombstone_bytes += self.slots[i as usize].block_len();
    }

    fn unlink_tombstone(&mut self, i: u32) {
        self.tombstones.unlink(&mut self.slots, i);
        self.tombstone_bytes -= self.slots[i as usize].block_len();
    }
}

/// What [`Shard::next_due`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// This slot is due.
    Slot(u32),
    /// Nothing is due.
    None,
    /// The number of records to read ran out.
    MoreRecords,
}

/// The table wants 64 bits, of which it takes the low ones for the bucket and the top seven for the tag.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash) | u64::from(hash) << 32
}

#[cfg(test)]
mod tests {
    use super::super::block::Block;
    use super::*;
    use crate::config::CachePolicy;
    use crate::hlc::HlcTimestamp;
    use crate::ids::Origin;

    fn content(key: &[u8], hlc: u64, state: State) -> Content {
        Content {
            block: Block::join(key, b""),
            version: Version { hlc: HlcTimestamp(hlc), origin: Origin(0) },
            deadline: Deadline::NEVER,
            key_len: u16::try_from(key.len()).expect("short"),
            key_hash: KeyHash(0),
            codec: Codec::RAW,
            state,
            dirty: false,
            tags: 0,
        }
    }

    #[test]
    fn keys_of_one_hash_are_told_apart() {
        let mut shard = Shard::new(Order::new(CachePolicy::Lru, true), 0, false);
        shard.put(None, 7, content(b"a", 1, State::Live));
        shard.put(None, 7, content(b"b", 2, State::Live));
        let (a, b) = (shard.find(7, b"a").expect("held"), shard.find(7, b"b").expect("held"));
        assert_ne!(a, b);
        assert_eq!(&*shard.remove(a).expect("held").block, b"a");
        assert_eq!((shard.find(7, b"a"), shard.find(7, b"b")), (None, Some(b)));
        assert!(shard.remove(a).is_none());
    }

    #[test]
    fn a_freed_slot_is_used_again() {
        let mut shard = Shard::new(Order::new(CachePolicy::Lru, true), 0, false);
        for n in 0..1_000 {
            shard.put(None, 1, content(b"k", n, State::Live));
            let i = shard.find(1, b"k").expect("held");
            shard.remove(i);
        }
        assert_eq!(shard.slots().len(), 1);
    }

    #[test]
    fn late_tombstones_are_sorted_in() {
        let mut shard = Shard::new(Order::new(CachePolicy::Lru, true), 0, false);
        for hlc in [5_u64, 9, 7, 1, 8] {
            shard.put(None, 1, content(&hlc.to_le_bytes(), hlc, State::Tombstone));
        }
        let mut order = Vec::new();
        let mut next = shard.oldest_tombstone();
        while let Some(i) = next {
            order.push(shard.slot(i).version.hlc.0);
            next = shard.newer_tombstone(i);
        }
        assert_eq!(order, [1, 5, 7, 8, 9]);
        assert_eq!(shard.tombstones(), (5, 40));
    }
}
