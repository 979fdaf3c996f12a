//! Bytes to values and back. Stateless; total on any bytes: a reader answers `None`, it never panics and never allocates
//! by what a length field says.
//!
//! A datagram, all integers little-endian:
//!
//! ```text
//! | header, 32 B, in the clear, authenticated | preamble, 16 B | frame | frame | ... | AEAD tag, 16 B |
//! |                                           |<------------- sealed ------------->|
//!
//! header    magic u16 | version u8 | kind u8 | key_id u8 | key_phase u8 | flags u16 | cluster_tag u32
//!           | session [u8; 12] | number u64
//! preamble  hlc u64 | trail u64
//! frame     type u8 | len u16 | body [u8; len]
//! ```
//!
//! Frame types and kinds are append-only numbers; a frame of an unknown type, or with an update of an unknown kind, is skipped
//! by its length, an unknown kind or version of a datagram drops it. What seals and what the frames mean live in `crypto` and `protocol`.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod frame;
mod header;
mod hello;
mod lists;
mod reader;
mod update;

pub use frame::{Flags, Frame, Frames, Query, Skipped};
pub use header::{HEADER_LEN, Header, Kind, MAGIC, PREAMBLE_LEN, Preamble, WIRE_VERSION};
pub use hello::Hello;
pub use lists::{
    Ack, Acks, CacheDigest, CacheDigests, CacheMode, CacheModes, Hearing, Mode, Peer, Peers, Range, Ranges,
    SegmentFloor, SegmentFloors, Words,
};
pub use update::{UPDATE_OVERHEAD, decode_update, encode_update, unknown_kind};

/// Bytes a frame adds around its body.
pub const FRAME_OVERHEAD: usize = 3;
