//! When two replicas are compared: at admission, after a loss, and whenever heartbeats show that they differ for good.
//!
//! A node is *ready* once discovery is over and each open cache is *filled*: found equal to, or brought up to, what one
//! ready member holds. It is *in step* with a member once all its caches have been compared with that very member's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Event, Protocol};
use crate::ids::{CacheId, SessionId};
use crate::store::Store;
use crate::time::Mono;
use crate::wire::CacheDigests;

/// Two digests that differ and have both stood still for this long do not differ because of updates under way.
const STEADY: Duration = Duration::from_millis(200);
/// The same two members compare the same cache no more often than this unasked.
const AUDIT_MIN: Duration = Duration::from_secs(1);
/// Digests that never stand still, since somebody always writes, are looked into after they have differed for this long.
const DIFFERING_MAX: Duration = Duration::from_secs(30);

/// Own digest and a member's.
type Pair = (u64, u64);

/// What is known of the difference from one member.
#[derive(Debug)]
struct Difference {
    pair: Pair,
    since: Mono,
    /// Since when, or since which comparison, every pair told of differed.
    differs_since: Mono,
    /// The pair that was last compared in full, and when: evictions can make two replicas differ for ever.
    compared: Option<(Pair, Mono)>,
}

/// An open cache as the cluster sees it.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) store: Arc<Store>,
    pub(super) filled: bool,
    differences: BTreeMap<SessionId, Difference>,
}

impl Replica {
    pub(super) fn new(store: Arc<Store>) -> Replica {
        Replica { store, filled: false, differences: BTreeMap::new() }
    }

    /// What is told of the whole state: every entry and tombstone, and the latest clear.
    pub(super) fn digest(&self) -> u64 {
        /// Any odd number spreads the bits; this is the golden ratio's.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let clear = self.store.clear_version();
        self.store.digest_all() ^ clear.hlc.0.wrapping_mul(SPREAD) ^ clear.origin.0
    }

    /// Whether a lasting difference from `session` is to be looked into now.
    ///
    /// In doubt of the member the interval is not waited for.
    fn audit_is_due(&mut self, session: SessionId, pair: Pair, in_doubt: bool, interval: Duration, now: Mono) -> bool {
        let difference = self.differences.entry(session).or_insert(Difference {
            pair,
            since: now,
            differs_since: now,
            compared: None,
        });
        if difference.pair != pair {
            difference.pair = pair;
            difference.since = now;
        }
        // A pair that was compared already differs by evictions: it waits for the interval below.
        let is_new = difference.compared.is_none_or(|(compared, _)| compared != pair);
        if is_new && now.saturating_since(difference.differs_since) >= DIFFERING_MAX {
            difference.differs_since = now;
            return true;
        }
        if now.saturating_since(difference.since) < STEADY {
            return false;
        }
        let wait = match difference.compared {
            None => return true,
            Some((compared, _)) if compared == pair && !in_doubt => interval.max(AUDIT_MIN),
            Some(_) => AUDIT_MIN,
        };
        difference.compared.is_some_and(|(_, at)| now.saturating_since(at) >= wait)
    }

    /// A member is gone.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.differences.remove(&session);
    }

    /// A full comparison with `session` has ended.
    fn note_compared(&mut self, session: SessionId, now: Mono) {
        if let Some(difference) = self.differences.get_mut(&session) {
            difference.compared = Some((difference.pair, now));
        }
    }
}

impl Protocol {
    /// A member tells what its caches hold.
    pub(super) fn compare_digests(
        &mut self,
        session: SessionId,
        (caches, digests): (u16, CacheDigests<'_>),
        now: Mono,
    ) {
        let Some(member) = self.members.get_mut(&session) else { return };
        let caches = usize::from(caches);
        let told_now: BTreeSet<CacheId> = digests.iter().map(|told| told.cache).collect();
        // Told in one heartbeat, the list is new; told in turns, it is kept until it has more than there are.
        if digests.len() == caches || member.digests.len() > caches {
            member.digests.clear();
        }
        member.digests.extend(digests.iter().map(|told| (told.cache, told.digest)));
        let told_all = member.digests.len() == caches;
        member.told |= told_all;
        // One whose clock is wild takes back what it holds by it, soon; until then there is nothing to be had of it.
        if !member.ready || member.hlc > self.clocks.limit() {
            return;
        }
        let interval = self.setup.audit_interval;
        let (mut differing, mut doubted) = (Vec::new(), Vec::new());
        for (&cache, replica) in &mut self.replicas {
            let Some(&theirs) = member.digests.get(&cache) else {
                if told_all {
                    // It does not have this cache: there is nothing to be compared.
                    member.unreconciled.remove(&cache);
                }
                continue;
            };
            let mine = replica.digest();
            let in_doubt = member.doubts.contains_key(&cache);
            // Of values that stay in the process digests tell nothing.
            let is_unknown = in_doubt && replica.store.is_marking();
            if mine == theirs && !is_unknown {
                // What was told before may be from before something was lost.
                if told_now.contains(&cache) {
                    member.unreconciled.remove(&cache);
                    replica.filled = true;
                    replica.differences.remove(&session);
                    // Both hold the same, and may have forgotten different things.
                    doubted.extend(in_doubt.then_some(cache));
                }
            } else if is_unknown
                || member.unreconciled.contains(&cache)
                || replica.audit_is_due(session, (mine, theirs), in_doubt, interval, now)
            {
                differing.push(cache);
            }
        }
        for cache in differing {
            self.begin_transfer(cache, session, now);
        }
        for cache in doubted {
            self.begin_to_end_doubt(cache, session, now);
        }
        self.settle(now);
        self.check_syncs();
    }

    /// Something of a member's stream is lost: every cache has to be compared with it again.
    pub(super) fn reconcile_again(&mut self, session: SessionId) {
        self.doubt(session, Duration::ZERO);
        if let Some(member) = self.members.get_mut(&session) {
            member.unreconciled = self.replicas.keys().copied().collect();
        }
        for transfer in self.transfers.values_mut().filter(|transfer| transfer.donor() == session) {
            // It may have passed the place where the lost update is.
            transfer.note_overtaken();
        }
    }

    /// Fills what is empty, and finds out whether this node is ready.
    pub(super) fn settle(&mut self, now: Mono) {
        let discovered = self.admission.discovery_is_over(now) || self.members.values().any(|member| member.ready);
        if self.ready || !discovered {
            return;
        }
        let unfilled: Vec<CacheId> =
            self.replicas.iter().filter(|(_, replica)| !replica.filled).map(|(&cache, _)| cache).collect();
        for cache in unfilled {
            self.fill(cache, now);
        }
        if self.replicas.values().all(|replica| replica.filled) {
            self.ready = true;
            self.emit(Event::Ready);
            // Others compare their state with this node's from now on, and may take it from here.
            self.beat_now(now);
            self.check_syncs();
            self.check_bars();
        }
    }

    /// Begins to fill a cache from a ready member that has it; if no ready member can have it, it is as full as it gets.
    fn fill(&mut self, cache: CacheId, now: Mono) {
        if self.transfers.contains_key(&cache) {
            return;
        }
        let open: Vec<&super::Member> = self
            .members
            .values()
            .filter(|m| m.ready && !self.is_wild(m.hlc) && m.unreconciled.contains(&cache))
            .collect();
        let donors: Vec<SessionId> =
            open.iter().filter(|m| m.digests.contains_key(&cache)).map(|m| m.session).collect();
        let undecided = open.iter().any(|m| !m.told);
        let choice = usize::try_from(self.rng.below(donors.len() as u64)).unwrap_or(0);
        if let Some(&donor) = donors.get(choice) {
            self.begin_transfer(cache, donor, now);
        } else if !undecided {
            if let Some(replica) = self.replicas.get_mut(&cache) {
                replica.filled = true;
            }
        }
    }

    /// A cache has been compared with a member's and brought up to it.
    ///
    /// If something of the member's stream was lost meanwhile (`overtaken`), they have to be compared once more; if it came to
    /// be doubted again, it still is.
    pub(super) fn note_reconciled(
        &mut self,
        cache: CacheId,
        session: SessionId,
        (overtaken, still_in_doubt): (bool, bool),
        now: Mono,
    ) {
        if let Some(replica) = self.replicas.get_mut(&cache) {
            replica.filled = true;
            replica.note_compared(session, now);
        }
        if let Some(member) = self.members.get_mut(&session).filter(|_| !overtaken) {
            member.unreconciled.remove(&cache);
            if !still_in_doubt {
                member.doubts.remove(&cache);
            }
        }
        self.settle(now);
        // It may wait for this node to be in step.
        self.send_status(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Limits;

    const INTERVAL: Duration = Duration::from_secs(300);
    const MEMBER: SessionId = SessionId([1; 12]);

    fn replica() -> Replica {
        let limits = Limits { max_entries: 1, max_bytes: usize::MAX };
        Replica::new(Arc::new(Store::with_seed(limits, [0; 16], true, 1)))
    }

    fn at(seconds: u64) -> Mono {
        Mono::from_start(Duration::from_secs(seconds))
    }

    #[test]
    fn replicas_that_differ_for_good_are_compared_once_an_interval() {
        let mut replica = replica();
        let mut compared = Vec::new();
        for second in 0..700 {
            if replica.audit_is_due(MEMBER, (1, 2), false, INTERVAL, at(second)) {
                replica.note_compared(MEMBER, at(second));
                compared.push(second);
            }
        }
        assert_eq!(compared, [1, 301, 601]);
    }

    #[test]
    fn replicas_that_never_stand_still_are_compared_all_the_same() {
        let mut replica = replica();
        let due = (0..100).filter(|&second| replica.audit_is_due(MEMBER, (second, 0), false, INTERVAL, at(second)));
        assert_eq!(due.collect::<Vec<_>>(), [30, 60, 90]);
    }
}
