//! What a call answers, and which library this is. Numbers are append-only: programs are compiled against them.

use std::ffi::{CStr, c_char};

use crate::error::Error;

/// The ABI this header belongs to, the number in the library's soname; see mcc_abi_version().
pub const MCC_ABI_VERSION: i32 = 0;

/// What a call answers. Numbers are never changed or used again; later versions may add some.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum mcc_status_t {
    /// Done; results are written.
    MCC_OK = 0,
    /// The key has no value. An answer, not a failure.
    MCC_NOT_FOUND = 1,
    /// The key has a value already. An answer, not a failure.
    MCC_EXISTS = 2,
    /// An argument is NULL, out of range, or not UTF-8 where text is asked. Nothing was changed.
    MCC_INVALID_ARGUMENT = 3,
    /// The key is longer than MCC_KEY_LEN_MAX, or the value longer than max_value (64 MiB unless set) or, with its key and the
    /// bookkeeping of an entry, than cache_size. Nothing was changed.
    MCC_TOO_LARGE = 4,
    /// The cache, node or queue was closed, by this or by another thread.
    MCC_CLOSED = 5,
    /// The time allowed ran out. What was waited for may still happen.
    MCC_TIMEOUT = 6,
    /// A setting or a configuration file is wrong; mcc_last_error() names it, where it stands, and what is accepted.
    MCC_CONFIG = 7,
    /// The network could not be set up or used; mcc_last_error() has the system's answer and a cure.
    MCC_NETWORK = 8,
    /// The caller's buffer is too short; the length needed is written.
    MCC_BUFFER_TOO_SMALL = 9,
    /// A promise of the library did not hold: a bug in it. The process goes on; please report mcc_last_error().
    MCC_INTERNAL = 10,
    /// An iteration is over. An answer, not a failure.
    MCC_END = 11,
    /// The key was written or deleted since the lease was given. An answer, not a failure.
    MCC_OVERTAKEN = 12,
}

use mcc_status_t::{
    MCC_BUFFER_TOO_SMALL, MCC_CLOSED, MCC_CONFIG, MCC_END, MCC_EXISTS, MCC_INTERNAL, MCC_INVALID_ARGUMENT, MCC_NETWORK,
    MCC_NOT_FOUND, MCC_OK, MCC_OVERTAKEN, MCC_TIMEOUT, MCC_TOO_LARGE,
};

/// Every status, for looking one up by its number.
const ALL: [mcc_status_t; 13] = [
    MCC_OK,
    MCC_NOT_FOUND,
    MCC_EXISTS,
    MCC_INVALID_ARGUMENT,
    MCC_TOO_LARGE,
    MCC_CLOSED,
    MCC_TIMEOUT,
    MCC_CONFIG,
    MCC_NETWORK,
    MCC_BUFFER_TOO_SMALL,
    MCC_INTERNAL,
    MCC_END,
    MCC_OVERTAKEN,
];

/// Tells the version of the library in use, such as "0.1.0".
///
/// Returns: text that lives as long as the library is loaded. Never NULL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn mcc_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };
    VERSION.as_ptr()
}

/// Tells the ABI of the library in use. A program works with it if this equals its own MCC_ABI_VERSION.
///
/// Returns: the number.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn mcc_abi_version() -> i32 {
    MCC_ABI_VERSION
}

/// Says in a few words what a status means. mcc_last_error() says what went wrong in particular.
///
/// status: any number; an unknown one has a text too.
/// Returns: text that lives as long as the library is loaded. Never NULL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn mcc_strerror(status: i32) -> *const c_char {
    let known = ALL.iter().find(|candidate| **candidate as i32 == status);
    known.map_or(c"unknown status", |status| status.words()).as_ptr()
}

impl mcc_status_t {
    fn words(self) -> &'static CStr {
        match self {
            MCC_OK => c"done",
            MCC_NOT_FOUND => c"the key has no value",
            MCC_EXISTS => c"the key has a value already",
            MCC_INVALID_ARGUMENT => c"an argument is NULL, out of range or not UTF-8 text",
            MCC_TOO_LARGE => c"the key or the value is longer than accepted",
            MCC_CLOSED => c"the cache, node or queue is closed",
            MCC_TIMEOUT => c"the time allowed ran out",
            MCC_CONFIG => c"a setting or a configuration file is wrong",
            MCC_NETWORK => c"the network could not be set up or used",
            MCC_BUFFER_TOO_SMALL => c"the buffer is too short for the value",
            MCC_INTERNAL => c"internal error, a bug in the library",
            MCC_END => c"the iteration is over",
            MCC_OVERTAKEN => c"the key changed while its value was loaded",
        }
    }

    /// The status under which C hears of an error.
    pub(super) fn of(error: &Error) -> mcc_status_t {
        match error {
            Error::UnknownSetting { .. } | Error::BadSetting { .. } | Error::ConfigFile { .. } => MCC_CONFIG,
            Error::InvalidArgument { .. } => MCC_INVALID_ARGUMENT,
            Error::TooLarge { .. } => MCC_TOO_LARGE,
            Error::Closed { .. } => MCC_CLOSED,
            Error::Timeout { .. } => MCC_TIMEOUT,
            Error::Network { .. } => MCC_NETWORK,
            Error::Internal(_) => MCC_INTERNAL,
        }
    }

    /// MCC_OK if there was a value, MCC_NOT_FOUND if not.
    pub(super) fn found(found: bool) -> mcc_status_t {
        if found { MCC_OK } else { MCC_NOT_FOUND }
    }
}
