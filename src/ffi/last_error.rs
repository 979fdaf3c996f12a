//! The message of a thread's last failure. Each thread has its own; a success leaves it alone.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

use super::guard::guard_or;
use super::pointer::c_text;

thread_local! {
    static LAST: RefCell<CString> = RefCell::new(CString::default());
}

/// Tells what the last call that failed on this thread found wrong, and what to do about it.
///
/// Not changed by calls that succeed, nor by MCC_NOT_FOUND, MCC_EXISTS, MCC_END, MCC_BUFFER_TOO_SMALL, nor by
/// MCC_TIMEOUT of mcc_events_next() and mcc_logs_next(): read it only after another status.
///
/// Returns: UTF-8 text, empty if nothing failed yet; valid until the next call that fails on this thread. Never NULL.
/// Threads: any; each has its own. Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn mcc_last_error() -> *const c_char {
    // A thread that is ending may have lost its message already.
    guard_or(c"".as_ptr(), || LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr()))
}

/// Replaces this thread's message.
pub(super) fn set(message: &str) {
    let message = c_text(message);
    // While a thread ends there is nobody left to read it.
    let _ = LAST.try_with(|last| last.replace(message));
}
