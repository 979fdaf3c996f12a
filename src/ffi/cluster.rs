//! Questions to all members at once, and the lists of their answers.

use std::ffi::{CString, c_char};
use std::ptr;

use super::cache::mcc_cache_t;
use super::duration::{count, timeout};
use super::guard::{guard, guard_or};
use super::node::mcc_node_t;
use super::pointer::{c_text, free, give, handle, handle_or_null, out_pointer};
use super::stats::mcc_stats_t;
use super::status::mcc_status_t::{self, MCC_OK};

/// The counters of all members. Opaque; mcc_cluster_metrics_free() frees it.
#[derive(Debug)]
pub struct mcc_cluster_metrics_t {
    answers: Vec<Answer<mcc_stats_t>>,
}

/// The checksums of one cache on all members. Opaque; mcc_checksums_free() frees it.
#[derive(Debug)]
pub struct mcc_checksums_t {
    answers: Vec<Answer<mcc_checksum_t>>,
}

/// One member's checksum. The library makes these; later versions may append fields.
#[repr(C)]
#[derive(Debug)]
pub struct mcc_checksum_t {
    /// The checksum, as mcc_checksum() computes it there.
    pub sum: u64,
    /// How many entries are in it.
    pub entries: i64,
}

/// A member and what it said, if it said something in time.
#[derive(Debug)]
struct Answer<T> {
    member: CString,
    answer: Option<T>,
}

fn member_of<T>(answers: Option<&Vec<Answer<T>>>, index: usize) -> *const c_char {
    answers.and_then(|answers| answers.get(index)).map_or(ptr::null(), |answer| answer.member.as_ptr())
}

fn answer_of<T>(answers: Option<&Vec<Answer<T>>>, index: usize) -> *const T {
    answers.and_then(|answers| answers.get(index)?.answer.as_ref()).map_or(ptr::null(), ptr::from_ref)
}

/// Asks all members that are alive for their counters. This node's own come first.
///
/// node: the node that asks.
/// timeout_ms: longest wait, ms, 0 or more. A member that does not answer in time is in the list without counters.
/// list: where the list is written.
/// Returns: MCC_OK, whoever answered; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *list; mcc_cluster_metrics_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_cluster_metrics(
    node: *mut mcc_node_t,
    timeout_ms: i64,
    list: *mut *mut mcc_cluster_metrics_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(list, "list") }?;
        // SAFETY: NULL or a live handle.
        let node = &unsafe { handle(node, "node") }?.node;
        let replies = node.cluster_metrics(timeout(timeout_ms)?)?;
        // Only names and numbers travel; what they mean is known here, unless the member is newer.
        let known = node.metrics();
        let help = |name: &str| known.iter().find(|(known, ..)| *known == name).map_or("", |(_, help, _)| help);
        let stats = |counters: Vec<(String, u64)>| {
            mcc_stats_t::new(counters.iter().map(|(name, value)| (name.as_str(), help(name), *value)))
        };
        let answer = |(member, counters): (String, Option<Vec<_>>)| Answer {
            member: c_text(&member),
            answer: counters.map(stats),
        };
        give(out, mcc_cluster_metrics_t { answers: replies.into_iter().map(answer).collect() });
        Ok(MCC_OK)
    })
}

/// Counts the members in a list.
///
/// list: the list.
/// Returns: how many; 0 if list is NULL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_cluster_metrics_count(list: *const mcc_cluster_metrics_t) -> usize {
    // SAFETY: NULL or a live handle.
    guard_or(0, || unsafe { handle_or_null(list) }.map_or(0, |list| list.answers.len()))
}

/// Tells a member's name.
///
/// list: the list.
/// index: from 0 (the node that asked) to mcc_cluster_metrics_count(list) - 1.
/// Returns: text, valid until mcc_cluster_metrics_free(list); NULL if list is NULL or index is out of range.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_cluster_metrics_member(list: *const mcc_cluster_metrics_t, index: usize) -> *const c_char {
    guard_or(ptr::null(), || {
        // SAFETY: NULL or a live handle.
        member_of(unsafe { handle_or_null(list) }.map(|list| &list.answers), index)
    })
}

/// Shows a member's counters, for mcc_stats_count() and mcc_stats_item().
///
/// list: the list.
/// index: from 0 (the node that asked) to mcc_cluster_metrics_count(list) - 1.
/// Returns: its counters, which belong to the list and are valid until mcc_cluster_metrics_free(list); NULL if it did
/// not answer in time, if list is NULL, or if index is out of range.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_cluster_metrics_item(
    list: *const mcc_cluster_metrics_t,
    index: usize,
) -> *const mcc_stats_t {
    guard_or(ptr::null(), || {
        // SAFETY: NULL or a live handle.
        answer_of(unsafe { handle_or_null(list) }.map(|list| &list.answers), index)
    })
}

/// Frees a list, and the counters in it.
///
/// list: the list; NULL is nothing to do.
/// Threads: any, with no other call on list going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_cluster_metrics_free(list: *mut mcc_cluster_metrics_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(list) });
}

/// Asks all members that are alive for the checksum of a cache. This node's own comes first. After mcc_sync() and while
/// nobody writes, all are equal.
///
/// cache: the cache.
/// timeout_ms: longest wait, ms, 0 or more. A member that does not answer in time is in the list without a checksum.
/// list: where the list is written.
/// Returns: MCC_OK, whoever answered; MCC_CLOSED; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *list; mcc_checksums_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_cluster_checksum(
    cache: *mut mcc_cache_t,
    timeout_ms: i64,
    list: *mut *mut mcc_checksums_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(list, "list") }?;
        // SAFETY: NULL or a live handle.
        let cache = unsafe { handle(cache, "cache") }?;
        let replies = cache.cache.cluster_checksum(timeout(timeout_ms)?)?;
        let answer = |(member, reply): (String, Option<(u64, u64)>)| Answer {
            member: c_text(&member),
            answer: reply.map(|(sum, entries)| mcc_checksum_t { sum, entries: count(entries) }),
        };
        give(out, mcc_checksums_t { answers: replies.into_iter().map(answer).collect() });
        Ok(MCC_OK)
    })
}

/// Counts the members in a list.
///
/// list: the list.
/// Returns: how many; 0 if list is NULL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_checksums_count(list: *const mcc_checksums_t) -> usize {
    // SAFETY: NULL or a live handle.
    guard_or(0, || unsafe { handle_or_null(list) }.map_or(0, |list| list.answers.len()))
}

/// Tells a member's name.
///
/// list: the list.
/// index: from 0 (the node that asked) to mcc_checksums_count(list) - 1.
/// Returns: text, valid until mcc_checksums_free(list); NULL if list is NULL or index is out of range.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_checksums_member(list: *const mcc_checksums_t, index: usize) -> *const c_char {
    guard_or(ptr::null(), || {
        // SAFETY: NULL or a live handle.
        member_of(unsafe { handle_or_null(list) }.map(|list| &list.answers), index)
    })
}

/// Shows a member's checksum.
///
/// list: the list.
/// index: from 0 (the node that asked) to mcc_checksums_count(list) - 1.
/// Returns: its checksum, valid until mcc_checksums_free(list); NULL if it did not answer in time, if list is NULL, or
/// if index is out of range.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_checksums_item(list: *const mcc_checksums_t, index: usize) -> *const mcc_checksum_t {
    guard_or(ptr::null(), || {
        // SAFETY: NULL or a live handle.
        answer_of(unsafe { handle_or_null(list) }.map(|list| &list.answers), index)
    })
}

/// Frees a list of checksums.
///
/// list: the list; NULL is nothing to do.
/// Threads: any, with no other call on list going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_checksums_free(list: *mut mcc_checksums_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(list) });
}
