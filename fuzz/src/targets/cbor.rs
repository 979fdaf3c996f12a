//! CBOR item by item through the C functions: any bytes are read in bounds, and what was read is written back.
#![expect(unsafe_code, reason = "the functions under test are C functions")]

use std::ptr;

use mccache::ffi::{
    MCC_CBOR_BYTES, MCC_CBOR_FLOAT, MCC_CBOR_TEXT, mcc_cbor_item_t, mcc_cbor_read, mcc_cbor_write, mcc_status_t,
};

use super::input::Input;

macro_rules! c {
    ($($call:tt)*) => {{
        // SAFETY: pointers to variables of the caller, with their lengths.
        unsafe { $($call)* }
    }};
}

/// Runs one input: read as items, and as an item to be written.
pub(super) fn run(input: &[u8]) {
    read_all(input);
    write_any(&mut Input(input));
}

fn nothing() -> mcc_cbor_item_t {
    mcc_cbor_item_t { kind: -1, number: 0, real: 0.0, data: ptr::null(), len: 0 }
}

fn read_all(input: &[u8]) {
    let (mut offset, mut item) = (0, nothing());
    loop {
        let before = offset;
        let status = c!(mcc_cbor_read(input.as_ptr().cast(), input.len(), &raw mut offset, &raw mut item));
        if status != mcc_status_t::MCC_OK {
            let expected =
                if before == input.len() { mcc_status_t::MCC_END } else { mcc_status_t::MCC_INVALID_ARGUMENT };
            assert_eq!((status, offset), (expected, before));
            return;
        }
        assert!(before < offset && offset <= input.len(), "from {before} to {offset} of {}", input.len());
        if !item.data.is_null() {
            let read = input.as_ptr_range();
            assert!(read.contains(&item.data) || item.len == 0, "a string outside of what is read");
            assert!(item.len < offset - before);
        }
        let again = written(&item);
        let (mut end, mut copy) = (0, nothing());
        let status = c!(mcc_cbor_read(again.as_ptr().cast(), again.len(), &raw mut end, &raw mut copy));
        assert_eq!((status, end), (mcc_status_t::MCC_OK, again.len()));
        assert_eq!((copy.kind, copy.number, copy.len), (item.kind, item.number, item.len));
        assert!(copy.real.to_bits() == item.real.to_bits() || (copy.real.is_nan() && item.real.is_nan()));
        // At its full width a float is longer than it may have been; anything else is as short as it can be.
        assert!(item.kind == MCC_CBOR_FLOAT || again.len() <= offset - before, "{item:?}");
    }
}

/// The bytes of an item that was read.
fn written(item: &mcc_cbor_item_t) -> Vec<u8> {
    let mut needed = 0;
    let status = c!(mcc_cbor_write(ptr::null_mut(), 0, &raw mut needed, item));
    assert_eq!(status, mcc_status_t::MCC_BUFFER_TOO_SMALL, "{item:?}");
    let (mut buffer, mut end) = (vec![0; needed], 0);
    let status = c!(mcc_cbor_write(buffer.as_mut_ptr().cast(), needed, &raw mut end, item));
    assert_eq!((status, end), (mcc_status_t::MCC_OK, needed), "{item:?}");
    buffer
}

/// An item with any figures, into a buffer of any length that is watched on both sides.
fn write_any(input: &mut Input<'_>) {
    const GUARD: [u8; 8] = [0xa5; 8];
    let kind = i32::from(input.u8()) - 4;
    let (number, real) = (input.u64(), f64::from_bits(input.u64()));
    let (capacity, start) = (usize::from(input.u8()), usize::from(input.u8()));
    let body = input.bytes(300);
    let has_body = kind == MCC_CBOR_BYTES || kind == MCC_CBOR_TEXT;
    let (data, len) = if has_body { (body.as_ptr(), body.len()) } else { (ptr::null(), 0) };
    let item = mcc_cbor_item_t { kind, number, real, data, len };
    let mut buffer = [&GUARD[..], &vec![0; capacity], &GUARD[..]].concat();
    let mut offset = start;
    let room = buffer[GUARD.len()..].as_mut_ptr();
    let status = c!(mcc_cbor_write(room.cast(), capacity, &raw mut offset, &raw const item));
    assert_eq!(buffer[..GUARD.len()], GUARD);
    assert_eq!(buffer[GUARD.len() + capacity..], GUARD);
    match status {
        mcc_status_t::MCC_OK => assert!(start < offset && offset <= capacity, "{offset} of {capacity}"),
        mcc_status_t::MCC_BUFFER_TOO_SMALL => assert!(offset > capacity, "{offset} of {capacity}"),
        _ => assert_eq!((status, offset), (mcc_status_t::MCC_INVALID_ARGUMENT, start)),
    }
}
