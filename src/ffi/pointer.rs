//! From a C caller's pointers to references, slices and text, and back: the one place that dereferences arguments.
//!
//! Every function here is unsafe for the same reason: it trusts that a pointer that is not NULL points to what its
//! parameter says, for as long as the call. What can be checked (NULL, alignment, lengths, UTF-8) is checked.

use std::ffi::{CStr, CString, c_char, c_void};

use crate::error::{Error, Result};
use crate::update::KEY_LEN_MAX;

/// Borrows what a handle points to.
pub(super) unsafe fn handle<'a, T>(pointer: *const T, name: &'static str) -> Result<&'a T> {
    // SAFETY: the caller's promise: NULL, or a handle the library gave and nobody freed; handles are only shared.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// Borrows what a handle points to, NULL being an answer too.
pub(super) unsafe fn handle_or_null<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: as for `handle`.
    unsafe { pointer.as_ref() }
}

/// Takes a handle back that [`give`] gave out, and drops it. NULL is nothing to do.
pub(super) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: the caller's promise: it came from `Box::into_raw` in `give` and was not freed before.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// Borrows a key.
#[inline]
pub(super) unsafe fn key<'a>(pointer: *const c_void, len: usize) -> Result<&'a [u8]> {
    if len > KEY_LEN_MAX {
        return Err(Error::TooLarge { what: "key", len, limit: KEY_LEN_MAX });
    }
    // SAFETY: the caller's promise is this function's: `len` readable bytes, and the length is far below isize::MAX.
    unsafe { bytes(pointer, len, "key") }
}

/// Borrows a value's bytes.
#[inline]
pub(super) unsafe fn value<'a>(pointer: *const c_void, len: usize) -> Result<&'a [u8]> {
    const LIMIT: usize = isize::MAX.unsigned_abs();
    if len > LIMIT {
        return Err(Error::TooLarge { what: "value", len, limit: LIMIT });
    }
    // SAFETY: the caller's promise is this function's: `len` readable bytes, at most isize::MAX of them.
    unsafe { bytes(pointer, len, "value") }
}

/// Borrows bytes: NULL is as good as any pointer when there are none. `len` is at most isize::MAX.
#[inline]
unsafe fn bytes<'a>(pointer: *const c_void, len: usize, name: &'static str) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Error::InvalidArgument {
            name,
            reason: format!("NULL with a length of {len}: only 0 bytes may be NULL"),
        });
    }
    // SAFETY: not NULL, and by the caller's promise `len` bytes may be read, which nobody writes during the call.
    Ok(unsafe { std::slice::from_raw_parts(pointer.cast(), len) })
}

/// The caller's memory for a value's bytes, or for an array of something else.
#[derive(Debug)]
pub(super) struct Buffer<'a, T = u8>(&'a mut [std::mem::MaybeUninit<T>]);

impl<T: Copy> Buffer<'_, T> {
    /// Writes the items to its beginning; false, and nothing written, if it is shorter.
    pub(super) fn fill(self, items: &[T]) -> bool {
        let Some(start) = self.0.get_mut(..items.len()) else { return false };
        for (to, from) in start.iter_mut().zip(items) {
            to.write(*from);
        }
        true
    }
}

impl Buffer<'_> {
    /// How many bytes fit.
    pub(super) fn capacity(&self) -> usize {
        self.0.len()
    }

    /// Writes the parts one after the other from byte `at` on; false, and nothing written, if they do not fit.
    pub(super) fn fill_at(self, at: usize, parts: &[&[u8]]) -> bool {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let Some(place) = self.0.get_mut(at..).and_then(|rest| rest.get_mut(..len)) else { return false };
        for (to, from) in place.iter_mut().zip(parts.iter().copied().flatten()) {
            to.write(*from);
        }
        true
    }
}

/// The caller's buffer; NULL is as good as any pointer if its length is 0.
pub(super) unsafe fn buffer<'a>(pointer: *mut c_void, capacity: usize, name: &'static str) -> Result<Buffer<'a>> {
    // SAFETY: the caller's promise.
    unsafe { array(pointer.cast(), capacity, name) }
}

/// The caller's array of `capacity` items; NULL is as good as any pointer if that is 0.
pub(super) unsafe fn array<'a, T>(pointer: *mut T, capacity: usize, name: &'static str) -> Result<Buffer<'a, T>> {
    if capacity == 0 {
        return Ok(Buffer(&mut []));
    }
    if pointer.is_null() {
        return Err(null(name));
    }
    if !pointer.is_aligned() {
        return Err(unaligned(name));
    }
    // Nothing that is written is longer than isize::MAX, so no array needs to be.
    let capacity = capacity.min(isize::MAX.unsigned_abs() / size_of::<T>().max(1));
    // SAFETY: not NULL, aligned, and by the caller's promise `capacity` items may be written, which nobody else uses
    // during the call. They are taken as uninitialized, because in C they usually are.
    Ok(Buffer(unsafe { std::slice::from_raw_parts_mut(pointer.cast(), capacity) }))
}

/// Borrows NUL-terminated UTF-8 text.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &'static str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, and by the caller's promise it ends with a NUL and nobody writes it during the call.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|error| Error::InvalidArgument {
        name,
        reason: format!("not UTF-8 text: {error}; encode it as UTF-8"),
    })
}

/// Where a result goes. Nothing is written before there is one.
#[derive(Debug)]
pub(super) struct Out<'a, T>(&'a mut std::mem::MaybeUninit<T>);

impl<T> Out<'_, T> {
    /// Writes the result.
    #[inline]
    pub(super) fn set(self, result: T) {
        self.0.write(result);
    }
}

/// The caller's variable for a result.
#[inline]
pub(super) unsafe fn out<'a, T>(pointer: *mut T, name: &'static str) -> Result<Out<'a, T>> {
    // SAFETY: the caller's promise.
    unsafe { out_or_null(pointer, name) }?.ok_or_else(|| null(name))
}

/// The caller's variable for a result it may not want.
#[inline]
pub(super) unsafe fn out_or_null<'a, T>(pointer: *mut T, name: &'static str) -> Result<Option<Out<'a, T>>> {
    if !pointer.is_aligned() {
        return Err(unaligned(name));
    }
    // SAFETY: aligned, and NULL or by the caller's promise a variable of its own that nobody else uses now.
    // It is taken as uninitialized, because in C it usually is.
    Ok(unsafe { pointer.cast::<std::mem::MaybeUninit<T>>().as_mut() }.map(Out))
}

/// The caller's variable for a pointer: NULL at once, so that it is NULL if the call fails.
#[inline]
pub(super) unsafe fn out_pointer<'a, T>(pointer: *mut *mut T, name: &'static str) -> Result<Out<'a, *mut T>> {
    // SAFETY: the caller's promise.
    let Out(slot) = unsafe { out(pointer, name) }?;
    slot.write(std::ptr::null_mut());
    Ok(Out(slot))
}

/// Hands a new object out as a handle; [`free`] takes it back.
pub(super) fn give<T>(out: Out<'_, *mut T>, object: T) {
    out.set(Box::into_raw(Box::new(object)));
}

/// A copy of text for C. A zero byte, which would end it there, becomes U+FFFD.
pub(super) fn c_text(text: &str) -> CString {
    let without_nul = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() };
    // There is none left, so `new` cannot refuse.
    CString::new(without_nul).unwrap_or_default()
}

#[cold]
fn unaligned(name: &'static str) -> Error {
    Error::InvalidArgument { name, reason: "the pointer is not aligned for its type".to_owned() }
}

#[cold]
fn null(name: &'static str) -> Error {
    Error::InvalidArgument { name, reason: "NULL is not accepted here".to_owned() }
}
