//! Tokens: what a write leaves in its writer's hand, to wait for it and to ask for it.

use std::ffi::c_void;

use super::cache::mcc_cache_t;
use super::duration::{count, timeout, ttl};
use super::guard::guard;
use super::pointer::{self, handle, key as key_of, out, out_pointer};
use super::status::mcc_status_t::{self, MCC_NOT_FOUND, MCC_OK};
use super::value::{give_value, mcc_value_t};
use crate::error::{Error, Result};
use crate::hlc::{HlcTimestamp, Version};
use crate::ids::Origin;
use crate::node::{SyncTo, Token};
use crate::update::Codec;

/// For mcc_sync_token(): every live member.
pub const MCC_SYNC_ALL: i64 = 0;

/// For mcc_sync_token(): one member, whichever.
pub const MCC_SYNC_ONE: i64 = 1;

/// What names one write. Plain numbers: a program may store them, or send them to where the write is to be read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mcc_token_t {
    /// The version written, first part: the writer's hybrid logical clock.
    pub version_clock: i64,
    /// The version written, second part: the writer.
    pub version_origin: u64,
    /// Where the write stands on its way to the members. Means something to the process that wrote alone.
    pub position: i64,
    /// 0; room for later versions.
    pub reserved: i64,
}

impl From<Token> for mcc_token_t {
    fn from(token: Token) -> mcc_token_t {
        mcc_token_t {
            version_clock: count(token.version.hlc.0),
            version_origin: token.version.origin.0,
            position: count(token.position),
            reserved: 0,
        }
    }
}

/// Reads a token that the caller has.
unsafe fn token_of(token: *const mcc_token_t) -> Result<Token> {
    // SAFETY: NULL, or by the caller's promise a token that nobody writes during the call.
    let token = unsafe { handle(token, "token") }?;
    let number = |value: i64| {
        let reason = "it has a negative number: it is not one that a put or delete gave".to_owned();
        u64::try_from(value).map_err(|_| Error::InvalidArgument { name: "token", reason })
    };
    let hlc = HlcTimestamp(number(token.version_clock)?);
    let version = Version { hlc, origin: Origin(token.version_origin) };
    Ok(Token { version, position: number(token.position)? })
}

/// Puts a value as mcc_put_as() does, and gives a token of it. Neither waits for a member.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// value, value_len: the value, 0 bytes to the cache's limit; copied; value may be NULL if value_len is 0.
/// codec: how to read it: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// ttl_ms: time to live, ms; MCC_TTL_DEFAULT (0): the cache's setting; MCC_TTL_FOREVER: no end.
/// token: where the token is written, on MCC_OK.
/// Returns: MCC_OK; MCC_TOO_LARGE; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_put_token(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    codec: u8,
    ttl_ms: i64,
    token: *mut mcc_token_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out(token, "token") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        // SAFETY: the caller's bytes and their length.
        let value = unsafe { pointer::value(value, value_len) }?;
        out.set(cache.cache.put_token(key, value, Codec(codec), ttl(ttl_ms)?)?.into());
        Ok(MCC_OK)
    })
}

/// Deletes a key as mcc_del() does, and gives a token of the delete.
///
/// cache: the cache.
/// key, key_len: the key, 0 to MCC_KEY_LEN_MAX bytes; copied; key may be NULL if key_len is 0.
/// token: where the token is written, on MCC_OK and on MCC_NOT_FOUND.
/// Returns: MCC_OK; MCC_NOT_FOUND if no value was known here; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT;
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_del_token(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    token: *mut mcc_token_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out(token, "token") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        let (token, found) = cache.cache.delete_token(key)?;
        out.set(token.into());
        Ok(mcc_status_t::found(found))
    })
}

/// Gets a value only if it is the one a token names, or a newer one: a value that is older here is as good as none. The
/// token may come from another member, by whatever way the program has. Nothing is waited for.
///
/// cache: the cache, of the same name as the one that was written to.
/// key, key_len: the key that was written, 0 to MCC_KEY_LEN_MAX bytes; borrowed for the call; key may be NULL if key_len is
/// 0.
/// token: the token; its position does not matter.
/// value: where the value is written; NULL is written if there is none that is new enough.
/// Returns: MCC_OK; MCC_NOT_FOUND; MCC_CLOSED; MCC_TOO_LARGE; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *value, which no later event changes; mcc_value_free() frees it.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_get_at_least(
    cache: *mut mcc_cache_t,
    key: *const c_void,
    key_len: usize,
    token: *const mcc_token_t,
    value: *mut *mut mcc_value_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(value, "value") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: the caller's bytes and their length.
        let key = unsafe { key_of(key, key_len) }?;
        // SAFETY: NULL or the caller's token.
        let token = unsafe { token_of(token) }?;
        let Some(value) = cache.cache.get_at_least(key, token.version)? else { return Ok(MCC_NOT_FOUND) };
        give_value(out, value);
        Ok(MCC_OK)
    })
}

/// Waits until so many members have applied one write, or something newer. What was written since is not waited for.
///
/// A member that falls silent is waited for until it counts as down, 5 s after it was last heard; one that has left is not.
/// A number that there are no members for is waited for all the same: they may come. A node that has not yet found the
/// members waits for that first, within the same timeout.
///
/// cache: the cache that was written to.
/// token: of a put or delete of this process.
/// members: MCC_SYNC_ALL (0): every live member, as far as it has the cache open; MCC_SYNC_ONE (1) or more: at least so
/// many that have it open, this process not counted.
/// timeout_ms: longest wait, ms, 0 or more.
/// Returns: MCC_OK; MCC_TIMEOUT (the write still goes out); MCC_CLOSED; MCC_INVALID_ARGUMENT, also for a token of another
/// process or node, and for a number of members of a local cache; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_sync_token(
    cache: *mut mcc_cache_t,
    token: *const mcc_token_t,
    members: i64,
    timeout_ms: i64,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        // SAFETY: NULL or the caller's token.
        let token = unsafe { token_of(token) }?;
        let to = match members {
            MCC_SYNC_ALL => SyncTo::All,
            members => SyncTo::Members(usize::try_from(members).map_err(|_| Error::InvalidArgument {
                name: "members",
                reason: format!("{members} is negative: MCC_SYNC_ALL is every live member"),
            })?),
        };
        cache.cache.sync_token(&token, to, timeout(timeout_ms)?)?;
        Ok(MCC_OK)
    })
}
