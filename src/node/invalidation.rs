//! Invalidation in two steps around a transaction of the database that a cache is loaded from.
//!
//! The invariants: when a begun invalidation is [complete](Invalidation::is_complete), no member that is live holds a value
//! of its keys, and none puts one that it loads, until it ends; so from the instant at which the transaction is committed
//! nobody reads from the cache what was before it, whatever clocks say. It ends by its limit if by nothing else, also if its
//! process is no more, and loads that began before its end are not put afterwards either. Whoever does not know what became of
//! the transaction invalidates: a drop does.
//!
//! What members say to each other of it is `protocol/bars.rs`, what is done to loads `store/bars.rs`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender};

use super::cache::{Cache, CacheCore, check_len};
use super::clock::{Until, coarse_wall};
use super::core::Command;
use super::lock::lock;
use crate::error::{Error, Result};
use crate::ids::CacheId;
use crate::protocol::{BAR_KEYS_MAX, BAR_LIMIT_MAX, SyncTo};
use crate::store::Store;
use crate::time::WallMs;
use crate::update::KEY_LEN_MAX;

/// How long members wait for the end of an invalidation where nothing else is said: longer than a transaction should take.
pub const INVALIDATION_LIMIT: Duration = Duration::from_secs(30);

/// What is asked of the driver: that members refuse fills.
#[derive(Debug)]
pub(super) struct BarAsk {
    /// Names it in this process.
    pub(super) bar: u64,
    /// Of which cache.
    pub(super) cache: CacheId,
    /// The hashes of the keys.
    pub(super) keys: Vec<u64>,
    /// For how long at most.
    pub(super) limit: Duration,
    /// Told when all do.
    pub(super) done: Sender<()>,
}

/// The bars that this process has raised in one of its own stores.
#[derive(Debug, Default)]
pub(super) struct OwnBars {
    /// For a first look that takes no lock.
    any: AtomicBool,
    up: Mutex<BTreeMap<u64, OwnBar>>,
}

#[derive(Debug)]
struct OwnBar {
    until: Until,
    keys: Vec<u64>,
}

impl OwnBars {
    fn raise(&self, store: &Store, bar: u64, keys: Vec<u64>, until: Until) {
        let mut up = lock(&self.up);
        keys.iter().for_each(|&key| store.raise_bar(key));
        up.insert(bar, OwnBar { until, keys });
        self.any.store(true, Ordering::Release);
    }

    /// Lifts the bar, unless it has ended by its time.
    fn lift(&self, store: &Store, bar: u64) {
        self.lift_those(store, |&which, _| which == bar);
    }

    /// Lifts what has ended by its time.
    fn end_due(&self, store: &Store) {
        if self.any.load(Ordering::Acquire) {
            self.lift_those(store, |_, own| own.until.has_come());
        }
    }

    fn lift_those(&self, store: &Store, which: impl Fn(&u64, &OwnBar) -> bool) {
        let mut up = lock(&self.up);
        up.retain(|bar, own| {
            let ends = which(bar, own);
            if ends {
                own.keys.iter().for_each(|&key| store.lift_bar(key));
            }
            !ends
        });
        self.any.store(!up.is_empty(), Ordering::Release);
    }
}

impl CacheCore {
    /// Whether what is loaded of `key` now would not be put.
    pub(super) fn is_barred(&self, key: &[u8]) -> bool {
        self.bars.end_due(&self.store);
        self.store.is_barred(key)
    }

    /// Has members refuse fills; whether all do that are there.
    fn bar_members(&self, bar: u64, keys: Vec<u64>, limit: Duration, patience: Until) -> Result<bool> {
        let (done, woken) = crossbeam_channel::bounded(1);
        self.node.question(Command::RaiseBar(BarAsk { bar, cache: self.id, keys, limit, done }))?;
        match woken.recv_timeout(patience.remaining()) {
            Ok(()) => Ok(true),
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(self.node.gone()),
        }
    }
}

/// A begun invalidation of some keys: values of them are neither held nor put, here and on the members, until it ends.
///
/// It ends with [`commit`](Invalidation::commit) or [`abort`](Invalidation::abort), and with a commit if it is dropped. In a
/// forked child it is void.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Invalidation {
    cache: Cache,
    core: Arc<CacheCore>,
    keys: Vec<Box<[u8]>>,
    bar: u64,
    /// Members may accept fills again, by the clock that a suspended machine may stop ...
    until: Until,
    /// ... and by the one that it does not.
    until_wall: WallMs,
    complete: bool,
    ended: bool,
}

impl Cache {
    /// Begins to invalidate `keys` (1 to 64 of them) around a transaction that changes what they are loaded from: has every
    /// live member refuse to put what it loads of them, and then delete them. Begin it before the transaction is committed,
    /// and end it afterwards.
    ///
    /// Meanwhile the keys are misses; who loads one gets what was loaded, as if there was no cache. Puts pass. Waits for the
    /// members, for `timeout` at most: see [`Invalidation::is_complete`]. If nothing more is heard of it, it ends after
    /// `limit`, at most ten minutes; a transaction that may take longer has only what a delete afterwards promises.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for no key or too many, and for a limit of zero or of more than ten minutes;
    /// [`Error::TooLarge`] for a key beyond 65,535 bytes. Else as [`get`](Cache::get).
    pub fn begin_invalidate(&self, keys: &[&[u8]], limit: Duration, timeout: Duration) -> Result<Invalidation> {
        let core = self.live()?;
        if keys.is_empty() || keys.len() > BAR_KEYS_MAX {
            let reason = format!("{} of them; 1 to {BAR_KEYS_MAX} are invalidated together", keys.len());
            return Err(Error::InvalidArgument { name: "keys", reason });
        }
        if limit.is_zero() || limit > BAR_LIMIT_MAX {
            let reason = format!("{limit:?}; it is above zero, and {BAR_LIMIT_MAX:?} at most");
            return Err(Error::InvalidArgument { name: "limit", reason });
        }
        keys.iter().try_for_each(|key| check_len("key", key.len(), KEY_LEN_MAX))?;
        let patience = Until::after(timeout);
        let (now, until) = (core.wall(), Until::after(limit));
        let hashes: Vec<u64> = keys.iter().map(|key| core.store.key_hash(key)).collect();
        // Of this process no other bar has that number.
        let bar = core.node.hlc.tick(now).hlc.0;
        core.bars.raise(&core.store, bar, hashes.clone(), until);
        let mut begun = Invalidation {
            cache: self.clone(),
            core: Arc::clone(core),
            keys: keys.iter().map(|&key| key.into()).collect(),
            bar,
            until,
            until_wall: coarse_wall().after(limit),
            complete: false,
            ended: false,
        };
        let is_held = !core.is_replicated() || core.bar_members(bar, hashes, limit, patience)?;
        // Not before: so the delete is above all that was put before fills were refused.
        begun.delete_all()?;
        let has_dropped = is_held
            && match core.is_replicated().then(|| core.wait_synced(core.position(), SyncTo::All, patience.remaining()))
            {
                None | Some(Ok(())) => true,
                Some(Err(Error::Timeout { .. })) => false,
                Some(Err(error)) => return Err(error),
            };
        // By now members may accept fills again.
        begun.complete = has_dropped && begun.is_in_time();
        Ok(begun)
    }
}

impl Invalidation {
    /// Whether every live member has said that it puts nothing it loads of the keys, and has dropped what it held. If not,
    /// some did not answer in time: those may show what was before the transaction until they hear of its end, as after any
    /// delete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The transaction is committed: deletes the keys once more, for who did not hear of the beginning, and ends the
    /// invalidation. False if its limit had passed: then members may have loaded what was before the transaction until now.
    ///
    /// # Errors
    /// As [`Cache::delete`]; it has ended all the same. [`Error::Closed`] also in a forked child.
    pub fn commit(mut self) -> Result<bool> {
        self.ended = true;
        if !self.core.is_usable() {
            return Err(self.core.closed());
        }
        let in_time = self.is_in_time();
        let deleted = self.delete_all();
        self.lift();
        deleted.map(|()| in_time)
    }

    /// The transaction was rolled back for certain: ends the invalidation, and changes nothing. The keys are loaded anew.
    pub fn abort(mut self) {
        self.ended = true;
        self.lift();
    }

    fn is_in_time(&self) -> bool {
        !self.until.has_come() && coarse_wall() < self.until_wall
    }

    fn delete_all(&self) -> Result<()> {
        let deleted: Vec<Result<bool>> = self.keys.iter().map(|key| self.cache.delete(key)).collect();
        deleted.into_iter().try_for_each(|deleted| deleted.map(|_found| ()))
    }

    fn lift(&self) {
        if self.core.is_of_this_process() {
            self.core.bars.lift(&self.core.store, self.bar);
            if self.core.is_replicated() {
                // A node that has ended needs no telling.
                let _gone = self.core.node.command(Command::LiftBar(self.bar));
            }
        }
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if !self.ended && self.core.is_of_this_process() {
            // A cache that was closed is nobody's any more.
            let _closed = self.delete_all();
            self.lift();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "threads that load at the same time are what is tested")]

    use super::*;
    use crate::config::Config;
    use crate::node::{Lookup, Node, Ttl};
    use crate::update::Codec;

    const LONG: Duration = Duration::from_secs(20);

    fn node(name: &str) -> Node {
        let mut config = Config::new();
        config.set("cluster", &format!("invalidation-{name}-{}", std::process::id())).expect("a name");
        Node::open(&config).expect("a node on loopback")
    }

    fn put(cache: &Cache, value: &[u8]) {
        cache.put(b"k", value, Codec::RAW, Ttl::Default).expect("open");
    }

    /// Loads the key, with what comes between; whether it was put.
    fn load(cache: &Cache, between: impl FnOnce()) -> bool {
        match cache.lease(b"k", LONG).expect("open") {
            Lookup::Lease(lease) => {
                between();
                lease.fill(b"loaded", Codec::RAW, Ttl::Default).expect("open")
            }
            Lookup::Found(value) => panic!("found {value:?}"),
        }
    }

    #[test]
    fn from_the_beginning_to_the_end_nothing_is_held_and_nothing_loaded_is_put() {
        let (one, two) = (node("two"), node("two"));
        let (writer, reader) = (one.cache("c").expect("a cache"), two.cache("c").expect("a cache"));
        one.wait_ready(LONG).expect("ready");
        two.wait_ready(LONG).expect("ready");
        while one.members().expect("open").is_empty() || two.members().expect("open").is_empty() {
            std::thread::yield_now();
        }
        let commits: fn(Invalidation) = |begun| assert!(begun.commit().expect("open"));
        for ends in [commits, Invalidation::abort, drop] {
            put(&writer, b"before");
            writer.sync(LONG).expect("all have it");
            assert!(reader.contains(b"k").expect("open"));
            let begun = writer.begin_invalidate(&[b"k", b"l"], LONG, LONG).expect("open");
            assert!(begun.is_complete());
            for cache in [&writer, &reader] {
                assert!(!cache.contains(b"k").expect("open"));
                assert!(!load(cache, || {}));
            }
            let lease = reader.lease(b"l", LONG).expect("open");
            ends(begun);
            let Lookup::Lease(lease) = lease else { panic!("nothing was put") };
            assert!(!lease.fill(b"before", Codec::RAW, Ttl::Default).expect("open"), "it began before the end");
            let until = Until::after(LONG);
            while !load(&reader, || {}) {
                assert!(!until.has_come(), "it has ended");
            }
            assert_eq!(reader.get(b"k").expect("open").as_deref(), Some(&b"loaded"[..]));
        }
    }

    #[test]
    fn who_loads_meanwhile_does_not_wait_for_others() {
        let node = node("herd");
        let cache = node.cache("c").expect("a cache");
        let begun = cache.begin_invalidate(&[b"k"], LONG, LONG).expect("open");
        let (one, two) = (cache.lease(b"k", Duration::ZERO), cache.lease(b"k", Duration::ZERO));
        let (Ok(Lookup::Lease(one)), Ok(Lookup::Lease(two))) = (one, two) else { panic!("both load") };
        assert!(!one.fill(b"1", Codec::RAW, Ttl::Default).expect("open"));
        assert!(begun.commit().expect("open"));
        assert!(load(&cache, || {}));
        assert!(!two.fill(b"2", Codec::RAW, Ttl::Default).expect("open"));
        assert_eq!(cache.get(b"k").expect("open").as_deref(), Some(&b"loaded"[..]));
    }

    #[test]
    fn it_ends_by_its_limit_and_its_writer_is_told() {
        let node = node("late");
        node.wait_ready(LONG).expect("ready");
        for mode in ["replicate", "local"] {
            let mut config = Config::new();
            config.set("cache_mode", mode).expect("a mode");
            let cache = node.cache_with(mode, &config).expect("a cache");
            let begun = cache.begin_invalidate(&[b"k"], Duration::from_millis(50), LONG).expect("open");
            let lease = cache.lease(b"k", Duration::ZERO).expect("open");
            std::thread::sleep(Duration::from_millis(60));
            let Lookup::Lease(lease) = lease else { panic!("nothing was put") };
            assert!(!lease.fill(b"before", Codec::RAW, Ttl::Default).expect("open"), "{mode}");
            assert!(load(&cache, || {}), "{mode}");
            assert!(!begun.commit().expect("open"), "{mode}");
            assert!(!cache.contains(b"k").expect("open"), "{mode}: what was loaded meanwhile may be from before");
        }
    }

    #[test]
    fn what_cannot_be_begun_is_refused_and_leaves_nothing_behind() {
        let node = node("bad");
        let cache = node.cache("c").expect("a cache");
        let many = [&b"k"[..]; BAR_KEYS_MAX + 1];
        for (keys, limit) in
            [(&many[..0], LONG), (&many[..], LONG), (&many[..1], Duration::ZERO), (&many[..1], LONG * 100)]
        {
            assert!(matches!(cache.begin_invalidate(keys, limit, LONG), Err(Error::InvalidArgument { .. })));
        }
        assert!(matches!(cache.begin_invalidate(&[&[0; 65_536]], LONG, LONG), Err(Error::TooLarge { .. })));
        assert!(load(&cache, || {}));
        let begun = cache.begin_invalidate(&[b"k"], LONG, LONG).expect("open");
        cache.close();
        assert!(matches!(begun.commit(), Err(Error::Closed { .. })));
    }
}
