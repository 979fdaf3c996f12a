//! Iteration over a cache's entries, one after the other, without holding anything up.

use super::cache::mcc_cache_t;
use super::guard::{guard, guard_or};
use super::pointer::{free, give, handle, out, out_pointer};
use super::status::mcc_status_t::{self, MCC_END, MCC_OK};
use super::value::{give_value, mcc_value_t};
use crate::error::Result;
use crate::lock::Mutex;
use crate::node::Key;
use crate::node::{Cache, Keys, Value};

/// An iteration over the entries of a cache. Opaque; mcc_iter_free() frees it.
#[derive(Debug)]
pub struct mcc_iter_t {
    cache: Cache,
    walk: Mutex<Walk>,
}

#[derive(Debug)]
struct Walk {
    keys: Keys,
    /// The key C looks at.
    current: Option<Key>,
}

impl Walk {
    /// The next key that still has a value, with it.
    fn next_entry(&mut self, cache: &Cache) -> Result<Option<(Key, Value)>> {
        for key in &mut self.keys {
            let key = key?;
            // Neither counts as a use nor fails because the entry went between the two steps.
            if let Some(entry) = cache.metadata(&key)? {
                return Ok(Some((key, entry.value)));
            }
        }
        Ok(None)
    }

    /// Keeps a key for C, and tells where its bytes are.
    fn show(&mut self, key: Key) -> (*const u8, usize) {
        // Asked in its place: a key may keep its bytes within itself.
        let key: &Key = self.current.insert(key);
        (key.as_ptr(), key.len())
    }
}

/// Begins to iterate over the entries, in no order. Other threads and members may write meanwhile: a key that is there
/// all the time comes exactly once, one that comes or goes meanwhile at most once, and one that goes and comes back
/// may come twice. If the cache is closed meanwhile the next step answers MCC_CLOSED, once, and those after it MCC_END.
/// In a forked child the iterations that its parent had begun are closed.
///
/// cache: the cache.
/// iter: where the handle is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *iter; mcc_iter_free() frees it, before or after the cache's handle.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_iter_new(cache: *mut mcc_cache_t, iter: *mut *mut mcc_iter_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(iter, "iter") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // The iterator itself says so at its first step only, which is late for who looks at this status.
        cache.cache.len()?;
        let walk = Mutex::new(Walk { keys: cache.cache.keys(), current: None });
        give(out, mcc_iter_t { cache: cache.cache.clone(), walk });
        Ok(MCC_OK)
    })
}

/// Steps to the next key.
///
/// iter: the iteration.
/// key, key_len: where the key's address and length are written; it is valid until the next call with this iter, and
/// for no longer. Never NULL on MCC_OK.
/// Returns: MCC_OK; MCC_END after the last key; MCC_CLOSED, once, if the cache was closed meanwhile;
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, one at a time. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_iter_next(
    iter: *mut mcc_iter_t,
    key: *mut *const u8,
    key_len: *mut usize,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_key = unsafe { out(key, "key") }?;
        // SAFETY: NULL or the caller's variable.
        let out_len = unsafe { out(key_len, "key_len") }?;
        // SAFETY: NULL or a live handle.
        let mut walk = unsafe { handle(iter, "iter") }?.walk.lock();
        let Some(key) = walk.keys.next() else { return Ok(MCC_END) };
        let (key, len) = walk.show(key?);
        out_key.set(key);
        out_len.set(len);
        Ok(MCC_OK)
    })
}

/// Steps to the next entry, its value included. Does not count as a use of it.
///
/// iter: the iteration.
/// key, key_len: where the key's address and length are written; it is valid until the next call with this iter, and
/// for no longer. Never NULL on MCC_OK.
/// value: where the value is written; NULL is written if there is no next entry.
/// Returns: MCC_OK; MCC_END after the last entry; MCC_CLOSED, once, if the cache was closed meanwhile;
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value, which outlives the iteration; mcc_value_free() frees it.
/// Threads: any, one at a time. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_iter_next_entry(
    iter: *mut mcc_iter_t,
    key: *mut *const u8,
    key_len: *mut usize,
    value: *mut *mut mcc_value_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_value = unsafe { out_pointer(value, "value") }?;
        // SAFETY: NULL or the caller's variable.
        let out_key = unsafe { out(key, "key") }?;
        // SAFETY: NULL or the caller's variable.
        let out_len = unsafe { out(key_len, "key_len") }?;
        // SAFETY: NULL or a live handle.
        let iter = unsafe { handle(iter, "iter") }?;
        let mut walk = iter.walk.lock();
        let Some((key, value)) = walk.next_entry(&iter.cache)? else { return Ok(MCC_END) };
        let (key, len) = walk.show(key);
        out_key.set(key);
        out_len.set(len);
        give_value(out_value, value);
        Ok(MCC_OK)
    })
}

/// Frees an iteration, whether it is over or not.
///
/// iter: the iteration; NULL is nothing to do.
/// Threads: any, with no other call on iter going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_iter_free(iter: *mut mcc_iter_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(iter) });
}
