//! Leases: the right, and the duty, to load what the cache does not have; one a key at a time in this process.
//!
//! The invariant: what is loaded under a lease is put only if nothing was heard of the key since the lease was given, and
//! it is put under the version that was drawn then. So a write or a delete that was made while the value was loaded wins,
//! whether it comes before the value is put or after: it is newer by its clock. Only a writer whose clock is behind by
//! more than the time the load took can be overruled, and only if its news is still on its way when the value is put.
//!
//! The idea is the lease of Nishtala et al., "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1; what is done when a
//! load fails or takes long, and early refreshes, are FusionCache's. Who runs a loader where is told in `load.rs`.

use std::sync::Arc;
use std::time::Duration;

use super::cache::{Cache, CacheCore, Change, Ttl, Writer, check_len};
use super::clock::Until;
use super::listener::EventKind;
use crate::config::LoadPolicy;
use crate::error::{Error, Result};
use crate::hlc::Version;
use crate::store::{Fate, Precondition, Source, Value, Watch};
use crate::time::{Deadline, WallMs};
use crate::update::{Codec, KEY_LEN_MAX, Update};

/// The right to load one key. While it lasts, other callers of this process that ask for the key's lease wait.
///
/// It ends with [`fill`](Lease::fill), with [`fail`](Lease::fail), or by being dropped; then one of those that wait gets
/// the value or the next lease. It may go from thread to thread. In a forked child it is void.
#[derive(Debug)]
pub struct Lease {
    core: Arc<CacheCore>,
    key: Box<[u8]>,
    /// What notes whether anything is heard of the key meanwhile.
    watch: Watch,
    /// What a loaded value is put under.
    version: Version,
    /// The value that can be served if the load fails.
    fallback: Option<Version>,
    /// For how long it is served then without another try.
    throttle: Duration,
    /// Others wait for its end.
    awaited: bool,
}

impl Lease {
    /// The key to be loaded.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Puts what was loaded, here at once and on every member soon, and ends the lease; false if the key was written or
    /// deleted, or the cache cleared, since the lease was given: then nothing is put.
    ///
    /// # Errors
    /// As [`Cache::put`]; nothing is put. [`Error::Closed`] also for a lease of the process this one was forked from.
    pub fn fill(self, value: &[u8], codec: Codec, ttl: Ttl) -> Result<bool> {
        self.fill_tagged(value, codec, ttl, &[])
    }

    /// As [`fill`](Lease::fill), with tags as [`Cache::put_tagged`] takes them; not if one of them was invalidated since the
    /// lease was given.
    ///
    /// # Errors
    /// As [`fill`](Lease::fill), and [`Error::InvalidArgument`] as [`Cache::put_tagged`].
    pub fn fill_tagged(self, value: &[u8], codec: Codec, ttl: Ttl, tags: &[&[u8]]) -> Result<bool> {
        let core = &self.core;
        if !core.is_usable() {
            return Err(core.closed());
        }
        let (kind, value) = core.with_tags(&self.key, value, tags)?;
        let value = &*value;
        let now = core.wall();
        let deadline = core.deadline(ttl, now)?;
        let change = Change { kind: EventKind::Put, key: &self.key, value_len: value.len() };
        let (version, only_if) = (self.version, Precondition::QuietSince(self.watch));
        let update = Update { kind, key: &self.key, value, codec, version, deadline };
        let apply = || (version, core.store.apply(&update, Source::Fill, only_if, now));
        let outcome = if core.store.is_marking() { core.kept(change, apply) } else { core.announced(change, apply) };
        core.loads.mend(&self.key);
        if outcome.fate == Fate::Applied {
            // Whoever loaded it goes on with it as one who read it.
            core.looked_up(&self.key);
        }
        let metrics = &core.node.metrics;
        match outcome.fate {
            Fate::Applied => metrics.fills.inc(),
            Fate::Stale | Fate::Refused => metrics.fills_overtaken.inc(),
            Fate::TooHeavy => {
                return Err(Error::Internal("the store refused an entry that is within its limits".into()));
            }
        }
        Ok(outcome.fate == Fate::Applied)
    }

    /// The value could not be loaded: ends the lease, and counts and tells it. If there is an older value to be served
    /// ([`LoadPolicy::fail_safe`], or an early refresh), the next try is as much later as [`LoadPolicy::throttle`] says.
    pub fn fail(self) {
        let core = &self.core;
        if !core.is_usable() {
            return;
        }
        if let Some(version) = self.fallback {
            core.loads.fail(&self.key, version, Until::after(self.throttle));
        }
        core.node.metrics.load_failures.inc();
        core.tell_load(EventKind::LoadFailed, &self.key);
    }

    /// The lease of a load that has begun.
    fn of(core: &Arc<CacheCore>, key: &[u8], fallback: Option<Version>, throttle: Duration) -> Lease {
        let watch = core.store.watch(key);
        // After the watch began, so that it is above whatever was known then.
        let version = core.node.hlc.tick(core.wall());
        Lease { core: Arc::clone(core), key: key.into(), watch, version, fallback, throttle, awaited: true }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The table of another process's cache may have been locked when this one was forked, and for ever.
        if self.core.is_of_this_process() {
            self.core.store.unwatch(&self.key, self.watch);
            if self.awaited {
                self.core.loads.end(&self.key);
            }
        }
    }
}

/// What [`Cache::lease`] found.
#[derive(Debug)]
pub enum Lookup {
    /// The live value.
    Found(Value),
    /// None: it is for the caller to load it.
    Lease(Lease),
}

/// What [`Cache::begin_load`] found.
#[derive(Debug)]
pub enum Loading {
    /// The live value.
    Fresh(Value),
    /// The live value, old enough to be loaded anew: the caller does that, in the background if it can.
    Refresh(Value, Lease),
    /// An expired value; what is newer could not be loaded a short while ago.
    Paused(Value),
    /// An expired value; another caller loads what is newer, and has not ended in time. Whoever serves it says so with
    /// [`Cache::note_load`].
    Slow(Value),
    /// It is for the caller to load it. The expired value, if there is one, can be served if that fails or takes long.
    Load(Lease, Option<Value>),
}

impl Cache {
    /// The live value of `key`, or the right to load it. While another caller of this process loads it, waits for that.
    /// Heeds no [`LoadPolicy`].
    ///
    /// A thread that asks again for a key it has the lease of waits for itself, until `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`] if the other has not ended after `timeout`; [`Error::TooLarge`] for a key beyond 65,535 bytes.
    /// Else as [`get`](Cache::get), also if the cache is closed meanwhile.
    pub fn lease(&self, key: &[u8], timeout: Duration) -> Result<Lookup> {
        match self.begin_load(key, &LoadPolicy::default(), timeout)? {
            Loading::Load(lease, _) => Ok(Lookup::Lease(lease)),
            Loading::Fresh(value) | Loading::Refresh(value, _) | Loading::Paused(value) | Loading::Slow(value) => {
                Ok(Lookup::Found(value))
            }
        }
    }

    /// As [`lease`](Cache::lease), heeding `policy`: what to serve, and whether the caller is to load.
    ///
    /// Waits for another's load until the policy's patience ends too, if that comes before `timeout`.
    ///
    /// A lease is one miss, and so is an expired value that is served without one; a live value is one hit. To wait counts
    /// nothing, however often it is looked: so of many who ask at once for what is not there one misses.
    ///
    /// # Errors
    /// As [`lease`](Cache::lease).
    pub fn begin_load(&self, key: &[u8], policy: &LoadPolicy, timeout: Duration) -> Result<Loading> {
        check_len("key", key.len(), KEY_LEN_MAX)?;
        let until = Until::after(timeout);
        let (until_served, until) = (until.at_most(policy.patience(true)), until.at_most(policy.patience(false)));
        loop {
            let core = self.live()?;
            let now = core.wall();
            if let Some(value) = core.store.find(key, now) {
                core.looked_up(key);
                return Ok(core.fresh(key, value, policy, now));
            }
            let expired = match policy.fail_safe {
                Duration::ZERO => None,
                max_age => core.store.expired(key, now, max_age),
            };
            let version = expired.as_ref().map(|(_, version)| *version);
            if version.is_some_and(|version| core.loads.is_paused(key, version)) {
                if let Some((value, _)) = expired {
                    core.store.count_miss(key);
                    core.node.metrics.loads_throttled.inc();
                    core.tell_stale(key);
                    return Ok(Loading::Paused(value));
                }
            }
            let expired = expired.map(|(value, _)| value);
            if core.is_barred(key) {
                // What is loaded is not put, so nobody gains by waiting for it.
                let mut lease = Lease::of(core, key, version, policy.throttle);
                lease.awaited = false;
                core.store.count_miss(key);
                return Ok(Loading::Load(lease, expired));
            }
            if core.loads.begin(key) {
                let lease = Lease::of(core, key, version, policy.throttle);
                // Another may have ended its load since this one looked.
                if let Some(value) = core.store.find(key, core.wall()) {
                    return Ok(Loading::Fresh(value));
                }
                core.store.count_miss(key);
                return Ok(Loading::Load(lease, expired));
            }
            let until = if expired.is_some() { until_served } else { until };
            if !core.loads.wait_for(key, until, || core.is_usable()) {
                let waited = policy.patience(expired.is_some()).map_or(timeout, |patience| patience.min(timeout));
                let late = Error::Timeout { what: "another caller to load the key".into(), waited };
                return expired.map(Loading::Slow).ok_or(late);
            }
        }
    }
}

impl CacheCore {
    /// What to do about a live value.
    fn fresh(self: &Arc<Self>, key: &[u8], value: Value, policy: &LoadPolicy, now: WallMs) -> Loading {
        let Some(version) = self.refresh_due(key, policy.eager_refresh, now) else { return Loading::Fresh(value) };
        if self.loads.is_paused(key, version) || !self.loads.begin(key) {
            return Loading::Fresh(value);
        }
        let lease = Lease::of(self, key, Some(version), policy.throttle);
        // Another may have ended its refresh since this one looked.
        match self.store.peek(key, now) {
            Some(entry) if entry.version != version => Loading::Fresh(entry.value),
            _ => {
                self.node.metrics.refreshes.inc();
                Loading::Refresh(value, lease)
            }
        }
    }

    /// The version of the live value of `key` if it is so old that it should be loaded anew.
    ///
    /// The member that wrote it begins, and the others follow only when it has not done so for half of the time that was
    /// left: so one member refreshes, unless the writer is gone or is not asked for the key.
    fn refresh_due(&self, key: &[u8], share: u16, now: WallMs) -> Option<Version> {
        if share == 0 {
            return None;
        }
        let entry = self.store.peek(key, now).filter(|entry| entry.deadline != Deadline::NEVER)?;
        let is_own = entry.version.origin == self.node.hlc.origin() || !self.is_replicated();
        let share = u64::from(if is_own { share } else { share + 1_000_u16.saturating_sub(share) / 2 });
        let written = entry.version.hlc.wall().0;
        let age_ms = now.0.saturating_sub(written);
        let ttl_ms = entry.deadline.0.0.saturating_sub(written);
        (age_ms.saturating_mul(1_000) >= ttl_ms.saturating_mul(share)).then_some(entry.version)
    }

    /// Tells of a load that did not go as it should.
    pub(super) fn tell_load(&self, kind: EventKind, key: &[u8]) {
        self.node.publish(|| self.event(kind, key, Version::ZERO, Writer::Here));
    }

    /// Counts and tells that an expired value is given.
    pub(super) fn tell_stale(&self, key: &[u8]) {
        self.node.metrics.stale_served.inc();
        self.tell_load(EventKind::Stale, key);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "threads that wait for each other are what is tested")]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::Config;
    use crate::node::{LoadError, Node};

    const LONG: Duration = Duration::from_secs(20);

    /// A cache of a node of its own that knows no other.
    fn cache(name: &str) -> Cache {
        let mut config = Config::new();
        config.set("cluster", &format!("lease-{name}-{}", std::process::id())).expect("a name");
        let node = Node::open(&config).expect("a node on loopback");
        node.cache("c").expect("a cache")
    }

    fn leased(cache: &Cache, key: &[u8]) -> Lease {
        match cache.lease(key, Duration::ZERO).expect("open") {
            Lookup::Lease(lease) => lease,
            Lookup::Found(value) => panic!("found {value:?}"),
        }
    }

    #[test]
    fn a_fill_is_what_is_read_then() {
        let cache = cache("fill");
        assert!(leased(&cache, b"k").fill(b"v", Codec::TEXT, Ttl::Default).expect("open"));
        assert_eq!(cache.get(b"k").expect("open").as_deref(), Some(&b"v"[..]));
        assert!(matches!(cache.lease(b"k", Duration::ZERO), Ok(Lookup::Found(value)) if value.codec() == Codec::TEXT));
    }

    #[test]
    fn what_comes_while_a_value_is_loaded_wins() {
        let cache = cache("overtaken");
        let change: [(&str, &dyn Fn()); 4] = [
            ("put", &|| cache.put(b"k", b"newer", Codec::RAW, Ttl::Default).expect("open")),
            ("put and deleted", &|| {
                cache.put(b"k", b"newer", Codec::RAW, Ttl::Default).expect("open");
                cache.delete(b"k").expect("open");
            }),
            ("deleted", &|| {
                cache.delete(b"k").expect("open");
            }),
            ("cleared", &|| cache.clear().expect("open")),
        ];
        for (what, change) in change {
            cache.delete(b"k").expect("open");
            let lease = leased(&cache, b"k");
            change();
            let bytes = || cache.get(b"k").expect("open").map(|value| value.to_vec());
            let after = bytes();
            assert!(!lease.fill(b"older", Codec::RAW, Ttl::Default).expect("open"), "{what}");
            assert_eq!(bytes(), after, "{what}");
        }
    }

    #[test]
    fn an_expired_entry_can_be_loaded_anew() {
        let cache = cache("expired");
        cache.put(b"k", b"old", Codec::RAW, Ttl::For(Duration::from_millis(1))).expect("open");
        while cache.contains(b"k").expect("open") {
            std::thread::yield_now();
        }
        assert!(leased(&cache, b"k").fill(b"new", Codec::RAW, Ttl::Default).expect("open"));
    }

    #[test]
    fn one_loads_and_the_others_wait_for_it() {
        let cache = cache("herd");
        let loads = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let load = || {
                        loads.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(20));
                        Ok::<_, Error>(Value::new(b"v", Codec::RAW))
                    };
                    let value = cache.get_or_load(b"k", Ttl::Default, LONG, load).expect("loaded");
                    assert_eq!(&value[..], b"v");
                });
            }
        });
        assert_eq!(loads.into_inner(), 1);
    }

    #[test]
    fn a_load_is_one_miss_however_often_its_waiters_look() {
        let cache = cache("misses");
        let counted = || {
            let stats = cache.stats().expect("open");
            (stats.hits, stats.misses)
        };
        let lease = leased(&cache, b"k");
        assert_eq!(counted(), (0, 1));
        for _ in 0..10 {
            assert!(matches!(cache.lease(b"k", Duration::ZERO), Err(Error::Timeout { .. })));
        }
        std::thread::scope(|scope| {
            let waiting = [(); 3].map(|()| scope.spawn(|| cache.lease(b"k", LONG)));
            std::thread::sleep(Duration::from_millis(20));
            assert!(lease.fill(b"v", Codec::TEXT, Ttl::Default).expect("open"));
            for waiter in waiting {
                assert!(matches!(waiter.join().expect("no panic"), Ok(Lookup::Found(_))));
            }
        });
        assert_eq!(counted(), (3, 1));
    }

    #[test]
    fn an_expired_value_that_is_served_without_a_load_is_a_miss() {
        let cache = cache("paused");
        let policy = LoadPolicy { fail_safe: LONG, throttle: LONG, ..LoadPolicy::default() };
        cache.put(b"k", b"old", Codec::RAW, Ttl::For(Duration::from_millis(1))).expect("open");
        while cache.contains(b"k").expect("open") {
            std::thread::yield_now();
        }
        let begin = || cache.begin_load(b"k", &policy, Duration::ZERO).expect("open");
        let Loading::Load(lease, Some(_)) = begin() else { panic!("a lease, and the expired value") };
        lease.fail();
        for _ in 0..2 {
            assert!(matches!(begin(), Loading::Paused(_)));
        }
        assert_eq!(cache.stats().expect("open").misses, 3);
    }

    #[test]
    fn after_a_load_that_failed_the_next_in_line_loads() {
        let cache = cache("failed");
        let lease = leased(&cache, b"k");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| cache.lease(b"k", LONG));
            drop(lease);
            let Lookup::Lease(next) = waiting.join().expect("no panic").expect("open") else { panic!("no value") };
            assert_eq!(next.key(), b"k");
        });
        let failed = cache.get_or_load(b"k", Ttl::Default, LONG, || Err("no database"));
        assert!(matches!(failed, Err(LoadError::Loader("no database"))));
        drop(leased(&cache, b"k"));
    }

    #[test]
    fn waiting_for_a_load_ends_with_patience_or_with_the_cache() {
        let cache = cache("patience");
        let lease = leased(&cache, b"k");
        for patience in [Duration::ZERO, Duration::from_millis(10)] {
            assert!(matches!(cache.lease(b"k", patience), Err(Error::Timeout { .. })));
        }
        drop(leased(&cache, b"another key"));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| cache.lease(b"k", LONG));
            std::thread::sleep(Duration::from_millis(20));
            cache.close();
            assert!(matches!(waiting.join().expect("no panic"), Err(Error::Closed { .. })));
        });
        assert!(matches!(lease.fill(b"v", Codec::RAW, Ttl::Default), Err(Error::Closed { .. })));
    }
}
