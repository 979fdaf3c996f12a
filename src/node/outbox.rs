//! What the application's threads leave for the driver: dirty keys, and what else must keep its place among them.
//!
//! It holds keys, not messages. The store says that a key turned dirty once, until the driver takes it, so a key that is
//! written a thousand times meanwhile is sent once, in its newest version. The queue is thereby about as long as there are
//! dirty entries; keys that are evicted while they wait are what [`OUTBOX_ITEMS_MAX`] is for. A put never waits here.

use std::sync::{Arc, Weak};

use crossbeam_channel::{Receiver, Sender};

use super::cache::CacheCore;
use crate::hlc::Version;
use crate::store::Key;

/// Most items that wait. Only churn reaches it: entries that are evicted while the network is slower than the writers.
/// Beyond, updates are counted and left to the comparison of states: `outbox_overflows`.
pub(super) const OUTBOX_ITEMS_MAX: usize = 2 << 20;

/// A key with a longer value is copied for the queue, as a handle on the entry's block would keep the value in memory
/// even after it was replaced.
const HANDLE_VALUE_MAX: usize = 512;

/// One thing for the driver to send, in order.
#[derive(Debug)]
pub(super) enum Item {
    /// Send the key's present state if it is still dirty.
    Key {
        /// Whose.
        cache: Arc<CacheCore>,
        /// Which.
        key: QueuedKey,
    },
    /// Tell the others to drop what they hold of the key up to this version: it left unsent.
    Forget {
        /// Whose.
        cache: Arc<CacheCore>,
        /// Which.
        key: Box<[u8]>,
        /// The one that left.
        version: Version,
    },
    /// Tell the others to empty the cache.
    Clear {
        /// Which.
        cache: Arc<CacheCore>,
        /// Of the clear.
        version: Version,
    },
    /// The cache was closed, and all it wrote lies before this.
    CloseCache {
        /// Which.
        cache: Arc<CacheCore>,
    },
    /// Somebody waits until everything before this is applied everywhere.
    Sync(SyncAsk),
}

/// Who waits for a sync.
#[derive(Debug)]
pub(super) struct SyncAsk {
    /// Told when it is done.
    pub(super) done: Sender<()>,
    /// Dead when nobody waits any more.
    pub(super) waiting: Weak<()>,
}

/// A key in the queue: a handle on the entry's block, or a copy.
#[derive(Debug)]
pub(super) enum QueuedKey {
    /// Shares the block of the entry.
    Handle(Key),
    /// Its own bytes.
    Copy(Box<[u8]>),
}

impl QueuedKey {
    /// For a key whose value has `value_len` bytes.
    pub(super) fn new(key: Key, value_len: usize) -> QueuedKey {
        if value_len <= HANDLE_VALUE_MAX { QueuedKey::Handle(key) } else { QueuedKey::Copy((*key).into()) }
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            QueuedKey::Handle(key) => key,
            QueuedKey::Copy(bytes) => bytes,
        }
    }
}

/// The callers' end of the queue.
#[derive(Debug)]
pub(super) struct Outbox {
    items: Sender<Item>,
}

impl Outbox {
    /// An empty queue, and the driver's end of it.
    pub(super) fn new() -> (Outbox, Receiver<Item>) {
        let (items, driver) = crossbeam_channel::unbounded();
        (Outbox { items }, driver)
    }

    /// Items that wait.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether an update must be left to the comparison of states.
    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= OUTBOX_ITEMS_MAX
    }

    /// Queues `item`; it is dropped if the driver is gone.
    pub(super) fn push(&self, item: Item) {
        // The driver is gone only when the node is closed, and then nothing is sent any more.
        let _gone = self.items.send(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_order_and_are_counted() {
        let (outbox, driver) = Outbox::new();
        let waiting = Arc::new(());
        for _ in 0..2 {
            let (done, _) = crossbeam_channel::bounded(1);
            outbox.push(Item::Sync(SyncAsk { done, waiting: Arc::downgrade(&waiting) }));
        }
        assert_eq!(outbox.len(), 2);
        assert!(matches!(driver.try_recv(), Ok(Item::Sync(_))));
        assert_eq!(outbox.len(), 1);
    }

    #[test]
    fn who_waits_is_told_when_the_driver_is_gone() {
        let (outbox, driver) = Outbox::new();
        let waiting = Arc::new(());
        let (done, woken) = crossbeam_channel::bounded(1);
        outbox.push(Item::Sync(SyncAsk { done, waiting: Arc::downgrade(&waiting) }));
        drop(driver);
        assert!(woken.recv().is_err());
    }
}
