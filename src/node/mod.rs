//! The running thing: threads, the real clock, and the Rust API that people call.
//!
//! A [`Node`] owns one thread, the driver, which turns the sans-IO protocol between the sockets, the outbox and the clock.
//! The application's threads change the stores directly and leave keys in the outbox; they wait for the driver only where
//! a method says that it waits. No lock of this room is held across a call into another.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | [`Node`]: open, close, who owns the thread |
//! | `cache.rs`, `keys.rs`, `query.rs` | [`Cache`] and what it is asked |
//! | `lease.rs`, `load.rs`, `loads.rs` | loading what a cache does not have |
//! | `invalidation.rs` | what a transaction of the database is put between |
//! | `token.rs` | what a write leaves to wait for |
//! | `keyring.rs` | the cluster's keys while the node runs |
//! | `core.rs` | what handles and driver share |
//! | `outbox.rs`, `bell.rs` | the way from a put to the driver |
//! | `driver.rs`, `train.rs`, `upkeep.rs` | the thread |
//! | `lookup.rs`, `network.rs` | names of members in DNS, and what is known of the network |
//! | `listener.rs`, `lookups.rs` | [`Events`], and what was read lately |
//! | `clock.rs` | the only reader of the real clock |
//! | `fork.rs`, `lock.rs` | what a forked child must not touch, and locks it may inherit |
//!
//! What does not live here: what is sent and when (`protocol`), how entries are kept (`store`), sockets (`transport`).

mod bell;
mod cache;
mod clock;
mod core;
mod driver;
mod fork;
mod invalidation;
mod keyring;
mod keys;
mod lease;
mod listener;
mod load;
mod loads;
mod lock;
mod lookup;
mod lookups;
mod network;
mod outbox;
mod query;
mod srv;
mod tags;
mod token;
mod train;
mod upkeep;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use self::cache::{Cache, Ttl};
pub use self::invalidation::{INVALIDATION_LIMIT, Invalidation};
pub use self::keys::Keys;
pub use self::lease::{Lease, Loading, Lookup};
pub use self::listener::{Event, EventKind, Events, Waited};
pub use self::load::{LoadError, LoadOptions, Note};
pub use self::network::Network;
pub use self::query::{MemberChecksum, MemberMetrics};
pub use self::token::Token;
pub use crate::crypto::KeyRole;
pub use crate::protocol::{KeyInfo, MemberInfo, MemberState, Strangeness, Stranger, SyncTo};
pub use crate::store::{Copied, Entry, Key, Precondition, StoreStats, Value};

use self::core::{Command, NodeCore, OnOtherSettings};
use self::driver::Started;
use self::fork::Inherited;
use self::lock::lock;
use crate::config::{CacheSettings, Config, Settings};
use crate::crypto::Keyring;
use crate::error::{Error, Result};

/// How long the drop of the last handle waits for the goodbye. The driver gives its flush half of it.
const DROP_WAIT_MAX: Duration = Duration::from_secs(1);

/// How long a turn of the driver may keep a caller waiting; it is bounded work, so only a stopped process takes as long.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);

/// A running member of a cluster. A handle: clones share one node, and any of them may be used from any thread.
///
/// It is open until [`close`](Node::close), or until the last handle of the node and its caches goes. That drop says
/// goodbye as `close` does and waits at most 1 s for it; call `close` first where a drop must not wait.
///
/// After a `fork` the child never uses its parent's session, sockets or threads: its first use of a handle opens a node of
/// its own with the same settings and the same caches, which the members fill. The parent does not notice.
#[derive(Clone, Debug)]
pub struct Node {
    shared: Arc<NodeShared>,
}

/// What all handles of a node and its caches own together; the driver does not, so that the last handle ends it.
#[derive(Debug)]
struct NodeShared {
    core: Arc<NodeCore>,
    /// None once it was joined.
    thread: Mutex<Option<JoinHandle<()>>>,
    sockets: Inherited,
    /// In a forked child: the node that took the place of this one. Set under `rebirth`.
    reborn: OnceLock<Node>,
    rebirth: Mutex<()>,
    /// The drop of the last handle does not wait for the driver's end.
    detached: AtomicBool,
}

impl Node {
    /// Opens a node: reads the settings, opens the sockets, starts the driver and joins the cluster.
    ///
    /// Returns when the node can send and receive (about 1 ms; 200 ms more where the host does not hear its own
    /// multicast). The members' state arrives later, see [`wait_ready`](Node::wait_ready). If it fails nothing is left
    /// running.
    ///
    /// # Errors
    /// What is wrong with the settings; [`Error::Network`] with a cure; [`Error::Internal`] if the system has no random
    /// numbers or no thread to give.
    pub fn open(config: &Config) -> Result<Node> {
        fork::watch()?;
        Node::open_with(config, None)
    }

    /// The same with this ring in the place of the one that `config` has.
    fn open_with(config: &Config, keyring: Option<Keyring>) -> Result<Node> {
        let Started { core, thread, sockets } = driver::start(config, keyring)?;
        let thread = Mutex::new(Some(thread));
        let (reborn, rebirth, detached) = Default::default();
        let shared = NodeShared { core, thread, sockets, reborn, rebirth, detached };
        Ok(Node::of(Arc::new(shared)))
    }

    /// The process's own node: opened from the configuration file and the environment on first use, and anew if it was
    /// closed. Nothing closes it at the end of the process.
    ///
    /// # Errors
    /// As [`open`](Node::open), and of reading file and environment.
    pub fn global() -> Result<Node> {
        static GLOBAL: Mutex<Option<Node>> = Mutex::new(None);
        let mut global = fork::lock_within(&GLOBAL)?;
        match global.as_ref() {
            Some(node) if !node.is_closed() => Ok(node.clone()),
            _ => Ok(global.insert(Node::open(&Config::from_environment()?)?).clone()),
        }
    }

    /// The cache called `name`, 1 to 255 bytes of UTF-8, with the node's settings and its own ones from the file; the
    /// same name gives the same cache.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for the name, or if an open cache of another name has the same 64-bit id;
    /// [`Error::Closed`]; [`Error::Internal`] if the node failed. In a forked child, what [`open`](Node::open) answers.
    pub fn cache(&self, name: &str) -> Result<Cache> {
        let core = self.live()?;
        let settings = core.settings.of_cache(name).clone();
        Ok(Cache::new(core.open_cache(name, settings, OnOtherSettings::Ignore)?, self.owner_of(core)))
    }

    /// The same with the cache settings of `config` on top.
    ///
    /// # Errors
    /// As [`cache`](Node::cache), of the settings, and [`Error::InvalidArgument`] if the cache is open with other ones.
    pub fn cache_with(&self, name: &str, config: &Config) -> Result<Cache> {
        let core = self.live()?;
        let settings = config.cache_settings(core.settings.of_cache(name))?;
        Ok(Cache::new(core.open_cache(name, settings, OnOtherSettings::Refuse)?, self.owner_of(core)))
    }

    /// Names of the open caches, in order.
    #[must_use]
    pub fn caches(&self) -> Vec<String> {
        self.live().map(|core| core.cache_names()).unwrap_or_default()
    }

    /// Waits until the members' state has arrived, or nobody is there to send it.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::Closed`] also when it is closed meanwhile; [`Error::Internal`] if the node failed.
    pub fn wait_ready(&self, timeout: Duration) -> Result<()> {
        self.live()?.life.wait_ready(timeout)
    }

    /// The other members, those included that have not been heard for a moment. Waits for a turn of the driver.
    ///
    /// # Errors
    /// [`Error::Closed`]; [`Error::Internal`] if the node failed; [`Error::Timeout`] if the driver does not get to run.
    pub fn members(&self) -> Result<Vec<MemberInfo>> {
        self.live()?.asked(Command::Members)
    }

    /// This node's name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.here().name
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.here().settings
    }

    /// Where its datagrams come from.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.here().local_addr
    }

    /// (name, what it counts, value) of every counter.
    #[must_use]
    pub fn metrics(&self) -> Vec<(&'static str, &'static str, u64)> {
        let core = self.here();
        if core.is_ours() {
            core.refresh_metrics();
        }
        core.metrics.snapshot()
    }

    /// A queue of what happens from now on, in all caches and the membership. It closes with the node.
    ///
    /// # Errors
    /// As [`cache`](Node::cache) but for the name.
    pub fn events(&self) -> Result<Events> {
        Ok(self.live()?.listeners.listen(None))
    }

    /// Leaves the cluster: sends what is not yet sent, at most for half a second, says goodbye, ends the thread and closes
    /// the caches.
    ///
    /// From the first moment on other threads' calls answer [`Error::Closed`]. Idempotent and from any thread; returns
    /// when it is done, also when another thread's call does it. Values that were read stay valid.
    pub fn close(&self) {
        let shared = self.newest();
        if shared.core.is_ours() {
            shared.close();
        } else {
            // Inherited and never used here: there is nothing to leave, and it shall not be opened any more.
            shared.core.life.close_inherited();
        }
    }

    /// Has the drop of the last handle return at once: the driver says goodbye and ends by itself, if the process lasts.
    ///
    /// For handles that a garbage collector drops. Without it that drop waits up to a second, so that what was written
    /// last is not lost when a program ends.
    pub fn detach_on_drop(&self) {
        self.newest().detached.store(true, Ordering::Relaxed);
    }

    /// Whether it was closed, by a call or because the driver failed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.newest().core.life.is_closed()
    }

    /// A handle on `shared`.
    fn of(shared: Arc<NodeShared>) -> Node {
        Node { shared }
    }

    /// What there is to use in this process, or why there is nothing.
    fn live(&self) -> Result<&Arc<NodeCore>> {
        let core = self.shared.live()?.core();
        core.check()?;
        Ok(core)
    }

    /// What this process has of it already: in a forked child that has not used it, the parent's.
    fn here(&self) -> &NodeCore {
        &self.newest().core
    }

    fn newest(&self) -> &NodeShared {
        let mut shared = &self.shared;
        while let Some(node) = shared.reborn.get() {
            shared = &node.shared;
        }
        shared
    }

    /// Who keeps the node of `core` open: this handle's own part, or the child's within it.
    fn owner_of(&self, core: &Arc<NodeCore>) -> Arc<NodeShared> {
        let mut shared = &self.shared;
        while !Arc::ptr_eq(&shared.core, core) {
            let Some(node) = shared.reborn.get() else { break };
            shared = &node.shared;
        }
        Arc::clone(shared)
    }
}

impl NodeShared {
    fn core(&self) -> &Arc<NodeCore> {
        &self.core
    }

    /// This node, or in a forked child the one that took its place, opened if need be.
    fn live(&self) -> Result<&NodeShared> {
        let mut shared = self;
        while !shared.core.is_ours() {
            if shared.core.life.is_closed() {
                return Err(Error::Closed { what: "node" });
            }
            shared = match shared.reborn.get() {
                Some(node) => &node.shared,
                None => shared.rebirth()?,
            };
        }
        Ok(shared)
    }

    fn lock_rebirth(&self) -> Result<MutexGuard<'_, ()>> {
        fork::lock_within(&self.rebirth)
    }

    /// Opens the child's own node, and in it the caches that the parent had open.
    #[cold]
    fn rebirth(&self) -> Result<&NodeShared> {
        let guard = self.lock_rebirth()?;
        if self.reborn.get().is_none() {
            self.sockets.close();
            // The parent's keys may have changed since it was opened, and its settings do not know.
            let keyring = fork::lock_within(&self.core.keyring)?.clone();
            let node = Node::open_with(&self.core.config, Some(keyring))?;
            for (name, settings) in self.inherited_caches() {
                node.shared.core.open_cache(&name, settings, OnOtherSettings::Ignore)?;
            }
            node.shared.detached.store(self.detached.load(Ordering::Relaxed), Ordering::Relaxed);
            // Empty, and filled under the lock alone.
            let _set = self.reborn.set(node);
        }
        drop(guard);
        let node = self.reborn.get().ok_or_else(|| Error::Internal("a cell that was just set is empty".into()))?;
        Ok(&node.shared)
    }

    /// The parent's caches at the fork; none if a thread of the parent was changing the table, and then each is opened
    /// by the first use of its handle.
    fn inherited_caches(&self) -> Vec<(Arc<str>, CacheSettings)> {
        let caches = match self.core.caches.try_read() {
            Ok(caches) => caches,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        caches.open.values().map(|cache| (Arc::clone(&cache.name), cache.settings.clone())).collect()
    }

    /// Closes, and waits until the driver is gone.
    fn close(&self) {
        self.begin_close();
        // Held while joining, so that a second caller returns no earlier than the first.
        let mut thread = lock(&self.thread);
        if let Some(thread) = thread.take() {
            // A panic of the driver was caught and told; there is nothing else to learn from the result.
            let _ended = thread.join();
        }
    }

    fn begin_close(&self) {
        self.core.shut();
        // The driver is gone already if it cannot be told.
        let _gone = self.core.command(Command::Close);
    }
}

impl Drop for NodeShared {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if !self.core.is_ours() {
            // The thread is the parent's. Here it does not exist, and not even its handle may be dropped.
            std::mem::forget(thread);
            if self.reborn.get().is_none() {
                self.sockets.close();
            }
            return;
        }
        let Some(thread) = thread else { return };
        self.begin_close();
        if !self.detached.load(Ordering::Relaxed) && self.core.life.wait_ended(DROP_WAIT_MAX) {
            let _ended = thread.join();
        }
    }
}
