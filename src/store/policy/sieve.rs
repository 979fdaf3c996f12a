//! SIEVE: a queue, and a hand that walks it from the oldest to the newest and evicts the first that was not used since the
//! hand last passed it. Survivors stay where they are, so what is new is sifted while what is old and used stays.
//!
//! Source: Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI 2024.

use super::{CHANCES_MAX, Policy, fullness};
use crate::store::slot::{List, NIL, Slot};

/// A slot's rank is 1 if it was used since the hand passed it, else 0.
#[derive(Debug)]
pub(in crate::store) struct Sieve {
    /// Newest first.
    queue: List,
    /// Where the hand goes on; `NIL` for the oldest.
    hand: u32,
}

impl Sieve {
    pub(super) fn new() -> Sieve {
        Sieve { queue: List::EMPTY, hand: NIL }
    }
}

impl Policy for Sieve {
    fn admit(&mut self, slots: &mut [Slot], i: u32) {
        slots[i as usize].rank = 0;
        self.queue.insert_after(slots, NIL, i);
    }

    #[inline]
    fn touch(&mut self, slots: &mut [Slot], i: u32) -> bool {
        slots[i as usize].rank = 1;
        false
    }

    fn leave(&mut self, slots: &mut [Slot], i: u32) {
        if self.hand == i {
            self.hand = slots[i as usize].prev;
        }
        self.queue.unlink(slots, i);
    }

    fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32> {
        self.queue.last_but(slots, spare)?;
        let mut chances = CHANCES_MAX;
        loop {
            let i = if self.hand == NIL { self.queue.tail } else { self.hand };
            let slot = &mut slots[i as usize];
            let is_used = std::mem::take(&mut slot.rank) != 0;
            if i != spare && (!is_used || chances == 0) {
                self.hand = i;
                return Some(i);
            }
            self.hand = slot.prev;
            chances = chances.saturating_sub(1);
        }
    }

    fn age(&self) -> u32 {
        fullness(self.queue.len)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use super::*;

    #[test]
    fn the_hand_spares_what_was_used_once_and_goes_on_where_it_stood() {
        let mut bench = Bench::new(Sieve::new());
        (0..5).for_each(|hash| bench.admit(hash));
        bench.touch(0);
        bench.touch(2);
        assert_eq!(bench.evict(), Some(1), "0 was used");
        bench.admit(5);
        assert_eq!(bench.evict(), Some(3), "the hand goes on from 1; 2 was used");
        assert_eq!(bench.evict_all(), [4, 5, 0, 2], "what is new is sifted before the hand begins anew");
    }
}
