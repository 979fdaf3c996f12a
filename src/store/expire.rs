//! Taking out entries whose deadline has passed, and tombstones that have served.

use std::sync::atomic::Ordering;

use super::shard::{Due, Left, Shard};
use super::{Gone, Store};
use crate::hlc::HlcTimestamp;
use crate::time::WallMs;

/// Timer records or tombstones read under one hold of a lock: some 10 us.
const RECORDS_PER_LOCK: usize = 256;

impl Store {
    /// Removes up to `budget` entries whose deadline has passed, oldest deadline first within a shard.
    ///
    /// Costs one load a shard when none has. Those that were not sent yet come back with `dirty` set.
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

    /// Takes out an entry whose deadline has passed.
    fn expire_slot(&self, ix: usize, shard: &mut Shard, i: u32) -> Option<Left> {
        shard.expirations += 1;
        self.forget(ix, shard, i)
    }

    fn expire_batch(&self, ix: usize, now: WallMs, budget: usize, gone: &mut Vec<Gone>) {
        let mut shard = self.shards[ix].lock();
        let mut records = RECORDS_PER_LOCK;
        while gone.len() < budget {
            let Due::Slot(i) = shard.next_due(now, &mut records) else { break };
            gone.extend(self.expire_slot(ix, &mut shard, i).map(Left::into_gone));
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
