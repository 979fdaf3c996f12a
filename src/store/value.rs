//! Handles on the one block of bytes an entry owns: its key, then its value.
//!
//! Invariant: a block is immutable from the moment it is built, and a handle's range lies within it, so reading a
//! handle copies nothing, takes no lock and outlives the entry, the cache and the node. How blocks are found is
//! `shard`'s.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::update::Codec;

/// Below this length key and value are joined on the stack and copied once more: cheaper than clearing the allocation.
const JOIN_ON_STACK_MAX: usize = 256;

/// A [`Key`] keeps the value beside it in memory up to this many bytes; beside a longer one it is copied out.
const KEY_PINS_MAX: usize = 4096;

/// An immutable, refcounted value. Cloning and reading cost no copy; it outlives the entry, the cache and the node.
#[derive(Clone, Debug)]
pub struct Value {
    block: Arc<[u8]>,
    start: u16,
    codec: Codec,
}

impl Value {
    /// A value with these bytes.
    #[must_use]
    pub fn new(bytes: &[u8], codec: Codec) -> Value {
        Value { block: Arc::from(bytes), start: 0, codec }
    }

    /// The value part of an entry's block.
    pub(super) fn of(block: Arc<[u8]>, key_len: u16, codec: Codec) -> Value {
        Value { block, start: key_len, codec }
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
        self.block.get(usize::from(self.start)..).unwrap_or_default()
    }
}

/// An immutable, refcounted key. Equal, ordered and hashed as its bytes, so a map of keys is searched by `&[u8]`.
///
/// It may keep up to 4 KiB of a value that is gone from the store in memory, for as long as it lives.
#[derive(Clone)]
pub struct Key {
    block: Arc<[u8]>,
    len: u16,
}

impl Key {
    /// The key part of an entry's block, which it keeps alive whatever its length.
    pub(super) fn of(block: Arc<[u8]>, len: u16) -> Key {
        Key { block, len }
    }

    /// The same key, copied out if it pins a long value. To be called outside the locks: it may free that value.
    pub(super) fn slim(self) -> Key {
        if self.block.len() - self.len() <= KEY_PINS_MAX {
            return self;
        }
        Key { block: Arc::from(&*self), len: self.len }
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

/// Joins `key` and `value` in one allocation.
pub(super) fn join(key: &[u8], value: &[u8]) -> Arc<[u8]> {
    let len = key.len() + value.len();
    let mut on_stack = [0; JOIN_ON_STACK_MAX];
    if let Some(joined) = on_stack.get_mut(..len) {
        let (front, back) = joined.split_at_mut(key.len());
        front.copy_from_slice(key);
        back.copy_from_slice(value);
        return Arc::from(&*joined);
    }
    // The iterator's length is trusted, so this allocates once; the zeroes are the price of having no `unsafe`.
    let mut block: Arc<[u8]> = std::iter::repeat_n(0, len).collect();
    let joined = Arc::get_mut(&mut block).expect("it was made on the line above and not shared since");
    let (front, back) = joined.split_at_mut(key.len());
    front.copy_from_slice(key);
    back.copy_from_slice(value);
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn joining_keeps_every_byte_at_lengths_around_the_stack_limit() {
        for (key_len, value_len) in [(0, 0), (0, 9), (9, 0), (16, 239), (16, 240), (16, 241), (300, 5), (1, 70_000)] {
            let (key, value) = (vec![7_u8; key_len], vec![9_u8; value_len]);
            let block = join(&key, &value);
            assert_eq!(block.len(), key_len + value_len);
            let len = u16::try_from(key_len).expect("short");
            assert_eq!(*Key::of(Arc::clone(&block), len), *key);
            assert_eq!(*Value::of(block, len, Codec::TEXT), *value);
        }
    }

    #[test]
    fn a_key_is_found_in_a_map_by_its_bytes() {
        let key = Key::of(join(b"key", b"value"), 3);
        let map = BTreeMap::from([(key.clone(), 1)]);
        assert_eq!(map.get(b"key".as_slice()), Some(&1));
        assert!(key < Key::of(join(b"kez", b""), 3));
        assert_eq!(format!("{key:?}"), "Key(b\"key\")");
    }

    #[test]
    fn a_slim_key_lets_go_of_a_long_value_and_shares_a_short_one() {
        let long = join(b"key", &[0; KEY_PINS_MAX + 1]);
        let slim = Key::of(Arc::clone(&long), 3).slim();
        assert_eq!((&*slim, Arc::strong_count(&long)), (b"key".as_slice(), 1));
        let short = join(b"key", &[0; KEY_PINS_MAX]);
        let slim = Key::of(Arc::clone(&short), 3).slim();
        assert_eq!((&*slim, Arc::strong_count(&short)), (b"key".as_slice(), 2));
    }

    #[test]
    fn a_standalone_value_reads_back() {
        let value = Value::new(b"abc", Codec::CBOR);
        assert_eq!((&*value, value.codec()), (b"abc".as_slice(), Codec::CBOR));
    }
}
