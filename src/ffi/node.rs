//! Nodes: one member of a cluster each. Most processes need only their own, which `mcc_open` starts.

use std::ffi::{CString, c_char};
use std::ptr;

use super::config::{mcc_config_t, settings_of};
use super::duration::timeout;
use super::guard::{guard, guard_or};
use super::pointer::{self, c_text, free, give, handle, handle_or_null, out, out_pointer, text};
use super::status::mcc_status_t::{self, MCC_BUFFER_TOO_SMALL, MCC_NOT_FOUND, MCC_OK};
use crate::config::{Config, setting_called};
use crate::error::Result;
use crate::node::Node;

/// A member of a cluster that runs in this process. Opaque; mcc_node_free() frees it.
#[derive(Debug)]
pub struct mcc_node_t {
    pub(super) node: Node,
    name: CString,
}

impl mcc_node_t {
    pub(super) fn new(node: Node) -> mcc_node_t {
        let name = c_text(node.name());
        mcc_node_t { node, name }
    }
}

/// The node behind a handle, or for NULL the process's own.
pub(super) unsafe fn node_or_own(node: *const mcc_node_t) -> Result<Node> {
    // SAFETY: NULL or a live handle, promised to this function too.
    match unsafe { handle_or_null(node) } {
        Some(node) => Ok(node.node.clone()),
        None => Node::global(),
    }
}

/// Starts a node: joins the cluster and begins to receive what its caches hold. Programs that need one node only use
/// the process's own instead: NULL in mcc_open().
///
/// config: the settings, copied; NULL for the process's own, as mcc_config_new() gathers them.
/// node: where the handle is written.
/// Returns: MCC_OK; MCC_CONFIG; MCC_NETWORK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *node; mcc_node_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_open(config: *const mcc_config_t, node: *mut *mut mcc_node_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(node, "node") }?;
        // SAFETY: NULL or a live handle.
        let config = unsafe { settings_of(config) };
        let config = config.map_or_else(Config::from_environment, Ok)?;
        let node = Node::open(&config)?;
        // Freeing the last handle must not block: a garbage collector may do it.
        node.detach_on_drop();
        give(out, mcc_node_t::new(node));
        Ok(MCC_OK)
    })
}

/// Gives the process's own node, the one that NULL in mcc_open() means; starts it if it does not run.
///
/// node: where the handle is written.
/// Returns: MCC_OK; MCC_CONFIG; MCC_NETWORK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *node; mcc_node_free() frees it, and the process's own node runs on.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_own(node: *mut *mut mcc_node_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(node, "node") }?;
        give(out, mcc_node_t::new(Node::global()?));
        Ok(MCC_OK)
    })
}

/// Waits until the node has found the members that are there, and holds what they hold.
///
/// node: the node.
/// timeout_ms: longest wait, ms, 0 or more.
/// Returns: MCC_OK; MCC_TIMEOUT (the node works, and goes on receiving); MCC_CLOSED; MCC_INVALID_ARGUMENT;
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_wait_ready(node: *mut mcc_node_t, timeout_ms: i64) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let node = unsafe { handle(node, "node") }?;
        node.node.wait_ready(timeout(timeout_ms)?)?;
        Ok(MCC_OK)
    })
}

/// Tells the node's name, by which the other members show it.
///
/// node: the node.
/// Returns: text, valid until mcc_node_free(node); NULL if node is NULL. In a forked child a handle of the parent's
/// tells the name of the parent's node.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_name(node: *const mcc_node_t) -> *const c_char {
    guard_or(ptr::null(), || {
        // SAFETY: NULL or a live handle.
        unsafe { handle_or_null(node) }.map_or(ptr::null(), |node| node.name.as_ptr())
    })
}

/// Tells what a setting amounts to in a node: given anywhere, derived, or the default. A setting of caches is told as a
/// cache without settings of its own has it.
///
/// node: the node, closed or not.
/// name: the setting's name, as in mcc_config_set(); text.
/// buffer, capacity: where the text is written with a NUL at its end, as mcc_config_set() takes it, and how many bytes
/// fit; buffer may be NULL if capacity is 0. Written on MCC_OK only.
/// len: where the text's length is written, without the NUL, on MCC_OK and on MCC_BUFFER_TOO_SMALL: *len + 1 bytes are
/// enough then.
/// Returns: MCC_OK; MCC_BUFFER_TOO_SMALL; MCC_NOT_FOUND for a secret that is set, and for a setting that is accepted but
/// has no effect; MCC_INVALID_ARGUMENT, also if there is no such setting (mcc_last_error() names the nearest);
/// MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_setting(
    node: *const mcc_node_t,
    name: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_len = unsafe { out(len, "len") }?;
        // SAFETY: NULL or a live handle.
        let node = unsafe { handle(node, "node") }?;
        // SAFETY: NULL or the caller's text.
        let name = unsafe { text(name, "name") }?;
        // SAFETY: the caller's buffer and its length.
        let buffer = unsafe { pointer::buffer(buffer.cast(), capacity, "buffer") }?;
        let setting = setting_called(name)?;
        let Some(told) = node.node.settings().text_of(setting.name) else { return Ok(MCC_NOT_FOUND) };
        let told = c_text(&told);
        let fits = buffer.fill(told.to_bytes_with_nul());
        out_len.set(told.count_bytes());
        Ok(if fits { MCC_OK } else { MCC_BUFFER_TOO_SMALL })
    })
}

/// Leaves the cluster: says goodbye, ends the node's threads, closes its caches and event queues. Calls of other
/// threads that wait in them return MCC_CLOSED, as later calls do. Closing again is MCC_OK. Waits for the goodbye, for
/// less than a second.
///
/// node: the node. All handles of it are closed with it.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, also while others are in calls on the same handle. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_close(node: *mut mcc_node_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        unsafe { handle(node, "node") }?.node.close();
        Ok(MCC_OK)
    })
}

/// Frees the handle. Caches and iterators made of it stay valid and keep the node running. With the last of them a node
/// that was not closed leaves the cluster by itself, if the process lasts a moment longer. Never waits: close the node
/// first where what was written last must not be lost.
///
/// node: the node; NULL is nothing to do.
/// Threads: any, with no other call on node going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_free(node: *mut mcc_node_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(node) });
}
