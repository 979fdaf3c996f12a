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
/// config: the settings.
/// name: the setting's name, the same as in the file, such as "cluster" or "cache_ttl"; text; copied.
/// value: its value as text, such as "900"; copied.
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
