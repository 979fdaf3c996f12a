//! Handles on the one block of bytes an entry owns (see `block`): its key, its value.
//!
//! Invariant: a handle's range lies within its block, which does not change while there is one, so reading it copies
//! nothing, takes no lock and outlives the entry, the cache and the node. How blocks are found is `shard`'s.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use super::block::Block;
use crate::update::Codec;

/// A [`Key`] keeps the value beside it in memory up to this many bytes; beside a longer one it is copied out.
const KEY_PINS_MAX: usize = 4096;

/// An immutable, refcounted value. Cloning and reading cost no copy; it outlives the entry, the cache and the node.
#[derive(Clone, Debug)]
pub struct Value {
    block: Block,
    start: u32,
    codec: Codec,
    /// How many tags its entry has: their hashes stand before it.
    tags: u8,
}

impl Value {
    /// A value with these bytes.
    #[must_use]
    pub fn new(bytes: &[u8], codec: Codec) -> Value {
        Value { block: Block::join(b"", bytes), start: 0, codec, tags: 0 }
    }

    /// The value part of an entry's block.
    pub(super) fn of(block: Block, key_len: u16, codec: Codec, tags: u8) -> Value {
        Value { block, start: u32::from(key_len) + tags_len(tags), codec, tags }
    }

    /// Whether its entry has tags.
    #[must_use]
    pub fn is_tagged(&self) -> bool {
        self.tags > 0
    }

    /// The value with the tags of its entry before it, if it has some, as it is sent.
    #[must_use]
    pub fn with_tags(&self) -> &[u8] {
        let start = self.start.saturating_sub(tags_len(self.tags));
        self.block.get(usize::try_from(start).unwrap_or(usize::MAX)..).unwrap_or_default()
    }

    /// How to read the bytes.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }
}

impl Deref for Value {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.block.get(usize::try_from(self.start).unwrap_or(usize::MAX)..).unwrap_or_default()
    }
}

/// Bytes that so many tags take before a value.
pub(super) fn tags_len(tags: u8) -> u32 {
    if tags == 0 { 0 } else { 1 + 8 * u32::from(tags) }
}

/// An immutable, refcounted key. Equal, ordered and hashed as its bytes, so a map of keys is searched by `&[u8]`.
///
/// It may keep up to 4 KiB of a value that is gone from the store in memory, for as long as it lives.
#[derive(Clone)]
pub struct Key {
    block: Block,
    len: u16,
}

impl Key {
    /// The key part of an entry's block, which it keeps alive whatever its length.
    pub(super) fn of(block: Block, len: u16) -> Key {
        Key { block, len }
    }

    /// Bytes that it keeps in memory: its own, and those of a value that may be gone from the store.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.block.len()
    }

    /// Copies the key out if it pins a long value. To be called outside the locks: it may free that value.
    #[inline]
    pub(super) fn slim(&mut self) {
        if self.block.len() - usize::from(self.len) > KEY_PINS_MAX {
            self.block = Block::join(self, b"");
        }
    }
}

impl Deref for Key {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.block.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        **self == **other
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(b\"{}\")", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_key_is_found_in_a_map_by_its_bytes() {
        let key = Key::of(Block::join(b"key", b"value"), 3);
        let map = BTreeMap::from([(key.clone(), 1)]);
        assert_eq!(map.get(b"key".as_slice()), Some(&1));
        assert!(key < Key::of(Block::join(b"kez", b""), 3));
        assert_eq!(format!("{key:?}"), "Key(b\"key\")");
    }

    #[test]
    fn a_slim_key_lets_go_of_a_long_value_and_shares_a_short_one() {
        let long = Block::join(b"key", &[0; KEY_PINS_MAX + 1]);
        let mut slim = Key::of(long.clone(), 3);
        slim.slim();
        assert_eq!((&*slim, long.handles()), (b"key".as_slice(), 1));
        let short = Block::join(b"key", &[0; KEY_PINS_MAX]);
        let mut slim = Key::of(short.clone(), 3);
        slim.slim();
        assert_eq!((&*slim, short.handles()), (b"key".as_slice(), 2));
    }

    #[test]
    fn a_standalone_value_reads_back() {
        let value = Value::new(b"abc", Codec::CBOR);
        assert_eq!((&*value, value.codec()), (b"abc".as_slice(), Codec::CBOR));
    }
}
