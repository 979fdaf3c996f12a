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
    /// As a put, and the entry has tags: they stand before the value ([`split_tags`]).
    TaggedPut,
    /// Every entry with a tag and an older version is no longer read. The key is the tag's hash, 8 bytes, and its name; in
    /// a state transfer the name is not known.
    InvalidateTag,
}

impl UpdateKind {
    /// Whether it gives a key a value.
    #[must_use]
    pub fn is_put(self) -> bool {
        matches!(self, UpdateKind::Put | UpdateKind::TaggedPut)
    }
}

/// One mutation of one cache, borrowed from wherever its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update<'a> {
    /// What it does.
    pub kind: UpdateKind,
    /// 0 to 65,535 bytes; empty for a clear.
    pub key: &'a [u8],
    /// The value's bytes, behind the tags if it has some; empty for all but a put.
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

/// Most tags of an entry.
pub const TAGS_MAX: usize = 16;

/// Longest tag, in bytes; it has one at least.
pub const TAG_LEN_MAX: usize = 255;

/// What the tags of an entry add to its value at most.
pub const TAGS_LEN_MAX: usize = 1 + 8 * TAGS_MAX;

/// The hashes of an entry's tags as they stand before its value: how many, 8 bytes each; then the value.
#[must_use]
pub fn join_tags(tags: &[u64], value: &[u8]) -> Vec<u8> {
    let tags = tags.get(..TAGS_MAX).unwrap_or(tags);
    let mut bytes = Vec::with_capacity(TAGS_LEN_MAX + value.len());
    bytes.push(u8::try_from(tags.len()).unwrap_or(u8::MAX));
    bytes.extend(tags.iter().flat_map(|tag| tag.to_le_bytes()));
    bytes.extend_from_slice(value);
    bytes
}

/// The hashes, 8 bytes each, and the value; `None` if these are not such bytes, or name no tag.
#[must_use]
pub fn split_tags(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&count, rest) = bytes.split_first()?;
    let is_count = (1..=TAGS_MAX).contains(&usize::from(count));
    rest.split_at_checked(8 * usize::from(count)).filter(|_| is_count)
}

/// The hashes in what [`split_tags`] gives.
pub fn tag_hashes(tags: &[u8]) -> impl Iterator<Item = u64> + '_ {
    tags.chunks_exact(8).filter_map(|tag| Some(u64::from_le_bytes(tag.try_into().ok()?)))
}
