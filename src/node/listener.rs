//! Events: what happened in the caches and the membership, in bounded queues that their owners drain.
//!
//! The invariant: nobody waits for a listener. A queue that is full loses its oldest event, and says how many it lost
//! before the next one it delivers. Without a listener an event costs one relaxed load.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock, Weak};
use std::time::Duration;

use super::cache::CacheCore;
use super::clock::Until;
use super::fork;
use super::lock::{lock, read, wait, write};
use crate::hlc::Version;
use crate::metrics::Metrics;

/// Events that wait in one queue; a thousand a second may be left alone for a minute.
const EVENTS_MAX: usize = 65_536;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A key was given a value or a new deadline.
    Put,
    /// A key was deleted.
    Delete,
    /// A cache was emptied.
    Clear,
    /// A key is no longer held here: the limits took it out, or its writer could not tell its value.
    Evict,
    /// A key's deadline came.
    Expire,
    /// A member was admitted.
    MemberJoined,
    /// A member said goodbye.
    MemberLeft,
    /// A member has not been heard for too long.
    MemberFailed,
    /// Some events were dropped because the queue was full.
    Overflow,
    /// A loader failed.
    LoadFailed,
    /// A load took longer than the soft timeout, and an expired value was given meanwhile.
    LoadSlow,
    /// A load took longer than the hard timeout, and who waited for it got an error.
    LoadTimedOut,
    /// An expired value was given in place of a loaded one.
    Stale,
    /// A tag was invalidated: its entries are read no more. The key is the tag; empty if this node learned of it late.
    TagInvalidated,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// The cache's name; empty for membership and overflow.
    pub cache: Arc<str>,
    /// The key, 0 to 65,535 bytes; empty where there is none.
    pub key: Box<[u8]>,
    /// Of the update, or of the entry that went; [`Version::ZERO`] for membership and overflow.
    pub version: Version,
    /// Whether this process did it.
    pub local: bool,
    /// Name of the member that wrote, joined, left or failed; empty if unknown.
    pub member: Arc<str>,
    /// For [`EventKind::Overflow`]: how many were dropped; else 0.
    pub dropped: u64,
}

impl Event {
    /// An event of the membership.
    pub(super) fn of_member(kind: EventKind, member: Arc<str>) -> Event {
        Event { kind, cache: "".into(), key: Box::default(), version: Version::ZERO, local: false, member, dropped: 0 }
    }

    fn overflow(dropped: u64) -> Event {
        Event { dropped, ..Event::of_member(EventKind::Overflow, "".into()) }
    }
}

/// What a wait for an event came to.
#[derive(Clone, Debug)]
pub enum Waited {
    /// There is one.
    Event(Event),
    /// None in time.
    TimedOut,
    /// [`Events::wake`] was called.
    Woken,
    /// The queue is closed and empty: none will come.
    Closed,
}

/// A bounded queue of events: 65,536 of them. The owner drains it from a thread of its own.
///
/// Any method may be called from any thread; an event is delivered to one caller. Dropping it ends the listening. It does
/// not keep the node open. In a forked child the parent's queues are closed and empty.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
    listeners: Arc<Listeners>,
    generation: u64,
}

impl Events {
    /// The next event; None after `timeout`, after [`wake`](Events::wake), or when the queue is closed and empty.
    #[must_use]
    pub fn next(&self, timeout: Duration) -> Option<Event> {
        match self.wait(timeout) {
            Waited::Event(event) => Some(event),
            Waited::TimedOut | Waited::Woken | Waited::Closed => None,
        }
    }

    /// As [`next`](Events::next), and says why there is none. Closed is only said of a queue that is empty.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Waited {
        if self.is_inherited() { Waited::Closed } else { self.queue.next(Until::after(timeout)) }
    }

    /// Makes one waiting call of [`next`](Events::next), or else the next one, return None at once.
    pub fn wake(&self) {
        if !self.is_inherited() {
            self.queue.wake();
        }
    }

    /// Stops listening. What is queued can still be drained. Idempotent.
    pub fn close(&self) {
        if !self.is_inherited() {
            self.listeners.remove(&self.queue);
            self.queue.close();
        }
    }

    /// Whether nothing will be added any more: closed by its owner, with its cache or with the node.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_inherited() || lock(&self.queue.state).closed
    }

    /// Whether it is the parent's; its locks must not be touched then.
    fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.close();
    }
}

#[derive(Debug, Default)]
struct Queue {
    /// Only the events of this cache; None: all.
    only: Option<Arc<str>>,
    /// Only what changes what was read there so long ago at most; None: all.
    lookups: Option<(Weak<CacheCore>, Duration)>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    dropped: u64,
    woken: bool,
    closed: bool,
}

impl Queue {
    fn wants(&self, event: &Event) -> bool {
        self.only.as_ref().is_none_or(|only| *only == event.cache)
            && self.lookups.as_ref().is_none_or(|(cache, window)| {
                let hash = |cache: &CacheCore| cache.store.key_hash(&event.key);
                cache.upgrade().is_some_and(|cache| cache.lookups.concern(event, || hash(&cache), *window))
            })
    }

    /// Adds an event; false if the oldest had to go for it.
    fn push(&self, event: Event) -> bool {
        let mut state = lock(&self.state);
        if state.closed {
            return true;
        }
        let fits = state.events.len() < EVENTS_MAX;
        if !fits {
            state.events.pop_front();
            state.dropped += 1;
        }
        state.events.push_back(event);
        drop(state);
        self.changed.notify_one();
        fits
    }

    fn next(&self, until: Until) -> Waited {
        let mut state = lock(&self.state);
        loop {
            if state.closed && state.events.is_empty() && state.dropped == 0 {
                return Waited::Closed;
            }
            if std::mem::take(&mut state.woken) {
                return Waited::Woken;
            }
            if state.dropped > 0 {
                return Waited::Event(Event::overflow(std::mem::take(&mut state.dropped)));
            }
            if let Some(event) = state.events.pop_front() {
                return Waited::Event(event);
            }
            if until.has_come() {
                return Waited::TimedOut;
            }
            state = wait(&self.changed, state, until);
        }
    }

    fn wake(&self) {
        lock(&self.state).woken = true;
        self.changed.notify_one();
    }

    fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }
}

/// All queues of one node.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    active: AtomicUsize,
    queues: RwLock<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    open: Vec<Arc<Queue>>,
    closed: bool,
}

impl Listeners {
    /// Whether anybody listens.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.active.load(Ordering::Relaxed) != 0
    }

    /// A new queue, of one cache's events or of all. It is closed at once if the node is.
    pub(super) fn listen(self: &Arc<Listeners>, only: Option<Arc<str>>) -> Events {
        self.open(Queue { only, ..Queue::default() })
    }

    /// A new queue of what changes what was read of a cache within `window`.
    pub(super) fn listen_for_lookups(self: &Arc<Listeners>, cache: &Arc<CacheCore>, window: Duration) -> Events {
        let lookups = Some((Arc::downgrade(cache), window));
        self.open(Queue { only: Some(Arc::clone(&cache.name)), lookups, ..Queue::default() })
    }

    fn open(self: &Arc<Listeners>, queue: Queue) -> Events {
        let queue = Arc::new(queue);
        let mut queues = write(&self.queues);
        if queues.closed {
            queue.close();
        } else {
            queues.open.push(Arc::clone(&queue));
            self.active.store(queues.open.len(), Ordering::Release);
        }
        drop(queues);
        Events { queue, listeners: Arc::clone(self), generation: fork::generation() }
    }

    /// Hands `event` to every queue that wants it.
    pub(super) fn publish(&self, event: &Event, metrics: &Metrics) {
        for queue in read(&self.queues).open.iter().filter(|queue| queue.wants(event)) {
            if !queue.push(event.clone()) {
                metrics.events_dropped.inc();
            }
        }
    }

    /// Closes the queues of one cache.
    pub(super) fn close_cache(&self, name: &Arc<str>) {
        self.close_where(|queue| queue.only.as_ref() == Some(name));
    }

    /// Closes all queues, and those that are asked for later.
    pub(super) fn close_all(&self) {
        write(&self.queues).closed = true;
        self.close_where(|_| true);
    }

    fn remove(&self, queue: &Arc<Queue>) {
        self.close_where(|open| std::ptr::eq(open, &raw const **queue));
    }

    fn close_where(&self, is_meant: impl Fn(&Queue) -> bool) {
        let mut queues = write(&self.queues);
        queues.open.retain(|queue| {
            let meant = is_meant(queue);
            if meant {
                queue.close();
            }
            !meant
        });
        self.active.store(queues.open.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "two threads are what is tested")]

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn put(cache: &str, key: &[u8]) -> Event {
        Event {
            kind: EventKind::Put,
            cache: cache.into(),
            key: key.into(),
            version: Version::ZERO,
            local: true,
            member: "me".into(),
            dropped: 0,
        }
    }

    #[test]
    fn a_queue_of_one_cache_hears_nothing_else() {
        let (listeners, metrics) = (Arc::new(Listeners::default()), Metrics::default());
        let one = listeners.listen(Some("a".into()));
        let all = listeners.listen(None);
        listeners.publish(&put("b", b"1"), &metrics);
        listeners.publish(&put("a", b"2"), &metrics);
        assert_eq!(*one.next(LONG).expect("of its cache").key, *b"2");
        assert!(one.next(Duration::ZERO).is_none());
        assert_eq!(*all.next(LONG).expect("the first").key, *b"1");
    }

    #[test]
    fn the_oldest_are_dropped_and_the_count_is_told_first() {
        let (listeners, metrics) = (Arc::new(Listeners::default()), Metrics::default());
        let events = listeners.listen(None);
        for number in 0..EVENTS_MAX + 3 {
            listeners.publish(&put("a", number.to_string().as_bytes()), &metrics);
        }
        let overflow = events.next(LONG).expect("the overflow");
        assert_eq!((overflow.kind, overflow.dropped), (EventKind::Overflow, 3));
        assert_eq!(*events.next(LONG).expect("the oldest that is left").key, *b"3");
        assert_eq!(metrics.events_dropped.get(), 3);
    }

    #[test]
    fn a_wake_ends_a_wait_and_loses_no_event() {
        let (listeners, metrics) = (Arc::new(Listeners::default()), Metrics::default());
        let events = Arc::new(listeners.listen(None));
        let waiter = {
            let events = Arc::clone(&events);
            std::thread::spawn(move || events.next(LONG))
        };
        events.wake();
        assert!(waiter.join().expect("the waiter returns").is_none());
        listeners.publish(&put("a", b"1"), &metrics);
        events.wake();
        assert!(events.next(LONG).is_none());
        assert!(events.next(LONG).is_some());
    }

    #[test]
    fn what_is_queued_can_be_drained_after_the_close() {
        let (listeners, metrics) = (Arc::new(Listeners::default()), Metrics::default());
        let events = listeners.listen(None);
        listeners.publish(&put("a", b"1"), &metrics);
        listeners.close_all();
        assert!(events.is_closed());
        assert!(events.next(LONG).is_some());
        assert!(events.next(LONG).is_none());
        assert!(listeners.listen(None).is_closed());
    }

    #[test]
    fn a_queue_is_closed_only_when_it_is_drained() {
        let (listeners, metrics) = (Arc::new(Listeners::default()), Metrics::default());
        let events = listeners.listen(None);
        listeners.publish(&put("a", b"1"), &metrics);
        events.wake();
        events.close();
        assert!(matches!(events.wait(LONG), Waited::Woken));
        assert!(matches!(events.wait(Duration::ZERO), Waited::Event(_)));
        events.wake();
        assert!(matches!(events.wait(LONG), Waited::Closed));
        let open = listeners.listen(None);
        assert!(matches!(open.wait(Duration::ZERO), Waited::TimedOut));
    }

    #[test]
    fn nobody_listens_after_the_last_queue_is_dropped() {
        let listeners = Arc::new(Listeners::default());
        let events = listeners.listen(None);
        assert!(listeners.any());
        drop(events);
        assert!(!listeners.any());
    }
}
