//! Leases: the right, and the duty, to load what the cache does not have; one a key at a time in this process.
//!
//! The invariant: what is loaded under a lease is put only if nothing was heard of the key since the lease was given, and
//! it is put under the version that was drawn then. So a write or a delete that was made while the value was loaded wins,
//! whether it comes before the value is put or after: it is newer by its clock. Only a writer whose clock is behind by
//! more than the time the load took can be overruled, and only if its news is still on its way when the value is put.
//!
//! The idea is the lease of Nishtala et al., "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1. Who waits for a
//! load sleeps on that key's own condition variable, under the one lock of the table; the loader runs under none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::cache::{Cache, CacheCore, Change, Ttl, check_len};
use super::clock::{Until, coarse_wall};
use super::listener::EventKind;
use super::lock::{lock, wait};
use crate::error::{Error, Result};
use crate::hlc::Version;
use crate::store::{Fate, Precondition, Source, Value, Watch};
use crate::update::{Codec, KEY_LEN_MAX, Update, UpdateKind};

/// The keys of one cache that are being loaded, each with what its waiters sleep on.
#[derive(Debug, Default)]
pub(super) struct Loads {
    keys: Mutex<BTreeMap<Box<[u8]>, Arc<Condvar>>>,
}

impl Loads {
    /// Takes the load of `key`, or waits for the end of the one that goes on; false if it goes on still at `until`.
    /// True does not say that there is a value now.
    fn wait_for(&self, key: &[u8], until: Until, is_usable: impl FnOnce() -> bool) -> bool {
        let keys = lock(&self.keys);
        let Some(ended) = keys.get(key).map(Arc::clone) else { return true };
        // Looked at under the lock: a close from here on finds this thread asleep and wakes it.
        if !is_usable() {
            return true;
        }
        if until.has_come() {
            return false;
        }
        // An early return, or one at the end of patience, is found out by the caller's next turn.
        drop(wait(&ended, keys, until));
        true
    }

    /// Begins a load of `key`; false if one goes on.
    fn begin(&self, key: &[u8]) -> bool {
        match lock(&self.keys).entry(key.into()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::default());
                true
            }
        }
    }

    /// Ends the load of `key`, and wakes who waits for it.
    fn end(&self, key: &[u8]) {
        if let Some(ended) = lock(&self.keys).remove(key) {
            ended.notify_all();
        }
    }

    /// Wakes everybody: the cache was closed.
    pub(super) fn wake_all(&self) {
        lock(&self.keys).values().for_each(|ended| ended.notify_all());
    }
}

/// The right to load one key. While it lasts, other callers of this process that ask for the key's lease wait.
///
/// It ends with [`fill`](Lease::fill) or by being dropped; then one of those that wait gets the value or the next lease.
/// It may go from thread to thread. In a forked child it is void.
#[derive(Debug)]
pub struct Lease {
    core: Arc<CacheCore>,
    key: Box<[u8]>,
    /// What notes whether anything is heard of the key meanwhile.
    watch: Watch,
    /// What a loaded value is put under.
    version: Version,
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
        let core = &self.core;
        if !core.is_usable() {
            return Err(core.closed());
        }
        core.check_put(&self.key, value)?;
        let now = coarse_wall();
        let deadline = core.deadline(ttl, now)?;
        let change = Change { kind: EventKind::Put, key: &self.key, value_len: value.len() };
        let (version, only_if) = (self.version, Precondition::QuietSince(self.watch));
        let update = Update { kind: UpdateKind::Put, key: &self.key, value, codec, version, deadline };
        let outcome = core.announced(change, || (version, core.store.apply(&update, Source::Local, only_if, now)));
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
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The table of another process's cache may have been locked when this one was forked, and for ever.
        if self.core.is_of_this_process() {
            self.core.store.unwatch(&self.key, self.watch);
            self.core.loads.end(&self.key);
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

/// Why [`Cache::get_or_load`] has no value.
#[derive(Debug, thiserror::Error)]
pub enum LoadError<E> {
    /// The cache.
    #[error(transparent)]
    Cache(#[from] Error),
    /// The loader.
    #[error("the loader failed")]
    Loader(#[source] E),
}

impl Cache {
    /// The live value of `key`, or the right to load it. While another caller of this process loads it, waits for that.
    ///
    /// A thread that asks again for a key it has the lease of waits for itself, until `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`] if the other has not ended after `timeout`; [`Error::TooLarge`] for a key beyond 65,535 bytes.
    /// Else as [`get`](Cache::get), also if the cache is closed meanwhile.
    pub fn lease(&self, key: &[u8], timeout: Duration) -> Result<Lookup> {
        check_len("key", key.len(), KEY_LEN_MAX)?;
        let until = Until::after(timeout);
        loop {
            let core = self.live()?;
            if let Some(value) = core.store.get(key, coarse_wall()) {
                return Ok(Lookup::Found(value));
            }
            if core.loads.begin(key) {
                let lease = Lease::of(core, key);
                // Another may have ended its load since this one looked.
                let found = core.store.peek(key, coarse_wall());
                return Ok(found.map_or(Lookup::Lease(lease), |entry| Lookup::Found(entry.value)));
            }
            if !core.loads.wait_for(key, until, || core.is_usable()) {
                return Err(Error::Timeout { what: "another caller to load the key".into(), waited: timeout });
            }
        }
    }

    /// The live value of `key`, or else what `load` makes of it (its bytes, and how to read them), which is put for `ttl`.
    ///
    /// At most one caller of this process loads a key at a time; the others wait for it, up to `timeout` each. A write or a
    /// delete that comes while `load` runs wins: then what was loaded is returned, and not put. If `load` fails, or panics,
    /// nothing is put, and one of those that wait loads in its turn. Members do not wait for each other's loads.
    ///
    /// # Errors
    /// [`LoadError::Loader`] with what `load` answered; [`LoadError::Cache`] as [`lease`](Cache::lease) and
    /// [`put`](Cache::put).
    pub fn get_or_load<E>(
        &self,
        key: &[u8],
        ttl: Ttl,
        timeout: Duration,
        load: impl FnOnce() -> std::result::Result<Value, E>,
    ) -> std::result::Result<Value, LoadError<E>> {
        match self.lease(key, timeout)? {
            Lookup::Found(value) => Ok(value),
            Lookup::Lease(lease) => {
                let value = load().map_err(LoadError::Loader)?;
                lease.fill(&value, value.codec(), ttl)?;
                Ok(value)
            }
        }
    }
}

impl Lease {
    /// The lease of a load that has begun.
    fn of(core: &Arc<CacheCore>, key: &[u8]) -> Lease {
        let watch = core.store.watch(key);
        // After the watch began, so that it is above whatever was known then.
        let version = core.node.hlc.tick(coarse_wall());
        Lease { core: Arc::clone(core), key: key.into(), watch, version }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "threads that wait for each other are what is tested")]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::Config;
    use crate::node::Node;

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
