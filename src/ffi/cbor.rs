//! CBOR (RFC 8949) item by item, for languages that have no library of their own for it: what `MCC_CODEC_CBOR` says of a
//! value can then be read and written from C alone. The work is `ciborium`'s low-level half; nothing is allocated.

use std::ffi::c_void;
use std::ptr;

use ciborium_ll::{Decoder, Encoder, Header};

use super::guard::guard;
use super::pointer::{self, handle, out};
use super::status::mcc_status_t::{self, MCC_BUFFER_TOO_SMALL, MCC_END, MCC_OK};
use crate::error::{Error, Result};

/// What an item is: one of MCC_CBOR_UNSIGNED to MCC_CBOR_BREAK.
pub type mcc_cbor_kind_t = i32;

/// An integer of 0 or more: number.
pub const MCC_CBOR_UNSIGNED: mcc_cbor_kind_t = 0;

/// A negative integer: -1 - number.
pub const MCC_CBOR_NEGATIVE: mcc_cbor_kind_t = 1;

/// Bytes: data and len. With data NULL and number UINT64_MAX: the pieces follow, each an item of this kind, then
/// MCC_CBOR_BREAK.
pub const MCC_CBOR_BYTES: mcc_cbor_kind_t = 2;

/// Text: data and len, UTF-8. In pieces as MCC_CBOR_BYTES.
pub const MCC_CBOR_TEXT: mcc_cbor_kind_t = 3;

/// An array of number items, which follow; UINT64_MAX: until MCC_CBOR_BREAK.
pub const MCC_CBOR_ARRAY: mcc_cbor_kind_t = 4;

/// A map of number pairs: key and value by turns follow; UINT64_MAX: until MCC_CBOR_BREAK.
pub const MCC_CBOR_MAP: mcc_cbor_kind_t = 5;

/// Says what the item that follows is meant to be: number is the tag, such as 0 for a date and time in text (RFC 8949,
/// 3.4) or 1004 for a date in text (RFC 8943).
pub const MCC_CBOR_TAG: mcc_cbor_kind_t = 6;

/// number is 20 for false, 21 for true, 22 for null, 23 for undefined, or another simple value of 0 to 255.
pub const MCC_CBOR_SIMPLE: mcc_cbor_kind_t = 7;

/// A floating-point number: real. Read with 16, 32 or 64 bits, written with 64.
pub const MCC_CBOR_FLOAT: mcc_cbor_kind_t = 8;

/// The end of what has no length.
pub const MCC_CBOR_BREAK: mcc_cbor_kind_t = 9;

/// What stands for a length that is not told.
const INDEFINITE: u64 = u64::MAX;

/// The longest head: one byte, and a number of eight.
const HEAD_LEN_MAX: usize = 9;

/// The first byte of a number of 64 bits with a point.
const FLOAT_64: u8 = 0xfb;

/// One CBOR item: a scalar or a whole string, or the head of an array, a map or a tag.
#[repr(C)]
#[derive(Debug)]
pub struct mcc_cbor_item_t {
    /// What it is.
    pub kind: mcc_cbor_kind_t,
    /// The integer, the count, the tag or the simple value; 0 where kind has none.
    pub number: u64,
    /// The floating-point number; 0 where kind has none.
    pub real: f64,
    /// The string's bytes, within what is read; NULL where kind has none.
    pub data: *const u8,
    /// How many; 0 where kind has none.
    pub len: usize,
}

impl mcc_cbor_item_t {
    fn of(kind: mcc_cbor_kind_t, number: u64) -> mcc_cbor_item_t {
        mcc_cbor_item_t { kind, number, real: 0.0, data: ptr::null(), len: 0 }
    }

    fn string(kind: mcc_cbor_kind_t, bytes: &[u8]) -> mcc_cbor_item_t {
        mcc_cbor_item_t { data: bytes.as_ptr(), len: bytes.len(), ..mcc_cbor_item_t::of(kind, 0) }
    }
}

/// Reads the next item. What is in an array or a map, or after a tag, are the items that follow: whoever reads keeps
/// count of them, and bounds how deep they nest.
///
/// data, len: what is read, such as a value's data and len; data may be NULL if len is 0.
/// offset: where to read, from 0 to len; on MCC_OK moved behind the item.
/// item: where the item is written; its data points into what is read.
/// Returns: MCC_OK; MCC_END if *offset is len; MCC_INVALID_ARGUMENT if there is no well-formed item, or text is not
/// UTF-8 (mcc_last_error() says at which byte); MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_cbor_read(
    data: *const c_void,
    len: usize,
    offset: *mut usize,
    item: *mut mcc_cbor_item_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let at = *unsafe { handle(offset.cast_const(), "offset") }?;
        // SAFETY: NULL or the caller's variable.
        let out_offset = unsafe { out(offset, "offset") }?;
        // SAFETY: NULL or the caller's variable.
        let out_item = unsafe { out(item, "item") }?;
        // SAFETY: the caller's bytes and their length.
        let data = unsafe { pointer::value(data, len) }?;
        let rest = data.get(at..).ok_or_else(|| malformed(at, "beyond the end"))?;
        if rest.is_empty() {
            return Ok(MCC_END);
        }
        let (item, length) = read(rest).map_err(|reason| malformed(at, reason))?;
        out_item.set(item);
        out_offset.set(at + length);
        Ok(MCC_OK)
    })
}

/// Writes an item behind those written before. Integers, lengths and tags take as few bytes as they can.
///
/// buffer, capacity: where it is written, and how many bytes fit; buffer may be NULL if capacity is 0.
/// offset: where to write; on MCC_OK moved behind the item, on MCC_BUFFER_TOO_SMALL set to the capacity it takes.
/// item: the item: kind and what its kind reads of it; data is copied.
/// Returns: MCC_OK; MCC_BUFFER_TOO_SMALL (nothing is written); MCC_INVALID_ARGUMENT for a kind or a simple value there
/// is not, and for text that is not UTF-8; MCC_TOO_LARGE; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_cbor_write(
    buffer: *mut c_void,
    capacity: usize,
    offset: *mut usize,
    item: *const mcc_cbor_item_t,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let at = *unsafe { handle(offset.cast_const(), "offset") }?;
        // SAFETY: NULL or the caller's variable.
        let out_offset = unsafe { out(offset, "offset") }?;
        // SAFETY: NULL or the caller's item.
        let item = unsafe { handle(item, "item") }?;
        // SAFETY: the caller's buffer and its length.
        let buffer = unsafe { pointer::buffer(buffer, capacity, "buffer") }?;
        let body = match item.kind {
            MCC_CBOR_BYTES | MCC_CBOR_TEXT if !is_in_pieces(item) => {
                // SAFETY: the caller's bytes and their length.
                unsafe { pointer::value(item.data.cast(), item.len) }?
            }
            _ => &[],
        };
        let mut head = [0; HEAD_LEN_MAX];
        let head = write_head(item, body, &mut head)?;
        let end = at.checked_add(head.len()).and_then(|end| end.checked_add(body.len()));
        let end = end.ok_or(Error::TooLarge { what: "value", len: usize::MAX, limit: isize::MAX.unsigned_abs() })?;
        let fits = buffer.fill_at(at, &[head, body]);
        out_offset.set(end);
        Ok(if fits { MCC_OK } else { MCC_BUFFER_TOO_SMALL })
    })
}

/// The first item of `bytes`, and its length.
fn read(bytes: &[u8]) -> std::result::Result<(mcc_cbor_item_t, usize), &'static str> {
    const SHORT: &str = "it ends within an item";
    let mut decoder = Decoder::from(bytes);
    let header = decoder.pull().map_err(|error| match error {
        ciborium_ll::Error::Io(_) => SHORT,
        ciborium_ll::Error::Syntax(_) => "no such item",
    })?;
    let head_len = decoder.offset();
    let count = |count: Option<usize>| count.map_or(INDEFINITE, |count| u64::try_from(count).unwrap_or(INDEFINITE));
    let body = |len: usize| bytes.get(head_len..head_len.saturating_add(len)).ok_or(SHORT);
    let item = match header {
        Header::Positive(number) => mcc_cbor_item_t::of(MCC_CBOR_UNSIGNED, number),
        Header::Negative(number) => mcc_cbor_item_t::of(MCC_CBOR_NEGATIVE, number),
        Header::Float(real) => mcc_cbor_item_t { real, ..mcc_cbor_item_t::of(MCC_CBOR_FLOAT, 0) },
        // Two bytes where one is asked for (RFC 8949, 3.3); the decoder does not mind.
        Header::Simple(number) if number < 32 && head_len > 1 => return Err("no such simple value"),
        Header::Simple(number) => mcc_cbor_item_t::of(MCC_CBOR_SIMPLE, number.into()),
        Header::Tag(number) => mcc_cbor_item_t::of(MCC_CBOR_TAG, number),
        Header::Break => mcc_cbor_item_t::of(MCC_CBOR_BREAK, 0),
        Header::Array(len) => mcc_cbor_item_t::of(MCC_CBOR_ARRAY, count(len)),
        Header::Map(len) => mcc_cbor_item_t::of(MCC_CBOR_MAP, count(len)),
        Header::Bytes(None) => mcc_cbor_item_t::of(MCC_CBOR_BYTES, INDEFINITE),
        Header::Text(None) => mcc_cbor_item_t::of(MCC_CBOR_TEXT, INDEFINITE),
        Header::Bytes(Some(len)) => mcc_cbor_item_t::string(MCC_CBOR_BYTES, body(len)?),
        Header::Text(Some(len)) => {
            let text = std::str::from_utf8(body(len)?).map_err(|_| "text that is not UTF-8")?;
            mcc_cbor_item_t::string(MCC_CBOR_TEXT, text.as_bytes())
        }
    };
    let body_len = item.len;
    Ok((item, head_len + body_len))
}

fn is_in_pieces(item: &mcc_cbor_item_t) -> bool {
    item.data.is_null() && item.number == INDEFINITE
}

/// All of an item but a string's bytes.
fn write_head<'a>(item: &mcc_cbor_item_t, body: &[u8], room: &'a mut [u8; HEAD_LEN_MAX]) -> Result<&'a [u8]> {
    let count = || match item.number {
        INDEFINITE => Ok(None),
        number => usize::try_from(number).map(Some).map_err(|_| bad_item("number", "more items than there can be")),
    };
    let len = (!is_in_pieces(item)).then_some(body.len());
    let header = match item.kind {
        MCC_CBOR_UNSIGNED => Header::Positive(item.number),
        MCC_CBOR_NEGATIVE => Header::Negative(item.number),
        MCC_CBOR_BYTES => Header::Bytes(len),
        MCC_CBOR_TEXT => {
            std::str::from_utf8(body).map_err(|_| bad_item("data", "text that is not UTF-8"))?;
            Header::Text(len)
        }
        MCC_CBOR_ARRAY => Header::Array(count()?),
        MCC_CBOR_MAP => Header::Map(count()?),
        MCC_CBOR_TAG => Header::Tag(item.number),
        MCC_CBOR_SIMPLE => match u8::try_from(item.number) {
            Ok(simple) if !(24..32).contains(&simple) => Header::Simple(simple),
            _ => return Err(bad_item("number", "a simple value is 0 to 23 or 32 to 255")),
        },
        MCC_CBOR_BREAK => Header::Break,
        MCC_CBOR_FLOAT => {
            // At its full width, as all languages write it: the encoder would shorten it.
            room[0] = FLOAT_64;
            room[1..].copy_from_slice(&item.real.to_be_bytes());
            return Ok(room);
        }
        _ => return Err(bad_item("kind", "MCC_CBOR_UNSIGNED to MCC_CBOR_BREAK are known")),
    };
    let mut rest = &mut room[..];
    Encoder::from(&mut rest).push(header).map_err(|_| Error::Internal("a head of more than nine bytes".to_owned()))?;
    let written = HEAD_LEN_MAX - rest.len();
    Ok(&room[..written])
}

#[cold]
fn malformed(at: usize, reason: &str) -> Error {
    Error::InvalidArgument { name: "data", reason: format!("not CBOR at byte {at}: {reason}") }
}

#[cold]
fn bad_item(name: &'static str, reason: &str) -> Error {
    Error::InvalidArgument { name, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(item: &mcc_cbor_item_t) -> Vec<u8> {
        let (mut buffer, mut offset) = ([0; 64], 0);
        // SAFETY: variables of this function.
        let status = unsafe { mcc_cbor_write(buffer.as_mut_ptr().cast(), buffer.len(), &raw mut offset, item) };
        assert_eq!(status, MCC_OK);
        buffer[..offset].to_vec()
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (number, long) in [(0, 1), (23, 1), (24, 2), (255, 2), (256, 3), (65_536, 5), (u64::MAX, 9)] {
            for kind in [MCC_CBOR_UNSIGNED, MCC_CBOR_NEGATIVE, MCC_CBOR_TAG] {
                let bytes = written(&mcc_cbor_item_t::of(kind, number));
                assert_eq!(bytes.len(), long);
                let (item, length) = read(&bytes).expect("well formed");
                assert_eq!((item.kind, item.number, length), (kind, number, long));
            }
        }
        for real in [0.0, -0.0, 1.5, f64::MAX, f64::INFINITY, f64::NAN] {
            let item = mcc_cbor_item_t { real, ..mcc_cbor_item_t::of(MCC_CBOR_FLOAT, 0) };
            let (read, length) = read(&written(&item)).expect("well formed");
            assert_eq!((read.kind, read.real.to_bits(), length), (MCC_CBOR_FLOAT, real.to_bits(), 9));
        }
        for kind in [MCC_CBOR_BYTES, MCC_CBOR_TEXT] {
            let bytes = written(&mcc_cbor_item_t::string(kind, b"abc"));
            let (item, length) = read(&bytes).expect("well formed");
            assert_eq!((item.kind, item.len, length), (kind, 3, 4));
            assert_eq!(written(&mcc_cbor_item_t::of(kind, INDEFINITE)).len(), 1);
        }
        for kind in [MCC_CBOR_ARRAY, MCC_CBOR_MAP, MCC_CBOR_BYTES, MCC_CBOR_TEXT] {
            let bytes = written(&mcc_cbor_item_t::of(kind, INDEFINITE));
            let (item, length) = read(&bytes).expect("well formed");
            assert_eq!((item.kind, item.number, length), (kind, INDEFINITE, 1));
        }
    }

    #[test]
    fn shorter_floats_are_read() {
        assert_eq!(read(&[0xf9, 0x3e, 0x00]).expect("half").0.real.to_bits(), 1.5_f64.to_bits());
        assert_eq!(read(&[0xfa, 0x3f, 0xc0, 0, 0]).expect("single").0.real.to_bits(), 1.5_f64.to_bits());
    }

    #[test]
    fn what_is_no_item_is_refused() {
        for bad in [
            &b"\x18"[..],
            b"\x1c",
            b"\x62a",
            b"\x61\xff",
            b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xfb\0",
            b"\xf8\x18",
        ] {
            assert!(read(bad).is_err(), "{bad:x?}");
        }
        for (kind, number) in [(-1, 0), (10, 0), (MCC_CBOR_SIMPLE, 24), (MCC_CBOR_SIMPLE, 256)] {
            let mut offset = 0;
            let item = mcc_cbor_item_t::of(kind, number);
            // SAFETY: variables of this function.
            let status = unsafe { mcc_cbor_write(ptr::null_mut(), 0, &raw mut offset, &raw const item) };
            assert_eq!((status, offset), (mcc_status_t::MCC_INVALID_ARGUMENT, 0));
        }
    }

    #[test]
    fn a_short_buffer_is_told_what_it_takes_and_left_alone() {
        let item = mcc_cbor_item_t::string(MCC_CBOR_TEXT, b"abc");
        let (mut buffer, mut offset) = ([7; 4], 1);
        // SAFETY: variables of this function.
        let status = unsafe { mcc_cbor_write(buffer.as_mut_ptr().cast(), 4, &raw mut offset, &raw const item) };
        assert_eq!((status, offset, buffer), (MCC_BUFFER_TOO_SMALL, 5, [7; 4]));
    }
}
