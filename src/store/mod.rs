//! The local cache: entries, limits, eviction, expiry, tombstones. Memory only; no clock, no network.
//!
//! A store is a number of shards, each behind one lock, and what spans them in atomics. Its rules:
//!
//! * Versions never go back. An update is applied only if it is newer than what is known of its key, or, if nothing is,
//!   than what may have been forgotten of it (see `segments`).
//! * Both [`Limits`] hold at every instant (see `budget`). Who goes to make room is told in `evict`.
//! * No thread waits for a lock while it holds one, and no value is freed under a lock.
//!
//! When to send, to collect and to expire is decided elsewhere; so is what time it is.

mod bars;
mod block;
mod budget;
mod change;
mod clear;
mod copy;
mod disown;
mod evict;
mod expire;
mod hashes;
mod mark;
mod policy;
mod scan;
mod segments;
mod shard;
mod slot;
mod tags;
#[cfg(test)]
mod tests;
mod timers;
mod value;
mod watch;

pub use copy::Copied;
pub use tags::TAG_FLOORS_MAX;
pub use value::{Key, Value};
pub use watch::Watch;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use smallvec::SmallVec;

use crate::config::CachePolicy;
use crate::hlc::{HlcTimestamp, Version};
use crate::lock::Mutex;
use crate::metrics::Metrics;
use crate::time::{Deadline, WallMs};
use bars::Bars;
use budget::Budget;
use clear::Clears;
use hashes::{Hashes, Place};
use policy::Order;
use segments::Segments;
use shard::Shard;
use slot::Slot;
use tags::TagFloors;

/// Number of segments the keys are divided into for comparing two replicas: fixed, part of the protocol.
pub const SEGMENTS: usize = 4096;

/// Most live entries of a store, whatever its limits say: slots are numbered by 32 bits.
pub const MAX_ENTRIES: usize = 1 << 31;

/// Most tombstones of a store, shared out evenly among its shards; beyond them the oldest is collected.
pub const TOMBSTONES_MAX: usize = 65_536;

/// Most bytes of tombstones' keys, shared out likewise. A shard's share holds the longest key several times over.
pub const TOMBSTONE_BYTES_MAX: usize = 16 << 20;

/// Most shards: enough that a few dozen threads seldom meet; more would only spread the locks over more memory.
const SHARDS_MAX: usize = 64;

/// Entries below which a store is one shard, and evicts in exactly its policy's order.
const ONE_SHARD_ENTRIES: usize = 1024;

/// Entries a shard is to hold at least before there are more of them, so that each has an order worth the name.
const SHARD_ENTRIES_MIN: usize = 256;

/// Slots read under one hold of a lock by whatever walks the store: some 10 us.
const SLOTS_PER_LOCK: usize = 256;

/// What an entry costs beside its key and value: its slot; its share of the table, five bytes a bucket at the least
/// load (7/16); its block's count of handles and length, and what an allocator adds (8 B header, 8 B rounding on average); a
/// timer record; its share of the ghosts of the evicted (see `policy`).
const ENTRY_OVERHEAD: usize = size_of::<Slot>() + (5 * 16_usize).div_ceil(7) + 2 * size_of::<usize>() + 16 + 16 + 4;

/// What a store may hold. Both limits hold at every instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most live entries.
    pub max_entries: usize,
    /// Most bytes: the sum of the weights of live entries.
    pub max_bytes: usize,
}

/// Where an update comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This process: the entry becomes dirty (not yet sent) if the cache is replicated.
    Local,
    /// Another member: the entry becomes clean.
    Remote,
    /// This process, which loaded the value and did not write it: as `Local`, but where values stay in the process
    /// ([`Store::marking`]) nobody is told.
    Fill,
}

/// What must be true of the key for an update to be applied, checked under the same lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// No live value.
    Absent,
    /// A live value of exactly this version.
    Version(Version),
    /// A live value of any version.
    Present,
    /// No update of the key was heard since its watch began ([`Store::watch`]), and no clear.
    QuietSince(Watch),
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is now the state of the key (or of the cache, for a clear).
    Applied,
    /// Something as new or newer is known, or the key (or another of its segment) was forgotten at a newer version.
    ///
    /// A local writer that is not content to have been overtaken draws a new version and tries again: that is always
    /// right.
    Stale,
    /// The precondition did not hold.
    Refused,
    /// A put heavier than the whole store: nothing is held of the key now; older values are gone, dirty or not, and it
    /// is for the caller to announce the update's version.
    TooHeavy,
}

/// An entry that left the store without being replaced or deleted, or a tombstone that left it before it was sent.
#[derive(Clone, Debug)]
pub struct Gone {
    /// Its key.
    pub key: Key,
    /// Its version.
    pub version: Version,
    /// Whether it was never taken by [`Store::take_dirty`]: its version is still to be announced.
    pub dirty: bool,
    /// Whether its expiry was told before: it had been kept since.
    pub told: bool,
}

impl Gone {
    /// See [`Key::slim`].
    fn slim(mut self) -> Gone {
        self.key.slim();
        self
    }
}

/// The answer of [`Store::apply`].
#[derive(Debug)]
pub struct Outcome {
    /// What became of the update.
    pub fate: Fate,
    /// Some if the key was clean (or unknown) and is dirty now: to be handed to the outbox once.
    pub dirty_key: Option<Key>,
    /// There was a live, unexpired value before (whatever the fate). False for a clear.
    pub had_value: bool,
    /// Entries evicted to make room, and tombstones pushed out before they were sent.
    pub evicted: Evicted,
}

/// What left to make room: none in the usual case, and one where a cache is full, without a separate allocation.
pub type Evicted = SmallVec<[Gone; 1]>;

/// Everything known of one live entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// Its version; `version.hlc.wall()` is when it was written.
    pub version: Version,
    /// When it expires.
    pub deadline: Deadline,
    /// What it counts against [`Limits::max_bytes`].
    pub weight: usize,
}

/// The present state of a key that was dirty, for sending.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// Send a put.
    Put {
        /// The value.
        value: Value,
        /// Its version.
        version: Version,
        /// Its deadline.
        deadline: Deadline,
    },
    /// Send a delete.
    Delete {
        /// Its version.
        version: Version,
    },
    /// Tell that the key was written or deleted; values stay in the process.
    Invalidate {
        /// The version of that.
        version: Version,
    },
    /// Tell that a tag was invalidated: the key is its hash.
    InvalidateTag {
        /// The version of that.
        version: Version,
    },
}

impl Outgoing {
    /// The version of the state.
    #[must_use]
    pub fn version(&self) -> Version {
        match self {
            Outgoing::Put { version, .. }
            | Outgoing::Delete { version }
            | Outgoing::Invalidate { version }
            | Outgoing::InvalidateTag { version } => *version,
        }
    }
}

/// One item of a scan: a live entry, a tombstone, or a tag's floor.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The key.
    pub key: Key,
    /// Put or Delete, as it would be sent.
    pub state: Outgoing,
}

/// Where a scan stands. Opaque; `Cursor::START` to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

impl Cursor {
    /// The beginning.
    pub const START: Cursor = Cursor(0);
    /// Returned when nothing is left.
    pub const END: Cursor = Cursor(u64::MAX);
}

/// Figures of one store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Reads that found a value, waits for another caller's load among them.
    pub hits: u64,
    /// Reads that did not, one for each load; a wait for another caller's load that ends with nothing is none.
    pub misses: u64,
    /// Local puts that were applied.
    pub puts: u64,
    /// Local deletes that were applied, whether there was a value or not. A clear is none.
    pub deletes: u64,
    /// Entries taken out by the limits.
    pub evictions: u64,
    /// Entries taken out by time.
    pub expirations: u64,
    /// Live entries.
    pub entries: u64,
    /// Their weight.
    pub bytes: u64,
    /// Tombstones held.
    pub tombstones: u64,
}

/// The set of segments a scan is restricted to: bit `s % 8` of byte `s / 8`.
pub type SegmentSet = [u8; SEGMENTS / 8];

/// A concurrent map from byte keys to versioned byte values.
///
/// Any thread may call anything at any time. No call blocks on more than one shard's lock, held for microseconds.
pub struct Store {
    hashes: Hashes,
    /// A power of two of them.
    shards: Box<[Apart<Mutex<Shard>>]>,
    shard_mask: usize,
    /// Per shard, how much it calls for an eviction: see [`Shard::age`]. Written under its lock, read without.
    ages: Box<[AtomicU32]>,
    /// Per shard, the earliest deadline its timers know. Written under its lock, read without.
    dues: Box<[AtomicU64]>,
    /// Per shard, how many entries are kept past their deadline. Written under its lock, read without.
    expired: Box<[AtomicUsize]>,
    limits: Limits,
    budget: Budget,
    segments: Segments,
    clears: Clears,
    tags: TagFloors,
    bars: Bars,
    /// Whether others are told of anything.
    replicated: bool,
    /// Whether they are told of marks alone (see `mark`).
    marking: bool,
    /// Marking, but that values of what is held here come and go.
    partial: bool,
    /// A shard's share of [`TOMBSTONES_MAX`].
    tombstones_max: usize,
    /// A shard's share of [`TOMBSTONE_BYTES_MAX`].
    tombstone_bytes_max: usize,
    /// The shard [`Store::expire`] begins with.
    expire_from: AtomicUsize,
    policy: CachePolicy,
}

/// On cache lines of its own; two, as they are fetched in pairs.
#[repr(align(128))]
struct Apart<T>(T);

impl<T> std::ops::Deref for Apart<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl Store {
    /// An empty store.
    ///
    /// `cluster_hash_key` is the same on every member (segments, digests, checksums). If not `replicated`, nothing ever
    /// becomes dirty, and nothing is kept to be compared: digests are 0, and segments and hashes of keys are the
    /// process's own. Where keys are placed differs from process to process.
    #[must_use]
    pub fn new(limits: Limits, cluster_hash_key: [u8; 16], replicated: bool) -> Store {
        Store::build(limits, Hashes::random(&cluster_hash_key, replicated), replicated)
    }

    /// As [`Store::new`], with keys placed by `seed`: two runs of one thread are the same in all they show.
    ///
    /// Not for keys that others choose: whoever knows the seed can choose them to collide.
    #[must_use]
    pub fn with_seed(limits: Limits, cluster_hash_key: [u8; 16], replicated: bool, seed: u64) -> Store {
        Store::build(limits, Hashes::seeded(&cluster_hash_key, replicated, seed), replicated)
    }

    /// The same store, empty as it is, which evicts by this policy: [`CachePolicy::S3Fifo`] if nothing is said.
    #[must_use]
    pub fn evicting(mut self, policy: CachePolicy) -> Store {
        self.policy = policy;
        self.empty_shards(self.grace_ms());
        self
    }

    /// The same store, empty as it is, but it keeps entries for so long after their deadline, unreadable but for
    /// [`Store::expired`].
    #[must_use]
    pub fn keeping_expired(mut self, grace: Duration) -> Store {
        self.empty_shards(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The same store, empty as it is, whose values stay in the process: what others are told, and what is compared, is
    /// which keys were written, and when.
    #[must_use]
    pub fn marking(mut self) -> Store {
        self.marking = self.replicated;
        self.empty_shards(self.grace_ms());
        self
    }

    /// As [`Store::marking`], but that a put is sent with its value, which takes the place of an older one where the key is
    /// held, and is noted as a mark elsewhere.
    #[must_use]
    pub fn partial(self) -> Store {
        let mut store = self.marking();
        store.partial = store.marking;
        store
    }

    /// Whether it takes values of what it holds alone ([`Store::partial`]).
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    fn grace_ms(&self) -> u64 {
        self.shards.first().map_or(0, |shard| shard.lock().timers.grace_ms())
    }

    /// Makes the shards anew.
    fn empty_shards(&mut self, grace_ms: u64) {
        let shards = self.shard_mask + 1;
        let shard = |_| Shard::new(Order::new(self.policy, shards == 1), grace_ms, self.marking);
        self.shards = (0..shards).map(shard).map(|shard| Apart(Mutex::new(shard))).collect();
    }

    /// Whether its values stay in the process ([`Store::marking`]).
    #[must_use]
    pub fn is_marking(&self) -> bool {
        self.marking
    }

    fn build(limits: Limits, hashes: Hashes, replicated: bool) -> Store {
        let shards = shard_count(limits);
        let mut store = Store {
            hashes,
            shards: Box::default(),
            shard_mask: shards - 1,
            ages: (0..shards).map(|_| AtomicU32::new(0)).collect(),
            dues: (0..shards).map(|_| AtomicU64::new(u64::MAX)).collect(),
            expired: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            limits,
            budget: Budget::new(Limits { max_entries: limits.max_entries.min(MAX_ENTRIES), ..limits }),
            segments: Segments::new(),
            clears: Clears::default(),
            tags: TagFloors::default(),
            bars: Bars::default(),
            replicated,
            marking: false,
            partial: false,
            tombstones_max: TOMBSTONES_MAX / shards,
            tombstone_bytes_max: TOMBSTONE_BYTES_MAX / shards,
            expire_from: AtomicUsize::new(0),
            policy: CachePolicy::S3Fifo,
        };
        store.empty_shards(0);
        store
    }

    /// The live value of `key`; counts a hit or a miss, and touches it for the eviction policy.
    #[must_use]
    pub fn get(&self, key: &[u8], now: WallMs) -> Option<Value> {
        self.read(key, now, |slot| (slot.value(), true), 1).flatten()
    }

    /// The same, but none is no miss: for who looks several times for one answer, and tells by [`Store::count_miss`].
    #[must_use]
    pub fn find(&self, key: &[u8], now: WallMs) -> Option<Value> {
        self.read(key, now, |slot| (slot.value(), true), 0).flatten()
    }

    /// Counts a miss of `key`.
    pub fn count_miss(&self, key: &[u8]) {
        let Place { shard: ix, .. } = self.hashes.place(key, self.shard_mask);
        self.shards[ix].lock().misses += 1;
    }

    /// As `get` if the version is `least` or newer. An older one is no hit, no miss, and not touched.
    #[must_use]
    pub fn get_at_least(&self, key: &[u8], least: Version, now: WallMs) -> Option<Value> {
        self.read(
            key,
            now,
            |slot| {
                let is_new_enough = slot.version >= least;
                (slot.value().filter(|_| is_new_enough), is_new_enough)
            },
            1,
        )
        .flatten()
    }

    /// The hash of `key` that all members compute alike.
    #[must_use]
    pub fn key_hash(&self, key: &[u8]) -> u64 {
        self.hashes.key(key).0
    }

    /// At or above every version that was forgotten of a key of `segment`; ZERO if there is none.
    #[must_use]
    pub fn floor(&self, segment: u16) -> HlcTimestamp {
        if usize::from(segment) < SEGMENTS { self.segments.floor(segment) } else { HlcTimestamp::ZERO }
    }

    /// Takes over that another member forgot something of `segment` at `floor`: from now on an update up to that is
    /// refused for a key that is not held.
    pub fn raise_floor(&self, segment: u16, floor: HlcTimestamp) {
        if usize::from(segment) < SEGMENTS {
            // Without a shard's lock: an update of a key of the segment is judged before this or after it.
            self.segments.raise(segment, floor);
        }
    }

    /// What `read` makes of the live value of `key` under the lock, and whether it took it: if so this was a hit, and
    /// the entry is touched. None is so many `misses`.
    #[inline]
    fn read<T>(&self, key: &[u8], now: WallMs, read: impl FnOnce(&Slot) -> (T, bool), misses: u64) -> Option<T> {
        let Place { shard: ix, hash } = self.hashes.place(key, self.shard_mask);
        let mut shard = self.shards[ix].lock();
        // What has expired stays for `expire`, which says what it took out: somebody may be listening.
        let Some(i) = shard.find(hash, key).filter(|i| self.is_readable(shard.slot(*i), now)) else {
            shard.misses += misses;
            return None;
        };
        let (answer, taken) = read(shard.slot(i));
        if taken {
            shard.hits += 1;
            if shard.touch(i) {
                self.publish(ix, &shard);
            }
        }
        Some(answer)
    }

    /// As `get` with its metadata; neither counts nor touches.
    #[must_use]
    pub fn peek(&self, key: &[u8], now: WallMs) -> Option<Entry> {
        self.look(key, now, |slot| {
            let value = slot.value()?;
            let weight = Store::weight_of_block(slot.block_len());
            Some(Entry { value, version: slot.version, deadline: slot.deadline, weight })
        })
    }

    /// Whether `key` has a live value; neither counts nor touches.
    #[must_use]
    pub fn contains(&self, key: &[u8], now: WallMs) -> bool {
        self.look(key, now, |_| Some(())).is_some()
    }

    /// If the key is dirty: marks it clean and returns its present state, expired or not.
    #[must_use]
    pub fn take_dirty(&self, key: &[u8]) -> Option<Outgoing> {
        let Place { shard: ix, hash } = self.hashes.place(key, self.shard_mask);
        let mut shard = self.shards[ix].lock();
        let i = shard.find_shared(hash, key).filter(|i| shard.slot(*i).dirty)?;
        shard.set_clean(i);
        let mark = shard.slot(i);
        let held = if self.partial { shard.find(hash, key).map(|i| shard.slot(i)) } else { None };
        Some(self.outgoing(held.filter(|slot| slot.version == mark.version).unwrap_or(mark)))
    }

    /// The present state of `key`, tombstones included, as it would be sent; neither counts, touches nor cleans.
    #[must_use]
    pub fn state_of(&self, key: &[u8]) -> Option<Outgoing> {
        let Place { shard: ix, hash } = self.hashes.place(key, self.shard_mask);
        let shard = self.shards[ix].lock();
        shard.find_shared(hash, key).map(|i| self.outgoing(shard.slot(i)))
    }

    /// Live entries. May count one whose deadline has just passed, or that is just being put or removed.
    #[must_use]
    pub fn len(&self) -> usize {
        let expired = self.expired.iter().map(|expired| expired.load(Ordering::Relaxed)).sum();
        self.budget.entries().saturating_sub(expired)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the live entries weigh, in bytes. Never above [`Limits::max_bytes`].
    #[must_use]
    pub fn weight(&self) -> usize {
        self.budget.bytes()
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Its figures. Each is exact; together they are of one instant only while nobody else is at work.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let mut stats = StoreStats { entries: count(self.len()), bytes: count(self.weight()), ..StoreStats::default() };
        for shard in &self.shards {
            let shard = shard.lock();
            stats.hits += shard.hits;
            stats.misses += shard.misses;
            stats.puts += shard.puts;
            stats.deletes += shard.deletes;
            stats.evictions += shard.evictions;
            stats.expirations += shard.expirations;
            stats.tombstones += count(shard.tombstones().0);
        }
        stats
    }

    /// XOR of a keyed hash of (key, version, is-tombstone) over the segment, kept up incrementally; 0 beyond
    /// [`SEGMENTS`].
    ///
    /// Stores under one cluster key that hold the same keys in the same versions have equal digests, whatever the
    /// order.
    #[must_use]
    pub fn digest(&self, segment: usize) -> u64 {
        self.segments.digest(segment)
    }

    /// XOR of all segments' digests.
    #[must_use]
    pub fn digest_all(&self) -> u64 {
        self.segments.digest_all()
    }

    /// The segment of `key`, below [`SEGMENTS`]; the same on every member.
    #[must_use]
    pub fn segment_of(&self, key: &[u8]) -> usize {
        usize::from(self.hashes.key(key).segment())
    }

    /// What an entry with these lengths weighs: the two of them and a constant that is its honest cost in memory.
    #[must_use]
    pub fn weight_of(key_len: usize, value_len: usize) -> usize {
        Store::weight_of_block(key_len.saturating_add(value_len))
    }

    fn weight_of_block(len: usize) -> usize {
        len.saturating_add(ENTRY_OVERHEAD)
    }

    fn look<T>(&self, key: &[u8], now: WallMs, read: impl FnOnce(&Slot) -> Option<T>) -> Option<T> {
        let Place { shard: ix, hash } = self.hashes.place(key, self.shard_mask);
        let shard = self.shards[ix].lock();
        let slot = shard.slot(shard.find(hash, key)?);
        if self.is_readable(slot, now) { read(slot) } else { None }
    }

    /// Tells the other shards, and [`Store::expire`], what changed in shard `ix`.
    fn publish(&self, ix: usize, shard: &Shard) {
        if self.shard_mask != 0 {
            self.ages[ix].store(shard.age(), Ordering::Relaxed);
        }
        let due = shard.timers.earliest().0;
        // Seldom another one: a load leaves the line shared with the other shards' threads.
        if self.dues[ix].load(Ordering::Relaxed) != due {
            self.dues[ix].store(due, Ordering::Relaxed);
        }
        if self.expired[ix].load(Ordering::Relaxed) != shard.expired() {
            self.expired[ix].store(shard.expired(), Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("limits", &self.limits).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

fn shard_count(limits: Limits) -> usize {
    let entries = limits.max_entries.min(limits.max_bytes / ENTRY_OVERHEAD);
    if entries <= ONE_SHARD_ENTRIES {
        return 1;
    }
    let wanted = (entries / SHARD_ENTRIES_MIN).min(SHARDS_MAX);
    1 << wanted.ilog2()
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

impl std::ops::Add for StoreStats {
    type Output = StoreStats;

    fn add(self, other: StoreStats) -> StoreStats {
        StoreStats {
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            puts: self.puts + other.puts,
            deletes: self.deletes + other.deletes,
            evictions: self.evictions + other.evictions,
            expirations: self.expirations + other.expirations,
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
            tombstones: self.tombstones + other.tombstones,
        }
    }
}

impl StoreStats {
    /// Writes the figures to the counters of the same meaning.
    ///
    /// What only grows is raised: somebody who knows fewer of the node's stores (the protocol knows no local and no
    /// closed ones) never turns it back.
    pub fn gauge(&self, metrics: &Metrics) {
        metrics.cache_hits.raise(self.hits);
        metrics.cache_misses.raise(self.misses);
        metrics.cache_puts.raise(self.puts);
        metrics.cache_deletes.raise(self.deletes);
        metrics.cache_evictions.raise(self.evictions);
        metrics.cache_expirations.raise(self.expirations);
        metrics.cache_entries.set(self.entries);
        metrics.cache_bytes.set(self.bytes);
    }
}
