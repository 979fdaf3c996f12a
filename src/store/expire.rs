//! Taking out entries whose deadline has passed, and tombstones that have served.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::hashes::Place;
use super::shard::{Due, Left, Shard};
use super::slot::State;
use super::{Gone, Key, Store, Value};
use crate::hlc::{HlcTimestamp, Version};
use crate::time::WallMs;

/// Timer records or tombstones read under one hold of a lock: some 10 us.
const RECORDS_PER_LOCK: usize = 256;

impl Store {
    /// Removes up to `budget` entries whose deadline has passed, oldest deadline first within a shard; in a store that
    /// keeps them for a while ([`Store::keeping_expired`]), tells of those first, and removes them later.
    ///
    /// Costs one load a shard when none is due. Those that are removed and were not sent yet come back with `dirty` set.
    pub fn expire(&self, now: WallMs, budget: usize) -> Vec<Gone> {
        let mut gone = Vec::new();
        // Where the last call ran out of budget: no shard is served twice before all were.
        let first = self.expire_from.load(Ordering::Relaxed);
        for step in 0..self.shards.len() {
            let ix = (first + step) & self.shard_mask;
            while gone.len() < budget && self.dues[ix].load(Ordering::Relaxed) <= now.0 {
                self.expire_batch(ix, now, budget, &mut gone);
            }
            if gone.len() >= budget {
                self.expire_from.store(ix, Ordering::Relaxed);
                break;
            }
        }
        gone.into_iter().map(Gone::slim).collect()
    }

    /// The value of `key` though its deadline has passed, if that was no longer ago than `max_age`; with its version.
    /// It counts as used, and as no hit.
    #[must_use]
    pub fn expired(&self, key: &[u8], now: WallMs, max_age: Duration) -> Option<(Value, Version)> {
        let Place { shard: ix, hash } = self.hashes.place(key, self.shard_mask);
        let mut shard = self.shards[ix].lock();
        let i = shard.find(hash, key)?;
        let slot = shard.slot(i);
        let is_served = slot.state == State::Live && slot.deadline.has_passed(now);
        let is_dead = slot.tags > 0 && self.tags.cover(slot.tag_bytes(), slot.version);
        if !is_served || is_dead || slot.deadline.0.after(max_age) <= now {
            return None;
        }
        let found = slot.value().map(|value| (value, slot.version));
        if shard.touch(i) {
            self.publish(ix, &shard);
        }
        found
    }

    /// Drops tombstones older than `before`, remembering per segment that anything older is to be refused.
    ///
    /// Returns how many. Those that were not sent yet stay, and so may one that came much later than newer ones.
    pub fn collect_tombstones(&self, before: HlcTimestamp) -> usize {
        let mut collected = 0;
        for ix in 0..self.shards.len() {
            loop {
                let batch = self.collect_batch(ix, before);
                collected += batch;
                if batch == 0 {
                    break;
                }
            }
        }
        collected
    }

    /// Takes out an entry that is due, or keeps it if it is so for the first time and the store keeps such.
    fn expire_slot(&self, ix: usize, shard: &mut Shard, i: u32, now: WallMs) -> Option<Gone> {
        let slot = shard.slot(i);
        let was_told = slot.expired;
        let is_over = WallMs(slot.deadline.0.0.saturating_add(shard.timers.grace_ms())) <= now;
        shard.expirations += u64::from(!was_told);
        if was_told || is_over {
            return self.forget(ix, shard, i).map(Left::into_gone);
        }
        let slot = shard.slot(i);
        let key = slot.block.as_ref().map(|block| Key::of(block.clone(), slot.key_len))?;
        let gone = Gone { key, version: slot.version, dirty: false, told: false };
        shard.keep_expired(i);
        Some(gone)
    }

    fn expire_batch(&self, ix: usize, now: WallMs, budget: usize, gone: &mut Vec<Gone>) {
        let mut shard = self.shards[ix].lock();
        let mut records = RECORDS_PER_LOCK;
        while gone.len() < budget {
            let Due::Slot(i) = shard.next_due(now, &mut records) else { break };
            gone.extend(self.expire_slot(ix, &mut shard, i, now));
        }
        self.publish(ix, &shard);
    }

    fn collect_batch(&self, ix: usize, before: HlcTimestamp) -> usize {
        // Dropped after the lock: declared before it.
        let mut collected = Vec::new();
        let mut shard = self.shards[ix].lock();
        let mut next = shard.oldest_tombstone();
        for _ in 0..RECORDS_PER_LOCK {
            let Some(i) = next.filter(|i| shard.slot(*i).version.hlc < before) else { break };
            next = shard.newer_tombstone(i);
            if !shard.slot(i).dirty {
                collected.extend(self.forget(ix, &mut shard, i));
            }
        }
        collected.len()
    }
}
