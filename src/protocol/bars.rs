//! Bars: members refuse fills of a key while one of them writes what it is loaded from.
//!
//! The writer's side raises a bar, repeats it to each member, also to one that comes meanwhile, until it has answered, and
//! tells when all have: then, and not before, it deletes the key, so that the delete is above whatever was filled. When the
//! writer is done the bar is over, which is repeated in the same way. The holders' side refuses fills from before it answers
//! until it hears that, or until the time is over that the writer said; never earlier, and a little later, as clocks of
//! hosts do not run alike. What that promises is checked in every order of events in `models/src/bars.rs`; what a bar does to
//! loads is the store's (`store/bars.rs`). What is written is told as any update is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Event, Protocol, To};
use crate::ids::{CacheId, SessionId};
use crate::time::{Mono, Now};
use crate::wire::{Frame, Words};

/// Keys of one bar: what any datagram has room for.
pub const BAR_KEYS_MAX: usize = 64;
/// The longest that a bar may be meant to last: whoever asks for more holds everybody's loads up.
pub const BAR_LIMIT_MAX: Duration = Duration::from_secs(600);
/// A bar is repeated after this long to who has not answered, then after twice as long, and so on ...
const REPEAT_MIN: Duration = Duration::from_millis(5);
/// ... up to this.
const REPEAT_MAX: Duration = Duration::from_millis(500);
/// Bars of one member that are held ...
const HELD_OF_MEMBER_MAX: usize = 4_096;
/// ... and of all. What is beyond is not answered, so its writer learns that it is not held.
const HELD_MAX: usize = 65_536;
/// A bar that was over before it came is remembered for so long, as it may come yet: no datagram is longer on its way.
const OVER_KEPT: Duration = Duration::from_secs(60);
/// A bar is held longer than its writer counts on by one part in so many: quartz is off by less than 0.1 %.
const MARGIN: u32 = 64;

/// A bar of this node.
#[derive(Debug)]
struct Raised {
    cache: CacheId,
    keys: Vec<u64>,
    /// When it ends by itself.
    until: Mono,
    over: bool,
    answered: BTreeSet<SessionId>,
    /// Whether [`Event::Barred`] was emitted.
    told: bool,
    due: Mono,
    wait: Duration,
}

/// A bar of a member.
#[derive(Debug)]
struct Held {
    cache: CacheId,
    /// None if it is over.
    keys: Vec<u64>,
    until: Mono,
}

/// The bars that this node raised, and those that it holds.
#[derive(Debug, Default)]
pub(super) struct Bars {
    raised: BTreeMap<u64, Raised>,
    held: BTreeMap<(SessionId, u64), Held>,
    /// No held bar ends before.
    held_due: Option<Mono>,
}

impl Bars {
    pub(super) fn due(&self) -> Option<Mono> {
        self.raised.values().map(|raised| raised.due).chain(self.held_due).min()
    }

    /// A member came, or opened a cache: it is to have what is raised.
    pub(super) fn tell_newcomer(&mut self, now: Mono) {
        for raised in self.raised.values_mut() {
            (raised.due, raised.wait) = (now, REPEAT_MIN);
        }
    }
}

impl Protocol {
    /// Has members refuse fills of the keys of these hashes (at most [`BAR_KEYS_MAX`]), for `limit` if they hear no more of
    /// it. [`Event::Barred`] tells when all do that are there, now and then. `bar` names it in this session, and is new.
    ///
    /// The own store is for the caller to bar, before.
    pub fn raise_bar(&mut self, bar: u64, cache: CacheId, keys: Vec<u64>, limit: Duration, now: Now) {
        let until = now.mono + limit;
        let (answered, told, over) = (BTreeSet::new(), false, false);
        let raised = Raised { cache, keys, until, over, answered, told, due: now.mono + REPEAT_MIN, wait: REPEAT_MIN };
        self.bars.raised.insert(bar, raised);
        self.tell_bar(bar, now.mono, To::Group);
        self.check_bars();
    }

    /// The bar is over.
    pub fn lift_bar(&mut self, bar: u64, now: Now) {
        let Some(raised) = self.bars.raised.get_mut(&bar) else { return };
        raised.over = true;
        raised.keys.clear();
        raised.answered.clear();
        (raised.due, raised.wait) = (now.mono + REPEAT_MIN, REPEAT_MIN);
        self.tell_bar(bar, now.mono, To::Group);
        self.check_bars();
    }

    fn tell_bar(&mut self, bar: u64, now: Mono, to: To) {
        let Some(raised) = self.bars.raised.get(&bar).filter(|_| !self.members.is_empty()) else { return };
        // Rounded up: it is never held for less than its writer counts on.
        let left_ms = raised.until.saturating_since(now).as_millis().saturating_add(1);
        let limit_ms = if raised.over { 0 } else { u32::try_from(left_ms).unwrap_or(u32::MAX) };
        let (cache, packed) = (raised.cache, Words::pack(&raised.keys));
        self.send_urgent(to, &[Frame::Bar { cache, bar, limit_ms, keys: Words::new(&packed) }]);
    }

    /// Repeats bars to who has not answered, and ends those whose time is over.
    pub(super) fn tend_bars(&mut self, now: Mono) {
        self.end_held_bars(now);
        let members = &self.members;
        let mut sends = Vec::new();
        self.bars.raised.retain(|_, raised| raised.until > now);
        for (&bar, raised) in self.bars.raised.iter_mut().filter(|(_, raised)| raised.due <= now) {
            let silent = members.values().filter(|member| !raised.answered.contains(&member.session));
            let before = sends.len();
            sends.extend(silent.map(|member| (bar, member.address)));
            // With nobody to be told it waits for its end, or for who comes.
            raised.due = if sends.len() > before { raised.until.min(now + raised.wait) } else { raised.until };
            raised.wait = (raised.wait * 2).min(REPEAT_MAX);
        }
        for (bar, address) in sends {
            self.tell_bar(bar, now, To::Member(address));
        }
        self.check_bars();
    }

    /// Tells of bars that all members hold, and forgets those that all know to be over.
    pub(super) fn check_bars(&mut self) {
        // Before discovery is over nobody can say who is there.
        if self.bars.raised.is_empty() || !self.ready {
            return;
        }
        let members = &self.members;
        let mut barred = Vec::new();
        self.bars.raised.retain(|&bar, raised| {
            let is_complete = members.keys().all(|session| raised.answered.contains(session));
            if is_complete && !raised.told && !raised.over {
                raised.told = true;
                barred.push(bar);
            }
            !(is_complete && raised.over)
        });
        for bar in barred {
            self.emit(Event::Barred { bar });
        }
    }

    /// A member has this node refuse fills, or accept them again.
    pub(super) fn handle_bar(
        &mut self,
        session: SessionId,
        bar: u64,
        told: (CacheId, u32),
        keys: Words<'_>,
        now: Mono,
    ) {
        let (cache, limit_ms) = told;
        let limit = Duration::from_millis(u64::from(limit_ms));
        let is_known = self.bars.held.contains_key(&(session, bar));
        if keys.len() > BAR_KEYS_MAX || limit > BAR_LIMIT_MAX + Duration::from_secs(1) {
            self.metrics.rejected_frame.inc();
            return;
        }
        if !is_known && self.is_full_of_bars(session) {
            self.metrics.requests_refused.inc();
            return;
        }
        let over = limit_ms == 0;
        if over {
            self.end_held_bar((session, bar), now);
        } else if !is_known {
            let keys: Vec<u64> = keys.iter().collect();
            if let Some(replica) = self.replicas.get(&cache) {
                keys.iter().for_each(|&key| replica.store.raise_bar(key));
            }
            self.hold((session, bar), Held { cache, keys, until: now + limit + limit / MARGIN });
        }
        let Some(to) = self.members.get(&session).map(|member| To::Member(member.address)) else { return };
        self.send_urgent(to, &[Frame::BarAnswer { bar, over }]);
        self.charge(session, 0);
    }

    fn is_full_of_bars(&self, session: SessionId) -> bool {
        let of_member = self.bars.held.range((session, 0)..=(session, u64::MAX));
        self.bars.held.len() >= HELD_MAX || of_member.count() >= HELD_OF_MEMBER_MAX
    }

    fn hold(&mut self, id: (SessionId, u64), held: Held) {
        self.bars.held_due = Some(self.bars.held_due.map_or(held.until, |due| due.min(held.until)));
        self.bars.held.insert(id, held);
    }

    /// The bar is over: what of it comes later does nothing.
    fn end_held_bar(&mut self, id: (SessionId, u64), now: Mono) {
        match self.bars.held.get_mut(&id) {
            Some(held) => {
                let (cache, keys) = (held.cache, std::mem::take(&mut held.keys));
                self.unbar(cache, &keys);
            }
            None => self.hold(id, Held { cache: CacheId(0), keys: Vec::new(), until: now + OVER_KEPT }),
        }
    }

    fn end_held_bars(&mut self, now: Mono) {
        if self.bars.held_due.is_none_or(|due| due > now) {
            return;
        }
        let mut ended = Vec::new();
        self.bars.held.retain(|_, held| {
            let lasts = held.until > now;
            if !lasts && !held.keys.is_empty() {
                ended.push((held.cache, std::mem::take(&mut held.keys)));
            }
            lasts
        });
        self.bars.held_due = self.bars.held.values().map(|held| held.until).min();
        for (cache, keys) in ended {
            self.metrics.bars_expired.inc();
            self.unbar(cache, &keys);
        }
    }

    fn unbar(&self, cache: CacheId, keys: &[u64]) {
        if let Some(replica) = self.replicas.get(&cache) {
            keys.iter().for_each(|&key| replica.store.lift_bar(key));
        }
    }

    /// A cache was opened, or opened anew: what is held of it holds for its store.
    pub(super) fn bar_opened(&self, cache: CacheId) {
        let Some(replica) = self.replicas.get(&cache) else { return };
        let held = self.bars.held.values().filter(|held| held.cache == cache);
        held.flat_map(|held| &held.keys).for_each(|&key| replica.store.raise_bar(key));
    }

    /// A member answers.
    pub(super) fn handle_bar_answer(&mut self, session: SessionId, bar: u64, over: bool) {
        let Some(raised) = self.bars.raised.get_mut(&bar).filter(|raised| raised.over == over) else { return };
        raised.answered.insert(session);
        self.check_bars();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Filter, Net, Peer};
    use super::*;
    use crate::store::Fate;

    const CACHE: CacheId = CacheId(7);
    const LIMIT: Duration = Duration::from_secs(30);

    fn raise(net: &mut Net, bar: u64, limit: Duration) {
        let now = net.now;
        let peer = &mut net.peers[0];
        let key = peer.store.key_hash(b"k");
        peer.protocol.raise_bar(bar, CACHE, vec![key], limit, now);
    }

    fn lift(net: &mut Net, bar: u64) {
        let now = net.now;
        net.peers[0].protocol.lift_bar(bar, now);
    }

    fn is_barred(peer: &Peer, bar: u64) -> bool {
        peer.events.iter().any(|event| matches!(event, Event::Barred { bar: told } if *told == bar))
    }

    fn lose_to(place: usize) -> Filter {
        Box::new(move |_, to, _| to != place)
    }

    fn fates(net: &mut Net, key: &[u8]) -> Vec<Fate> {
        let now = net.now;
        net.peers[1..].iter_mut().map(|peer| peer.fill(key, b"v", now)).collect()
    }

    #[test]
    fn all_refuse_fills_before_it_is_told_that_they_do_and_until_it_is_over() {
        let mut net = Net::settled(3);
        raise(&mut net, 5, LIMIT);
        net.run_until(|net| is_barred(&net.peers[0], 5));
        assert_eq!(fates(&mut net, b"k"), [Fate::Refused; 2]);
        assert_eq!(fates(&mut net, b"another")[0], Fate::Applied);
        lift(&mut net, 5);
        net.run(Duration::from_millis(10));
        assert_eq!(fates(&mut net, b"k")[0], Fate::Applied);
        assert!(net.peers[0].protocol.bars.raised.is_empty(), "all know that it is over");
    }

    #[test]
    fn who_does_not_answer_is_asked_again_and_waited_for_until_it_is_down() {
        let mut net = Net::settled(3);
        net.filter = lose_to(2);
        raise(&mut net, 5, LIMIT);
        net.run(Duration::from_secs(1));
        assert!(!is_barred(&net.peers[0], 5));
        net.filter = Box::new(|_, _, _| true);
        net.run_until(|net| is_barred(&net.peers[0], 5));
        assert_eq!(fates(&mut net, b"k"), [Fate::Refused; 2]);
        net.filter = Box::new(|from, to, _| from != 2 && to != 2);
        raise(&mut net, 6, LIMIT);
        net.run(Duration::from_secs(4));
        assert!(!is_barred(&net.peers[0], 6));
        net.run(Duration::from_secs(2));
        assert!(is_barred(&net.peers[0], 6), "the third is down");
    }

    #[test]
    fn who_comes_meanwhile_or_opens_the_cache_refuses_as_well() {
        let mut net = Net::settled(2);
        net.filter = Box::new(|from, to, _| from != 1 && to != 1);
        net.run(Duration::from_secs(6));
        raise(&mut net, 5, LIMIT);
        net.run_until(|net| is_barred(&net.peers[0], 5));
        assert_eq!(fates(&mut net, b"k"), [Fate::Applied], "it is not there");
        net.filter = Box::new(|_, _, _| true);
        net.run_until(|net| net.peers[1].store.is_barred(b"k"));
        let now = net.now;
        let store = std::sync::Arc::new(crate::store::Store::with_seed(
            crate::store::Limits { max_entries: 9, max_bytes: 9_999 },
            crate::crypto::Keyring::public("tests").hash_key(),
            true,
            3,
        ));
        net.peers[1].protocol.close_cache(CACHE);
        net.peers[1].protocol.open_cache(CACHE, std::sync::Arc::clone(&store), now);
        assert!(store.is_barred(b"k"));
        lift(&mut net, 5);
        net.run(Duration::from_millis(10));
        assert!(!store.is_barred(b"k"));
    }

    #[test]
    fn the_bar_of_a_writer_that_is_no_more_ends_by_its_time_and_not_before() {
        let mut net = Net::settled(2);
        raise(&mut net, 5, Duration::from_secs(10));
        net.run_until(|net| is_barred(&net.peers[0], 5));
        net.filter = lose_to(1);
        net.run(Duration::from_secs(10));
        assert!(net.peers[1].protocol.members.is_empty(), "it is down");
        assert!(net.peers[1].store.is_barred(b"k"));
        net.run(Duration::from_millis(400));
        assert_eq!(fates(&mut net, b"k"), [Fate::Applied]);
        assert_eq!(net.peers[1].metrics.bars_expired.get(), 1);
    }

    #[test]
    fn a_bar_that_comes_after_its_end_is_none() {
        let mut net = Net::settled(2);
        let (session, key) = (net.peers[0].protocol.setup.session, net.peers[1].store.key_hash(b"k"));
        let (words, none) = (Words::pack(&[key]), Words::pack(&[]));
        let now = net.now.mono;
        let holder = &mut net.peers[1].protocol;
        holder.handle_bar(session, 5, (CACHE, 0), Words::new(&none), now);
        holder.handle_bar(session, 5, (CACHE, 30_000), Words::new(&words), now);
        assert!(!net.peers[1].store.is_barred(b"k"));
        net.peers[1].protocol.handle_bar(session, 6, (CACHE, 30_000), Words::new(&words), now);
        assert!(net.peers[1].store.is_barred(b"k"));
    }

    #[test]
    fn a_member_holds_so_many_bars_of_another_and_answers_no_more() {
        let mut net = Net::settled(2);
        let (session, now) = (net.peers[0].protocol.setup.session, net.now.mono);
        let holder = &mut net.peers[1].protocol;
        let words = Words::pack(&[1]);
        for bar in 0..=HELD_OF_MEMBER_MAX as u64 {
            holder.handle_bar(session, bar, (CACHE, 30_000), Words::new(&words), now);
        }
        assert_eq!((holder.bars.held.len(), holder.metrics.requests_refused.get()), (HELD_OF_MEMBER_MAX, 1));
        let words = Words::pack(&[1; BAR_KEYS_MAX + 1]);
        holder.handle_bar(session, 0, (CACHE, 30_000), Words::new(&words), now);
        assert_eq!(holder.metrics.rejected_frame.get(), 1);
    }
}
