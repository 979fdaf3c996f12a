//! What the driver does by the clock rather than by the protocol's timers: expiry, old tombstones, counters, a look at the
//! interface, and what nobody waits for any more.
//!
//! A read looks at the deadline itself, so expiry here gives memory back and tells listeners; it need not be punctual.
//! While the driver turns anyway it is done ten times a second, and an idle driver is woken for it once a second.

use std::sync::Arc;
use std::time::Duration;

use super::cache::CacheCore;
use super::driver::Driver;
use super::listener::EventKind;
use super::lock::read;
use crate::hlc::HlcTimestamp;
use crate::time::{Mono, Now, WallMs};

/// Between two rounds of expiry in a driver that is awake.
const EXPIRE_EVERY: Duration = Duration::from_millis(100);

/// Between two rounds in a driver that sleeps, and of all else but tombstones.
const TICK: Duration = Duration::from_secs(1);

/// Entries taken out of one cache in a round; what is left comes in the next turn.
const EXPIRE_BUDGET: usize = 1_024;

/// Between two rounds of tombstones.
const TOMBSTONES_EVERY: Duration = Duration::from_secs(30);

/// Tombstones are kept for so long, whoever is away meanwhile. Older entries that a member still offers are refused.
const TOMBSTONE_AGE: Duration = Duration::from_secs(600);

/// Who asks for the network is asked again within this time, or hops are of no interest any more.
const HOPS_WATCHED: Duration = Duration::from_secs(10);

/// When each was done last.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    expired: Mono,
    ticked: Mono,
    collected: Mono,
    /// When hops were of interest last.
    hops_asked: Mono,
}

impl Upkeep {
    /// When the driver must be awake for it.
    pub(super) fn due(&self) -> Mono {
        self.expired + TICK
    }
}

impl Driver {
    /// Does what is due; true if more of it is.
    pub(super) fn keep_up(&mut self, now: Now) -> bool {
        let since = |last: Mono| now.mono.saturating_since(last);
        let mut more = false;
        if since(self.upkeep.expired) >= EXPIRE_EVERY {
            more = self.expire(now);
            if !more {
                self.upkeep.expired = now.mono;
            }
        }
        if since(self.upkeep.ticked) >= TICK {
            self.upkeep.ticked = now.mono;
            self.core.refresh_metrics();
            self.udp.follow_interface();
            if since(self.upkeep.hops_asked) >= HOPS_WATCHED {
                self.udp.watch_hops(false);
            }
            self.forget_the_unawaited();
        }
        if since(self.upkeep.collected) >= TOMBSTONES_EVERY {
            self.upkeep.collected = now.mono;
            self.collect_tombstones(now);
        }
        more
    }

    /// Somebody wants to know how far away members are.
    pub(super) fn watch_hops(&mut self, now: Mono) {
        self.upkeep.hops_asked = now;
        self.udp.watch_hops(true);
    }

    /// Takes out what has expired; true if a cache has more of it.
    fn expire(&self, now: Now) -> bool {
        let mut more = false;
        for cache in self.open_caches() {
            let gone = cache.store.expire(self.core.hlc.corrected(now.wall), EXPIRE_BUDGET);
            more |= gone.len() >= EXPIRE_BUDGET;
            cache.announce_gone(gone, EventKind::Expire);
        }
        more
    }

    fn collect_tombstones(&self, now: Now) {
        let age_ms = u64::try_from(TOMBSTONE_AGE.as_millis()).unwrap_or(u64::MAX);
        let before = HlcTimestamp::at(WallMs(self.core.hlc.corrected(now.wall).0.saturating_sub(age_ms)));
        for cache in self.open_caches() {
            cache.store.collect_tombstones(before);
        }
    }

    /// Local ones included, of which the protocol knows nothing.
    fn open_caches(&self) -> Vec<Arc<CacheCore>> {
        read(&self.core.caches).open.values().cloned().collect()
    }

    /// Cancels syncs and questions whose callers gave up.
    fn forget_the_unawaited(&mut self) {
        let protocol = &mut self.protocol;
        self.syncs.retain(|token, ask| {
            let awaited = ask.waiting.strong_count() > 0;
            if !awaited {
                protocol.cancel_sync(*token);
            }
            awaited
        });
        self.asks.retain(|query, asking| {
            let awaited = asking.waiting.strong_count() > 0;
            if !awaited {
                protocol.cancel_query(*query);
            }
            awaited
        });
    }
}
