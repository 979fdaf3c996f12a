//! Loading what a cache does not have: who runs the loader, who waits for it, and what is served if it fails or takes long.
//!
//! A loader runs in its caller's thread; if that is not to wait for its end ([`LoadPolicy`]), in one of its own, which fills
//! the cache when it is done. A process that loads often should have such loaders be brief: each is a thread.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::cache::{Cache, Ttl};
use super::lease::{Lease, Loading};
use super::listener::EventKind;
use crate::config::LoadPolicy;
use crate::error::{Error, Result};
use crate::store::Value;

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

/// How [`Cache::get_or_load_with`] loads.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// What it heeds; [`LoadOptions::of`] takes the cache's own.
    pub policy: LoadPolicy,
    /// How long a loaded value lives.
    pub ttl: Ttl,
    /// Longest wait for another caller's load.
    pub timeout: Duration,
}

impl LoadOptions {
    /// The policy of the cache's settings, its time to live, and 30 s of patience.
    #[must_use]
    pub fn of(cache: &Cache) -> LoadOptions {
        LoadOptions { policy: cache.settings().load, ttl: Ttl::Default, timeout: Duration::from_secs(30) }
    }
}

/// What whoever waits for a load has to tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It failed, and an expired value was given.
    Stale,
    /// It takes longer than the soft timeout, and an expired value was given.
    Slow,
    /// It takes longer than the hard timeout, and nothing was given.
    TimedOut,
}

impl Cache {
    /// The live value of `key`, or else what `load` makes of it (its bytes, and how to read them), which is put for `ttl`.
    ///
    /// At most one caller of this process loads a key at a time; the others wait for it, up to `timeout` each. A write or a
    /// delete that comes while `load` runs wins: then what was loaded is returned, and not put. If `load` fails, or panics,
    /// nothing is put, and one of those that wait loads in its turn. Members do not wait for each other's loads.
    ///
    /// It heeds the cache's settings, as far as a loader can that runs in this thread: an early refresh is waited for, and
    /// the timeouts hold for other callers' loads. [`get_or_load_with`](Cache::get_or_load_with) can do more.
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
        let options = LoadOptions { policy: self.settings().load, ttl, timeout };
        match self.begin_noted(key, &options)? {
            Begun::Value(value) => Ok(value),
            Begun::Refresh(value, lease) => match load() {
                Ok(loaded) => filled(lease, loaded, ttl),
                Err(_failed) => {
                    lease.fail();
                    Ok(value)
                }
            },
            Begun::Load(lease, expired) => self.served(key, expired, loaded(lease, load(), ttl)),
        }
    }

    /// As [`get_or_load`](Cache::get_or_load), with options, and with a loader that can run in a thread of its own: an
    /// early refresh is not waited for, and a load of more than the soft or the hard timeout goes on in the background and
    /// fills the cache when it is done.
    ///
    /// # Errors
    /// As [`get_or_load`](Cache::get_or_load); [`Error::Timeout`] also after the hard timeout.
    pub fn get_or_load_with<E: Send + 'static>(
        &self,
        key: &[u8],
        options: &LoadOptions,
        load: impl FnOnce() -> std::result::Result<Value, E> + Send + 'static,
    ) -> std::result::Result<Value, LoadError<E>> {
        let ttl = options.ttl;
        match self.begin_noted(key, options)? {
            Begun::Value(value) => Ok(value),
            Begun::Refresh(value, lease) => {
                // Who cannot have a thread has no refresh: the lease ends, and a later caller tries again.
                let _joined_by_nobody = spawn(move || loaded(lease, load(), ttl).is_ok());
                Ok(value)
            }
            Begun::Load(lease, expired) => match options.policy.patience(expired.is_some()) {
                None => self.served(key, expired, loaded(lease, load(), ttl)),
                Some(patience) => self.awaited(key, expired, patience, move || loaded(lease, load(), ttl)),
            },
        }
    }

    /// Counts a load that did not go as it should, and tells listeners. For who waits for loads by other means than those
    /// of this file.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn note_load(&self, key: &[u8], note: Note) -> Result<()> {
        let core = self.live()?;
        match note {
            Note::Stale => core.tell_stale(key),
            Note::Slow => {
                core.node.metrics.loads_slow.inc();
                core.tell_load(EventKind::LoadSlow, key);
                core.tell_stale(key);
            }
            Note::TimedOut => {
                core.node.metrics.loads_timed_out.inc();
                core.tell_load(EventKind::LoadTimedOut, key);
            }
        }
        Ok(())
    }

    /// Begins a load, and notes what became of the wait for another's.
    fn begin_noted(&self, key: &[u8], options: &LoadOptions) -> Result<Begun> {
        let LoadOptions { policy, timeout, .. } = options;
        let begun = self.begin_load(key, policy, *timeout);
        match begun {
            Ok(Loading::Fresh(value) | Loading::Paused(value)) => Ok(Begun::Value(value)),
            Ok(Loading::Slow(value)) => {
                self.note_load(key, Note::Slow)?;
                Ok(Begun::Value(value))
            }
            Ok(Loading::Refresh(value, lease)) => Ok(Begun::Refresh(value, lease)),
            Ok(Loading::Load(lease, expired)) => Ok(Begun::Load(lease, expired)),
            Err(error) => {
                let is_hard = policy.hard_timeout.is_some_and(|hard| hard <= *timeout);
                if is_hard && matches!(error, Error::Timeout { .. }) {
                    self.note_load(key, Note::TimedOut)?;
                }
                Err(error)
            }
        }
    }

    /// What was loaded, or the expired value if that failed.
    fn served<E>(&self, key: &[u8], expired: Option<Value>, loaded: Loaded<E>) -> Loaded<E> {
        match (loaded, expired) {
            (Err(LoadError::Loader(_)), Some(value)) => {
                self.note_load(key, Note::Stale)?;
                Ok(value)
            }
            (loaded, _) => loaded,
        }
    }

    /// Has `load` run in a thread of its own, and waits for it for as long as `patience` says.
    fn awaited<E: Send + 'static>(
        &self,
        key: &[u8],
        expired: Option<Value>,
        patience: Duration,
        load: impl FnOnce() -> Loaded<E> + Send + 'static,
    ) -> Loaded<E> {
        let (done, outcome) = crossbeam_channel::bounded(1);
        spawn(move || {
            // Whoever waited may be gone; what was loaded is in the cache.
            let _missed = done.send(catch_unwind(AssertUnwindSafe(load)));
        })?;
        match outcome.recv_timeout(patience) {
            Ok(Ok(loaded)) => self.served(key, expired, loaded),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Internal("a loader's thread is gone".into()).into()),
            Err(RecvTimeoutError::Timeout) => match expired {
                Some(value) => {
                    self.note_load(key, Note::Slow)?;
                    Ok(value)
                }
                None => {
                    self.note_load(key, Note::TimedOut)?;
                    Err(Error::Timeout { what: "the loader, which goes on".into(), waited: patience }.into())
                }
            },
        }
    }
}

type Loaded<E> = std::result::Result<Value, LoadError<E>>;

/// What is left to do.
enum Begun {
    Value(Value),
    Refresh(Value, Lease),
    Load(Lease, Option<Value>),
}

/// Fills what was loaded, or ends the lease.
fn loaded<E>(lease: Lease, loaded: std::result::Result<Value, E>, ttl: Ttl) -> Loaded<E> {
    match loaded {
        Ok(value) => filled(lease, value, ttl),
        Err(error) => {
            lease.fail();
            Err(LoadError::Loader(error))
        }
    }
}

fn filled<E>(lease: Lease, value: Value, ttl: Ttl) -> Loaded<E> {
    lease.fill(&value, value.codec(), ttl)?;
    Ok(value)
}

fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<thread::JoinHandle<T>> {
    let named = thread::Builder::new().name("mccache-load".into());
    named.spawn(run).map_err(|error| Error::Internal(format!("no thread for a loader: {error}")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "what happens in the background is waited for, with a deadline")]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::Config;
    use crate::node::Node;
    use crate::update::Codec;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);
    const TTL: Ttl = Ttl::For(Duration::from_millis(1));

    /// A cache of a node of its own that knows no other.
    fn cache(name: &str, settings: &[(&str, &str)]) -> Cache {
        let mut config = Config::new();
        config.set("cluster", &format!("load-{name}-{}", std::process::id())).expect("a name");
        for (name, value) in settings {
            config.set(name, value).expect("a setting");
        }
        Node::open(&config).expect("a node on loopback").cache("c").expect("a cache")
    }

    /// Puts a value that expires, and waits until it has.
    fn expired(cache: &Cache, key: &[u8]) {
        cache.put(key, b"old", Codec::RAW, TTL).expect("open");
        until(|| !cache.contains(key).expect("open"));
    }

    fn until(what: impl Fn() -> bool) {
        let begun = std::time::Instant::now();
        while !what() {
            assert!(begun.elapsed() < LONG, "it does not happen");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn count(cache: &Cache, name: &str) -> u64 {
        let all = cache.node().metrics();
        all.into_iter().find(|(counter, ..)| *counter == name).expect("a counter").2
    }

    fn value(bytes: &[u8]) -> std::result::Result<Value, &'static str> {
        Ok(Value::new(bytes, Codec::RAW))
    }

    fn get(cache: &Cache, key: &[u8], load: impl FnOnce() -> std::result::Result<Value, &'static str>) -> String {
        match cache.get_or_load(key, TTL, LONG, load) {
            Ok(value) => String::from_utf8_lossy(&value).into_owned(),
            Err(error) => format!("{error}"),
        }
    }

    #[test]
    fn an_expired_value_is_served_while_the_loader_fails_and_not_tried_all_the_time() {
        let cache = cache("fail-safe", &[("fail_safe", "60"), ("fail_safe_throttle", "60")]);
        let events = cache.events().expect("open");
        expired(&cache, b"k");
        let tries = AtomicUsize::new(0);
        let fails = || {
            tries.fetch_add(1, Ordering::Relaxed);
            Err("no database")
        };
        assert_eq!(get(&cache, b"k", fails), "old");
        assert_eq!(get(&cache, b"k", fails), "old");
        assert_eq!(tries.into_inner(), 1);
        assert!(cache.get(b"k").expect("open").is_none(), "others read nothing");
        let counters = ["load_failures", "stale_served", "loads_throttled", "fills"];
        assert_eq!(counters.map(|name| count(&cache, name)), [1, 2, 1, 0]);
        let told: Vec<EventKind> = std::iter::from_fn(|| events.next(Duration::from_millis(200)))
            .map(|event| event.kind)
            .filter(|kind| !matches!(kind, EventKind::Put | EventKind::Expire))
            .collect();
        assert_eq!(told, [EventKind::LoadFailed, EventKind::Stale, EventKind::Stale]);
        assert_eq!(get(&cache, b"another", || Err("no database")), "the loader failed", "nothing to serve");
    }

    #[test]
    fn after_the_pause_and_for_a_newer_value_the_loader_is_tried_again() {
        let cache = cache("throttle", &[("fail_safe", "60"), ("fail_safe_throttle", "0.05")]);
        expired(&cache, b"k");
        assert_eq!(get(&cache, b"k", || Err("down")), "old");
        until(|| get(&cache, b"k", || value(b"new")) == "new");
        expired(&cache, b"n");
        assert_eq!(get(&cache, b"n", || Err("down")), "old");
        expired(&cache, b"n");
        assert_eq!(get(&cache, b"n", || value(b"new")), "new", "it was put since");
    }

    #[test]
    fn what_has_expired_is_kept_no_longer_than_set_and_not_at_all_unless_set() {
        let off = cache("off", &[]);
        expired(&off, b"k");
        assert_eq!(get(&off, b"k", || Err("down")), "the loader failed");
        let cache = cache("age", &[("fail_safe", "0.3"), ("fail_safe_throttle", "0")]);
        expired(&cache, b"k");
        assert_eq!(get(&cache, b"k", || Err("down")), "old");
        until(|| get(&cache, b"k", || Err("down")) == "the loader failed");
        until(|| cache.stats().expect("open").bytes == 0);
        assert_eq!(cache.stats().expect("open").expirations, 1, "told once");
    }

    #[test]
    fn a_value_is_refreshed_early_once_and_in_the_background() {
        let cache = cache("eager", &[("eager_refresh", "0.05")]);
        let ttl = Ttl::For(Duration::from_secs(4));
        cache.put(b"k", b"old", Codec::RAW, ttl).expect("open");
        let options = LoadOptions { ttl, ..LoadOptions::of(&cache) };
        let (go, wait) = crossbeam_channel::bounded::<()>(0);
        let refresh = |wait: crossbeam_channel::Receiver<()>| {
            cache.get_or_load_with(b"k", &options, move || {
                // Until the test says so.
                let _said = wait.recv();
                value(b"new")
            })
        };
        let unneeded = || cache.get_or_load_with(b"k", &options, || Err::<Value, _>("not to be called"));
        assert_eq!(&unneeded().expect("fresh")[..], b"old", "too early");
        until(|| {
            assert_eq!(&refresh(wait.clone()).expect("fresh")[..], b"old");
            count(&cache, "refreshes") == 1
        });
        for _ in 0..10 {
            assert_eq!(&unneeded().expect("fresh")[..], b"old", "one refreshes");
        }
        drop(go);
        until(|| cache.get(b"k").expect("open").as_deref() == Some(b"new"));
        assert_eq!((count(&cache, "refreshes"), count(&cache, "fills")), (1, 1));
    }

    #[test]
    fn a_refresh_that_fails_leaves_the_value_and_is_not_tried_again_at_once() {
        let cache = cache("refresh-fails", &[("eager_refresh", "0.05")]);
        cache.put(b"k", b"old", Codec::RAW, Ttl::For(Duration::from_secs(2))).expect("open");
        until(|| {
            assert_eq!(get(&cache, b"k", || Err("down")), "old");
            count(&cache, "load_failures") == 1
        });
        assert_eq!(get(&cache, b"k", || Err("down")), "old");
        assert_eq!((count(&cache, "load_failures"), count(&cache, "refreshes")), (1, 1));
    }

    #[test]
    fn a_slow_load_is_not_waited_for_and_fills_when_it_is_done() {
        let cache = cache("soft", &[("fail_safe", "60"), ("load_soft_timeout", "0.02")]);
        expired(&cache, b"k");
        let options = LoadOptions { ttl: Ttl::Default, ..LoadOptions::of(&cache) };
        let (go, wait) = crossbeam_channel::bounded::<()>(0);
        let slow = cache.get_or_load_with(b"k", &options, move || {
            let _said = wait.recv();
            value(b"new")
        });
        assert_eq!(&slow.expect("the expired value")[..], b"old");
        assert_eq!(get(&cache, b"k", || Err("not to be called")), "old", "who waits for it is served as well");
        assert_eq!((count(&cache, "loads_slow"), count(&cache, "stale_served")), (2, 2));
        drop(go);
        until(|| cache.get(b"k").expect("open").as_deref() == Some(b"new"));
    }

    #[test]
    fn a_load_beyond_the_hard_timeout_is_an_error_and_fills_when_it_is_done() {
        let cache = cache("hard", &[("load_soft_timeout", "0.001"), ("load_hard_timeout", "0.02")]);
        let options = LoadOptions::of(&cache);
        let (go, wait) = crossbeam_channel::bounded::<()>(0);
        let late = cache.get_or_load_with(b"k", &options, move || {
            let _said = wait.recv();
            value(b"new")
        });
        assert!(matches!(late, Err(LoadError::Cache(Error::Timeout { waited: SHORT, .. }))), "{late:?}");
        let waits = cache.get_or_load_with(b"k", &options, || Err::<Value, _>("not to be called"));
        assert!(matches!(waits, Err(LoadError::Cache(Error::Timeout { waited: SHORT, .. }))), "{waits:?}");
        assert_eq!(count(&cache, "loads_timed_out"), 2);
        drop(go);
        until(|| cache.get(b"k").expect("open").as_deref() == Some(b"new"));
    }

    #[test]
    fn a_write_wins_over_a_load_in_the_background() {
        let cache = cache("overtaken", &[("load_hard_timeout", "0.02")]);
        let (go, wait) = crossbeam_channel::bounded::<()>(0);
        let late = cache.get_or_load_with(b"k", &LoadOptions::of(&cache), move || {
            let _said = wait.recv();
            value(b"loaded")
        });
        assert!(late.is_err());
        cache.put(b"k", b"written", Codec::RAW, Ttl::Default).expect("open");
        drop(go);
        until(|| count(&cache, "fills_overtaken") == 1);
        assert_eq!(cache.get(b"k").expect("open").as_deref(), Some(&b"written"[..]));
    }

    #[test]
    fn a_loader_that_panics_in_its_thread_panics_in_its_caller_s() {
        let cache = cache("panic", &[("load_hard_timeout", "20")]);
        let options = LoadOptions::of(&cache);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _never = cache.get_or_load_with(b"k", &options, || -> std::result::Result<Value, ()> { panic!("oh") });
        }));
        assert_eq!(caught.expect_err("a panic").downcast_ref::<&str>(), Some(&"oh"));
        assert_eq!(get(&cache, b"k", || value(b"v")), "v", "its lease has ended");
    }
}
