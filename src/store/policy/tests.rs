//! A shard's slots without the shard, for the policies' tests, and what is true of all of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::slot::{NIL, State};

/// As a table hash is: every bit of it tells.
pub(super) fn hash(n: u32) -> u32 {
    let mixed = (n ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9);
    (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b).rotate_left(13)
}

/// A policy and its slots. Slots are numbered in the order of admission until one is free.
pub(super) struct Bench<P> {
    pub(super) policy: P,
    pub(super) slots: Vec<Slot>,
    free: Vec<u32>,
    held: BTreeMap<u32, u32>,
}

impl<P: Policy> Bench<P> {
    pub(super) fn new(policy: P) -> Bench<P> {
        Bench { policy, slots: Vec::new(), free: Vec::new(), held: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn find(&self, hash: u32) -> Option<u32> {
        self.held.get(&hash).copied()
    }

    pub(super) fn holds(&self, hash: u32) -> bool {
        self.held.contains_key(&hash)
    }

    pub(super) fn admit(&mut self, hash: u32) {
        let i = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::FREE);
            u32::try_from(self.slots.len() - 1).expect("few")
        });
        self.slots[i as usize] = Slot { hash, state: State::Live, ..Slot::FREE };
        self.policy.admit(&mut self.slots, i);
        assert_eq!(self.held.insert(hash, i), None);
    }

    pub(super) fn touch(&mut self, i: u32) -> bool {
        self.policy.touch(&mut self.slots, i)
    }

    pub(super) fn victim(&mut self) -> Option<u32> {
        self.policy.victim(&mut self.slots, NIL)
    }

    /// Whose hash went.
    pub(super) fn evict(&mut self) -> Option<u32> {
        self.evict_but(NIL)
    }

    pub(super) fn evict_but(&mut self, spare: u32) -> Option<u32> {
        let i = self.policy.victim(&mut self.slots, spare)?;
        assert_ne!(i, spare);
        Some(self.remove(i))
    }

    pub(super) fn evict_all(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.evict()).collect()
    }

    fn remove(&mut self, i: u32) -> u32 {
        self.policy.leave(&mut self.slots, i);
        let hash = self.slots[i as usize].hash;
        assert_eq!(self.held.remove(&hash), Some(i));
        self.free.push(i);
        hash
    }
}

impl Policy for Order {
    fn admit(&mut self, slots: &mut [Slot], i: u32) {
        Order::admit(self, slots, i);
    }
    fn touch(&mut self, slots: &mut [Slot], i: u32) -> bool {
        Order::touch(self, slots, i)
    }
    fn leave(&mut self, slots: &mut [Slot], i: u32) {
        Order::leave(self, slots, i);
    }
    fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32> {
        Order::victim(self, slots, spare)
    }
    fn age(&self) -> u32 {
        Order::age(self)
    }
}

const ALL: [CachePolicy; 6] = [
    CachePolicy::Lru,
    CachePolicy::Fifo,
    CachePolicy::Lfu,
    CachePolicy::Sieve,
    CachePolicy::S3Fifo,
    CachePolicy::TinyLfu,
];

proptest! {
    /// Whatever is done to it, a policy knows exactly what was admitted and did not leave: it gives all of that away, each
    /// once, never the spared one, and is empty then.
    #[test]
    fn a_policy_loses_nothing_and_invents_nothing(
        which in 0..ALL.len(),
        is_only in any::<bool>(),
        ops in proptest::collection::vec((0..5_u8, any::<u16>()), 1..600),
    ) {
        let mut bench = Bench::new(Order::new(ALL[which], is_only));
        for (n, (op, pick)) in (0..).zip(ops) {
            let any = bench.held.values().nth(usize::from(pick) % bench.len().max(1)).copied();
            match (op, any) {
                (0 | 1, _) | (_, None) => {
                    let hash = hash(if op == 0 { n } else { u32::from(pick % 64) });
                    if !bench.holds(hash) {
                        bench.admit(hash);
                    }
                }
                (2, Some(i)) => _ = bench.touch(i),
                (3, Some(i)) => _ = bench.remove(i),
                (_, Some(spare)) => {
                    let before = bench.len();
                    let gone = bench.evict_but(spare);
                    prop_assert_eq!((gone.is_some(), bench.len()), (before > 1, before - usize::from(before > 1)));
                    prop_assert!(bench.held.values().any(|i| *i == spare));
                }
            }
            prop_assert_eq!(bench.policy.age() == 0, bench.len() == 0);
        }
        let held = bench.len();
        prop_assert_eq!(bench.evict_all().len(), held);
        prop_assert_eq!((bench.len(), bench.policy.age()), (0, 0));
    }
}
