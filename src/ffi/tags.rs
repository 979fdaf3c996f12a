//! Tags: entries that are put with names, and go all at once.

use std::ffi::c_void;

use super::cache::mcc_cache_t;
use super::duration::ttl;
use super::guard::guard;
use super::lease::mcc_lease_t;
use super::pointer::{self, handle, key as key_of};
use super::status::mcc_status_t::{self, MCC_OK, MCC_OVERTAKEN};
use crate::error::{Error, Result};
use crate::update::Codec;

/// Puts a value with tags, so that mcc_invalidate_tag() can take it; else as mcc_put_as(). An entry has the tags of its
/// last put or fill.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// tags, tags_len: at most 16 tags of 1 to 255 bytes each, with a zero byte between two of them, like "user:7\0prices" and
/// its 13 bytes; copied; none if tags_len is 0, and then tags may be NULL.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT, also for too many tags or one that is too long or
/// has no bytes; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_put_tagged(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    codec: u8,
    ttl_ms: i64,
    tags: *const c_void,
    tags_len: usize,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        // SAFETY: the caller's bytes and their length.
        let value = unsafe { pointer::value(value, value_len) }?;
        // SAFETY: the caller's bytes and their length.
        let tags = unsafe { tags_of(tags, tags_len) }?;
        cache.cache.put_tagged(key, value, Codec(codec), ttl(ttl_ms)?, &tags)?;
        Ok(MCC_OK)
    })
}

/// Puts what was loaded under a lease, with tags; else as mcc_fill(). Nothing is put either if one of the tags was
/// invalidated since the lease was given.
///
/// lease: the lease.
/// data, len: the value, 0 bytes to the cache's limit; copied; data may be NULL if len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live from now, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// tags, tags_len: the tags, as in mcc_put_tagged().
/// Returns: MCC_OK; MCC_OVERTAKEN (nothing was put); MCC_TOO_LARGE; MCC_CLOSED, also in a forked child;
/// MCC_INVALID_ARGUMENT, also if the lease has ended; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_fill_tagged(
    lease: *mut mcc_lease_t,
    data: *const c_void,
    len: usize,
    codec: u8,
    ttl_ms: i64,
    tags: *const c_void,
    tags_len: usize,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let lease = unsafe { handle(lease, "lease") }?.take();
        let ended = || Error::InvalidArgument { name: "lease", reason: "it has ended: it is filled once".to_owned() };
        let lease = lease.ok_or_else(ended)?;
        // SAFETY: the caller's bytes and their length.
        let value = unsafe { pointer::value(data, len) }?;
        // SAFETY: the caller's bytes and their length.
        let tags = unsafe { tags_of(tags, tags_len) }?;
        let put = lease.fill_tagged(value, Codec(codec), ttl(ttl_ms)?, &tags)?;
        Ok(if put { MCC_OK } else { MCC_OVERTAKEN })
    })
}

/// Makes every entry with a tag a miss, here at once and on every member soon. It takes no longer for a million entries
/// than for one: they stay in memory until they expire or room is needed, and go first then. What is put with the tag
/// afterwards is read.
///
/// cache: the cache.
/// tag, tag_len: the tag, 1 to 255 bytes, none of them zero; copied.
/// Returns: MCC_OK; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_invalidate_tag(
    cache: *mut mcc_cache_t,
    tag: *const c_void,
    tag_len: usize,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let tags = unsafe { tags_of(tag, tag_len) }?;
        let [tag] = tags[..] else {
            return Err(Error::InvalidArgument {
                name: "tag",
                reason: "it has 1 to 255 bytes, none of them zero".to_owned(),
            });
        };
        cache.cache.invalidate_tag(tag)?;
        Ok(MCC_OK)
    })
}

/// Tags with a zero byte between two of them.
///
/// # Safety
/// `pointer` is NULL or points to `len` bytes that stand as long as `'a`.
unsafe fn tags_of<'a>(pointer: *const c_void, len: usize) -> Result<Vec<&'a [u8]>> {
    // SAFETY: as this function's.
    let bytes = unsafe { pointer::value(pointer, len) }?;
    Ok(if bytes.is_empty() { Vec::new() } else { bytes.split(|byte| *byte == 0).collect() })
}
