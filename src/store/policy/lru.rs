//! Least recently used.
//!
//! Exact in a store of one shard. In one of many shards *near* LRU: shards are compared by how much each took in since
//! its tail was last used. Keys are spread evenly by a hash, so shards turn over alike and that compares with the order of
//! use itself; and an entry is not moved for each of its uses.

use super::Policy;
use crate::store::slot::{List, NIL, Slot};

/// In a store of many shards an entry moves to the front of its list only once so much of the list (a sixteenth) has
/// come in since it last did: hot keys are then read without writing to their neighbours' slots.
const TOUCH_SLACK_SHIFT: u32 = 4;

/// A slot's rank is what `inserts` was when it was last moved to the front.
#[derive(Debug)]
pub(in crate::store) struct Lru {
    /// Most recently used first.
    list: List,
    /// Whether every touch is to be recorded.
    exact: bool,
    /// Entries taken in so far, wrapping: the clock that ages are told by.
    inserts: u32,
    /// The rank of the list's tail.
    tail_rank: u32,
}

impl Lru {
    pub(super) fn new(exact: bool) -> Lru {
        Lru { list: List::EMPTY, exact, inserts: 0, tail_rank: 0 }
    }

    /// Entries the shard took in since `rank` was set.
    fn since(&self, rank: u32) -> u32 {
        self.inserts.wrapping_sub(rank)
    }

    fn link(&mut self, slots: &mut [Slot], i: u32) {
        slots[i as usize].rank = self.inserts;
        self.list.insert_after(slots, NIL, i);
        if self.list.tail == i {
            self.tail_rank = self.inserts;
        }
    }
}

impl Policy for Lru {
    fn admit(&mut self, slots: &mut [Slot], i: u32) {
        self.inserts = self.inserts.wrapping_add(1);
        self.link(slots, i);
    }

    #[inline]
    fn touch(&mut self, slots: &mut [Slot], i: u32) -> bool {
        if self.list.head == i {
            slots[i as usize].rank = self.inserts;
            self.tail_rank = if self.list.tail == i { self.inserts } else { self.tail_rank };
            return self.list.tail == i;
        }
        if !self.exact && (self.since(slots[i as usize].rank) as usize) < self.list.len >> TOUCH_SLACK_SHIFT {
            return false;
        }
        let was_tail = self.list.tail == i;
        self.leave(slots, i);
        self.link(slots, i);
        was_tail
    }

    fn leave(&mut self, slots: &mut [Slot], i: u32) {
        let was_tail = self.list.tail == i;
        self.list.unlink(slots, i);
        if was_tail && self.list.tail != NIL {
            self.tail_rank = slots[self.list.tail as usize].rank;
        }
    }

    fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32> {
        self.list.last_but(slots, spare)
    }

    /// How long the list's tail was not used, in entries the shard took in since, plus one.
    fn age(&self) -> u32 {
        if self.list.len == 0 { 0 } else { self.since(self.tail_rank).saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use super::*;

    #[test]
    fn without_exactness_a_recently_moved_entry_stays_where_it_is() {
        let mut bench = Bench::new(Lru::new(false));
        (0..64).for_each(|hash| bench.admit(hash));
        assert_eq!(bench.victim(), Some(0));
        assert!(bench.touch(0));
        assert_ne!(bench.victim(), Some(0));
        let before = bench.slots[62].prev;
        assert!(!bench.touch(62));
        assert_eq!(bench.slots[62].prev, before);
        assert_eq!(bench.policy.age(), 63);
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut bench = Bench::new(Lru::new(true));
        (0..4).for_each(|hash| bench.admit(hash));
        bench.touch(0);
        bench.touch(2);
        assert_eq!(bench.evict_all(), [1, 3, 0, 2]);
    }
}
