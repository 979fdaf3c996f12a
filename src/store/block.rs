//! The one block of bytes an entry owns: its key, then its value, behind a count of references and a length.
//!
//! Invariant: what a handle shows never changes while there is another handle. So whoever reads the one an entry holds does
//! it under the shard's lock, or takes one of its own there. A handle is one word, half of what the standard
//! library's `Arc<[u8]>` takes, which leaves a slot the room to remember its key's hash.
//!
//! Memory is written once, by the two copies, not cleared before. That takes one `unsafe`. Cleared first, in safe code, a put
//! of a new key with a value of 100 bytes took 1,904 instructions instead of 1,709, and an evicting one 2,174 instead of
//! 1,979 (`cargo xtask counts`, rustc 1.95.0 on x86_64).

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Deref;

use triomphe::{Arc, HeaderSlice, HeaderWithLength, ThinArc, UniqueArc};

/// A shared, immutable run of bytes.
#[derive(Clone)]
pub(super) struct Block(ThinArc<(), u8>);

impl Block {
    /// `key` and `value` in one allocation.
    #[inline]
    pub(super) fn join(key: &[u8], value: &[u8]) -> Block {
        // Two lengths of slices in memory: no overflow.
        let len = key.len() + value.len();
        let mut block = UniqueArc::<HeaderSlice<_, [MaybeUninit<u8>]>>::from_header_and_uninit_slice(
            HeaderWithLength::new((), len),
            len,
        );
        let (front, back) = block.slice.split_at_mut(key.len());
        write(front, key);
        write(back, value);
        #[expect(unsafe_code, reason = "the memory is written once, not cleared first; see the head of this file")]
        // SAFETY: all of it is written: `write` fills what it is given, and the two parts are the whole.
        let block = unsafe { block.assume_init_slice_with_header() };
        Block(Arc::into_thin(block.shareable()))
    }

    /// Overwrites all bytes from `at` on, if those are as many as `bytes` and this is the only handle; else does nothing.
    #[inline]
    pub(super) fn rewrite(&mut self, at: usize, bytes: &[u8]) -> bool {
        self.0.with_arc_mut(|block| {
            let own = Arc::get_mut(block).and_then(|block| block.slice_mut().get_mut(at..));
            let own = own.filter(|old| old.len() == bytes.len());
            own.map(|old| old.copy_from_slice(bytes)).is_some()
        })
    }

    /// How many handles there are.
    #[cfg(test)]
    pub(super) fn handles(&self) -> usize {
        ThinArc::strong_count(&self.0)
    }
}

impl Deref for Block {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0.slice
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block(b\"{}\")", self.escape_ascii())
    }
}

/// Fills `to`, which is as long as `from`; refuses to leave any of it out.
#[inline]
fn write(to: &mut [MaybeUninit<u8>], from: &[u8]) {
    assert_eq!(to.len(), from.len(), "a part of a block is as long as what goes there");
    for (to, from) in to.iter_mut().zip(from) {
        to.write(*from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_keeps_every_byte() {
        for (key_len, value_len) in [(0, 0), (0, 9), (9, 0), (16, 100), (1, 7), (300, 5), (1, 70_000)] {
            let (key, value) = (vec![7_u8; key_len], vec![9_u8; value_len]);
            let block = Block::join(&key, &value);
            assert_eq!(block.len(), key_len + value_len);
            assert_eq!(block.split_at(key_len), (&*key, &*value));
        }
    }

    #[test]
    fn a_block_lives_as_long_as_its_last_handle() {
        let block = Block::join(b"key", b"value");
        let other = block.clone();
        assert_eq!((block.handles(), block.as_ptr()), (2, other.as_ptr()));
        drop(block);
        assert_eq!((other.handles(), &*other), (1, b"keyvalue".as_slice()));
    }

    #[test]
    fn only_what_nobody_else_sees_is_rewritten() {
        let mut block = Block::join(b"key", b"value");
        assert!(!block.rewrite(3, b"longer") && !block.rewrite(9, b"") && !block.rewrite(3, b""));
        assert!(block.rewrite(3, b"other"));
        let seen = block.clone();
        assert!(!block.rewrite(3, b"third"));
        assert_eq!((&*block, &*seen), (b"keyother".as_slice(), b"keyother".as_slice()));
        drop(seen);
        assert!(block.rewrite(3, b"third"));
        assert_eq!(&*block, b"keythird");
    }

    #[test]
    fn a_handle_is_one_word_and_so_is_none() {
        assert_eq!(size_of::<Option<Block>>(), size_of::<usize>());
    }
}
