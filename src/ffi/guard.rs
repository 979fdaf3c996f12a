//! The wall around every function: a failure becomes a status and a message, a panic becomes `MCC_INTERNAL`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::last_error;
use super::status::mcc_status_t;
use crate::error::{Error, Result};

/// Runs the body of a function that returns a status.
///
/// Unwind safety is asserted: the rooms below keep their locks and counts by drop guards, and what a panic leaves
/// half done belongs to this one call.
#[inline]
pub(super) fn guard(body: impl FnOnce() -> Result<mcc_status_t>) -> mcc_status_t {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => failed(&error),
        Err(panic) => panicked(panic),
    }
}

/// Runs the body of a function that cannot fail; `otherwise` is its answer if it panics.
#[inline]
pub(super) fn guard_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        panicked(panic);
        otherwise
    })
}

#[cold]
fn failed(error: &Error) -> mcc_status_t {
    last_error::set(&error.to_string());
    mcc_status_t::of(error)
}

#[cold]
fn panicked(panic: Box<dyn Any + Send>) -> mcc_status_t {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    let error = Error::Internal(format!("panic: {}", text.unwrap_or("without a message")));
    // Dropping a payload runs code of whoever panicked; a second panic here would end the process.
    std::mem::forget(panic);
    failed(&error)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "another thread is what is tested")]

    use std::ffi::CStr;

    use super::*;
    use crate::ffi::mcc_last_error;

    fn message() -> String {
        // SAFETY: mcc_last_error answers a NUL-terminated text of this thread, copied before the next call.
        unsafe { CStr::from_ptr(mcc_last_error()) }.to_string_lossy().into_owned()
    }

    #[test]
    fn a_panic_becomes_internal_with_its_message() {
        assert_eq!(guard(|| panic!("index {} of {}", 7, 3)), mcc_status_t::MCC_INTERNAL);
        assert_eq!(message(), "internal error: panic: index 7 of 3");
        assert_eq!(guard(|| std::panic::panic_any(5_u8)), mcc_status_t::MCC_INTERNAL);
        assert_eq!(message(), "internal error: panic: without a message");
    }

    #[test]
    fn a_function_that_cannot_fail_answers_its_default_when_it_panics() {
        assert_eq!(guard_or(-1, || panic!("lost")), -1);
        assert_eq!(message(), "internal error: panic: lost");
        assert_eq!(guard_or(-1, || 4), 4);
    }

    #[test]
    fn a_failure_leaves_its_message_and_a_success_does_not_clear_it() {
        assert_eq!(guard(|| Err(Error::Closed { what: "cache" })), mcc_status_t::MCC_CLOSED);
        assert_eq!(message(), "the cache is closed");
        assert_eq!(guard(|| Ok(mcc_status_t::MCC_OK)), mcc_status_t::MCC_OK);
        assert_eq!(message(), "the cache is closed");
        let other = std::thread::spawn(message).join().expect("the thread only reads");
        assert_eq!(other, "");
    }
}
