//! Making room: which entry goes when the limits are reached, and what is remembered of it.
//!
//! Which entry of a shard goes is its policy's to say (see `policy`). A put evicts from its own key's shard, unless one of a
//! few others calls for it clearly more: keys are spread evenly by a hash, so shards stay alike, in size or, for LRU, in
//! age.
//!
//! Invariant: no thread waits for a shard's lock while it holds one; other shards are only tried. So there is no
//! deadlock.

use std::sync::atomic::Ordering;

use super::budget::Room;
use super::hashes::Hashes;
use super::shard::{Left, Shard};
use super::slot::{NIL, State};
use super::{Evicted, SHARDS_MAX, Store};

/// Evictions under one hold of a lock. A large value may push out many small entries; readers get in between.
const EVICTIONS_PER_LOCK: usize = 64;

/// Other shards looked at: enough to even the shards out, few enough to share a cache line.
const SHARDS_SAMPLED: usize = 4;

/// Another shard is older when it is by more than an eighth: going there costs a second lock.
const OLDER_SHIFT: u32 = 3;

impl Store {
    /// Reserves `need`, evicting as it must but never slot `spare` of `shard`, number `ix`, which the caller has
    /// locked.
    ///
    /// False when it could not under this lock: the caller lets go, calls [`Store::relieve`], and begins again.
    pub(super) fn make_room(
        &self,
        ix: usize,
        shard: &mut Shard,
        spare: u32,
        need: Room,
        evicted: &mut Evicted,
    ) -> bool {
        for _ in 0..EVICTIONS_PER_LOCK {
            if self.budget.reserve(need) {
                return true;
            }
            if !self.evict_near(ix, shard, spare, evicted) {
                return false;
            }
        }
        self.budget.reserve(need)
    }

    /// Evicts from whichever shard is the oldest, waiting for its lock. The caller holds none.
    ///
    /// It may find nothing, when all that is given out of the limits is on its way in elsewhere; then those entries are
    /// linked by the time this returns, as it has been under every lock, and the next call finds them.
    pub(super) fn relieve(&self, need: Room, evicted: &mut Evicted) {
        let oldest = (0..self.shards.len()).max_by_key(|ix| self.ages[*ix].load(Ordering::Relaxed)).unwrap_or(0);
        for step in 0..self.shards.len() {
            let ix = (oldest + step) & self.shard_mask;
            let mut shard = self.shards[ix].lock();
            let before = evicted.len();
            for _ in 0..EVICTIONS_PER_LOCK {
                if !self.evict_one(ix, &mut shard, NIL, evicted) {
                    break;
                }
                if self.budget.would_fit(need) {
                    return;
                }
            }
            if evicted.len() > before {
                return;
            }
        }
    }

    /// Frees slot `i` and remembers its key as forgotten at its version.
    pub(super) fn forget(&self, ix: usize, shard: &mut Shard, i: u32) -> Option<Left> {
        // The floor first: see the head of `segments`.
        let slot = shard.slot(i);
        if !self.is_kept(slot.state) {
            self.segments.raise(slot.key_hash.segment(), slot.version.hlc);
        }
        self.unlink(ix, shard, i)
    }

    /// Frees slot `i`, takes it out of the digest and gives its room back; nothing is remembered of it.
    pub(super) fn unlink(&self, ix: usize, shard: &mut Shard, i: u32) -> Option<Left> {
        let left = shard.remove(i)?;
        let state = if left.live { State::Live } else { State::Tombstone };
        if self.replicated && !self.is_kept(state) {
            let fingerprint = Hashes::fingerprint(left.key_hash, left.version, !left.live);
            self.segments.mix(left.key_hash.segment(), fingerprint);
        }
        if left.live {
            self.budget.release(Room { entries: 1, bytes: left.weight() });
        }
        self.publish(ix, shard);
        Some(left)
    }

    /// Whether what is in this state is no business of others: a value that stays in the process.
    #[inline]
    pub(super) fn is_kept(&self, state: State) -> bool {
        self.marking && state == State::Live
    }

    /// Evicts one entry: from the shard at hand, or from another one that is clearly older and whose lock is free.
    fn evict_near(&self, ix: usize, shard: &mut Shard, spare: u32, evicted: &mut Evicted) -> bool {
        if let Some(other) = self.elder(ix, shard) {
            if self.try_evict(other, evicted) {
                return true;
            }
        }
        if self.evict_one(ix, shard, spare, evicted) {
            return true;
        }
        (1..self.shards.len()).any(|step| self.try_evict((ix + step) & self.shard_mask, evicted))
    }

    /// One of a few other shards, if it is clearly older than `shard`. Which ones are looked at goes
    /// round.
    fn elder(&self, ix: usize, shard: &Shard) -> Option<usize> {
        if self.shard_mask == 0 {
            return None;
        }
        let age = shard.age();
        let turn = usize::try_from(shard.evictions % SHARDS_MAX as u64).unwrap_or(0);
        let start = (turn * SHARDS_SAMPLED).wrapping_add(ix);
        let others = (1..=SHARDS_SAMPLED).map(|step| start.wrapping_add(step) & self.shard_mask);
        let ages = others.map(|other| (self.ages[other].load(Ordering::Relaxed), other));
        let (oldest, other) = ages.max()?;
        (other != ix && oldest > age.saturating_add(age >> OLDER_SHIFT)).then_some(other)
    }

    fn try_evict(&self, ix: usize, evicted: &mut Evicted) -> bool {
        self.shards[ix].try_lock().is_some_and(|mut shard| self.evict_one(ix, &mut shard, NIL, evicted))
    }

    fn evict_one(&self, ix: usize, shard: &mut Shard, spare: u32, evicted: &mut Evicted) -> bool {
        let Some(left) = shard.victim(spare).and_then(|i| self.forget(ix, shard, i)) else { return false };
        shard.evictions += 1;
        evicted.push(left.into_gone());
        true
    }
}
