//! Caches: named key spaces, opened by name, and what is asked of one as a whole.

use std::ffi::{CString, c_char};
use std::ptr;

use super::config::{mcc_config_t, settings_of};
use super::duration::{count, timeout};
use super::guard::{guard, guard_or};
use super::node::{mcc_node_t, node_or_own};
use super::pointer::{c_text, free, give, handle, handle_or_null, out, out_or_null, out_pointer, text};
use super::status::mcc_status_t::{self, MCC_OK};
use crate::node::Cache;
use crate::node::StoreStats;

/// A cache: a named key space, the same on all members that open it. Opaque; mcc_free() frees it.
#[derive(Debug)]
pub struct mcc_cache_t {
    pub(super) cache: Cache,
    name: CString,
}

/// Figures of one cache in this process, since it was opened.
#[repr(C)]
#[derive(Debug)]
pub struct mcc_cache_stats_t {
    /// Entries held now.
    pub entries: i64,
    /// What they count against the limit of bytes.
    pub bytes: i64,
    /// Deleted keys remembered now, so that an older put does not bring them back.
    pub tombstones: i64,
    /// Gets that found a value. So does who waited for another caller's load and has its value; mcc_contains() and iteration
    /// count as neither.
    pub hits: i64,
    /// Gets that found none. A load is one miss: its lease is; to wait for another caller's, however long, is none.
    pub misses: i64,
    /// Entries taken out to keep the limits.
    pub evictions: i64,
    /// Entries taken out because their time was over.
    pub expirations: i64,
    /// Puts by this process.
    pub puts: i64,
    /// Deletes by this process, whether there was a value or not. mcc_clear() is none.
    pub deletes: i64,
    /// 0; room for later versions.
    pub reserved: [i64; 7],
}

impl From<StoreStats> for mcc_cache_stats_t {
    fn from(stats: StoreStats) -> mcc_cache_stats_t {
        mcc_cache_stats_t {
            entries: count(stats.entries),
            bytes: count(stats.bytes),
            tombstones: count(stats.tombstones),
            hits: count(stats.hits),
            misses: count(stats.misses),
            evictions: count(stats.evictions),
            expirations: count(stats.expirations),
            puts: count(stats.puts),
            deletes: count(stats.deletes),
            reserved: [0; 7],
        }
    }
}

/// Opens a cache. The same name gives the same cache, in this process and on all members.
///
/// node: the node; NULL for the process's own, which is started on first use with the settings of file and environment.
/// name: the cache's name, text of 1 to 255 bytes; copied.
/// config: settings of this cache over the node's, copied; NULL for the node's. Only settings of caches are taken
/// ("cache_ttl" and its like). A cache that is open already must have been opened with the same: close it first, or give
/// those.
/// cache: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT, also for a cache that is open already with other settings; MCC_CONFIG, also for a
/// setting of the node that was set by mcc_config_set(); MCC_NETWORK; MCC_CLOSED (the node); MCC_INTERNAL.
/// Owns: the caller owns *cache; mcc_free() frees it. It keeps its node running.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_open(
    node: *mut mcc_node_t,
    name: *const c_char,
    config: *const mcc_config_t,
    cache: *mut *mut mcc_cache_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(cache, "cache") }?;
        // SAFETY: NULL or the caller's text.
        let name = unsafe { text(name, "name") }?;
        // SAFETY: NULL or a live handle.
        let config = unsafe { settings_of(config) };
        // SAFETY: NULL or a live handle.
        let node = unsafe { node_or_own(node) }?;
        let cache = match config {
            Some(config) => node.cache_with(name, &config)?,
            None => node.cache(name)?,
        };
        let name = c_text(cache.name());
        give(out, mcc_cache_t { cache, name });
        Ok(MCC_OK)
    })
}

/// Tells the cache's name.
///
/// cache: the cache.
/// Returns: text, valid until mcc_free(cache); NULL if cache is NULL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_name(cache: *const mcc_cache_t) -> *const c_char {
    guard_or(ptr::null(), || {
        // SAFETY: NULL or a live handle.
        unsafe { handle_or_null(cache) }.map_or(ptr::null(), |cache| cache.name.as_ptr())
    })
}

/// Gives the node a cache belongs to, the process's own or another.
///
/// cache: the cache.
/// node: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *node; mcc_node_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_of(cache: *mut mcc_cache_t, node: *mut *mut mcc_node_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(node, "node") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        give(out, mcc_node_t::new(cache.cache.node()));
        Ok(MCC_OK)
    })
}

/// Counts the entries the cache holds in this process now. One whose time is over may count until it is taken out.
///
/// cache: the cache.
/// len: where the number is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_len(cache: *mut mcc_cache_t, len: *mut usize) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out(len, "len") }?;
        // SAFETY: NULL or a live handle.
        out.set(unsafe { handle(cache, "cache") }?.cache.len()?);
        Ok(MCC_OK)
    })
}

/// Deletes all entries, here and on all members.
///
/// cache: the cache.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_clear(cache: *mut mcc_cache_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        unsafe { handle(cache, "cache") }?.cache.clear()?;
        Ok(MCC_OK)
    })
}

/// Waits until all members that are alive have applied everything this process wrote to the cache before. A node that
/// has not yet found the members waits for that first, as mcc_node_wait_ready() does, within the same timeout.
///
/// cache: the cache.
/// timeout_ms: longest wait of both together, ms, 0 or more.
/// Returns: MCC_OK; MCC_TIMEOUT (the writes still go out); MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_sync(cache: *mut mcc_cache_t, timeout_ms: i64) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        cache.cache.sync(timeout(timeout_ms)?)?;
        Ok(MCC_OK)
    })
}

/// Sums up the cache's contents in this process: equal keys and values give equal sums on every member. Reads every
/// entry. mcc_cluster_checksum() asks all members.
///
/// cache: the cache.
/// sum: where the checksum is written; may be NULL.
/// entries: where the number of entries in it is written; may be NULL.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_checksum(cache: *mut mcc_cache_t, sum: *mut u64, entries: *mut i64) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_sum = unsafe { out_or_null(sum, "sum") }?;
        // SAFETY: NULL or the caller's variable.
        let out_entries = unsafe { out_or_null(entries, "entries") }?;
        // SAFETY: NULL or a live handle.
        let (sum, entries) = unsafe { handle(cache, "cache") }?.cache.checksum()?;
        if let Some(out) = out_sum {
            out.set(sum);
        }
        if let Some(out) = out_entries {
            out.set(count(entries));
        }
        Ok(MCC_OK)
    })
}

/// Tells the cache's figures in this process.
///
/// cache: the cache.
/// stats: where they are written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_cache_stats(cache: *mut mcc_cache_t, stats: *mut mcc_cache_stats_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out(stats, "stats") }?;
        // SAFETY: NULL or a live handle.
        out.set(unsafe { handle(cache, "cache") }?.cache.stats()?.into());
        Ok(MCC_OK)
    })
}

/// Leaves the cache: later calls on any handle of it return MCC_CLOSED, and its entries are forgotten in this process
/// (not on other members). Opening the name again begins anew, filled from the members. Closing again is MCC_OK.
///
/// cache: the cache.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, also while others are in calls on the same handle: each finishes, or returns MCC_CLOSED. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_close(cache: *mut mcc_cache_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        unsafe { handle(cache, "cache") }?.cache.close();
        Ok(MCC_OK)
    })
}

/// Frees the handle. Values, iterators and queues made of it stay valid.
///
/// cache: the cache; NULL is nothing to do.
/// Threads: any, with no other call on cache going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_free(cache: *mut mcc_cache_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(cache) });
}
