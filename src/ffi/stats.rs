//! A node's counters as a list of names, texts and numbers: a new counter is not a new symbol.

use std::ffi::{CString, c_char};

use super::duration::count;
use super::guard::{guard, guard_or};
use super::node::mcc_node_t;
use super::pointer::{c_text, free, give, handle, handle_or_null, out_or_null, out_pointer};
use super::status::mcc_status_t::{self, MCC_OK};
use crate::error::Error;

/// Counters at one moment. Opaque; mcc_stats_free() frees it.
#[derive(Debug)]
pub struct mcc_stats_t {
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    name: CString,
    help: CString,
    value: i64,
}

impl mcc_stats_t {
    /// Counters by name, what they count, and their value.
    pub(super) fn new<'a>(counters: impl Iterator<Item = (&'a str, &'a str, u64)>) -> mcc_stats_t {
        let item = |(name, help, value)| Item { name: c_text(name), help: c_text(help), value: count(value) };
        mcc_stats_t { items: counters.map(item).collect() }
    }
}

/// Reads all counters of a node. A closed node has its last ones.
///
/// node: the node.
/// stats: where the list is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *stats; mcc_stats_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_stats_new(node: *mut mcc_node_t, stats: *mut *mut mcc_stats_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(stats, "stats") }?;
        // SAFETY: NULL or a live handle.
        let node = unsafe { handle(node, "node") }?;
        give(out, mcc_stats_t::new(node.node.metrics().into_iter()));
        Ok(MCC_OK)
    })
}

/// Counts the counters in a list.
///
/// stats: the list.
/// Returns: how many; 0 if stats is NULL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_stats_count(stats: *const mcc_stats_t) -> usize {
    // SAFETY: NULL or a live handle.
    guard_or(0, || unsafe { handle_or_null(stats) }.map_or(0, |stats| stats.items.len()))
}

/// Shows one counter of a list. Names never change; later versions add some, so look for names, not for places.
///
/// stats: the list.
/// index: from 0 to mcc_stats_count(stats) - 1.
/// name: where its name is written, text valid as long as the list; may be NULL.
/// help: where is written what it counts, text valid as long as the list ("" if unknown here); may be NULL.
/// value: where its value is written; may be NULL.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_stats_item(
    stats: *const mcc_stats_t,
    index: usize,
    name: *mut *const c_char,
    help: *mut *const c_char,
    value: *mut i64,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_name = unsafe { out_or_null(name, "name") }?;
        // SAFETY: NULL or the caller's variable.
        let out_help = unsafe { out_or_null(help, "help") }?;
        // SAFETY: NULL or the caller's variable.
        let out_value = unsafe { out_or_null(value, "value") }?;
        // SAFETY: NULL or a live handle.
        let items = &unsafe { handle(stats, "stats") }?.items;
        let item = items.get(index).ok_or_else(|| Error::InvalidArgument {
            name: "index",
            reason: format!("{index} is out of range: there are {}, from 0", items.len()),
        })?;
        if let Some(out) = out_name {
            out.set(item.name.as_ptr());
        }
        if let Some(out) = out_help {
            out.set(item.help.as_ptr());
        }
        if let Some(out) = out_value {
            out.set(item.value);
        }
        Ok(MCC_OK)
    })
}

/// Frees a list of counters.
///
/// stats: the list, from mcc_stats_new(); NULL is nothing to do.
/// Threads: any, with no other call on stats going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_stats_free(stats: *mut mcc_stats_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(stats) });
}
