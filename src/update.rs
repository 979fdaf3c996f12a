//! One replicated mutation, as every room hands it on.

use crate::hlc::Version;
use crate::time::Deadline;

/// How the bytes of a value are to be read. One byte beside each value, on the wire and in the store.
///
/// Numbers are append-only: an old node keeps and forwards a codec it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Codec(pub u8);

impl Codec {
    /// Bytes as they are.
    pub const RAW: Codec = Codec(0);
    /// UTF-8 text.
    pub const TEXT: Codec = Codec(1);
    /// One CBOR data item (RFC 8949).
    pub const CBOR: Codec = Codec(2);
}

/// What an update does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateKind {
    /// The key now has this value.
    Put,
    /// The key has no value; remembered as a tombstone so that an older put does not undo it.
    Delete,
    /// Forget what you hold of the key if it is older; no value is told and no tombstone is kept.
    Invalidate,
    /// Every key of the cache with an older version is gone. The key is empty.
    Clear,
}

/// One mutation of one cache, borrowed from wherever its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update<'a> {
    /// What it does.
    pub kind: UpdateKind,
    /// 0 to 65,535 bytes; empty for a clear.
    pub key: &'a [u8],
    /// The value's bytes; empty for all but a put.
    pub value: &'a [u8],
    /// How to read the value.
    pub codec: Codec,
    /// Its place in the one order of updates.
    pub version: Version,
    /// When the value stops being readable; [`Deadline::NEVER`] for all but a put.
    pub deadline: Deadline,
}

/// The longest key, in bytes: what fits the wire's 16-bit length.
pub const KEY_LEN_MAX: usize = u16::MAX as usize;
