//! When the entries of one shard expire: a heap of (deadline, slot), with records that went stale left in place.
//!
//! A record is good if its slot is live and due at exactly that time; others are skipped when they come up. A slot is due at
//! its deadline, and if it is kept then, once more when the grace after it is over. Invariant:
//! every live slot with a deadline has a record, and the heap holds at most `2 * timed + slots / 8 + 64` records after
//! a push, however often a deadline is rewritten, because a push beyond that rebuilds the heap from the slots. That
//! rebuild reads each slot once and is paid for by the pushes since the last one, so it costs a push at most eight
//! slots' reading.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::slot::Slot;
use crate::time::{Deadline, WallMs};

/// Stale records kept however small the shard is, so that small ones are not rebuilt all the time.
const SLACK_MIN: usize = 64;

/// One record is kept stale for each so many slots of the shard.
const SLOTS_PER_SLACK: usize = 8;

/// What is due when in one shard.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(WallMs, u32)>>,
    /// Live slots with a deadline.
    timed: usize,
    /// For so many milliseconds after its deadline a slot is kept.
    grace_ms: u64,
}

impl Timers {
    /// Timers of slots that are kept for so long after their deadlines.
    pub(super) fn new(grace_ms: u64) -> Timers {
        Timers { grace_ms, ..Timers::default() }
    }

    /// For so many milliseconds after its deadline a slot is kept.
    pub(super) fn grace_ms(&self) -> u64 {
        self.grace_ms
    }

    /// When a live slot with a deadline is to be looked at.
    pub(super) fn due(&self, slot: &Slot) -> WallMs {
        let grace_ms = if slot.expired { self.grace_ms } else { 0 };
        WallMs(slot.deadline.0.0.saturating_add(grace_ms))
    }

    /// Files slot `i`, which was due and is kept.
    pub(super) fn keep(&mut self, slots: &[Slot], i: u32) {
        let due = self.due(&slots[i as usize]);
        self.heap.push(Reverse((due, i)));
    }

    /// Files slot `i`, whose deadline is already set to `deadline`.
    pub(super) fn start(&mut self, slots: &[Slot], i: u32, deadline: Deadline) {
        self.timed += 1;
        if self.heap.len() >= 2 * self.timed + slots.len() / SLOTS_PER_SLACK + SLACK_MIN {
            // Slot `i` is among them.
            self.rebuild(slots);
        } else {
            self.heap.push(Reverse((deadline.0, i)));
        }
    }

    /// A slot that was live with a deadline is so no more, or is about to be filed under another one.
    pub(super) fn stop(&mut self) {
        self.timed -= 1;
    }

    /// The earliest record, good or stale.
    pub(super) fn earliest(&self) -> WallMs {
        self.heap.peek().map_or(WallMs(u64::MAX), |Reverse((deadline, _))| *deadline)
    }

    /// Takes out the next record that is due, good or stale.
    pub(super) fn pop_due(&mut self, now: WallMs) -> Option<(WallMs, u32)> {
        let Reverse((due, i)) = *self.heap.peek().filter(|Reverse((due, _))| *due <= now)?;
        self.heap.pop();
        Some((due, i))
    }

    fn rebuild(&mut self, slots: &[Slot]) {
        let mut records = std::mem::take(&mut self.heap).into_vec();
        records.clear();
        let timed = (0..).zip(slots).filter(|(_, slot)| slot.is_timed());
        records.extend(timed.map(|(i, slot)| Reverse((self.due(slot), i))));
        records.shrink_to(2 * records.len() + SLACK_MIN);
        self.heap = BinaryHeap::from(records);
    }

    #[cfg(test)]
    pub(super) fn records(&self) -> usize {
        self.heap.len()
    }
}
