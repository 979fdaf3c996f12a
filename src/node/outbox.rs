//! What the application's threads leave for the driver: dirty keys, and what else must keep its place among them.
//!
//! It holds keys, not messages. The store says that a key turned dirty once, until the driver takes it, so a key that is
//! written a thousand times meanwhile is sent once, in its newest version. The queue is thereby about as long as there are
//! dirty entries; keys that are evicted while they wait are what [`OUTBOX_ITEMS_MAX`] and [`OUTBOX_BYTES_MAX`] are for. A put
//! never waits here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender};

use super::cache::CacheCore;
use crate::hlc::Version;
use crate::store::Key;

/// Most items that wait. Only churn reaches it: entries that are evicted while the network is slower than the writers.
/// Beyond, updates are counted and left to the comparison of states: `outbox_overflows`.
pub(super) const OUTBOX_ITEMS_MAX: usize = 2 << 20;

/// Most bytes that wait: a million keys with short values have room, and so have four thousand of the longest keys.
const OUTBOX_BYTES_MAX: u64 = 256 << 20;

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
    /// Tell the others that a tag was invalidated.
    InvalidateTag {
        /// Whose.
        cache: Arc<CacheCore>,
        /// Its hash and its name.
        key: Box<[u8]>,
        /// Of that.
        version: Version,
    },
    /// The cache was closed, and all it wrote lies before this.
    CloseCache {
        /// Which.
        cache: Arc<CacheCore>,
    },
}

impl Item {
    /// Bytes that it takes in the queue, with what it keeps in memory by itself.
    fn weight(&self) -> u64 {
        let beside = match self {
            Item::Key { key, .. } => key.held_bytes(),
            Item::Forget { key, .. } | Item::InvalidateTag { key, .. } => key.len(),
            Item::Clear { .. } | Item::CloseCache { .. } => 0,
        };
        (size_of::<Item>() + beside) as u64
    }
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

    /// Bytes that it keeps in memory.
    fn held_bytes(&self) -> usize {
        match self {
            QueuedKey::Handle(key) => key.held_bytes(),
            QueuedKey::Copy(bytes) => bytes.len(),
        }
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
    /// How many items were ever queued, or are just about to be.
    queued: AtomicU64,
    /// What waits, in bytes.
    bytes: AtomicU64,
}

impl Outbox {
    /// An empty queue, and the driver's end of it.
    pub(super) fn new() -> (Outbox, Receiver<Item>) {
        let (items, driver) = crossbeam_channel::unbounded();
        (Outbox { items, queued: AtomicU64::new(0), bytes: AtomicU64::new(0) }, driver)
    }

    /// Items that wait.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether an update must be left to the comparison of states.
    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= OUTBOX_ITEMS_MAX || self.bytes() >= OUTBOX_BYTES_MAX
    }

    /// The driver has taken `item` out.
    pub(super) fn note_taken(&self, item: &Item) {
        self.bytes.fetch_sub(item.weight(), Ordering::Relaxed);
    }

    /// How many items have to be taken out from the beginning so that everything is among them that was queued until now.
    pub(super) fn position(&self) -> u64 {
        self.queued.load(Ordering::Acquire)
    }

    /// Queues `item`; it is dropped if the driver is gone.
    pub(super) fn push(&self, item: Item) {
        // Counted first: whoever sees an item in the queue finds it, and all before it, counted.
        self.queued.fetch_add(1, Ordering::AcqRel);
        self.bytes.fetch_add(item.weight(), Ordering::Relaxed);
        // The driver is gone only when the node is closed, and then nothing is sent any more.
        let _gone = self.items.send(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What closes a cache is the shortest item there is.
    fn item() -> Item {
        let node = crate::node::Node::open(&crate::config::Config::new()).expect("a node on loopback");
        Item::CloseCache { cache: Arc::clone(node.cache("c").expect("a cache").live().expect("open")) }
    }

    #[test]
    fn items_are_counted_and_a_position_holds_all_that_were_queued() {
        let (outbox, driver) = Outbox::new();
        assert_eq!((outbox.len(), outbox.position()), (0, 0));
        outbox.push(item());
        outbox.push(item());
        assert_eq!((outbox.len(), outbox.position()), (2, 2));
        assert!(driver.try_recv().is_ok());
        assert_eq!((outbox.len(), outbox.position()), (1, 2));
    }

    #[test]
    fn long_keys_fill_it_by_their_bytes_and_what_is_taken_makes_room() {
        let (outbox, driver) = Outbox::new();
        let Item::CloseCache { cache } = item() else { unreachable!("that is what `item` makes") };
        let mut queued = 0_u64;
        while !outbox.is_full() && queued < 300 {
            let key = vec![0; 1 << 20].into_boxed_slice();
            outbox.push(Item::Forget { cache: Arc::clone(&cache), key, version: Version::ZERO });
            queued += 1;
        }
        assert_eq!(queued, OUTBOX_BYTES_MAX >> 20, "{} bytes", outbox.bytes());
        while let Ok(item) = driver.try_recv() {
            outbox.note_taken(&item);
            assert!(!outbox.is_full());
        }
        assert_eq!(outbox.bytes(), 0);
    }
}
