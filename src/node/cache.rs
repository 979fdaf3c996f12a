//! A named key space as the application sees it: limits, versions, the local change, and what follows from it.
//!
//! The invariants: a change is visible here before the call returns, never waits for the network, and costs the same
//! however many members there are; a change that peers must hear of is in the outbox before the call returns, and with it
//! each entry that left the store unsent. A get takes no lock but the store's own.
//!
//! How entries are kept lives in `store`, when they are sent in `driver.rs` and `protocol`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use super::clock::coarse_wall;
use super::core::{NodeCore, OnOtherSettings, is_replicated};
use super::fork;
use super::invalidation::OwnBars;
use super::keys::Keys;
use super::listener::{Event, EventKind, Events};
use super::loads::Loads;
use super::lock::read;
use super::lookups::Lookups;
use super::outbox::{Item, QueuedKey};
use super::{Node, NodeShared};
use crate::config::{CacheMode, CacheSettings};
use crate::error::{Error, Result};
use crate::hlc::Version;
use crate::ids::CacheId;
use crate::store::{Copied, Entry, Fate, Gone, Limits, Outcome, Precondition, Source, Store, StoreStats, Value};
use crate::time::{Deadline, WallMs};
use crate::update::{Codec, KEY_LEN_MAX, Update, UpdateKind};

/// How often a local change is stamped anew because a member's newer one came between its stamp and its application.
/// Each such round needs another remote write of the key within less than a microsecond.
const STAMPS_MAX: usize = 8;

/// How long a put lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// As the cache's settings say.
    Default,
    /// No deadline.
    Forever,
    /// This long, rounded up to a millisecond; zero is an error.
    For(Duration),
}

/// A named key space. A handle: clones share one cache, and any of them may be used from any thread.
///
/// It keeps its node open. After [`close`](Cache::close), or the node's, every call answers [`Error::Closed`]; values
/// that were read stay valid. In a forked child the first call opens the node and the cache anew, with the same settings;
/// the members' entries come by state transfer ([`Node::wait_ready`]).
#[derive(Clone, Debug)]
pub struct Cache {
    core: Arc<CacheCore>,
    node: Arc<NodeShared>,
}

/// What the handles of one cache, the outbox and the driver share.
#[derive(Debug)]
pub(super) struct CacheCore {
    pub(super) store: Arc<Store>,
    pub(super) name: Arc<str>,
    pub(super) id: CacheId,
    pub(super) settings: CacheSettings,
    pub(super) node: Arc<NodeCore>,
    closed: AtomicBool,
    /// The driver has taken it out of the cluster; a command to open it that comes later is void.
    left: AtomicBool,
    generation: u64,
    /// Held shared from before a change is applied until it is in the outbox, and exclusively for a moment by `sync`:
    /// without it a sync could overtake a key that another thread has made dirty but not queued yet.
    pub(super) gate: RwLock<()>,
    /// Keys that are being loaded in this process.
    pub(super) loads: Loads,
    /// Keys of which this process has fills refused.
    pub(super) bars: OwnBars,
    /// Keys that were read lately, if somebody wants to know.
    pub(super) lookups: Lookups,
    /// In a forked child: the cache that took the place of this one.
    reborn: OnceLock<Arc<CacheCore>>,
}

impl CacheCore {
    /// An empty cache of `node`.
    pub(super) fn new(name: Arc<str>, id: CacheId, settings: CacheSettings, node: Arc<NodeCore>) -> CacheCore {
        let limits = Limits { max_entries: settings.max_entries, max_bytes: settings.max_bytes };
        let store = Store::new(limits, node.hash_key, is_replicated(settings.mode)).evicting(settings.policy);
        let store = match settings.mode {
            CacheMode::Partial => store.partial(),
            CacheMode::Invalidate => store.marking(),
            CacheMode::Replicate | CacheMode::Local => store,
        };
        let store = Arc::new(store.keeping_expired(settings.load.fail_safe));
        let generation = node.generation;
        let (closed, left, gate, loads, bars, lookups, reborn) = Default::default();
        CacheCore { store, name, id, settings, node, closed, left, generation, gate, loads, bars, lookups, reborn }
    }

    /// Whether the cluster knows of it.
    pub(super) fn is_replicated(&self) -> bool {
        is_replicated(self.settings.mode)
    }

    /// Marks it closed; false if it was.
    pub(super) fn close(&self) -> bool {
        let first = !self.closed.swap(true, Ordering::AcqRel);
        if first && self.is_of_this_process() {
            self.loads.wake_all();
        }
        first
    }

    /// Whether it was opened in this process, not in one that this was forked from.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.generation == fork::generation()
    }

    /// Whether it was taken out of the cluster.
    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// It was taken out of the cluster.
    pub(super) fn note_left(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// The time it goes by: the host's, up to a timer tick behind, unless that clock is known to be wrong.
    #[inline]
    pub(super) fn wall(&self) -> WallMs {
        self.node.hlc.corrected(coarse_wall())
    }

    /// Whether it can be used in this process.
    #[inline]
    pub(super) fn is_usable(&self) -> bool {
        self.is_of_this_process() && !self.closed.load(Ordering::Relaxed)
    }

    /// Why it cannot be used, when it was closed.
    pub(super) fn closed(&self) -> Error {
        self.node.check().err().unwrap_or(Error::Closed { what: "cache" })
    }

    /// Applies a local change of one key, stamping it anew while something newer comes between, and queues what peers
    /// must hear of.
    pub(super) fn change(
        self: &Arc<Self>,
        change: Change<'_>,
        now: WallMs,
        apply: impl Fn(Version) -> Outcome,
    ) -> Result<(Version, Outcome)> {
        let mut version = Version::ZERO;
        let outcome = self.announced(change, || {
            let (last, outcome) = stamped(|| self.node.hlc.tick(now), apply);
            version = last;
            (version, outcome)
        });
        if outcome.fate == Fate::Stale { Err(overtaken()) } else { Ok((version, outcome)) }
    }

    /// Applies a local change of one key, queues what peers must hear of, and tells listeners.
    pub(super) fn announced(
        self: &Arc<Self>,
        change: Change<'_>,
        apply: impl FnOnce() -> (Version, Outcome),
    ) -> Outcome {
        let gate = self.is_replicated().then(|| read(&self.gate));
        let (version, mut outcome) = apply();
        self.queue(change, version, &mut outcome);
        drop(gate);
        if outcome.fate == Fate::Applied {
            self.node.publish(|| self.event(change.kind, change.key, version, Writer::Here));
        }
        outcome
    }

    /// Applies a local change that is nobody else's business, and tells listeners.
    pub(super) fn kept(self: &Arc<Self>, change: Change<'_>, apply: impl FnOnce() -> (Version, Outcome)) -> Outcome {
        let (version, mut outcome) = apply();
        self.announce_gone(std::mem::take(&mut outcome.evicted), EventKind::Evict);
        if outcome.fate == Fate::Applied {
            self.node.publish(|| self.event(change.kind, change.key, version, Writer::Here));
        }
        outcome
    }

    /// Queues what peers must hear of after a local change.
    fn queue(self: &Arc<Self>, change: Change<'_>, version: Version, outcome: &mut Outcome) {
        let metrics = &self.node.metrics;
        match (outcome.fate, outcome.dirty_key.take()) {
            (Fate::Applied, Some(key)) if self.node.outbox.is_full() => {
                // Taken, so that a later change of the key finds it clean and queues it again.
                let _unsent = self.store.take_dirty(&key);
                metrics.outbox_overflows.inc();
            }
            (Fate::Applied, Some(key)) => {
                let key = QueuedKey::new(key, change.value_len);
                self.node.send(Item::Key { cache: Arc::clone(self), key });
            }
            // Queued since an earlier change, which nobody will be sent any more.
            (Fate::Applied, None) if self.is_replicated() => metrics.updates_conflated.inc(),
            // The store gave the older value up, so the others must, too.
            (Fate::TooHeavy, _) if self.is_replicated() => self.forget(change.key, version),
            _ => {}
        }
        if !outcome.evicted.is_empty() {
            self.announce_gone(std::mem::take(&mut outcome.evicted), EventKind::Evict);
        }
    }

    /// Tells peers to drop what they hold of entries that left the store before they were sent, and listeners that they
    /// left.
    pub(super) fn announce_gone(self: &Arc<Self>, gone: impl IntoIterator<Item = Gone>, kind: EventKind) {
        for entry in gone {
            if !entry.told {
                self.node.publish(|| self.event(kind, &entry.key, entry.version, Writer::Unknown));
            }
            if entry.dirty && self.is_replicated() {
                self.forget(&entry.key, entry.version);
            }
        }
    }

    /// Has peers drop what they hold of `key` up to `version`.
    fn forget(self: &Arc<Self>, key: &[u8], version: Version) {
        if self.node.outbox.is_full() {
            self.node.metrics.outbox_overflows.inc();
            return;
        }
        self.node.send(Item::Forget { cache: Arc::clone(self), key: key.into(), version });
    }

    /// Refuses a put that is too long for the cache.
    pub(super) fn check_put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        check_len("key", key.len(), KEY_LEN_MAX)?;
        check_len("value", value.len(), self.settings.max_value)?;
        // Asked before the store is, which gives up the older value of what it cannot hold: so it must with a member's.
        check_len("entry", Store::weight_of(key.len(), value.len()), self.settings.max_bytes)
    }

    /// The instant a put with this `ttl` expires.
    pub(super) fn deadline(&self, ttl: Ttl, now: WallMs) -> Result<Deadline> {
        match ttl {
            Ttl::Default => Ok(Deadline::after(now, self.settings.ttl)),
            Ttl::Forever => Ok(Deadline::NEVER),
            Ttl::For(Duration::ZERO) => {
                let reason = "0 ms; a time to live is at least 1 ms, and a delete is what drops a key now".into();
                Err(Error::InvalidArgument { name: "ttl", reason })
            }
            Ttl::For(ttl) => Ok(Deadline::after(now, Some(ttl))),
        }
    }

    /// An event of this cache.
    pub(super) fn event(&self, kind: EventKind, key: &[u8], version: Version, writer: Writer) -> Event {
        let (member, local) = match writer {
            Writer::Here => (Arc::clone(&self.node.name), true),
            Writer::Member(name) => (name, false),
            Writer::Unknown => ("".into(), version.origin == self.node.hlc.origin()),
        };
        Event { kind, cache: Arc::clone(&self.name), key: key.into(), version, local, member, dropped: 0 }
    }
}

/// Applies a change under a new stamp, and again while something newer comes between; with all that the attempts evicted.
#[inline]
pub(super) fn stamped(stamp: impl Fn() -> Version, apply: impl Fn(Version) -> Outcome) -> (Version, Outcome) {
    let version = stamp();
    let outcome = apply(version);
    if outcome.fate == Fate::Stale { stamped_again(version, outcome, stamp, apply) } else { (version, outcome) }
}

#[cold]
#[inline(never)]
fn stamped_again(
    mut version: Version,
    mut outcome: Outcome,
    stamp: impl Fn() -> Version,
    apply: impl Fn(Version) -> Outcome,
) -> (Version, Outcome) {
    for _ in 1..STAMPS_MAX {
        if outcome.fate != Fate::Stale {
            break;
        }
        // An attempt makes room before it is judged, and what left for it is to be announced whatever comes of it.
        let mut evicted = outcome.evicted;
        version = stamp();
        outcome = apply(version);
        evicted.append(&mut outcome.evicted);
        outcome.evicted = evicted;
    }
    (version, outcome)
}

/// The error of a change that was not done.
pub(super) fn overtaken() -> Error {
    Error::Internal(format!("members' newer writes came between {STAMPS_MAX} times in a row; nothing was changed"))
}

/// A local change of one key, as far as others are concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) kind: EventKind,
    pub(super) key: &'a [u8],
    /// Of the value the entry holds afterwards; `usize::MAX` if that is not known here.
    pub(super) value_len: usize,
}

/// Who wrote what an event tells of.
#[derive(Clone, Debug)]
pub(super) enum Writer {
    /// This process, in the call that makes the event.
    Here,
    /// The member of this name.
    Member(Arc<str>),
    /// Nobody in particular: the entry left by itself.
    Unknown,
}

impl Cache {
    /// A handle on `core`, which belongs to `node`.
    pub(super) fn new(core: Arc<CacheCore>, node: Arc<NodeShared>) -> Cache {
        Cache { core, node }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// The node it belongs to.
    #[must_use]
    pub fn node(&self) -> Node {
        Node::of(Arc::clone(&self.node))
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &CacheSettings {
        &self.core.settings
    }

    /// Milliseconds since the epoch by the node's clock, up to a timer tick behind; for ages and remaining times.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        self.core.wall().0
    }

    /// The live value of `key`; None if there is none. The bytes are shared, not copied.
    ///
    /// # Errors
    /// [`Error::Closed`]; [`Error::Internal`] if the node failed. In a forked child, what [`Node::open`] answers.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        let core = self.live()?;
        let value = core.store.get(key, core.wall());
        if value.is_some() {
            core.looked_up(key);
        }
        Ok(value)
    }

    /// The same for who has memory of their own: `write` gets the live value of `key` if it has at most `room` bytes.
    ///
    /// A longer one counts as no read, and its length is told. `write` only copies: it may run under a lock of the cache,
    /// which it must not use.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    #[inline]
    pub fn get_into(&self, key: &[u8], room: usize, write: impl FnOnce(&[u8])) -> Result<Copied> {
        let core = self.live()?;
        let copied = core.store.get_into(key, core.wall(), room, write);
        if let Copied::Done { .. } = copied {
            core.looked_up(key);
        }
        Ok(copied)
    }

    /// Whether `key` has a live value; counts as no read.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn contains(&self, key: &[u8]) -> Result<bool> {
        let core = self.live()?;
        Ok(core.store.contains(key, core.wall()))
    }

    /// Everything known of an entry; neither counts as a read nor touches it.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn metadata(&self, key: &[u8]) -> Result<Option<Entry>> {
        let core = self.live()?;
        Ok(core.store.peek(key, core.wall()))
    }

    /// Gives `key` (0 to 65,535 bytes) a value, here at once and on every member soon.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for the key, for a value longer than the setting `max_value`, or for an entry heavier than the
    /// whole cache; nothing was changed.
    /// [`Error::InvalidArgument`] for a time to live of zero. Else as [`get`](Cache::get).
    pub fn put(&self, key: &[u8], value: &[u8], codec: Codec, ttl: Ttl) -> Result<()> {
        self.put_if(key, value, codec, ttl, Precondition::Any).map(|_| ())
    }

    /// Puts only if the precondition holds in this process; `Ok(false)` if it does not.
    ///
    /// The check and the put are one step here. Members do not check: of two puts on two members at once, each accepted by
    /// its own process, the later one wins everywhere.
    ///
    /// # Errors
    /// As [`put`](Cache::put).
    pub fn put_if(&self, key: &[u8], value: &[u8], codec: Codec, ttl: Ttl, only_if: Precondition) -> Result<bool> {
        self.put_version(key, value, codec, ttl, only_if).map(|(_, _, put)| put)
    }

    /// As [`put_if`](Cache::put_if); with the version it was put under.
    pub(super) fn put_version(
        &self,
        key: &[u8],
        value: &[u8],
        codec: Codec,
        ttl: Ttl,
        only_if: Precondition,
    ) -> Result<(&Arc<CacheCore>, Version, bool)> {
        let core = self.live()?;
        core.check_put(key, value)?;
        let now = core.wall();
        let deadline = core.deadline(ttl, now)?;
        let change = Change { kind: EventKind::Put, key, value_len: value.len() };
        let (version, outcome) = core.change(change, now, |version| {
            let update = Update { kind: UpdateKind::Put, key, value, codec, version, deadline };
            core.store.apply(&update, Source::Local, only_if, now)
        })?;
        if outcome.fate == Fate::TooHeavy {
            return Err(Error::Internal("the store refused an entry that is within its limits".into()));
        }
        Ok((core, version, outcome.fate != Fate::Refused))
    }

    /// Deletes `key` here at once and on every member soon; whether there was a value here.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a key beyond 65,535 bytes. Else as [`get`](Cache::get).
    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        self.delete_version(key).map(|(_, _, found)| found)
    }

    /// As [`delete`](Cache::delete); with the version of the delete.
    pub(super) fn delete_version(&self, key: &[u8]) -> Result<(&Arc<CacheCore>, Version, bool)> {
        let core = self.live()?;
        check_len("key", key.len(), KEY_LEN_MAX)?;
        let now = core.wall();
        let (version, outcome) =
            core.change(Change { kind: EventKind::Delete, key, value_len: 0 }, now, |version| {
                core.store.apply(
                    &update_without_value(UpdateKind::Delete, key, version),
                    Source::Local,
                    Precondition::Any,
                    now,
                )
            })?;
        Ok((core, version, outcome.had_value))
    }

    /// Deletes `key` and returns what was there, in one step.
    ///
    /// # Errors
    /// As [`delete`](Cache::delete).
    pub fn take(&self, key: &[u8]) -> Result<Option<Value>> {
        let core = self.live()?;
        check_len("key", key.len(), KEY_LEN_MAX)?;
        let now = core.wall();
        let taken = std::cell::Cell::new(None);
        core.change(Change { kind: EventKind::Delete, key, value_len: 0 }, now, |version| {
            let (outcome, value) = core.store.take(key, version, now);
            taken.set(value);
            outcome
        })?;
        Ok(taken.into_inner())
    }

    /// Gives the value of `key` a new time to live, here and on every member; false if there is no value.
    ///
    /// # Errors
    /// As [`delete`](Cache::delete), and [`Error::InvalidArgument`] for a time to live of zero.
    pub fn touch(&self, key: &[u8], ttl: Ttl) -> Result<bool> {
        let core = self.live()?;
        check_len("key", key.len(), KEY_LEN_MAX)?;
        let now = core.wall();
        let deadline = core.deadline(ttl, now)?;
        let change = Change { kind: EventKind::Put, key, value_len: usize::MAX };
        let touch = |version| core.store.touch(key, deadline, version, now);
        let outcome = if core.store.is_marking() {
            core.kept(change, || stamped(|| core.node.hlc.tick(now), touch))
        } else {
            core.change(change, now, touch)?.1
        };
        Ok(outcome.fate != Fate::Refused && outcome.had_value)
    }

    /// Drops every entry, here at once and on every member soon. What another member puts at the same time stays.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn clear(&self) -> Result<()> {
        let core = self.live()?;
        let now = core.wall();
        // The key is empty for a clear, and no key is dirty by it: the clear itself is queued below.
        let gate = core.is_replicated().then(|| read(&core.gate));
        let (version, outcome) = stamped(
            || core.node.hlc.tick(now),
            |version| {
                let update = update_without_value(UpdateKind::Clear, b"", version);
                core.store.apply(&update, Source::Local, Precondition::Any, now)
            },
        );
        if outcome.fate == Fate::Stale {
            return Err(overtaken());
        }
        if core.is_replicated() {
            core.node.send(Item::Clear { cache: Arc::clone(core), version });
        }
        drop(gate);
        core.node.publish(|| core.event(EventKind::Clear, b"", version, Writer::Here));
        Ok(())
    }

    /// How many entries are held; those whose deadline has just passed may still be counted.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn len(&self) -> Result<usize> {
        Ok(self.live()?.store.len())
    }

    /// Whether none is held.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Keys in no order; writes meanwhile neither block nor break it. Each key that stays is given once.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::new(self.clone())
    }

    /// (checksum, entries) of the live contents: equal contents have equal checksums on every node of the cluster.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn checksum(&self) -> Result<(u64, u64)> {
        let core = self.live()?;
        Ok(core.store.checksum(core.wall()))
    }

    /// Figures of this cache in this process.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn stats(&self) -> Result<StoreStats> {
        Ok(self.live()?.store.stats())
    }

    /// A queue of what happens to this cache from now on. It closes with the cache.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn events(&self) -> Result<Events> {
        let core = self.live()?;
        let events = core.node.listeners.listen(Some(Arc::clone(&core.name)));
        // A close between the two lines above has not seen this queue.
        if core.is_usable() { Ok(events) } else { Err(core.closed()) }
    }

    /// Leaves the cache: every later call on any of its handles answers [`Error::Closed`].
    ///
    /// Returns at once; what was written before is still sent. The entries are dropped with the last handle. Idempotent,
    /// from any thread. Opening the name again gives a new cache, filled from the members.
    pub fn close(&self) {
        let mut core = &self.core;
        while let Some(reborn) = core.reborn.get() {
            core = reborn;
        }
        if core.generation == fork::generation() {
            core.node.close_cache(core);
        } else {
            core.close();
        }
    }

    /// What there is to use in this process, or why there is nothing.
    #[inline]
    pub(super) fn live(&self) -> Result<&Arc<CacheCore>> {
        if self.core.is_usable() { Ok(&self.core) } else { self.live_elsewhere() }
    }

    #[cold]
    fn live_elsewhere(&self) -> Result<&Arc<CacheCore>> {
        let mut core = &self.core;
        while !core.is_usable() {
            if core.closed.load(Ordering::Acquire) {
                return Err(core.closed());
            }
            core = match core.reborn.get() {
                Some(reborn) => reborn,
                None => self.rebirth(core)?,
            };
        }
        Ok(core)
    }

    /// In a forked child: opens in the child's own node what `core` was in its parent's.
    fn rebirth<'a>(&self, core: &'a CacheCore) -> Result<&'a Arc<CacheCore>> {
        let node = self.node.live()?;
        let reborn = node.core().open_cache(&core.name, core.settings.clone(), OnOtherSettings::Ignore)?;
        let guard = self.node.lock_rebirth()?;
        // Another thread of the child may have been first, with the same cache.
        let _first = core.reborn.set(reborn);
        drop(guard);
        core.reborn.get().ok_or_else(|| Error::Internal("a cell that was just set is empty".into()))
    }
}

fn update_without_value(kind: UpdateKind, key: &[u8], version: Version) -> Update<'_> {
    Update { kind, key, value: b"", codec: Codec::RAW, version, deadline: Deadline::NEVER }
}

pub(super) fn check_len(what: &'static str, len: usize, limit: usize) -> Result<()> {
    if len <= limit { Ok(()) } else { Err(Error::TooLarge { what, len, limit }) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::hlc::HlcTimestamp;
    use crate::ids::Origin;

    /// Answers `Stale` to the first `stale` attempts, and evicts an entry of the attempt's version in each.
    fn attempts(stale: usize) -> (Version, Outcome) {
        let (clock, attempt) = (Cell::new(0), Cell::new(0));
        let stamp = || {
            clock.set(clock.get() + 1);
            Version { hlc: HlcTimestamp(clock.get()), origin: Origin(1) }
        };
        stamped(stamp, |version| {
            let store = Store::with_seed(Limits { max_entries: 1, max_bytes: 1_000 }, [0; 16], true, 1);
            for (key, hlc) in [(b"old", version), (b"new", Version { origin: Origin(2), ..version })] {
                let update = update_without_value(UpdateKind::Put, key, hlc);
                let outcome = store.apply(&update, Source::Local, Precondition::Any, WallMs(1));
                if !outcome.evicted.is_empty() {
                    attempt.set(attempt.get() + 1);
                    let fate = if attempt.get() <= stale { Fate::Stale } else { Fate::Applied };
                    return Outcome { fate, ..outcome };
                }
            }
            panic!("the second put evicts the first")
        })
    }

    #[test]
    fn what_every_attempt_evicted_is_told() {
        let (version, outcome) = attempts(2);
        assert_eq!((version.hlc.0, outcome.fate), (3, Fate::Applied));
        assert_eq!(outcome.evicted.iter().map(|gone| gone.version.hlc.0).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_change_that_is_always_overtaken_is_given_up() {
        let (_, outcome) = attempts(usize::MAX);
        assert_eq!((outcome.fate, outcome.evicted.len()), (Fate::Stale, STAMPS_MAX));
    }
}
