//! Values in C's hands: a refcounted handle with a public face, independent of the cache it was read from.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::guard::{guard, guard_or};
use super::pointer::{self, Out, handle_or_null, out_pointer};
use super::status::mcc_status_t::{self, MCC_OK};
use crate::error::{Error, Result};
use crate::node::Value;
use crate::update::Codec;

/// The longest key, bytes. Keys of 0 bytes are accepted.
pub const MCC_KEY_LEN_MAX: usize = 65_535;

/// How to read a value: bytes as they are.
pub const MCC_CODEC_RAW: u8 = 0;

/// How to read a value: UTF-8 text.
pub const MCC_CODEC_TEXT: u8 = 1;

/// How to read a value: one CBOR data item (RFC 8949), what the bindings make of numbers, lists and maps.
pub const MCC_CODEC_CBOR: u8 = 2;

/// How to read a value: Python's pickle. The bindings write and read this and the three after it only where a program
/// asks for it, since whoever can write such a value can have a reader run code.
pub const MCC_CODEC_PICKLE: u8 = 3;

/// How to read a value: Ruby's Marshal.
pub const MCC_CODEC_MARSHAL: u8 = 4;

/// How to read a value: Java's object serialization.
pub const MCC_CODEC_JAVA: u8 = 5;

/// How to read a value: .NET's BinaryFormatter.
pub const MCC_CODEC_DOTNET: u8 = 6;

/// A value: bytes that do not change, and how to read them. It does not depend on the cache any more: it stays what it
/// is when the entry is overwritten, deleted or evicted, and when cache and node are closed and freed. Only the library
/// makes these (there is more behind the fields: never copy the structure); mcc_value_free() frees it.
#[repr(C)]
#[derive(Debug)]
pub struct mcc_value_t {
    /// The bytes. Never NULL; not to be written to; not followed by a NUL byte.
    pub data: *const u8,
    /// How many.
    pub len: usize,
    /// How to read them: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that a writer chose.
    pub codec: u8,
}

/// What a `mcc_value_t *` points to. The face comes first, so that its address is the whole's.
#[repr(C)]
#[derive(Debug)]
struct Counted {
    face: mcc_value_t,
    references: AtomicUsize,
    value: Value,
}

/// Beyond this many references the count could be overrun by threads in the middle of adding one.
const REFERENCES_MAX: usize = isize::MAX.unsigned_abs();

/// Hands a value out with one reference.
#[inline]
pub(super) fn give_value(out: Out<'_, *mut mcc_value_t>, value: Value) {
    let face = mcc_value_t { data: ptr::null(), len: value.len(), codec: value.codec().0 };
    let mut counted = Box::new(Counted { face, references: AtomicUsize::new(1), value });
    // Taken from the value where it stays, wherever a value keeps its bytes.
    counted.face.data = counted.value.as_ptr();
    out.set(Box::into_raw(counted).cast());
}

/// Borrows the value behind a handle.
pub(super) unsafe fn value_of<'a>(value: *const mcc_value_t) -> Result<&'a Value> {
    // SAFETY: NULL or a live value of `give_value`, which begins with its face.
    unsafe { pointer::handle(value.cast::<Counted>(), "value") }.map(|counted| &counted.value)
}

/// Makes a value of the caller's bytes, for mcc_put_value() and mcc_put_new().
///
/// data: the bytes, copied; NULL if len is 0.
/// len: how many.
/// codec: how to read them: MCC_CODEC_RAW, _TEXT, _CBOR, or another number that the readers know.
/// value: where the handle is written.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT; MCC_TOO_LARGE; MCC_INTERNAL.
/// Owns: the caller owns *value; mcc_value_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_value_new(
    data: *const c_void,
    len: usize,
    codec: u8,
    value: *mut *mut mcc_value_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(value, "value") }?;
        // SAFETY: the caller's bytes and their length.
        let bytes = unsafe { pointer::value(data, len) }?;
        give_value(out, Value::new(bytes, Codec(codec)));
        Ok(MCC_OK)
    })
}

/// Takes one more reference to a value; each needs its own mcc_value_free(). Costs no copy.
///
/// value: the value.
/// Returns: value itself; NULL if value is NULL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_value_ref(value: *mut mcc_value_t) -> *mut mcc_value_t {
    guard_or(ptr::null_mut(), || {
        // SAFETY: NULL or a live value of `give_value`, which begins with its face.
        let Some(counted) = (unsafe { handle_or_null(value.cast::<Counted>()) }) else { return ptr::null_mut() };
        // Relaxed as in Arc::clone: the caller's own reference keeps it alive meanwhile.
        if counted.references.fetch_add(1, Ordering::Relaxed) > REFERENCES_MAX {
            counted.references.fetch_sub(1, Ordering::Relaxed);
            super::last_error::set(&Error::Internal("references to a value without end".to_owned()).to_string());
            return ptr::null_mut();
        }
        value
    })
}

/// Gives one reference to a value back; the last one frees it.
///
/// value: the value; NULL is nothing to do.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_value_free(value: *mut mcc_value_t) {
    guard_or((), || {
        let counted = value.cast::<Counted>();
        // SAFETY: NULL or a live value of `give_value`, which begins with its face.
        let Some(live) = (unsafe { handle_or_null(counted) }) else { return };
        if live.references.fetch_sub(1, Ordering::Release) == 1 {
            // As in Arc::drop: what other threads did with the value happens before it goes.
            fence(Ordering::Acquire);
            // SAFETY: it came from Box::into_raw in `give_value`, and this was the last reference.
            drop(unsafe { Box::from_raw(counted) });
        }
    });
}
