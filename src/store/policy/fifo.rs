//! First in, first out: what a use does costs nothing at all, and counts for nothing.

use super::{Policy, fullness};
use crate::store::slot::{List, NIL, Slot};

/// Newest first.
#[derive(Debug)]
pub(in crate::store) struct Fifo {
    queue: List,
}

impl Fifo {
    pub(super) fn new() -> Fifo {
        Fifo { queue: List::EMPTY }
    }
}

impl Policy for Fifo {
    fn admit(&mut self, slots: &mut [Slot], i: u32) {
        self.queue.insert_after(slots, NIL, i);
    }

    #[inline]
    fn touch(&mut self, _: &mut [Slot], _: u32) -> bool {
        false
    }

    fn leave(&mut self, slots: &mut [Slot], i: u32) {
        self.queue.unlink(slots, i);
    }

    fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32> {
        self.queue.last_but(slots, spare)
    }

    fn age(&self) -> u32 {
        fullness(self.queue.len)
    }
}
