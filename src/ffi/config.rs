//! Settings on their way into a node or a cache: names and values as text, so that a new setting is not a new symbol.

use std::ffi::c_char;
use std::path::Path;

use super::guard::{guard, guard_or};
use super::pointer::{free, give, handle, handle_or_null, out_pointer, text};
use super::status::mcc_status_t::{self, MCC_OK};
use crate::config::Config;
use crate::error::Result;
use crate::lock::Mutex;

/// Settings being gathered. Opaque; mcc_config_new() or mcc_config_new_empty() gives one, mcc_config_free() frees it.
#[derive(Debug)]
pub struct mcc_config_t {
    config: Mutex<Config>,
}

/// Gathers the process's own settings: those of the file (the one the environment variable MCCACHE_CONFIG names, else
/// ./mccache.toml, else [tool.mccache] of ./pyproject.toml), then those of the environment over them.
///
/// config: where the handle is written.
/// Returns: MCC_OK; MCC_CONFIG if the file or the environment is wrong; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *config; mcc_config_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_config_new(config: *mut *mut mcc_config_t) -> mcc_status_t {
    // SAFETY: the same pointer under the same promise.
    unsafe { gather(config, Config::from_environment) }
}

/// Gathers settings from nothing: what mcc_config_load() and mcc_config_set() do not set has its default. Neither a
/// file nor the environment is read.
///
/// config: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *config; mcc_config_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_config_new_empty(config: *mut *mut mcc_config_t) -> mcc_status_t {
    // SAFETY: the same pointer under the same promise.
    unsafe { gather(config, || Ok(Config::new())) }
}

unsafe fn gather(config: *mut *mut mcc_config_t, source: impl FnOnce() -> Result<Config>) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(config, "config") }?;
        give(out, mcc_config_t { config: Mutex::new(source()?) });
        Ok(MCC_OK)
    })
}

/// Takes in the settings of a file (TOML), over those gathered so far.
///
/// config: the settings.
/// path: the file's path, text; copied.
/// Returns: MCC_OK; MCC_CONFIG if the file cannot be read or is wrong (nothing of it is taken then);
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_config_load(config: *mut mcc_config_t, path: *const c_char) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let config = unsafe { handle(config, "config") }?;
        // SAFETY: NULL or the caller's text.
        let path = unsafe { text(path, "path") }?;
        config.config.lock().load(Path::new(path))?;
        Ok(MCC_OK)
    })
}

/// Sets one setting, over file and environment.
///
/// Of caches, which mcc_open() takes too: cache_ttl (seconds, 3600), cache_max (entries, 1000000), cache_size (bytes,
/// "64 MiB"), cache_mode ("replicate", "partial", "invalidate" or "local"), cache_policy ("s3fifo", "lru", "sieve", "tinylfu", "lfu" or
/// "fifo"), max_value (bytes, "64 MiB"), eager_refresh (a share of the time to live, 0.05 to 0.99), fail_safe,
/// fail_safe_throttle (seconds, 30), load_soft_timeout and load_hard_timeout (seconds).
/// Of nodes: cluster, node_name, crypto_key, interface, insecure, multicast_ip, multicast_port (4000), members,
/// unicast_port, multicast_hops, packet_mtu, receive_buffer, cache_pulse (minutes), callback_win, max_clock_skew (seconds),
/// log_filename, log_level. A length of time may have a unit of its own: "250ms", "90s", "5m", "1h". `mccache config` tells what each means, its default and what it is now; docs/CONFIGURATION.md does, too.
///
/// config: the settings.
/// name: the setting's name, the same as in the file, such as "cluster" or "cache_ttl"; text; copied.
/// value: its value as text, such as "900", "0.5", "64 MiB", "true", or for members "10.0.0.5:4000, dns:cache.svc"; copied.
/// Returns: MCC_OK; MCC_CONFIG if there is no such setting or the value is out of its range (nothing is set then, and
/// mcc_last_error() says what is accepted); MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_config_set(
    config: *mut mcc_config_t,
    name: *const c_char,
    value: *const c_char,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let config = unsafe { handle(config, "config") }?;
        // SAFETY: NULL or the caller's text.
        let name = unsafe { text(name, "name") }?;
        // SAFETY: NULL or the caller's text.
        let value = unsafe { text(value, "value") }?;
        config.config.lock().set(name, value)?;
        Ok(MCC_OK)
    })
}

/// Frees settings. Nodes and caches opened with them keep their own copy.
///
/// config: the settings; NULL is nothing to do.
/// Threads: any, with no other call on config going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_config_free(config: *mut mcc_config_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(config) });
}

/// A copy of the settings behind a handle, or None for NULL.
pub(super) unsafe fn settings_of(config: *const mcc_config_t) -> Option<Config> {
    // SAFETY: NULL or a live handle, promised to this function too.
    unsafe { handle_or_null(config) }.map(|config| config.config.lock().clone())
}

#[cfg(test)]
mod tests {
    use crate::config::{Origin, known_settings};

    #[test]
    fn the_header_names_every_setting_that_has_an_effect() {
        let header = include_str!("../../include/mccache.h");
        let (_, from) = header.split_once("/// Sets one setting").expect("its description");
        let (text, _) = from.split_once("mcc_config_set(mcc_config_t").expect("its declaration");
        // What tests throw away, and a format that cannot be changed, are nothing to set in a program.
        let is_told = |name: &str| text.contains(name) || ["log_format", "test_drop_percent"].contains(&name);
        let untold: Vec<&str> = known_settings()
            .iter()
            .filter(|setting| setting.origin != Origin::Obsolete && !is_told(setting.name))
            .map(|setting| setting.name)
            .collect();
        assert!(untold.is_empty(), "{untold:?}");
    }
}
