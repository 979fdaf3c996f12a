//! S3-FIFO with a small queue that adapts.
//!
//! Two queues and the ghosts of what left them. What is new waits in the *small* one; what was used there, or comes back
//! while its ghost is known, goes to the *main* one, whose entries get another round for each of their last uses, up to
//! three. So what is asked for once passes by without pushing out what is asked for often, and a use costs one write to
//! the slot's own line.
//!
//! Source: Yang, Zhang, Qiu, Yue, Vigfusson: "FIFO queues are all you need for cache eviction", SOSP 2023. Different here:
//!
//! * One use in the small queue suffices.
//! * The small queue's share is not a tenth for ever but begins there. A key that comes back after it left the small queue
//!   says that this was too short, one that left the main queue says the contrary, each the louder the rarer it is (as in
//!   ARC: Megiddo, Modha, FAST 2003). What comes back after it left the main queue starts anew in the small one.
//! * Ghosts live for half as many evictions as there are entries.
//! * While the main queue has room, what leaves the small one goes there: a loop over more keys than fit finds some of them.
//!
//! Each of these was chosen for hit ratios, measured beside LRU, SIEVE, W-TinyLFU, quick_cache and moka on Zipf's law
//! (exponents 0.7 to 1.1), scans, loops, hot keys that shift, and reuse by recency, at 1 and 10 % of the keys.

use super::ghosts::{From, Ghosts};
use super::{CHANCES_MAX, Policy, fullness};
use crate::store::slot::{List, NIL, Slot};

/// A slot's rank: how often it was used since it came to where it is, up to three, and whether it is in the main queue.
const USES: u32 = 0b11;
const IN_MAIN: u32 = 0b100;

/// The small queue begins as one in so many entries, and has one in [`SMALL_MIN`] to [`SMALL_MAX`] in ten.
const SMALL_FIRST: usize = 10;
const SMALL_MIN: usize = 100;
const SMALL_MAX: usize = 9;

/// Ghosts live for as many evictions as one in so many entries makes.
const GHOSTS_SHARE: usize = 2;

/// Shares are in parts of this.
const WHOLE: u64 = 1 << 32;

/// Below fifteen sixteenths of its share the main queue has room.
const MAIN_ROOM_SHIFT: u32 = 4;

/// See the head of this file.
#[derive(Debug)]
pub(in crate::store) struct S3Fifo {
    /// Both newest first.
    small: List,
    main: List,
    /// From how many entries on the small queue is the one that gives way; 0 before the first eviction.
    target: usize,
    ghosts: Ghosts,
    /// The share of late evictions that were from the main queue, in parts of [`WHOLE`].
    main_share: u64,
}

impl S3Fifo {
    pub(super) fn new() -> S3Fifo {
        let (small, main) = (List::EMPTY, List::EMPTY);
        S3Fifo { small, main, target: 0, ghosts: Ghosts::default(), main_share: WHOLE / 2 }
    }

    fn len(&self) -> usize {
        self.small.len + self.main.len
    }

    fn push(&mut self, slots: &mut [Slot], i: u32, rank: u32) {
        slots[i as usize].rank = rank;
        self.queue(rank).insert_after(slots, NIL, i);
    }

    fn queue(&mut self, rank: u32) -> &mut List {
        if rank & IN_MAIN == 0 { &mut self.small } else { &mut self.main }
    }

    /// Shifts the border: a key came back that had left one of the queues.
    fn adapt(&mut self, from: From) {
        let (main, small) = (self.main_share.max(1), (WHOLE - self.main_share).max(1));
        let step = |common: u64, rare: u64| usize::try_from((common / rare).max(1)).unwrap_or(usize::MAX);
        self.target = match from {
            From::Small => self.target.saturating_add(step(main, small)),
            From::Main => self.target.saturating_sub(step(small, main)),
        };
        self.fit_target();
    }

    /// The target, brought within what the shard holds now.
    fn fit_target(&mut self) -> usize {
        let len = self.len();
        self.target = self.target.clamp((len / SMALL_MIN).max(1), (len * SMALL_MAX / 10).max(1));
        self.target
    }

    fn main_has_room(&self, target: usize) -> bool {
        let share = self.len().saturating_sub(target);
        self.main.len + 1 < share - (share >> MAIN_ROOM_SHIFT)
    }

    fn note(&mut self, slot: &Slot, from: From) {
        let toward = if from == From::Main { WHOLE } else { 0 };
        // A mean over about as many as there are ghosts.
        let weight = (self.len() / GHOSTS_SHARE).max(2).ilog2();
        self.main_share = self.main_share - (self.main_share >> weight) + (toward >> weight);
        self.ghosts.note(slot.hash, from);
    }
}

impl Policy for S3Fifo {
    fn admit(&mut self, slots: &mut [Slot], i: u32) {
        let ghost = self.ghosts.take(slots[i as usize].hash);
        if let Some(from) = ghost {
            self.adapt(from);
        }
        self.push(slots, i, if ghost == Some(From::Small) { IN_MAIN } else { 0 });
    }

    #[inline]
    fn touch(&mut self, slots: &mut [Slot], i: u32) -> bool {
        let rank = &mut slots[i as usize].rank;
        if *rank & USES != USES {
            *rank += 1;
        }
        false
    }

    fn leave(&mut self, slots: &mut [Slot], i: u32) {
        let rank = slots[i as usize].rank;
        self.queue(rank).unlink(slots, i);
    }

    fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32> {
        if self.target == 0 {
            self.target = self.len() / SMALL_FIRST;
        }
        let target = self.fit_target();
        self.ghosts.fit(self.len() / GHOSTS_SHARE);
        let mut chances = CHANCES_MAX;
        while self.small.last_but(slots, spare).is_some() || self.main.last_but(slots, spare).is_some() {
            let from = if self.small.len >= target || self.main.len == 0 { From::Small } else { From::Main };
            let i = if from == From::Small { self.small.tail } else { self.main.tail };
            let uses = slots[i as usize].rank & USES;
            let stays = uses > 0 || from == From::Small && self.main_has_room(target);
            if i == spare || stays && chances > 0 {
                self.leave(slots, i);
                self.push(slots, i, IN_MAIN | if from == From::Main { uses.saturating_sub(1) } else { 0 });
                chances = chances.saturating_sub(1);
                continue;
            }
            self.note(&slots[i as usize], from);
            return Some(i);
        }
        None
    }

    fn age(&self) -> u32 {
        fullness(self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Bench, hash};
    use super::*;

    #[test]
    fn what_passes_by_does_not_push_out_what_is_used() {
        let mut bench = Bench::new(S3Fifo::new());
        (0..100).for_each(|n| bench.admit(hash(n)));
        (0..10).for_each(|i| _ = bench.touch(i));
        for n in 100..10_000 {
            bench.evict();
            bench.admit(hash(n));
            (0..10).for_each(|i| _ = bench.touch(i));
        }
        (0..10).for_each(|n| assert!(bench.holds(hash(n)), "{n}"));
    }

    #[test]
    fn what_comes_back_soon_after_it_went_stays() {
        let mut bench = Bench::new(S3Fifo::new());
        (0..100).for_each(|n| bench.admit(hash(n)));
        // The main queue is filled first; then what is new and unused goes.
        let gone: Vec<u32> = (100..120)
            .filter_map(|n| {
                let gone = bench.evict();
                bench.admit(hash(n));
                gone
            })
            .collect();
        let last = *gone.last().expect("some");
        bench.evict();
        bench.admit(last);
        for n in 120..200 {
            bench.evict();
            bench.admit(hash(n));
        }
        assert!(bench.holds(last));
    }

    #[test]
    fn a_loop_over_more_than_fits_finds_some() {
        let (mut bench, mut hits) = (Bench::new(S3Fifo::new()), 0);
        for n in 0..20_000 {
            let hash = hash(n % 200);
            match bench.find(hash) {
                Some(i) => {
                    hits += 1;
                    bench.touch(i);
                }
                None if bench.len() < 100 => bench.admit(hash),
                None => {
                    bench.evict();
                    bench.admit(hash);
                }
            }
        }
        assert!(hits > 4_000, "{hits} of 20,000; LRU finds none");
    }

    #[test]
    fn the_small_queue_grows_where_recency_is_what_counts() {
        let mut bench = Bench::new(S3Fifo::new());
        (0..1_000).for_each(|n| bench.admit(hash(n)));
        // Each key is asked for again once, when a fifth of the cache has come in since.
        for n in 1_000..20_000 {
            for again in [n, n - 200] {
                match bench.find(hash(again)) {
                    Some(i) => _ = bench.touch(i),
                    None => {
                        bench.evict();
                        bench.admit(hash(again));
                    }
                }
            }
        }
        assert!(bench.policy.target > 150, "{}", bench.policy.target);
    }
}
