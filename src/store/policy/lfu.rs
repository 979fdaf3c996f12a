//! Least frequently used, with aging.
//!
//! What counts is the logarithm of the number of uses, the *level*, raised at random: from level n with a chance of one in
//! 2^n (R. Morris: "Counting large numbers of events in small registers", CACM 1978). One list a level makes every step
//! O(1). Each time the shard has seen [`AGING_USES`] uses an entry, the lowest level is merged into the one above: all
//! counts are halved at once, so that what was hot long ago goes.

use super::{Policy, fullness};
use crate::store::slot::{List, NIL, Slot};

/// Levels that are told apart: counts up to 2^31.
const LEVELS: usize = 32;

/// Uses an entry after which counts are halved. W-TinyLFU's sample is as long.
const AGING_USES: usize = 10;

/// A slot's rank is its level when it was last put in a list; it has come up to `base` since, if that is higher.
#[derive(Debug)]
pub(in crate::store) struct Lfu {
    /// Of level n at n modulo their number; most recently used first.
    lists: [List; LEVELS],
    /// The lowest level.
    base: u32,
    len: usize,
    /// Since counts were halved.
    uses: usize,
    dice: u32,
}

impl Lfu {
    pub(super) fn new() -> Lfu {
        Lfu { lists: [List::EMPTY; LEVELS], base: 0, len: 0, uses: 0, dice: 0x9e37_79b9 }
    }

    fn list(&mut self, level: u32) -> &mut List {
        &mut self.lists[level as usize % LEVELS]
    }

    fn level(&self, slot: &Slot) -> u32 {
        slot.rank.max(self.base)
    }

    fn link(&mut self, slots: &mut [Slot], i: u32, level: u32) {
        slots[i as usize].rank = level;
        self.list(level).insert_after(slots, NIL, i);
        self.uses += 1;
        if self.uses > AGING_USES * self.len {
            self.uses = 0;
            let lowest = std::mem::replace(self.list(self.base), List::EMPTY);
            self.base += 1;
            self.list(self.base).append(slots, lowest);
        }
    }

    /// True once in 2^`level` times.
    fn roll(&mut self, level: u32) -> bool {
        // xorshift (Marsaglia 2003); nobody need be unable to guess it.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 17;
        self.dice ^= self.dice << 5;
        self.dice.trailing_zeros() >= level
    }
}

impl Policy for Lfu {
    fn admit(&mut self, slots: &mut [Slot], i: u32) {
        self.len += 1;
        self.link(slots, i, self.base);
    }

    fn touch(&mut self, slots: &mut [Slot], i: u32) -> bool {
        let level = self.level(&slots[i as usize]);
        let above = level - self.base;
        let rises = (above as usize) < LEVELS - 1 && self.roll(above);
        self.list(level).unlink(slots, i);
        self.link(slots, i, level + u32::from(rises));
        false
    }

    fn leave(&mut self, slots: &mut [Slot], i: u32) {
        let level = self.level(&slots[i as usize]);
        self.list(level).unlink(slots, i);
        self.len -= 1;
    }

    fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32> {
        (self.base..).take(LEVELS).find_map(|level| self.list(level).last_but(slots, spare))
    }

    fn age(&self) -> u32 {
        fullness(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use super::*;

    #[test]
    fn the_less_used_go_first_and_the_older_of_equals() {
        let mut bench = Bench::new(Lfu::new());
        (0..4).for_each(|hash| bench.admit(hash));
        for (i, uses) in [(0, 20), (2, 1)] {
            (0..uses).for_each(|_| _ = bench.touch(i));
        }
        assert_eq!(bench.evict_all(), [1, 3, 2, 0]);
    }

    #[test]
    fn what_was_hot_long_ago_goes() {
        let mut bench = Bench::new(Lfu::new());
        (0..3).for_each(|hash| bench.admit(hash));
        (0..1_000).for_each(|_| _ = bench.touch(0));
        (0..100_000).for_each(|n| _ = bench.touch(1 + n % 2));
        assert_eq!(bench.victim(), Some(0));
    }
}
