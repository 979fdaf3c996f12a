//! The slot of one key, and lists threaded through slots by index.
//!
//! Invariant: a slot is in exactly one list: the free ones singly by `next`, live entries in one of the
//! eviction policy's, tombstones in the shard's list of tombstones. Slots never move, so an index stays good until its slot is freed.

use super::block::Block;
use super::hashes::KeyHash;
use super::value::Value;
use crate::hlc::{HlcTimestamp, Version};
use crate::ids::Origin;
use crate::time::{Deadline, WallMs};
use crate::update::Codec;

/// No slot.
pub(super) const NIL: u32 = u32::MAX;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Live,
    Tombstone,
}

/// One cache line: what a read needs of a key beside its block, which it need not touch unless it reads the value.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Slot {
    /// Key, then value; `None` exactly when the slot is free.
    pub(super) block: Option<Block>,
    pub(super) version: Version,
    pub(super) deadline: Deadline,
    /// Kept, since it costs a fifth of a put to compute.
    pub(super) key_hash: KeyHash,
    /// The lower half of the table hash, so that growing the table reads no block.
    pub(super) hash: u32,
    /// The eviction policy's own word on a live entry: see `policy`.
    pub(super) rank: u32,
    /// Towards the front of its list.
    pub(super) prev: u32,
    pub(super) next: u32,
    pub(super) key_len: u16,
    pub(super) codec: Codec,
    pub(super) state: State,
    /// Changed here and not yet taken for sending.
    pub(super) dirty: bool,
    /// Its deadline has passed and was told; it is kept for who cannot load a newer value.
    pub(super) expired: bool,
    /// How many tags the entry has.
    pub(super) tags: u8,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Slot>() == 64);

impl Slot {
    /// A slot that holds nothing.
    pub(super) const FREE: Slot = Slot {
        block: None,
        version: Version { hlc: HlcTimestamp::ZERO, origin: Origin(0) },
        deadline: Deadline::NEVER,
        key_hash: KeyHash(0),
        hash: 0,
        rank: 0,
        prev: NIL,
        next: NIL,
        key_len: 0,
        codec: Codec::RAW,
        state: State::Free,
        dirty: false,
        expired: false,
        tags: 0,
    };

    pub(super) fn key(&self) -> &[u8] {
        self.block.as_deref().and_then(|block| block.get(..usize::from(self.key_len))).unwrap_or_default()
    }

    /// The value of a live slot.
    pub(super) fn value(&self) -> Option<Value> {
        let block = self.block.as_ref().filter(|_| self.state == State::Live)?;
        Some(Value::of(block.clone(), self.key_len, self.codec, self.tags))
    }

    /// The bytes of a live slot's value.
    pub(super) fn value_bytes(&self) -> &[u8] {
        let tags = if self.tags == 0 { 0 } else { 1 + 8 * usize::from(self.tags) };
        self.block.as_deref().and_then(|block| block.get(usize::from(self.key_len) + tags..)).unwrap_or_default()
    }

    /// The hashes of the entry's tags, 8 bytes each.
    pub(super) fn tag_bytes(&self) -> &[u8] {
        let start = usize::from(self.key_len) + 1;
        let end = start + 8 * usize::from(self.tags);
        self.block.as_deref().and_then(|block| block.get(start..end)).unwrap_or_default()
    }

    /// Whether its time is not over. Its tags have a say too: `Store::is_readable`.
    pub(super) fn is_readable(&self, now: WallMs) -> bool {
        self.state == State::Live && !self.deadline.has_passed(now)
    }

    /// Whether it is live with a deadline, and so known to the shard's timers.
    pub(super) fn is_timed(&self) -> bool {
        self.state == State::Live && self.deadline != Deadline::NEVER
    }

    /// Bytes of key and value.
    pub(super) fn block_len(&self) -> usize {
        self.block.as_ref().map_or(0, |block| block.len())
    }
}

/// A doubly linked list of slots.
#[derive(Debug)]
pub(super) struct List {
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) len: usize,
}

impl List {
    pub(super) const EMPTY: List = List { head: NIL, tail: NIL, len: 0 };

    /// Links slot `i`, which is in no list, behind `before`; at the head if that is [`NIL`].
    pub(super) fn insert_after(&mut self, slots: &mut [Slot], before: u32, i: u32) {
        let next = if before == NIL { self.head } else { slots[before as usize].next };
        slots[i as usize].prev = before;
        slots[i as usize].next = next;
        match before {
            NIL => self.head = i,
            before => slots[before as usize].next = i,
        }
        match next {
            NIL => self.tail = i,
            next => slots[next as usize].prev = i,
        }
        self.len += 1;
    }

    /// Unlinks slot `i`, which is in this list.
    pub(super) fn unlink(&mut self, slots: &mut [Slot], i: u32) {
        let Slot { prev, next, .. } = slots[i as usize];
        match prev {
            NIL => self.head = next,
            prev => slots[prev as usize].next = next,
        }
        match next {
            NIL => self.tail = prev,
            next => slots[next as usize].prev = prev,
        }
        self.len -= 1;
    }

    /// The slot at the tail, or before it if that is `spare`.
    pub(super) fn last_but(&self, slots: &[Slot], spare: u32) -> Option<u32> {
        let last = if self.tail == spare && spare != NIL { slots[spare as usize].prev } else { self.tail };
        (last != NIL).then_some(last)
    }

    /// Takes the slots of `other` in behind its own.
    pub(super) fn append(&mut self, slots: &mut [Slot], other: List) {
        if other.len == 0 {
            return;
        }
        match self.tail {
            NIL => self.head = other.head,
            tail => slots[tail as usize].next = other.head,
        }
        slots[other.head as usize].prev = self.tail;
        self.tail = other.tail;
        self.len += other.len;
    }
}
