//! One key at a time: get, put, delete and what is known of an entry. The paths that must be short.

use std::ffi::c_void;

use super::cache::mcc_cache_t;
use super::duration::{MCC_TTL_FOREVER, count, ttl};
use super::guard::guard;
use super::pointer::{self, handle, key as key_of, out, out_or_null, out_pointer};
use super::status::mcc_status_t::{self, MCC_BUFFER_TOO_SMALL, MCC_EXISTS, MCC_NOT_FOUND, MCC_OK};
use super::value::{MCC_CODEC_RAW, give_value, mcc_value_t, value_of};
use crate::node::{Copied, Entry, Precondition};
use crate::time::Deadline;
use crate::update::Codec;

/// What is known of an entry.
#[repr(C)]
#[derive(Debug)]
pub struct mcc_metadata_t {
    /// When it was written, ms since 1970 by the writer's clock.
    pub written_ms: i64,
    /// Time since then, ms, 0 or more.
    pub age_ms: i64,
    /// Time until it expires, ms; MCC_TTL_FOREVER if it does not.
    pub ttl_remaining_ms: i64,
    /// The value's length, bytes.
    pub size: i64,
    /// What the entry counts against the cache's limit of bytes.
    pub weight: i64,
    /// Its version, first part: the writer's hybrid logical clock. Of two versions of a key the greater one wins.
    pub version_clock: i64,
    /// Its version, second part: the writer; decides where clocks are equal.
    pub version_origin: u64,
    /// How to read the value: MCC_CODEC_RAW or another.
    pub codec: u8,
    /// 0; room for later versions.
    pub reserved: [i64; 4],
}

/// Gets a value. What is known locally decides; the network is never waited for.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is 0.
/// value: where the value is written; NULL is written if there is none.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value, which no later event changes; mcc_value_free() frees it.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_get(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *mut *mut mcc_value_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(value, "value") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        let Some(value) = cache.cache.get(key)? else { return Ok(MCC_NOT_FOUND) };
        give_value(out, value);
        Ok(MCC_OK)
    })
}

/// Gets a value into the caller's buffer. For short values: for those mcc_get() is slower, though it copies nothing.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is 0.
/// buffer, capacity: where the bytes are written, and how many fit; buffer may be NULL if capacity is 0. Written on
/// MCC_OK only.
/// len: where the value's length is written, on MCC_OK and on MCC_BUFFER_TOO_SMALL.
/// codec: where is written how to read the value, with len; may be NULL.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_BUFFER_TOO_SMALL (not counted as a use); MCC_CLOSED; MCC_TOO_LARGE (the key); MCC_INVALID_ARGUMENT;
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_get_into(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    buffer: *mut c_void,
    capacity: usize,
    len: *mut usize,
    codec: *mut u8,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_len = unsafe { out(len, "len") }?;
        // SAFETY: NULL or the caller's variable.
        let out_codec = unsafe { out_or_null(codec, "codec") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        // SAFETY: the caller's buffer and its length.
        let buffer = unsafe { pointer::buffer(buffer, capacity, "buffer") }?;
        let room = buffer.capacity();
        let write = |bytes: &[u8]| {
            // It has at most as many bytes as fit.
            let _fits = buffer.fill(bytes);
        };
        let (status, len, codec) = match cache.cache.get_into(key, room, write)? {
            Copied::Missing => return Ok(MCC_NOT_FOUND),
            Copied::Done { len, codec } => (MCC_OK, len, codec),
            Copied::TooLong { len, codec } => (MCC_BUFFER_TOO_SMALL, len, codec),
        };
        out_len.set(len);
        if let Some(out) = out_codec {
            out.set(codec.0);
        }
        Ok(status)
    })
}

/// Puts a value, as raw bytes. It can be read here at once, and goes to all members; the call does not wait for them
/// (mcc_sync() does). Of two puts of one key by two members the later one wins everywhere.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_put(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    ttl_ms: i64,
) -> mcc_status_t {
    // SAFETY: the same arguments under the same promise.
    unsafe { mcc_put_as(cache, key, key_len, value, value_len, MCC_CODEC_RAW, ttl_ms) }
}

/// Puts a value and says how to read it; else as mcc_put().
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_put_as(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    codec: u8,
    ttl_ms: i64,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        // SAFETY: the caller's bytes and their length.
        let value = unsafe { pointer::value(value, value_len) }?;
        cache.cache.put(key, value, Codec(codec), ttl(ttl_ms)?)?;
        Ok(MCC_OK)
    })
}

/// Puts a value that a handle holds, with its codec; else as mcc_put().
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value: the value, from mcc_value_new() or mcc_get(); copied, and still the caller's.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_put_value(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *const mcc_value_t,
    ttl_ms: i64,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        // SAFETY: NULL or a live value.
        let value = unsafe { value_of(value) }?;
        cache.cache.put(key, value, value.codec(), ttl(ttl_ms)?)?;
        Ok(MCC_OK)
    })
}

/// Puts a value only if this process knows none for the key. Two members may both succeed at the same time; the later
/// one wins everywhere, as always.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value: the value, from mcc_value_new() or mcc_get(); copied, and still the caller's.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_EXISTS (nothing was changed); MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any; of threads of this process that do this at once with one key, one gets MCC_OK. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_put_new(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *const mcc_value_t,
    ttl_ms: i64,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        // SAFETY: NULL or a live value.
        let value = unsafe { value_of(value) }?;
        let done = cache.cache.put_if(key, value, value.codec(), ttl(ttl_ms)?, Precondition::Absent)?;
        Ok(if done { MCC_OK } else { MCC_EXISTS })
    })
}

/// Puts a value of the caller's bytes only if this process knows none for the key, without a handle; else as mcc_put_new().
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_EXISTS (nothing was changed); MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any; of threads of this process that do this at once with one key, one gets MCC_OK. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_put_new_as(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    codec: u8,
    ttl_ms: i64,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        // SAFETY: the caller's bytes and their length.
        let value = unsafe { pointer::value(value, value_len) }?;
        let done = cache.cache.put_if(key, value, Codec(codec), ttl(ttl_ms)?, Precondition::Absent)?;
        Ok(if done { MCC_OK } else { MCC_EXISTS })
    })
}

/// Deletes a key, here and on all members, whether or not a value is known here.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// Returns: MCC_OK; MCC_NOT_FOUND if no value was known here; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT;
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_del(cache: *mut mcc_cache_t, key: *const c_void, key_len: usize) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        Ok(mcc_status_t::found(cache.cache.delete(key)?))
    })
}

/// Deletes a key and returns its value, in one step: of the threads of this process that do this at once, one gets it.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value: where the value is written; NULL is written if there is none.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value; mcc_value_free() frees it.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_take(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *mut *mut mcc_value_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(value, "value") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        let Some(value) = cache.cache.take(key)? else { return Ok(MCC_NOT_FOUND) };
        give_value(out, value);
        Ok(MCC_OK)
    })
}

/// Tells whether a key has a value. Does not count as a use of it.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is 0.
/// Returns: MCC_OK if it has; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_contains(cache: *mut mcc_cache_t, key: *const c_void, key_len: usize) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        Ok(mcc_status_t::found(cache.cache.contains(key)?))
    })
}

/// Gives an entry a new time to live, here and on all members, as a put of the same value would.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// ttl_ms: time to live from now, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_touch(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    ttl_ms: i64,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        Ok(mcc_status_t::found(cache.cache.touch(key, ttl(ttl_ms)?)?))
    })
}

/// Tells what is known of an entry. Does not count as a use of it.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is 0.
/// metadata: where it is written.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_metadata(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    metadata: *mut mcc_metadata_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out(metadata, "metadata") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        let Some(entry) = cache.cache.metadata(key)? else { return Ok(MCC_NOT_FOUND) };
        out.set(mcc_metadata_t::new(&entry, cache.cache.wall_ms()));
        Ok(MCC_OK)
    })
}

impl mcc_metadata_t {
    fn new(entry: &Entry, now_ms: u64) -> mcc_metadata_t {
        let written_ms = entry.version.hlc.wall().0;
        let ttl_remaining_ms = match entry.deadline {
            Deadline::NEVER => MCC_TTL_FOREVER,
            // One less than "no end", which only a deadline beyond all time would reach.
            Deadline(at) => count(at.0.saturating_sub(now_ms)).min(MCC_TTL_FOREVER - 1),
        };
        mcc_metadata_t {
            written_ms: count(written_ms),
            age_ms: count(now_ms.saturating_sub(written_ms)),
            ttl_remaining_ms,
            size: count(entry.value.len()),
            weight: count(entry.weight),
            version_clock: count(entry.version.hlc.0),
            version_origin: entry.version.origin.0,
            codec: entry.value.codec().0,
            reserved: [0; 4],
        }
    }
}
