//! Leases in C's hands: one caller loads what the cache does not have, the others wait for it.

use std::ffi::c_void;

use super::cache::mcc_cache_t;
use super::duration::{timeout, ttl};
use super::guard::{guard, guard_or};
use super::pointer::{self, free, give, handle, key as key_of, out_pointer};
use super::status::mcc_status_t::{self, MCC_NOT_FOUND, MCC_OK, MCC_OVERTAKEN};
use super::value::{give_value, mcc_value_t};
use crate::error::Error;
use crate::lock::Mutex;
use crate::node::{Lease, Lookup};
use crate::update::Codec;

/// The right, and the duty, to load the value of a key. Opaque; mcc_lease_free() frees it.
#[derive(Debug)]
pub struct mcc_lease_t {
    /// None once it was filled.
    lease: Mutex<Option<Lease>>,
}

impl mcc_lease_t {
    pub(super) fn of(lease: Lease) -> mcc_lease_t {
        mcc_lease_t { lease: Mutex::new(Some(lease)) }
    }

    /// The lease, unless it has ended; it ends here.
    pub(super) fn take(&self) -> Option<Lease> {
        self.lease.lock().take()
    }
}

/// Gets a value, or else the right to load it, which one caller of this process has at a time for each key: while
/// another has it, waits for the end of that. Members do not wait for each other.
///
/// What was loaded goes to mcc_fill(). Whoever gets the lease must end it, or the others wait in vain; a thread that
/// asks again for a key it has the lease of waits for itself.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// timeout_ms: longest wait for another's load, ms, 0 or more.
/// value: where the value is written; NULL is written if there is none.
/// lease: where the lease is written; NULL is written if there is a value.
/// Returns: MCC_OK with a value; MCC_NOT_FOUND with a lease; MCC_TIMEOUT with neither; MCC_CLOSED, also if the cache is
/// closed meanwhile; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value or *lease; mcc_value_free() or mcc_lease_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_get_lease(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    timeout_ms: i64,
    value: *mut *mut mcc_value_t,
    lease: *mut *mut mcc_lease_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_value = unsafe { out_pointer(value, "value") }?;
        // SAFETY: NULL or the caller's variable.
        let out_lease = unsafe { out_pointer(lease, "lease") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        match cache.cache.lease(key, timeout(timeout_ms)?)? {
            Lookup::Found(value) => {
                give_value(out_value, value);
                Ok(MCC_OK)
            }
            Lookup::Lease(lease) => {
                give(out_lease, mcc_lease_t::of(lease));
                Ok(MCC_NOT_FOUND)
            }
        }
    })
}

/// Puts what was loaded under a lease, unless its key was written or deleted, or the cache cleared, since the lease was
/// given, here or by news of another member. Ends the lease, whatever is returned: those that wait go on. Its handle is still to
/// be freed.
///
/// It is put with the time at which the lease was given, so that a write made on another member while the value was
/// loaded wins also if it arrives later.
///
/// lease: the lease.
/// data, len: the value, 0 bytes to the cache's limit; copied; data may be NULL if len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live from now, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_OVERTAKEN (nothing was put); MCC_TOO_LARGE; MCC_CLOSED, also in a forked child;
/// MCC_INVALID_ARGUMENT, also if the lease has ended; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_fill(
    lease: *mut mcc_lease_t,
    data: *const c_void,
    len: usize,
    codec: u8,
    ttl_ms: i64,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let lease = unsafe { handle(lease, "lease") }?.take();
        let ended = || Error::InvalidArgument { name: "lease", reason: "it has ended: it is filled once".to_owned() };
        let lease = lease.ok_or_else(ended)?;
        // SAFETY: the caller's bytes and their length.
        let value = unsafe { pointer::value(data, len) }?;
        let put = lease.fill(value, Codec(codec), ttl(ttl_ms)?)?;
        Ok(if put { MCC_OK } else { MCC_OVERTAKEN })
    })
}

/// Frees a lease. One that was not filled ends: the value could not be loaded, and one of those that wait for it gets
/// the next lease.
///
/// lease: the lease; NULL is nothing to do.
/// Threads: any, with no other call on lease going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_lease_free(lease: *mut mcc_lease_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(lease) });
}
