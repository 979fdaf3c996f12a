//! What the handles and the driver of one node share.
//!
//! The invariants: a cache is in the table from its opening to its close, under its name and alone under its id; after
//! [`NodeCore::shut`] every cache is closed and none is opened any more. Who owns the thread is in `mod.rs`, what the
//! thread does in `driver.rs`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, RwLock, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::bell::Bell;
use super::cache::CacheCore;
use super::clock::Until;
use super::fork;
use super::invalidation::BarAsk;
use super::listener::{Event, Listeners};
use super::lock::{lock, read, wait, write};
use super::lookup::Found;
use super::network::Network;
use super::outbox::{Item, Outbox};
use super::token::SyncAsk;
use crate::config::{CacheMode, CacheSettings, Config, RingKey, Settings};
use crate::crypto::Keyring;
use crate::error::{Error, Result};
use crate::hlc::Hlc;
use crate::ids::{CacheId, SessionId};
use crate::metrics::Metrics;
use crate::protocol::{KeyInfo, MemberInfo, Query};
use crate::store::StoreStats;
use crate::transport::Waker;

/// Commands waiting for the driver beyond which questions are refused: more than a process has threads that ask.
const COMMANDS_MAX: usize = 65_536;

/// The longest name of a cache, in bytes of UTF-8.
pub(super) const CACHE_NAME_LEN_MAX: usize = 255;

/// What is asked of the driver, beside what must keep its place in the outbox.
#[derive(Debug)]
pub(super) enum Command {
    /// Keep this cache in step with the members.
    OpenCache(Arc<CacheCore>),
    /// Tell the members.
    Members(Sender<Vec<MemberInfo>>),
    /// Ask the members.
    Ask(Asking),
    /// Tell when members have what was written.
    Sync(SyncAsk),
    /// Change the cluster's keys, and tell them.
    Keys(KeyChange, Sender<Result<Vec<KeyInfo>>>),
    /// The names in `members` were looked up.
    Contacts(Found),
    /// Tell of the network.
    Network(Sender<Network>),
    /// Have members refuse fills.
    RaiseBar(BarAsk),
    /// They need not any more.
    LiftBar(u64),
    /// Leave the cluster and end.
    Close,
}

/// What becomes of the cluster's keys. `Debug` shows no key.
#[derive(Debug)]
pub(super) enum KeyChange {
    /// Nothing: they are only told.
    None,
    /// This one is opened with, too.
    Add(RingKey),
    /// The one of this id seals.
    Primary(u8),
    /// The one of this id is forgotten.
    Remove(u8),
}

/// The queue of commands.
///
/// Not one of crossbeam's bounded queues: those keep what is queued when their receiver goes, and with it the callers who
/// wait for an answer. This kind drops it, by which they learn that nobody will answer.
pub(super) fn commands() -> (Sender<Command>, Receiver<Command>) {
    crossbeam_channel::unbounded()
}

/// A question to the members.
#[derive(Debug)]
pub(super) struct Asking {
    /// What.
    pub(super) what: Query,
    /// Of which cache, where that matters.
    pub(super) cache: CacheId,
    /// Where the news go.
    pub(super) news: Sender<News>,
    /// Dead when nobody waits any more.
    pub(super) waiting: Weak<()>,
}

/// What becomes of a question.
#[derive(Debug)]
pub(super) enum News {
    /// These were asked. Comes first.
    Asked(Vec<MemberInfo>),
    /// One answered.
    Answer(SessionId, Vec<u8>),
    /// One went without an answer.
    Gone(SessionId),
}

/// What handles and driver share.
#[derive(Debug)]
pub(super) struct NodeCore {
    pub(super) config: Config,
    pub(super) settings: Settings,
    pub(super) name: Arc<str>,
    pub(super) generation: u64,
    pub(super) local_addr: SocketAddr,
    pub(super) hash_key: [u8; 16],
    /// The keys as the driver last had them.
    pub(super) keyring: Mutex<Keyring>,
    pub(super) hlc: Arc<Hlc>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) outbox: Outbox,
    pub(super) commands: Sender<Command>,
    pub(super) bell: Bell,
    pub(super) waker: Waker,
    pub(super) listeners: Arc<Listeners>,
    pub(super) caches: RwLock<Caches>,
    pub(super) life: Life,
}

/// The open caches.
#[derive(Debug, Default)]
pub(super) struct Caches {
    /// By name.
    pub(super) open: BTreeMap<Arc<str>, Arc<CacheCore>>,
    /// Figures of those that were closed.
    retired: StoreStats,
}

impl Caches {
    /// Forgets a cache that was closed, but not its figures.
    fn retire(&mut self, cache: &CacheCore) {
        let held_no_more = StoreStats { entries: 0, bytes: 0, tombstones: 0, ..cache.store.stats() };
        self.retired = self.retired + held_no_more;
    }
}

impl NodeCore {
    /// Whether it was made by this process rather than inherited by a fork.
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    /// Why nothing can be done here any more, if so.
    pub(super) fn check(&self) -> Result<()> {
        self.life.check()
    }

    /// Queues an item for sending and wakes the driver if it sleeps.
    pub(super) fn send(&self, item: Item) {
        self.outbox.push(item);
        if self.bell.ring_for_update() {
            self.waker.wake();
        }
    }

    /// Hands a question to the driver, unless absurdly many wait already.
    pub(super) fn question(&self, question: Command) -> Result<()> {
        if self.commands.len() >= COMMANDS_MAX {
            let what = format!("the driver to take a question: {COMMANDS_MAX} of them wait");
            return Err(Error::Timeout { what, waited: Duration::ZERO });
        }
        self.command(question)
    }

    /// Hands a command to the driver. Never waits; questions go by [`NodeCore::question`].
    pub(super) fn command(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| self.gone())?;
        if self.bell.ring_for_command() {
            self.waker.wake();
        }
        Ok(())
    }

    /// The error of a call that finds the driver gone.
    pub(super) fn gone(&self) -> Error {
        self.check().err().unwrap_or(Error::Closed { what: "node" })
    }

    /// Tells the listeners, if there are any.
    pub(super) fn publish(&self, event: impl FnOnce() -> Event) {
        if self.listeners.any() {
            self.listeners.publish(&event(), &self.metrics);
        }
    }

    /// The cache called `name`, opened with `settings` if it is not open; `on_other_settings` says what if it is.
    pub(super) fn open_cache(
        self: &Arc<Self>,
        name: &str,
        settings: CacheSettings,
        on_other_settings: OnOtherSettings,
    ) -> Result<Arc<CacheCore>> {
        check_name(name)?;
        let mut caches = write(&self.caches);
        self.check()?;
        if let Some(open) = caches.open.get(name) {
            if on_other_settings == OnOtherSettings::Refuse && open.settings != settings {
                let reason = format!("the cache `{name}` is open with other settings; close it first, or use those");
                return Err(Error::InvalidArgument { name: "config", reason });
            }
            return Ok(Arc::clone(open));
        }
        let id = CacheId::of(name);
        if let Some(other) = caches.open.values().find(|other| other.id == id) {
            let reason =
                format!("`{name}` has the same 64-bit id as the open cache `{}`; choose another name", other.name);
            return Err(Error::InvalidArgument { name: "name", reason });
        }
        let cache = Arc::new(CacheCore::new(name.into(), id, settings, Arc::clone(self)));
        caches.open.insert(Arc::clone(&cache.name), Arc::clone(&cache));
        if cache.is_replicated() {
            self.life.note_opened();
        }
        // The driver takes this lock, too, so nobody may wait for it while holding the lock.
        drop(caches);
        if cache.is_replicated() {
            self.command(Command::OpenCache(Arc::clone(&cache)))?;
        }
        Ok(cache)
    }

    /// Takes a cache out of the table and out of the cluster. What it has not sent yet is sent before it leaves.
    pub(super) fn close_cache(&self, cache: &Arc<CacheCore>) {
        let mut caches = write(&self.caches);
        if !cache.close() {
            return;
        }
        // The table may hold a later cache of the same name, which stays.
        if caches.open.get(&cache.name).is_some_and(|open| Arc::ptr_eq(open, cache)) {
            caches.open.remove(&cache.name);
            caches.retire(cache);
        }
        drop(caches);
        self.listeners.close_cache(&cache.name);
        if cache.is_replicated() {
            self.send(Item::CloseCache { cache: Arc::clone(cache) });
        }
    }

    /// Closes everything here, whoever calls first: every later call on node and caches is answered with the reason.
    pub(super) fn shut(&self) {
        self.life.close();
        let mut caches = write(&self.caches);
        for cache in std::mem::take(&mut caches.open).into_values() {
            cache.close();
            caches.retire(&cache);
        }
    }

    /// Names of the open caches.
    pub(super) fn cache_names(self: &Arc<Self>) -> Vec<String> {
        read(&self.caches).open.keys().map(ToString::to_string).collect()
    }

    /// Brings the counters that others keep up to date.
    pub(super) fn refresh_metrics(&self) {
        let caches = read(&self.caches);
        let total = caches.open.values().map(|cache| cache.store.stats()).fold(caches.retired, |a, b| a + b);
        drop(caches);
        total.gauge(&self.metrics);
        self.metrics.outbox_keys.set(u64::try_from(self.outbox.len()).unwrap_or(u64::MAX));
        self.metrics.outbox_bytes.set(self.outbox.bytes());
    }
}

/// What to do when a cache is open with settings other than those asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnOtherSettings {
    /// Give it as it is.
    Ignore,
    /// An error.
    Refuse,
}

fn check_name(name: &str) -> Result<()> {
    if (1..=CACHE_NAME_LEN_MAX).contains(&name.len()) {
        return Ok(());
    }
    let reason = format!("{} bytes; a cache's name has 1 to {CACHE_NAME_LEN_MAX} bytes of UTF-8", name.len());
    Err(Error::InvalidArgument { name: "name", reason })
}

/// Whether caches in this mode are known to the cluster.
pub(super) fn is_replicated(mode: CacheMode) -> bool {
    mode != CacheMode::Local
}

/// From opening over readiness to the end.
#[derive(Debug, Default)]
pub(super) struct Life {
    closed: AtomicBool,
    /// What the driver died of.
    failure: OnceLock<String>,
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Phase {
    /// Replicated caches ever opened here.
    opened: u64,
    /// As many of them as the protocol knew when it was last ready; None: it has not been.
    filled: Option<u64>,
    /// The driver has done its last.
    ended: bool,
}

impl Life {
    /// Why nothing can be done any more, if so.
    pub(super) fn check(&self) -> Result<()> {
        match (self.failure.get(), self.is_closed()) {
            (Some(failure), _) => Err(Error::Internal(failure.clone())),
            (None, true) => Err(Error::Closed { what: "node" }),
            (None, false) => Ok(()),
        }
    }

    /// Whether it was closed, by a call or by failing.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Marks it closed and wakes who waits for readiness.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Taking the lock lets a waiter that has just looked at the flag get to its wait first.
        drop(lock(&self.phase));
        self.changed.notify_all();
    }

    /// A replicated cache is being opened: nobody is ready before it is filled.
    fn note_opened(&self) {
        lock(&self.phase).opened += 1;
    }

    /// The members' state is here, of the first `filled` caches.
    pub(super) fn set_ready(&self, filled: u64) {
        lock(&self.phase).filled = Some(filled);
        self.changed.notify_all();
    }

    /// Closes what a forked child inherited: its lock may be held for ever by a thread that is not here.
    pub(super) fn close_inherited(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// The driver cannot go on.
    pub(super) fn fail(&self, reason: String) {
        // The first reason stays: there is one driver, and it ends once.
        let _first = self.failure.set(reason);
        self.close();
    }

    /// The driver has done its last.
    pub(super) fn end(&self) {
        lock(&self.phase).ended = true;
        self.changed.notify_all();
    }

    /// Waits for readiness.
    pub(super) fn wait_ready(&self, timeout: Duration) -> Result<()> {
        let until = Until::after(timeout);
        let mut phase = lock(&self.phase);
        loop {
            self.check()?;
            if phase.filled.is_some_and(|filled| filled >= phase.opened) {
                return Ok(());
            }
            if until.has_come() {
                return Err(Error::Timeout { what: "the members' state to arrive".into(), waited: timeout });
            }
            phase = wait(&self.changed, phase, until);
        }
    }

    /// Waits until the driver has done its last; false if it has not in time.
    pub(super) fn wait_ended(&self, timeout: Duration) -> bool {
        let until = Until::after(timeout);
        let mut phase = lock(&self.phase);
        while !phase.ended && !until.has_come() {
            phase = wait(&self.changed, phase, until);
        }
        phase.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_readiness_ends_with_it_with_the_time_or_with_the_node() {
        let life = Life::default();
        assert!(matches!(life.wait_ready(Duration::ZERO), Err(Error::Timeout { .. })));
        life.set_ready(0);
        assert!(life.wait_ready(Duration::ZERO).is_ok());
        life.close();
        assert!(matches!(life.wait_ready(Duration::from_secs(20)), Err(Error::Closed { what: "node" })));
    }

    #[test]
    fn who_asks_a_driver_that_ends_is_told() {
        let (commands, driver) = commands();
        let (answer, told) = crossbeam_channel::bounded(1);
        commands.send(Command::Members(answer)).expect("the driver is there");
        drop(driver);
        let waited = told.recv_timeout(Duration::from_secs(20));
        assert_eq!(waited.err(), Some(crossbeam_channel::RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_cache_opened_later_is_waited_for_as_well() {
        let life = Life::default();
        life.set_ready(0);
        life.note_opened();
        assert!(life.wait_ready(Duration::ZERO).is_err());
        life.set_ready(0);
        assert!(life.wait_ready(Duration::ZERO).is_err());
        life.set_ready(1);
        assert!(life.wait_ready(Duration::ZERO).is_ok());
    }

    #[test]
    fn a_failure_is_told_in_its_own_words() {
        let life = Life::default();
        life.fail("the poll failed".into());
        assert!(life.is_closed());
        assert!(matches!(life.check(), Err(Error::Internal(reason)) if reason == "the poll failed"));
        assert!(!life.wait_ended(Duration::ZERO));
        life.end();
        assert!(life.wait_ended(Duration::ZERO));
    }

    #[test]
    fn names_have_1_to_255_bytes() {
        assert!(check_name("").is_err());
        assert!(check_name(&"n".repeat(256)).is_err());
        assert!(check_name(&"n".repeat(255)).is_ok());
    }
}
