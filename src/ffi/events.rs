//! Events as a queue that the caller empties from a thread of its own.

use std::ffi::{CString, c_char};
use std::time::Duration;

use super::cache::mcc_cache_t;
use super::duration::{count, timeout};
use super::guard::{guard, guard_or};
use super::node::{mcc_node_t, node_or_own};
use super::pointer::{c_text, free, give, handle, handle_or_null, out, out_pointer};
use super::status::mcc_status_t::{self, MCC_OK, MCC_TIMEOUT};
use crate::error::Error;
use crate::lock::Mutex;
use crate::node::{Event, EventKind, Events, Waited};

/// What happened. Later versions may add some: pass over a number you do not know.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum mcc_event_kind_t {
    /// A key got a value, here or on another member.
    MCC_EVENT_PUT = 0,
    /// A key was deleted, here or on another member.
    MCC_EVENT_DELETE = 1,
    /// All entries of a cache were deleted, here or on another member.
    MCC_EVENT_CLEAR = 2,
    /// An entry was taken out here, to keep the cache's limits or because its writer no longer has it.
    MCC_EVENT_EVICT = 3,
    /// An entry was taken out here because its time was over.
    MCC_EVENT_EXPIRE = 4,
    /// A member joined.
    MCC_EVENT_MEMBER_JOINED = 5,
    /// A member said goodbye.
    MCC_EVENT_MEMBER_LEFT = 6,
    /// A member was not heard for so long that it counts as gone.
    MCC_EVENT_MEMBER_FAILED = 7,
    /// The queue was full, and events were dropped.
    MCC_EVENT_OVERFLOW = 8,
    /// A loader failed, as mcc_load_failed() was told.
    MCC_EVENT_LOAD_FAILED = 9,
    /// A load took longer than the soft timeout; an expired value was given meanwhile.
    MCC_EVENT_LOAD_SLOW = 10,
    /// A load took longer than the hard timeout; who waited for it got an error.
    MCC_EVENT_LOAD_TIMED_OUT = 11,
    /// An expired value was given in place of a loaded one.
    MCC_EVENT_STALE = 12,
    /// A tag was invalidated, here or on another member: its entries are read no more. The key is the tag; it has no bytes
    /// if this node learned of it late.
    MCC_EVENT_TAG_INVALIDATED = 13,
}

impl From<EventKind> for mcc_event_kind_t {
    fn from(kind: EventKind) -> mcc_event_kind_t {
        match kind {
            EventKind::Put => mcc_event_kind_t::MCC_EVENT_PUT,
            EventKind::Delete => mcc_event_kind_t::MCC_EVENT_DELETE,
            EventKind::Clear => mcc_event_kind_t::MCC_EVENT_CLEAR,
            EventKind::Evict => mcc_event_kind_t::MCC_EVENT_EVICT,
            EventKind::Expire => mcc_event_kind_t::MCC_EVENT_EXPIRE,
            EventKind::MemberJoined => mcc_event_kind_t::MCC_EVENT_MEMBER_JOINED,
            EventKind::MemberLeft => mcc_event_kind_t::MCC_EVENT_MEMBER_LEFT,
            EventKind::MemberFailed => mcc_event_kind_t::MCC_EVENT_MEMBER_FAILED,
            EventKind::Overflow => mcc_event_kind_t::MCC_EVENT_OVERFLOW,
            EventKind::LoadFailed => mcc_event_kind_t::MCC_EVENT_LOAD_FAILED,
            EventKind::LoadSlow => mcc_event_kind_t::MCC_EVENT_LOAD_SLOW,
            EventKind::LoadTimedOut => mcc_event_kind_t::MCC_EVENT_LOAD_TIMED_OUT,
            EventKind::Stale => mcc_event_kind_t::MCC_EVENT_STALE,
            EventKind::TagInvalidated => mcc_event_kind_t::MCC_EVENT_TAG_INVALIDATED,
        }
    }
}

/// Something that happened. What the pointers lead to is valid until the next mcc_events_next() on the same queue.
#[repr(C)]
#[derive(Debug)]
pub struct mcc_event_t {
    /// What happened.
    pub kind: mcc_event_kind_t,
    /// Whether this process did it.
    pub local: bool,
    /// The cache's name; "" for members.
    pub cache: *const c_char,
    /// The key, never NULL.
    pub key: *const u8,
    /// Its length; 0 where there is none.
    pub key_len: usize,
    /// The name of the member that wrote, joined, left or failed; "" if unknown.
    pub member: *const c_char,
    /// The update's version, first part, as in mcc_metadata_t; 0 for members.
    pub version_clock: i64,
    /// The update's version, second part, as in mcc_metadata_t; 0 for members.
    pub version_origin: u64,
    /// With MCC_EVENT_OVERFLOW how many events were dropped, else 0.
    pub dropped: i64,
    /// 0; room for later versions.
    pub reserved: [i64; 4],
}

/// A queue of events. Opaque; mcc_events_free() frees it.
#[derive(Debug)]
pub struct mcc_events_t {
    events: Events,
    /// What C looks at.
    current: Mutex<Option<Held>>,
}

/// An event with the memory its C form points into.
#[derive(Debug)]
struct Held {
    event: Event,
    cache: CString,
    member: CString,
}

impl Held {
    fn new(event: Event) -> Held {
        Held { cache: c_text(&event.cache), member: c_text(&event.member), event }
    }

    fn face(&self) -> mcc_event_t {
        mcc_event_t {
            kind: self.event.kind.into(),
            local: self.event.local,
            cache: self.cache.as_ptr(),
            key: self.event.key.as_ptr(),
            key_len: self.event.key.len(),
            member: self.member.as_ptr(),
            version_clock: count(self.event.version.hlc.0),
            version_origin: self.event.version.origin.0,
            dropped: count(self.event.dropped),
            reserved: [0; 4],
        }
    }
}

/// Begins to collect events, from now on. The queue holds 65,536 events; if it is full, the oldest are dropped and
/// counted, and MCC_EVENT_OVERFLOW tells how many before those that are left. In a forked child the queues of the
/// parent are closed.
///
/// node: the node, for what happens in all its caches and to the members; NULL for the process's own. Ignored if cache
/// is not NULL.
/// cache: the cache, for what happens in it alone; NULL for all.
/// events: where the handle is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_CONFIG and MCC_NETWORK as mcc_open(); MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *events; mcc_events_free() frees it, before or after the handles of cache and node.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_events_new(
    node: *mut mcc_node_t,
    cache: *mut mcc_cache_t,
    events: *mut *mut mcc_events_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(events, "events") }?;
        // SAFETY: NULL or a live handle.
        let events = match unsafe { handle_or_null(cache) } {
            Some(cache) => cache.cache.events()?,
            // SAFETY: NULL or a live handle.
            None => unsafe { node_or_own(node) }?.events()?,
        };
        give(out, mcc_events_t { events, current: Mutex::new(None) });
        Ok(MCC_OK)
    })
}

/// For mcc_events_of_lookups(): the node's setting `callback_win`.
pub const MCC_WINDOW_DEFAULT: i64 = 0;

/// As mcc_events_new(), for who wants to be told that what it has just read is no longer so: collects, of one cache, that a key
/// was put, deleted, evicted or expired, here or on another member, within a time after its value was last read in this
/// process; and that the cache was cleared or a tag invalidated, if anything was read within that time.
///
/// From the first call on each read of the cache notes its key, in a table of 65,536 places: if many are read, the
/// oldest are forgotten, and their changes not told. A change that comes at the instant of a read may be told although the read has seen it.
///
/// cache: the cache.
/// window_ms: the time, ms, above 0; MCC_WINDOW_DEFAULT (0): the node's setting `callback_win`, 5 s unless set.
/// events: where the handle is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *events; mcc_events_free() frees it, before or after the cache's handle.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_events_of_lookups(
    cache: *mut mcc_cache_t,
    window_ms: i64,
    events: *mut *mut mcc_events_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(events, "events") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        let window = match window_ms {
            MCC_WINDOW_DEFAULT => None,
            ms => Some(
                u64::try_from(ms)
                    .map(Duration::from_millis)
                    .map_err(|_| Error::InvalidArgument { name: "window_ms", reason: format!("{ms} is negative") })?,
            ),
        };
        let events = cache.cache.changes_of_lookups(window)?;
        give(out, mcc_events_t { events, current: Mutex::new(None) });
        Ok(MCC_OK)
    })
}

/// Takes the next event out of the queue, or waits for one.
///
/// events: the queue.
/// timeout_ms: longest wait, ms, 0 or more.
/// event: where the event is written; its pointers are valid until the next call with this queue.
/// Returns: MCC_OK; MCC_TIMEOUT, also after mcc_events_wake(); MCC_CLOSED once queue, cache or node is closed and the
/// queue is empty; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, one at a time for each queue. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_events_next(
    events: *mut mcc_events_t,
    timeout_ms: i64,
    event: *mut mcc_event_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out(event, "event") }?;
        // SAFETY: NULL or a live handle.
        let queue = unsafe { handle(events, "events") }?;
        match queue.events.wait(timeout(timeout_ms)?) {
            Waited::Event(event) => {
                out.set(queue.current.lock().insert(Held::new(event)).face());
                Ok(MCC_OK)
            }
            Waited::TimedOut | Waited::Woken => Ok(MCC_TIMEOUT),
            Waited::Closed => Err(Error::Closed { what: "event queue" }),
        }
    })
}

/// Makes a call that waits in mcc_events_next() return MCC_TIMEOUT at once, or the next one if none waits.
///
/// events: the queue; NULL is nothing to do.
/// Threads: any, also while another waits in mcc_events_next(). Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_events_wake(events: *mut mcc_events_t) {
    guard_or((), || {
        // SAFETY: NULL or a live handle.
        if let Some(queue) = unsafe { handle_or_null(events) } {
            queue.events.wake();
        }
    });
}

/// Ends the collecting: mcc_events_next() gives the events that are queued first, then MCC_CLOSED; a call that waits in
/// it returns that at once. Closing again is MCC_OK.
///
/// events: the queue.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, also while another waits in mcc_events_next(). Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_events_close(events: *mut mcc_events_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        unsafe { handle(events, "events") }?.events.close();
        Ok(MCC_OK)
    })
}

/// Frees a queue and what its last event points to.
///
/// events: the queue; NULL is nothing to do.
/// Threads: any, with no other call on events going on or to come: let the thread that waits return first. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_events_free(events: *mut mcc_events_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(events) });
}
