//! Who goes next when room is to be made: one small type a policy, all behind [`Policy`].
//!
//! A policy orders the live entries of one shard, under its lock, through the links and the `rank` of their slots. It
//! never frees a slot. What room is to be made for, and in which shard, is decided in `evict`.

mod fifo;
mod ghosts;
mod lfu;
mod lru;
mod s3fifo;
mod sieve;
#[cfg(test)]
mod tests;
mod tinylfu;

use super::slot::Slot;
use crate::config::CachePolicy;
use fifo::Fifo;
use lfu::Lfu;
use lru::Lru;
use s3fifo::S3Fifo;
use sieve::Sieve;
use tinylfu::TinyLfu;

/// Entries that one search for a victim gives another chance at most: beyond that the next one goes, used or not. It
/// bounds how long a put holds the lock, to some microseconds.
const CHANCES_MAX: usize = 128;

/// An order of eviction. Every slot named is live, and known to it from `admit` to `leave`.
pub(super) trait Policy {
    /// Takes in slot `i`.
    fn admit(&mut self, slots: &mut [Slot], i: u32);

    /// Slot `i` was read, or its value replaced. Returns whether [`Policy::age`] is another one now.
    fn touch(&mut self, slots: &mut [Slot], i: u32) -> bool;

    /// Slot `i` goes, for whatever reason.
    fn leave(&mut self, slots: &mut [Slot], i: u32);

    /// Who is to be evicted now, other than `spare`: the caller does so. `None` if there is nobody.
    fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32>;

    /// How much a shard calls for an eviction, beside other shards of its store: 0 if it is empty.
    fn age(&self) -> u32;
}

/// The policy of a shard.
#[derive(Debug)]
pub(super) enum Order {
    Lru(Lru),
    Fifo(Fifo),
    Lfu(Box<Lfu>),
    Sieve(Sieve),
    S3Fifo(S3Fifo),
    TinyLfu(Box<TinyLfu>),
}

/// Calls the same of whatever policy it is.
macro_rules! of_each {
    ($order:expr, $policy:ident => $call:expr) => {
        match $order {
            Order::S3Fifo($policy) => $call,
            Order::Lru($policy) => $call,
            Order::Sieve($policy) => $call,
            Order::Fifo($policy) => $call,
            Order::Lfu($policy) => $call,
            Order::TinyLfu($policy) => $call,
        }
    };
}

impl Order {
    /// `is_only`: of the one shard of a store.
    pub(super) fn new(policy: CachePolicy, is_only: bool) -> Order {
        match policy {
            CachePolicy::Lru => Order::Lru(Lru::new(is_only)),
            CachePolicy::Fifo => Order::Fifo(Fifo::new()),
            CachePolicy::Lfu => Order::Lfu(Box::new(Lfu::new())),
            CachePolicy::Sieve => Order::Sieve(Sieve::new()),
            CachePolicy::S3Fifo => Order::S3Fifo(S3Fifo::new()),
            CachePolicy::TinyLfu => Order::TinyLfu(Box::new(TinyLfu::new())),
        }
    }

    #[inline]
    pub(super) fn touch(&mut self, slots: &mut [Slot], i: u32) -> bool {
        of_each!(self, policy => policy.touch(slots, i))
    }

    pub(super) fn admit(&mut self, slots: &mut [Slot], i: u32) {
        of_each!(self, policy => policy.admit(slots, i));
    }

    pub(super) fn leave(&mut self, slots: &mut [Slot], i: u32) {
        of_each!(self, policy => policy.leave(slots, i));
    }

    pub(super) fn victim(&mut self, slots: &mut [Slot], spare: u32) -> Option<u32> {
        of_each!(self, policy => policy.victim(slots, spare))
    }

    pub(super) fn age(&self) -> u32 {
        of_each!(self, policy => policy.age())
    }
}

/// For policies that evict from the shard that a new entry comes into: the fuller one goes first.
fn fullness(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
