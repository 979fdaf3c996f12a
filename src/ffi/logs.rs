//! The log as a queue that the caller empties from a thread of its own.

use std::ffi::{CString, c_char};

use tracing::Level;

use super::duration::{count, timeout};
use super::guard::{guard, guard_or};
use super::pointer::{c_text, free, give, handle, handle_or_null, out, out_pointer};
use super::status::mcc_status_t::{self, MCC_OK, MCC_TIMEOUT};
use crate::error::Error;
use crate::lock::Mutex;
use crate::logging::{Record, Records, Waited};

/// How grave a log record is.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum mcc_log_level_t {
    /// Something failed and needs somebody.
    MCC_LOG_ERROR = 1,
    /// Something is not as it should be; the text says how to mend it.
    MCC_LOG_WARN = 2,
    /// Members that come and go, and other events of a day.
    MCC_LOG_INFO = 3,
    /// What helps to find out why.
    MCC_LOG_DEBUG = 4,
    /// Each step.
    MCC_LOG_TRACE = 5,
}

/// One line of the log. What the pointers lead to is valid until the next mcc_logs_next() on the same queue.
#[repr(C)]
#[derive(Debug)]
pub struct mcc_log_record_t {
    /// How grave it is.
    pub level: mcc_log_level_t,
    /// When it was written, ms since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The part of the library that wrote it, parted by "::": "mccache::protocol::admission".
    pub target: *const c_char,
    /// What happened, one line without its end, with the fields behind it: "member joined name=b". UTF-8.
    pub message: *const c_char,
    /// How many records before this one were dropped because the queue was full.
    pub dropped: i64,
    /// 0; room for later versions.
    pub reserved: [i64; 4],
}

/// A queue of log records. Opaque; mcc_logs_free() frees it.
#[derive(Debug)]
pub struct mcc_logs_t {
    records: Records,
    /// What C looks at.
    current: Mutex<Option<Held>>,
}

/// A record with the memory its C form points into.
#[derive(Debug)]
struct Held {
    record: Record,
    target: CString,
    message: CString,
}

impl Held {
    fn new(record: Record) -> Held {
        Held { target: c_text(record.target), message: c_text(&record.message), record }
    }

    fn face(&self) -> mcc_log_record_t {
        mcc_log_record_t {
            level: level_of(self.record.level),
            time_ms: count(self.record.time.0),
            target: self.target.as_ptr(),
            message: self.message.as_ptr(),
            dropped: count(self.record.dropped),
            reserved: [0; 4],
        }
    }
}

fn level_of(level: Level) -> mcc_log_level_t {
    match level {
        Level::ERROR => mcc_log_level_t::MCC_LOG_ERROR,
        Level::WARN => mcc_log_level_t::MCC_LOG_WARN,
        Level::INFO => mcc_log_level_t::MCC_LOG_INFO,
        Level::DEBUG => mcc_log_level_t::MCC_LOG_DEBUG,
        Level::TRACE => mcc_log_level_t::MCC_LOG_TRACE,
    }
}

fn level_from(number: i32) -> Result<Level, Error> {
    match number {
        1 => Ok(Level::ERROR),
        2 => Ok(Level::WARN),
        3 => Ok(Level::INFO),
        4 => Ok(Level::DEBUG),
        5 => Ok(Level::TRACE),
        _ => {
            let reason = format!("{number} is no level: they go from 1, MCC_LOG_ERROR, to 5, MCC_LOG_TRACE");
            Err(Error::InvalidArgument { name: "level", reason })
        }
    }
}

/// Begins to collect what the library logs in this process, whichever node it is of, from now on: for a program that has
/// a log of its own. It stands beside the setting log_filename, which needs no code. A queue holds 1,024 records; if it
/// is full, the oldest are dropped and the next one says how many. In a forked child the queues of the parent are
/// closed. In a Rust program with a tracing subscriber of its own records go there, and the queue stays empty.
///
/// level: the least grave records to collect, one of mcc_log_level_t.
/// logs: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT, also for a level that there is not; MCC_INTERNAL.
/// Owns: the caller owns *logs; mcc_logs_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_logs_new(level: i32, logs: *mut *mut mcc_logs_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(logs, "logs") }?;
        give(out, mcc_logs_t { records: Records::new(level_from(level)?), current: Mutex::new(None) });
        Ok(MCC_OK)
    })
}

/// Collects other records from now on: for a log whose level is changed while the program runs. What is queued stays.
///
/// logs: the queue; one that is closed stays so.
/// level: the least grave records to collect, one of mcc_log_level_t.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT, also for a level that there is not; MCC_INTERNAL.
/// Threads: any, also while another waits in mcc_logs_next(). Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_logs_set_level(logs: *mut mcc_logs_t, level: i32) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        unsafe { handle(logs, "logs") }?.records.set_level(level_from(level)?);
        Ok(MCC_OK)
    })
}

/// Takes the next record out of the queue, or waits for one.
///
/// logs: the queue.
/// timeout_ms: longest wait, ms, 0 or more.
/// record: where the record is written; its pointers are valid until the next call with this queue.
/// Returns: MCC_OK; MCC_TIMEOUT, also after mcc_logs_wake(); MCC_CLOSED once the queue is closed and empty;
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, one at a time for each queue. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_logs_next(
    logs: *mut mcc_logs_t,
    timeout_ms: i64,
    record: *mut mcc_log_record_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out(record, "record") }?;
        // SAFETY: NULL or a live handle.
        let queue = unsafe { handle(logs, "logs") }?;
        match queue.records.wait(timeout(timeout_ms)?) {
            Waited::Record(record) => {
                out.set(queue.current.lock().insert(Held::new(record)).face());
                Ok(MCC_OK)
            }
            Waited::TimedOut | Waited::Woken => Ok(MCC_TIMEOUT),
            Waited::Closed => Err(Error::Closed { what: "log queue" }),
        }
    })
}

/// Makes a call that waits in mcc_logs_next() return MCC_TIMEOUT at once, or the next one if none waits.
///
/// logs: the queue; NULL is nothing to do.
/// Threads: any, also while another waits in mcc_logs_next(). Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_logs_wake(logs: *mut mcc_logs_t) {
    guard_or((), || {
        // SAFETY: NULL or a live handle.
        if let Some(queue) = unsafe { handle_or_null(logs) } {
            queue.records.wake();
        }
    });
}

/// Ends the collecting: mcc_logs_next() gives the records that are queued first, then MCC_CLOSED; a call that waits in it
/// returns that at once. Closing again is MCC_OK.
///
/// logs: the queue.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any, also while another waits in mcc_logs_next(). Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_logs_close(logs: *mut mcc_logs_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        unsafe { handle(logs, "logs") }?.records.close();
        Ok(MCC_OK)
    })
}

/// Frees a queue and what its last record points to.
///
/// logs: the queue; NULL is nothing to do.
/// Threads: any, with no other call on logs going on or to come: let the thread that waits return first. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_logs_free(logs: *mut mcc_logs_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(logs) });
}
