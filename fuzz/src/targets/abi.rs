//! Sequences of calls of the C functions, each allowed by the header: no crash, no broken promise, no `MCC_INTERNAL`.
//!
//! One node lives as long as the process, on this host alone and in a cluster of its own; caches come and go.
#![expect(unsafe_code, reason = "the functions under test are C functions")]

use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::OnceLock;

use mcc_status_t::{MCC_CLOSED, MCC_END, MCC_INTERNAL, MCC_INVALID_ARGUMENT, MCC_NOT_FOUND, MCC_OK};
use mccache::ffi::*;

use super::input::Input;

/// Handles of each type held at once.
const HELD_MAX: usize = 4;
/// Calls of one input.
const CALLS_MAX: usize = 200;

macro_rules! c {
    ($($call:tt)*) => {{
        // SAFETY: handles that are held and not freed yet, or NULL; pointers to variables and slices of the caller.
        unsafe { $($call)* }
    }};
}

struct Node(*mut mcc_node_t);

// SAFETY: the header lets every thread use a node's handle.
unsafe impl Send for Node {}
// SAFETY: as for Send.
unsafe impl Sync for Node {}

/// What the program holds.
#[derive(Default)]
struct Held {
    caches: Vec<*mut mcc_cache_t>,
    values: Vec<*mut mcc_value_t>,
    iters: Vec<*mut mcc_iter_t>,
    leases: Vec<*mut mcc_lease_t>,
    events: Vec<*mut mcc_events_t>,
}

/// Runs one input: one call after the other, then everything is freed.
pub(super) fn run(input: &[u8]) {
    let mut input = Input(input);
    let mut held = Held::default();
    for _ in 0..CALLS_MAX {
        if input.is_empty() {
            break;
        }
        match input.below(6) {
            0 => caches(&mut held, &mut input),
            1 => entries(&mut held, &mut input),
            2 => values(&mut held, &mut input),
            3 => iterations(&mut held, &mut input),
            4 => leases(&mut held, &mut input),
            _ => events(&mut held, &mut input),
        }
    }
    held.leases.into_iter().for_each(|lease| c!(mcc_lease_free(lease)));
    held.iters.into_iter().for_each(|iter| c!(mcc_iter_free(iter)));
    held.events.into_iter().for_each(|events| c!(mcc_events_free(events)));
    held.values.into_iter().for_each(|value| c!(mcc_value_free(value)));
    for cache in held.caches {
        checked(c!(mcc_close(cache)));
        c!(mcc_free(cache));
    }
}

/// The process's node.
fn node() -> *mut mcc_node_t {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        let mut config = ptr::null_mut();
        checked(c!(mcc_config_new_empty(&raw mut config)));
        let name = format!("fuzz-{}", std::process::id());
        for (setting, value) in [("cluster", name.as_str()), ("interface", "host"), ("cache_max", "50")] {
            let (setting, value) = (CString::new(setting), CString::new(value));
            let (setting, value) = (setting.expect("no NUL"), value.expect("no NUL"));
            assert_eq!(c!(mcc_config_set(config, setting.as_ptr(), value.as_ptr())), MCC_OK);
        }
        let mut node = ptr::null_mut();
        assert_eq!(c!(mcc_node_open(config, &raw mut node)), MCC_OK, "a node on this host: {}", last_error());
        c!(mcc_config_free(config));
        Node(node)
    })
    .0
}

fn last_error() -> String {
    c!(CStr::from_ptr(mcc_last_error())).to_string_lossy().into_owned()
}

/// A status that a correct program may see.
fn checked(status: mcc_status_t) -> mcc_status_t {
    assert_ne!(status, MCC_INTERNAL, "{}", last_error());
    status
}

/// One of those held, or NULL.
fn pick<T>(held: &[*mut T], input: &mut Input<'_>) -> *mut T {
    held.get(usize::from(input.below(5))).copied().unwrap_or(ptr::null_mut())
}

/// Takes one of those held away.
fn take<T>(held: &mut Vec<*mut T>, input: &mut Input<'_>) -> *mut T {
    let at = usize::from(input.below(5));
    if at < held.len() { held.swap_remove(at) } else { ptr::null_mut() }
}

/// Keeps what a call gave, or frees it if enough are held; a call that failed gave NULL.
fn keep<T>(held: &mut Vec<*mut T>, given: *mut T, free: unsafe extern "C" fn(*mut T)) {
    if given.is_null() || held.len() == HELD_MAX {
        c!(free(given));
    } else {
        held.push(given);
    }
}

/// Bytes as a caller passes them: NULL for none, now and then.
fn pointer(bytes: &[u8], input: &mut Input<'_>) -> *const std::ffi::c_void {
    if bytes.is_empty() && input.u8() & 1 == 1 { ptr::null() } else { bytes.as_ptr().cast() }
}

fn ttl(input: &mut Input<'_>) -> i64 {
    match input.below(6) {
        0 => i64::MIN,
        1 => -1,
        2 => MCC_TTL_FOREVER,
        3 => i64::from(input.u8()),
        4 => i64::MAX - 1,
        _ => MCC_TTL_DEFAULT,
    }
}

fn caches(held: &mut Held, input: &mut Input<'_>) {
    match input.below(8) {
        0 | 1 => {
            let (mut cache, name) = (ptr::null_mut(), [b'a' + input.below(3), 0]);
            let status = checked(c!(mcc_open(node(), name.as_ptr().cast(), ptr::null(), &raw mut cache)));
            assert_eq!(status == MCC_OK, !cache.is_null());
            keep(&mut held.caches, cache, mcc_free);
        }
        2 => {
            let text: Vec<u8> = input.string().iter().copied().chain([0]).collect();
            let mut cache = ptr::null_mut();
            checked(c!(mcc_open(node(), text.as_ptr().cast(), ptr::null(), &raw mut cache)));
            c!(mcc_free(cache));
        }
        3 => drop(checked(c!(mcc_close(pick(&held.caches, input))))),
        4 => c!(mcc_free(take(&mut held.caches, input))),
        5 => drop(checked(c!(mcc_clear(pick(&held.caches, input))))),
        6 => {
            let (mut sum, mut entries, cache) = (0, 0, pick(&held.caches, input));
            let status = checked(c!(mcc_checksum(cache, &raw mut sum, &raw mut entries)));
            assert!(status != MCC_OK || (0..=50).contains(&entries), "{entries} entries of at most 50");
        }
        _ => {
            let cache = pick(&held.caches, input);
            assert_eq!(c!(mcc_name(cache)).is_null(), cache.is_null());
            let mut len = usize::MAX;
            let status = checked(c!(mcc_len(cache, &raw mut len)));
            assert_eq!(len == usize::MAX, status != MCC_OK, "results are written on success only");
        }
    }
}

fn entries(held: &mut Held, input: &mut Input<'_>) {
    let cache = pick(&held.caches, input);
    let len = usize::from(input.below(4));
    let key = input.bytes(len);
    let (at, len) = (pointer(key, input), key.len());
    match input.below(9) {
        0 | 1 => {
            let mut value = ptr::null_mut();
            let status = checked(c!(mcc_get(cache, at, len, &raw mut value)));
            assert_eq!(status == MCC_OK, !value.is_null());
            keep(&mut held.values, value, mcc_value_free);
        }
        2 | 3 => {
            let value = input.string();
            let (codec, ttl) = (input.u8(), ttl(input));
            let status = checked(c!(mcc_put_as(cache, at, len, value.as_ptr().cast(), value.len(), codec, ttl)));
            if status == MCC_OK && ttl == MCC_TTL_FOREVER {
                // Its cache has one writer, and an entry put last is not the one that the limits take.
                assert_eq!(c!(mcc_contains(cache, at, len)), MCC_OK);
            }
        }
        4 => drop(checked(c!(mcc_put_new(cache, at, len, pick(&held.values, input), ttl(input))))),
        5 => drop(checked(c!(mcc_del(cache, at, len)))),
        6 => {
            let mut value = ptr::null_mut();
            checked(c!(mcc_take(cache, at, len, &raw mut value)));
            keep(&mut held.values, value, mcc_value_free);
        }
        7 => drop(checked(c!(mcc_touch(cache, at, len, ttl(input))))),
        _ => {
            let mut buffer = [0x5a_u8; 40];
            let capacity = usize::from(input.below(32));
            let (mut needed, mut codec, room) = (0, 0, buffer.as_mut_ptr().cast());
            let status = checked(c!(mcc_get_into(cache, at, len, room, capacity, &raw mut needed, &raw mut codec)));
            assert!(status != MCC_OK || needed <= capacity);
            assert!(buffer[capacity..].iter().all(|&byte| byte == 0x5a), "written past the capacity");
        }
    }
}

fn values(held: &mut Held, input: &mut Input<'_>) {
    match input.below(4) {
        0 => {
            let (data, mut value) = (input.string(), ptr::null_mut());
            let status = checked(c!(mcc_value_new(pointer(data, input), data.len(), input.u8(), &raw mut value)));
            assert_eq!(status == MCC_OK, !value.is_null());
            keep(&mut held.values, value, mcc_value_free);
        }
        1 => {
            let value = c!(mcc_value_ref(pick(&held.values, input)));
            keep(&mut held.values, value, mcc_value_free);
        }
        2 => c!(mcc_value_free(take(&mut held.values, input))),
        _ => {
            if let Some(value) = c!(pick(&held.values, input).as_ref()) {
                assert!(!value.data.is_null());
                // Reads them all: a sanitizer sees if they are gone.
                let bytes = c!(std::slice::from_raw_parts(value.data, value.len));
                std::hint::black_box(bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>());
            }
        }
    }
}

fn iterations(held: &mut Held, input: &mut Input<'_>) {
    match input.below(4) {
        0 => {
            let mut iter = ptr::null_mut();
            checked(c!(mcc_iter_new(pick(&held.caches, input), &raw mut iter)));
            keep(&mut held.iters, iter, mcc_iter_free);
        }
        1 => {
            let (mut key, mut len) = (ptr::null(), 0);
            let status = checked(c!(mcc_iter_next(pick(&held.iters, input), &raw mut key, &raw mut len)));
            assert!(matches!(status, MCC_OK | MCC_END | MCC_CLOSED | MCC_INVALID_ARGUMENT), "{status:?}");
            if status == MCC_OK {
                std::hint::black_box(c!(std::slice::from_raw_parts(key, len)).to_vec());
            }
        }
        2 => {
            let (mut key, mut len, mut value) = (ptr::null(), 0, ptr::null_mut());
            let iter = pick(&held.iters, input);
            checked(c!(mcc_iter_next_entry(iter, &raw mut key, &raw mut len, &raw mut value)));
            keep(&mut held.values, value, mcc_value_free);
        }
        _ => c!(mcc_iter_free(take(&mut held.iters, input))),
    }
}

fn leases(held: &mut Held, input: &mut Input<'_>) {
    match input.below(3) {
        0 => {
            let (mut value, mut lease) = (ptr::null_mut(), ptr::null_mut());
            let (cache, key) = (pick(&held.caches, input), input.bytes(1));
            // Without waiting: the lease may be held by this very program.
            let status =
                checked(c!(mcc_get_lease(cache, key.as_ptr().cast(), key.len(), 0, &raw mut value, &raw mut lease)));
            assert_eq!(status == MCC_OK, !value.is_null());
            assert_eq!(status == MCC_NOT_FOUND, !lease.is_null());
            keep(&mut held.values, value, mcc_value_free);
            keep(&mut held.leases, lease, mcc_lease_free);
        }
        1 => {
            let data = input.string();
            let lease = pick(&held.leases, input);
            checked(c!(mcc_fill(lease, data.as_ptr().cast(), data.len(), input.u8(), ttl(input))));
        }
        _ => c!(mcc_lease_free(take(&mut held.leases, input))),
    }
}

fn events(held: &mut Held, input: &mut Input<'_>) {
    match input.below(5) {
        0 => {
            let mut events = ptr::null_mut();
            let cache = pick(&held.caches, input);
            let node = if cache.is_null() { node() } else { ptr::null_mut() };
            checked(c!(mcc_events_new(node, cache, &raw mut events)));
            keep(&mut held.events, events, mcc_events_free);
        }
        1 => {
            let mut event = std::mem::MaybeUninit::<mcc_event_t>::uninit();
            let status = checked(c!(mcc_events_next(pick(&held.events, input), 0, event.as_mut_ptr())));
            if status == MCC_OK {
                std::hint::black_box(c!(event.assume_init_ref()));
            }
        }
        2 => c!(mcc_events_wake(pick(&held.events, input))),
        3 => drop(checked(c!(mcc_events_close(pick(&held.events, input))))),
        _ => c!(mcc_events_free(take(&mut held.events, input))),
    }
}
