//! Taking back what was stamped by a clock that was wrong.
//!
//! The invariant: afterwards nothing in the store bears such a stamp, no entry, tombstone, floor or clear, and every key that
//! did has a tombstone in its place, so that nothing older of it comes in. What a thread applies meanwhile may remain.

use super::value::Key;
use super::{Cursor, Evicted, Store};
use crate::hlc::{HlcTimestamp, Version};

impl Store {
    /// Deletes each key whose version is one of `is_wild`, though that is newer, by the versions that `stamp` draws, as a
    /// member's delete; lowers floors that are above `limit`. A clear of such a version is made anew. Returns how many keys, and
    /// what had to make room for the tombstones.
    pub fn disown(
        &self,
        is_wild: impl Fn(Version) -> bool,
        limit: HlcTimestamp,
        stamp: impl Fn() -> Version,
    ) -> (usize, Evicted) {
        let cleared = is_wild(self.clear_version());
        if cleared {
            self.clears.take_back();
        }
        self.segments.lower(limit, stamp().hlc);
        self.tags.disown(&is_wild, &stamp, &self.segments);
        let (mut disowned, mut evicted) = (0, Evicted::new());
        let mut cursor = Cursor::START;
        while cursor != Cursor::END {
            let mut batch: Vec<(Key, Version)> = Vec::new();
            cursor = self.walk(cursor, |slot| {
                if let Some(block) = slot.block.as_ref().filter(|_| is_wild(slot.version)) {
                    batch.push((Key::of(block.clone(), slot.key_len), slot.version));
                }
                true
            });
            for (key, wild) in batch {
                evicted.append(&mut self.take_back(&key, wild, stamp()));
                disowned += 1;
            }
        }
        if cleared {
            self.apply_clear(stamp());
        }
        (disowned, evicted)
    }
}
