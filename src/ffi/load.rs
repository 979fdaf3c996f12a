//! Loading in C's hands: what to serve and whether to load, by a policy of settings. C runs its own loaders.

use std::ffi::c_void;

use super::cache::mcc_cache_t;
use super::config::{mcc_config_t, settings_of};
use super::duration::{MCC_WAIT_FOREVER, ms, timeout};
use super::guard::{guard, guard_or};
use super::lease::mcc_lease_t;
use super::pointer::{free, give, handle, handle_or_null, key as key_of, out, out_pointer};
use super::status::mcc_status_t::{self, MCC_NOT_FOUND, MCC_OK};
use super::value::{give_value, mcc_value_t};
use crate::config::LoadPolicy;
use crate::error::Error;
use crate::node::{Loading, Note};

/// How values are loaded: the settings eager_refresh, fail_safe, fail_safe_throttle, load_soft_timeout and
/// load_hard_timeout. Opaque; mcc_load_policy_free() frees it.
#[derive(Debug)]
pub struct mcc_load_policy_t {
    policy: LoadPolicy,
}

/// What mcc_load_begin() found.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum mcc_load_state_t {
    /// A live value, and nothing to do.
    MCC_LOAD_FRESH = 0,
    /// A live value, old enough to be loaded anew, and the lease for it: load and fill, in the background if possible.
    MCC_LOAD_REFRESH = 1,
    /// An expired value to be served: what is newer could not be loaded a short while ago.
    MCC_LOAD_PAUSED = 2,
    /// An expired value to be served: another caller loads, and has not ended in time. Tell mcc_load_note().
    MCC_LOAD_SLOW = 3,
    /// A lease: load and fill. An expired value may be there to be served if that fails or takes too long.
    MCC_LOAD_LEASE = 4,
}

/// For mcc_load_note(): a load failed, and the expired value was served.
pub const MCC_LOAD_NOTE_STALE: i32 = 0;

/// For mcc_load_note(): a load takes longer than the soft timeout, or than the hard one, and the expired value was served.
pub const MCC_LOAD_NOTE_SLOW: i32 = 1;

/// For mcc_load_note(): a load takes longer than the hard timeout, and there was nothing to serve.
pub const MCC_LOAD_NOTE_TIMED_OUT: i32 = 2;

/// The answer of mcc_load_begin().
#[repr(C)]
#[derive(Debug)]
pub struct mcc_load_t {
    /// What there is to do.
    pub state: mcc_load_state_t,
    /// How long to wait for the loader, ms; then serve the expired value if there is one, or else fail; the loader goes
    /// on and fills. MCC_WAIT_FOREVER: for as long as it takes.
    pub patience_ms: i64,
    /// 0; room for later versions.
    pub reserved: [i64; 4],
}

/// Makes a policy: what the cache's settings say, with those of config over it.
///
/// cache: the cache.
/// config: settings (mcc_config_new_empty(), mcc_config_set()) of loads; other settings of caches are ignored, and a node's
/// that was set by mcc_config_set() is MCC_CONFIG. NULL for none.
/// policy: where the handle is written.
/// Returns: MCC_OK; MCC_CONFIG; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *policy; mcc_load_policy_free() frees it, before or after the cache.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_load_policy_new(
    cache: *mut mcc_cache_t,
    config: *const mcc_config_t,
    policy: *mut *mut mcc_load_policy_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(policy, "policy") }?;
        // SAFETY: NULL or a live handle.
        let base = unsafe { handle(cache, "cache") }?.cache.settings();
        // SAFETY: NULL or a live handle.
        let policy = match unsafe { settings_of(config) } {
            Some(config) => config.cache_settings(base)?.load,
            None => base.load,
        };
        give(out, mcc_load_policy_t { policy });
        Ok(MCC_OK)
    })
}

/// Tells how long whoever waits for a load waits by a policy: mcc_load_begin() does so in one call, and who divides the wait
/// into several adds them up.
///
/// policy: the policy.
/// has_expired_value: whether there is an expired value to be served then.
/// Returns: ms; MCC_WAIT_FOREVER: for as long as it takes; 0 if policy is NULL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_load_policy_patience(policy: *const mcc_load_policy_t, has_expired_value: bool) -> i64 {
    guard_or(0, || {
        // SAFETY: NULL or a live handle.
        let policy = unsafe { handle_or_null(policy) };
        policy.map_or(0, |policy| policy.policy.patience(has_expired_value).map_or(MCC_WAIT_FOREVER, ms))
    })
}

/// Frees a policy.
///
/// policy: the policy; NULL is nothing to do.
/// Threads: any, with no other call on policy going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_load_policy_free(policy: *mut mcc_load_policy_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(policy) });
}

/// As mcc_get_lease(), heeding a policy: an early refresh, an expired value in place of a load that fails or takes long.
///
/// What was loaded goes to mcc_fill(); a loader that failed is told by mcc_load_failed(), whereupon the expired value is
/// served if there is one, which mcc_load_note() is told. Another caller's load is waited for until timeout_ms or the
/// policy's patience has passed, whichever comes first.
///
/// cache: the cache.
/// policy: the policy; NULL for the cache's settings.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// timeout_ms: longest wait for another's load, ms, 0 or more.
/// value: where the value is written; NULL is written if there is none.
/// lease: where the lease is written; NULL is written if there is none.
/// load: where the rest is written.
/// Returns: MCC_OK with a value to be served now, and with MCC_LOAD_REFRESH a lease; MCC_NOT_FOUND with a lease, and an
/// expired value if there is one to fall back on; MCC_TIMEOUT with neither; MCC_CLOSED, also if the cache is closed
/// meanwhile; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value and *lease; mcc_value_free() and mcc_lease_free() free them.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_load_begin(
    cache: *mut mcc_cache_t,
    policy: *const mcc_load_policy_t,
    key: *const c_void,
    key_len: usize,
    timeout_ms: i64,
    value: *mut *mut mcc_value_t,
    lease: *mut *mut mcc_lease_t,
    load: *mut mcc_load_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_value = unsafe { out_pointer(value, "value") }?;
        // SAFETY: NULL or the caller's variable.
        let out_lease = unsafe { out_pointer(lease, "lease") }?;
        // SAFETY: NULL or the caller's variable.
        let out_load = unsafe { out(load, "load") }?;
        // SAFETY: NULL or a live handle.
        let cache = &unsafe { handle(cache, "cache") }?.cache;
        // SAFETY: NULL or a live handle.
        let policy = unsafe { handle_or_null(policy) }.map_or(cache.settings().load, |policy| policy.policy);
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        let begun = cache.begin_load(key, &policy, timeout(timeout_ms)?)?;
        use mcc_load_state_t::{MCC_LOAD_FRESH, MCC_LOAD_LEASE, MCC_LOAD_PAUSED, MCC_LOAD_REFRESH, MCC_LOAD_SLOW};
        let (state, value, lease) = match begun {
            Loading::Fresh(value) => (MCC_LOAD_FRESH, Some(value), None),
            Loading::Refresh(value, lease) => (MCC_LOAD_REFRESH, Some(value), Some(lease)),
            Loading::Paused(value) => (MCC_LOAD_PAUSED, Some(value), None),
            Loading::Slow(value) => (MCC_LOAD_SLOW, Some(value), None),
            Loading::Load(lease, expired) => (MCC_LOAD_LEASE, expired, Some(lease)),
        };
        let patience_ms = policy.patience(value.is_some()).map_or(MCC_WAIT_FOREVER, ms);
        if let Some(value) = value {
            give_value(out_value, value);
        }
        if let Some(lease) = lease {
            give(out_lease, mcc_lease_t::of(lease));
        }
        out_load.set(mcc_load_t { state, patience_ms, reserved: [0; 4] });
        Ok(if state == MCC_LOAD_LEASE { MCC_NOT_FOUND } else { MCC_OK })
    })
}

/// Tells that a loader failed, and ends its lease: those that wait go on. If there is an older value to serve, the next
/// try is as much later as fail_safe_throttle says. It is counted, and told as MCC_EVENT_LOAD_FAILED.
///
/// lease: the lease; one that has ended is nothing to do.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_load_failed(lease: *mut mcc_lease_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        if let Some(lease) = unsafe { handle(lease, "lease") }?.take() {
            lease.fail();
        }
        Ok(MCC_OK)
    })
}

/// Has a load that did not go as it should counted, and told as an event.
///
/// cache: the cache.
/// key, key_len: the key.
/// note: what became of it: MCC_LOAD_NOTE_STALE, _SLOW or _TIMED_OUT.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_load_note(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    note: i32,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        let note = match note {
            MCC_LOAD_NOTE_STALE => Note::Stale,
            MCC_LOAD_NOTE_SLOW => Note::Slow,
            MCC_LOAD_NOTE_TIMED_OUT => Note::TimedOut,
            _ => {
                let reason = format!("{note}; it is one of the MCC_LOAD_NOTE_ numbers");
                return Err(Error::InvalidArgument { name: "note", reason });
            }
        };
        cache.cache.note_load(key, note)?;
        Ok(MCC_OK)
    })
}
