//! W-TinyLFU: who comes in must have been asked for more often than who goes.
//!
//! What is new waits in a *window* of a hundredth. What leaves it is weighed against the next to go of the main part by how
//! often both were asked for lately, evicted or not, as a sketch remembers it; the loser goes. The main part is a
//! segmented LRU: four fifths are *protected*, for what was used in it; the rest is on *probation*.
//!
//! Source: Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy", ACM ToS 2017. The sketch is a
//! count-min sketch of 4 bits a counter, in blocks of one cache line; it is halved after ten uses an entry.

use super::{CHANCES_MAX, Policy, fullness};
use crate::store::slot::{List, NIL, Slot};

/// One entry in so many is in the window.
const WINDOW_SHARE: usize = 100;

/// Uses an entry after which counts are halved.
const SAMPLE: usize = 10;

/// A slot's rank is its list.
const WINDOW: u32 = 0;
const PROBATION: u32 = 1;
const PROTECTED: u32 = 2;

/// See the head of this file.
#[derive(Debug)]
pub(in crate::store) struct TinyLfu {
    /// By rank; most recently used first.
    lists: [List; 3],
    sketch: Sketch,
}

impl TinyLfu {
    pub(super) fn new() -> TinyLfu {
        TinyLfu { lists: [List::EMPTY; 3], sketch: Sketch::default() }
    }

    fn len(&self) -> usize {
        self.lists.iter().map(|list| list.len).sum()
    }

    fn main_len(&self) -> usize {
        self.lists[PROBATION as usize].len + self.lists[PROTECTED as usize].len
    }

    fn push(&mut self, slots: &mut [Slot], i: u32, rank: u32) {
        slots[i as usize].rank = rank;
        self.lists[rank as usize].insert_after(slots, NIL, i);
    }

    fn shift(&mut self, slots: &mut [Slot], i: u32, rank: u32) {
        self.leave(slots, i);
        self.push(slots, i, rank);
    }

    /// The next to go of the main part.
    fn last_of_main(&self, slots: &[Slot], spare: u32) -> Option<u32> {
        let last = |rank: u32| self.lists[rank as usize].last_but(slots, spare);
        last(PROBATION).or_else(|| last(PROTECTED))
    }
}

impl Policy for TinyLfu {
    fn admit(&mut self, slots: &mut [Slot], i: u32) {
        self.sketch.fit(self.len() + 1);
        self.sketch.count(slots[i as usize].hash);
        self.push(slots, i, WINDOW);
    }

    fn touch(&mut self, slots: &mut [Slot], i: u32) -> bool {
        let Slot { hash, rank, .. } = slots[i as usize];
        self.sketch.count(hash);
        self.shift(slots, i, if rank == WINDOW { WINDOW } else { PROTECTED });
        let protected = &self.lists[PROTECTED as usize];
        if rank == PROBATION && protected.len > self.main_len() * 4 / 5 {
            self.shift(slots, protected.tail, PROBATION);
        }
        false
    }

    fn leave(&mut self, slots: &mut [Slot], i: u32) {
        let rank = slots[i as usize].rank;
        self.lists[rank as usize].unlink(slots, i);
    }

    fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32> {
        let len = self.len();
        let window_max = (len / WINDOW_SHARE).max(1);
        for _ in 0..CHANCES_MAX {
            let window = &self.lists[WINDOW as usize];
            let candidate = window.last_but(slots, spare).filter(|_| window.len >= window_max);
            let Some(candidate) = candidate else { break };
            if self.main_len() + window_max < len {
                self.shift(slots, candidate, PROBATION);
                continue;
            }
            let Some(last) = self.last_of_main(slots, spare) else { return Some(candidate) };
            let uses = [candidate, last].map(|i| self.sketch.uses(slots[i as usize].hash));
            if uses[0] <= uses[1] {
                return Some(candidate);
            }
            self.shift(slots, candidate, PROBATION);
            return Some(last);
        }
        self.last_of_main(slots, spare).or_else(|| self.lists[WINDOW as usize].last_but(slots, spare))
    }

    fn age(&self) -> u32 {
        fullness(self.len())
    }
}

/// Words of a block: a cache line.
const BLOCK: usize = 8;

/// The lowest three bits of each of a word's sixteen counters.
const HALVED: u64 = 0x7777_7777_7777_7777;

/// How often keys were asked for lately, up to 15, never too low but for halving, seldom too high.
#[derive(Debug, Default)]
struct Sketch {
    /// A power of two of them, one for each entry at least.
    blocks: Vec<[u64; BLOCK]>,
    uses: usize,
    sample: usize,
}

impl Sketch {
    /// Grows for so many entries: a table of twice the size that holds the first one twice gives the same answers.
    fn fit(&mut self, entries: usize) {
        let wanted = entries.div_ceil(BLOCK).next_power_of_two();
        if self.blocks.is_empty() {
            self.blocks.resize(wanted, [0; BLOCK]);
        }
        while self.blocks.len() < wanted {
            self.blocks.extend_from_within(..);
        }
        self.sample = self.sample.max(SAMPLE * entries);
    }

    fn count(&mut self, hash: u32) {
        let Some((block, hash)) = self.place(hash) else { return };
        let Some(block) = self.blocks.get_mut(block) else { return };
        let least = counters(hash).into_iter().map(|(word, shift)| block[word] >> shift & 15).min().unwrap_or(15);
        if least == 15 {
            return;
        }
        // Only those that are the least: the others count somebody else as well (conservative update).
        for (word, shift) in counters(hash) {
            block[word] += u64::from(block[word] >> shift & 15 == least) << shift;
        }
        self.uses += 1;
        if self.uses >= self.sample {
            self.uses /= 2;
            self.blocks.iter_mut().flatten().for_each(|word| *word = *word >> 1 & HALVED);
        }
    }

    fn uses(&self, hash: u32) -> u64 {
        let Some((block, hash)) = self.place(hash) else { return 0 };
        counters(hash).into_iter().map(|(word, shift)| self.blocks[block][word] >> shift & 15).min().unwrap_or(0)
    }

    /// The block of a key, and what tells its counters.
    fn place(&self, hash: u32) -> Option<(usize, u64)> {
        let mask = self.blocks.len().checked_sub(1)?;
        // The table takes the lower bits as they are; a multiplication makes others of them (Knuth: TAOCP 3, 6.4).
        let mixed = u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some((hash as usize & mask, mixed >> 32))
    }
}

/// A key's four counters in its block: each in a pair of words of its own.
fn counters(hash: u64) -> [(usize, u64); 4] {
    std::array::from_fn(|row| {
        let bits = hash >> (row * 5);
        (row * 2 + usize::from(bits & 1 == 1), (bits >> 1 & 15) * 4)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Bench, hash};
    use super::*;

    #[test]
    fn what_is_asked_for_once_never_displaces_what_is_asked_for_often() {
        let mut bench = Bench::new(TinyLfu::new());
        (0..200).for_each(|n| bench.admit(hash(n)));
        for n in 200..1_000 {
            (0..150).for_each(|i| _ = bench.touch(i));
            bench.evict();
            bench.admit(hash(n));
        }
        let held = (0..150).filter(|n| bench.holds(hash(*n))).count();
        assert!(held >= 145, "{held} of 150");
    }

    #[test]
    fn the_sketch_counts_never_too_low_and_forgets_by_halves() {
        let mut sketch = Sketch::default();
        sketch.fit(1_000);
        for n in 0..100 {
            (0..n % 15).for_each(|_| sketch.count(hash(n)));
        }
        let wrong = (0..100).filter(|n| sketch.uses(hash(*n)) > u64::from(n % 15)).count();
        assert!((0..100).all(|n| sketch.uses(hash(n)) >= u64::from(n % 15)));
        assert!(wrong < 5, "{wrong} of 100 are too high");
        let before = sketch.uses(hash(14));
        sketch.sample = sketch.uses + 1;
        sketch.count(hash(1_000));
        assert_eq!(sketch.uses(hash(14)), before / 2);
    }

    #[test]
    fn a_sketch_that_grows_forgets_nothing() {
        let mut sketch = Sketch::default();
        sketch.fit(8);
        (0..5).for_each(|_| sketch.count(hash(1)));
        sketch.fit(10_000);
        assert_eq!(sketch.uses(hash(1)), 5);
    }
}
