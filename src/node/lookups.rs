//! Which keys were looked up lately, for who wants to be told when what was read is no longer so.
//!
//! The invariant: where nobody asked for that, a look-up costs one load; where somebody did, a hash and a store without a lock.
//! The table has 65,536 places: if many are looked up, the oldest are forgotten, and changes of those keys not told. The idea, and the setting
//! `callback_win`, are those of McCache for Python.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::cache::{Cache, CacheCore};
use super::clock::coarse_wall;
use super::listener::{Event, EventKind, Events};
use crate::error::Result;
use crate::time::WallMs;

/// Places of the table; each holds so many look-ups whose hashes end alike.
const SETS: usize = 16_384;
const WAYS: usize = 4;

/// What one cache's look-ups are noted in, once somebody has asked for it.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    table: OnceLock<Box<[AtomicU64]>>,
    /// When anything was looked up last.
    last: AtomicU32,
}

/// A point in time, in milliseconds; it wraps after 49 days.
fn stamp(now: WallMs) -> u32 {
    u32::try_from(now.0 & u64::from(u32::MAX)).unwrap_or(0)
}

/// A look-up as the table has it: what tells its key apart, and when it was.
fn packed(hash: u64, at: u32) -> u64 {
    (hash & !u64::from(u32::MAX)) | u64::from(at)
}

fn is_of(entry: u64, hash: u64) -> bool {
    entry >> 32 == hash >> 32
}

fn age_ms(entry: u64, now: u32) -> u32 {
    now.wrapping_sub(u32::try_from(entry & u64::from(u32::MAX)).unwrap_or(0))
}

impl Lookups {
    /// Notes look-ups from now on.
    fn begin(&self) {
        // What was noted at time zero by nobody is as old as can be.
        self.table.get_or_init(|| (0..SETS * WAYS).map(|_| AtomicU64::new(0)).collect());
    }

    /// A value was read.
    #[inline]
    pub(super) fn note(&self, hash: impl FnOnce() -> u64, now: impl FnOnce() -> WallMs) {
        if let Some(table) = self.table.get() {
            self.note_in(table, hash(), stamp(now()));
        }
    }

    #[cold]
    fn note_in(&self, table: &[AtomicU64], hash: u64, now: u32) {
        let set = set_of(table, hash);
        let same = set.iter().find(|entry| is_of(entry.load(Ordering::Relaxed), hash));
        let oldest = || set.iter().max_by_key(|entry| age_ms(entry.load(Ordering::Relaxed), now));
        if let Some(entry) = same.or_else(oldest) {
            entry.store(packed(hash, now), Ordering::Relaxed);
        }
        self.last.store(now, Ordering::Relaxed);
    }

    /// Whether what the event tells of may be news to who has looked something up no longer than `window` ago.
    pub(super) fn concern(&self, event: &Event, hash: impl FnOnce() -> u64, window: Duration) -> bool {
        let Some(table) = self.table.get() else { return false };
        let now = stamp(coarse_wall());
        let window_ms = u32::try_from(window.as_millis()).unwrap_or(u32::MAX);
        match event.kind {
            EventKind::Put | EventKind::Delete | EventKind::Evict | EventKind::Expire => {
                let hash = hash();
                let found = set_of(table, hash).iter().map(|entry| entry.load(Ordering::Relaxed));
                found.into_iter().any(|entry| is_of(entry, hash) && age_ms(entry, now) < window_ms)
            }
            // Whose keys these were nobody knows any more.
            EventKind::Clear | EventKind::TagInvalidated => {
                age_ms(u64::from(self.last.load(Ordering::Relaxed)), now) < window_ms
            }
            _ => false,
        }
    }
}

fn set_of(table: &[AtomicU64], hash: u64) -> &[AtomicU64] {
    let at = usize::try_from(hash % SETS as u64).unwrap_or(0) * WAYS;
    table.get(at..at + WAYS).unwrap_or_default()
}

impl CacheCore {
    /// A value of `key` was read.
    #[inline]
    pub(super) fn looked_up(&self, key: &[u8]) {
        self.lookups.note(|| self.store.key_hash(key), coarse_wall);
    }
}

impl Cache {
    /// A queue of the changes of what was looked up here lately: it has those events of the cache alone that tell that a key was
    /// put, deleted, evicted or expired within `window` after its value was last read in this process; and that the cache was
    /// cleared, or a tag invalidated, if any was read. It closes with the cache. None for the node's setting `callback_win`.
    ///
    /// From the first call on each read of the cache notes its key. A change that comes at the instant of a read may be told
    /// although the read has seen it.
    ///
    /// # Errors
    /// As [`get`](Cache::get).
    pub fn changes_of_lookups(&self, window: Option<Duration>) -> Result<Events> {
        let core = self.live()?;
        core.lookups.begin();
        let window = window.unwrap_or(core.node.settings.callback_window);
        let events = core.node.listeners.listen_for_lookups(core, window);
        if core.is_usable() { Ok(events) } else { Err(core.closed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hlc::Version;

    const WINDOW: Duration = Duration::from_secs(100);

    fn event(kind: EventKind) -> Event {
        Event { kind, cache: "c".into(), key: (*b"k").into(), local: true, ..Event::of_member(kind, "".into()) }
    }

    #[test]
    fn only_what_was_read_lately_is_of_concern_and_only_its_changes() {
        let (lookups, now) = (Lookups::default(), coarse_wall());
        lookups.note(|| unreachable!("nobody asked"), || now);
        assert!(!lookups.concern(&event(EventKind::Put), || 7, WINDOW));
        lookups.begin();
        assert!(!lookups.concern(&event(EventKind::Clear), || 7, WINDOW), "nothing was read");
        lookups.note(|| 7 | 9 << 32, || now);
        for kind in [EventKind::Put, EventKind::Delete, EventKind::Evict, EventKind::Expire, EventKind::Clear] {
            assert!(lookups.concern(&event(kind), || 7 | 9 << 32, WINDOW), "{kind:?}");
            assert!(!lookups.concern(&event(kind), || 7 | 9 << 32, Duration::ZERO), "{kind:?}");
        }
        assert!(!lookups.concern(&event(EventKind::Put), || 7 | 8 << 32, WINDOW), "another key");
        assert!(!lookups.concern(&event(EventKind::Stale), || 7 | 9 << 32, WINDOW), "no change");
        assert!(lookups.concern(&event(EventKind::TagInvalidated), || 0, WINDOW));
        lookups.note(|| 7 | 9 << 32, || WallMs(now.0 - 200_000));
        assert!(!lookups.concern(&event(EventKind::Put), || 7 | 9 << 32, WINDOW), "long ago");
    }

    #[test]
    fn of_too_many_the_oldest_are_forgotten() {
        let (lookups, now) = (Lookups::default(), coarse_wall());
        lookups.begin();
        for number in 1..=u64::try_from(WAYS).expect("small") + 1 {
            lookups.note(|| 5 | number << 32, || WallMs(now.0 - 50_000 + number));
        }
        let concerns = |number: u64| lookups.concern(&event(EventKind::Put), || 5 | number << 32, WINDOW);
        assert_eq!([1, 2, 3, 4, 5].map(concerns), [false, true, true, true, true]);
        assert_eq!(event(EventKind::Put).version, Version::ZERO);
    }
}
