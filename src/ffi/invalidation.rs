//! Invalidation in two steps in C's hands: around a transaction of the database that a cache is loaded from.

use std::ffi::c_void;
use std::time::Duration;

use super::cache::mcc_cache_t;
use super::duration::timeout;
use super::guard::{guard, guard_or};
use super::pointer::{free, give, handle, key as key_of, out_or_null, out_pointer};
use super::status::mcc_status_t::{self, MCC_OK};
use crate::error::{Error, Result};
use crate::lock::Mutex;
use crate::node::{Cache, INVALIDATION_LIMIT, Invalidation};

/// For mcc_invalidation_begin(): 30 s.
pub const MCC_LIMIT_DEFAULT: i64 = 0;

/// An invalidation of some keys in two steps. Opaque; mcc_invalidation_free() frees it.
#[derive(Debug)]
pub struct mcc_invalidation_t {
    cache: Cache,
    stage: Mutex<Stage>,
}

#[derive(Debug)]
enum Stage {
    /// Not begun yet: its keys.
    Gathers(Vec<Box<[u8]>>),
    Begun(Invalidation),
    Ended,
}

impl mcc_invalidation_t {
    /// The begun invalidation; it ends here.
    fn end(&self) -> Result<Invalidation> {
        let mut stage = self.stage.lock();
        match std::mem::replace(&mut *stage, Stage::Ended) {
            Stage::Begun(begun) => Ok(begun),
            other => {
                *stage = other;
                Err(wrong_stage("it is not begun, or has ended"))
            }
        }
    }
}

fn wrong_stage(reason: &str) -> Error {
    Error::InvalidArgument { name: "invalidation", reason: reason.to_owned() }
}

/// Makes an invalidation in two steps: for what a transaction of a database changes, from which the cache is loaded. Add the
/// keys, begin it, commit the transaction, commit it. Nothing happens before mcc_invalidation_begin().
///
/// cache: the cache.
/// invalidation: where it is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *invalidation, which keeps the cache open; mcc_invalidation_free() frees it.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_invalidation_new(
    cache: *mut mcc_cache_t,
    invalidation: *mut *mut mcc_invalidation_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(invalidation, "invalidation") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?.cache.clone();
        give(out, mcc_invalidation_t { cache, stage: Mutex::new(Stage::Gathers(Vec::new())) });
        Ok(MCC_OK)
    })
}

/// Adds a key, at most 64 of them, before it is begun.
///
/// invalidation: the invalidation.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT, also if it is begun; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_invalidation_add(
    invalidation: *mut mcc_invalidation_t,
    key: *const c_void,
    key_len: usize,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let invalidation = unsafe { handle(invalidation, "invalidation") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        match &mut *invalidation.stage.lock() {
            Stage::Gathers(keys) => keys.push(key.into()),
            _ => return Err(wrong_stage("it is begun: keys are added before")),
        }
        Ok(MCC_OK)
    })
}

/// Begins it, before the transaction is committed: has every live member refuse to put what it loads of the keys, then
/// deletes them everywhere. Until it ends the keys are misses, and who loads one gets what was loaded, as if there was no
/// cache; puts pass.
///
/// If all members have answered in time, nobody reads from the cache what was before the transaction from the instant at
/// which the database commits it, even if this process dies before it says so. If not, some may, until they hear of the end.
///
/// invalidation: the invalidation, with at least one key.
/// limit_ms: when members give up waiting for the end, 1 ms to 600,000 ms; MCC_LIMIT_DEFAULT (0): 30 s. A transaction that
/// takes longer has only what mcc_del() after it promises.
/// timeout_ms: longest wait for the members, ms, 0 or more.
/// complete: where 1 is written if all members have answered, else 0; may be NULL.
/// Returns: MCC_OK, with *complete 0 too; MCC_CLOSED; MCC_INVALID_ARGUMENT, also without a key, with more than 64, or if it
/// was begun before; MCC_INTERNAL. If it is not MCC_OK nothing has begun.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_invalidation_begin(
    invalidation: *mut mcc_invalidation_t,
    limit_ms: i64,
    timeout_ms: i64,
    complete: *mut i32,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_or_null(complete, "complete") }?;
        // SAFETY: NULL or a live handle.
        let invalidation = unsafe { handle(invalidation, "invalidation") }?;
        let limit = limit(limit_ms)?;
        let timeout = timeout(timeout_ms)?;
        // Held while it waits: another thread that has the same handle can do nothing with it meanwhile.
        let mut stage = invalidation.stage.lock();
        let Stage::Gathers(keys) = &*stage else { return Err(wrong_stage("it was begun before")) };
        let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
        let begun = invalidation.cache.begin_invalidate(&keys, limit, timeout)?;
        if let Some(out) = out {
            out.set(i32::from(begun.is_complete()));
        }
        *stage = Stage::Begun(begun);
        Ok(MCC_OK)
    })
}

/// Ends it after the transaction was committed, or when nobody knows what became of it: deletes the keys once more, for
/// members that did not hear of the beginning, and lets all put again what they load.
///
/// invalidation: the invalidation, begun.
/// in_time: where 1 is written, or 0 if the limit had passed: then members may have put what was before the transaction, and
/// have shown it until now; may be NULL.
/// Returns: MCC_OK, with *in_time 0 too; MCC_CLOSED, also in a forked child; MCC_INVALID_ARGUMENT, also if it is not begun or
/// has ended; MCC_INTERNAL. Once it is begun it has ended, whatever is returned.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_invalidation_commit(
    invalidation: *mut mcc_invalidation_t,
    in_time: *mut i32,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_or_null(in_time, "in_time") }?;
        // SAFETY: NULL or a live handle.
        let begun = unsafe { handle(invalidation, "invalidation") }?.end()?;
        let was_in_time = begun.commit()?;
        if let Some(out) = out {
            out.set(i32::from(was_in_time));
        }
        Ok(MCC_OK)
    })
}

/// Ends it after the transaction was rolled back for certain: lets all put again what they load.
///
/// invalidation: the invalidation, begun.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT, also if it is not begun or has ended; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_invalidation_abort(invalidation: *mut mcc_invalidation_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        unsafe { handle(invalidation, "invalidation") }?.end()?.abort();
        Ok(MCC_OK)
    })
}

/// Frees an invalidation. One that is begun and has not ended is committed: nobody knows what became of its transaction.
///
/// invalidation: the invalidation; NULL is nothing to do.
/// Threads: any, with no other call on invalidation going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_invalidation_free(invalidation: *mut mcc_invalidation_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(invalidation) });
}

fn limit(limit_ms: i64) -> Result<Duration> {
    let refused = || Error::InvalidArgument { name: "limit_ms", reason: format!("{limit_ms} is negative") };
    match limit_ms {
        MCC_LIMIT_DEFAULT => Ok(INVALIDATION_LIMIT),
        ms => u64::try_from(ms).map(Duration::from_millis).map_err(|_| refused()),
    }
}
