//! Reads into the reader's own memory, for short values: no reference is counted and none has to be given back.
//!
//! Invariant: a value that has no room is not read: it counts as no hit and is not touched, so that a reader who comes
//! again with more room, or for the value itself, counts once.

use super::Store;
use crate::time::WallMs;
use crate::update::Codec;

/// Longest value that is copied under the lock: some 100 ns. A longer one is shared first, and copied without it.
const COPY_LOCKED_MAX: usize = 4096;

/// What became of a read into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// There is no value.
    Missing,
    /// The value was written.
    Done {
        /// Its length.
        len: usize,
        /// How to read it.
        codec: Codec,
    },
    /// There is no room for the value. Nothing was written, counted or touched.
    TooLong {
        /// The value's length.
        len: usize,
        /// How to read it.
        codec: Codec,
    },
}

impl Store {
    /// As [`Store::get`], with the value given to `write` if it has at most `room` bytes; a longer one is not read.
    ///
    /// `write` may be called under a lock: it copies and calls nothing of the store.
    pub fn get_into(&self, key: &[u8], now: WallMs, room: usize, write: impl FnOnce(&[u8])) -> Copied {
        let mut write = Some(write);
        let read = self.read(
            key,
            now,
            |slot| {
                let bytes = slot.value_bytes();
                let (len, codec) = (bytes.len(), slot.codec);
                if len > room {
                    return ((Copied::TooLong { len, codec }, None), false);
                }
                if len > COPY_LOCKED_MAX {
                    return ((Copied::Done { len, codec }, slot.value()), true);
                }
                if let Some(write) = write.take() {
                    write(bytes);
                }
                ((Copied::Done { len, codec }, None), true)
            },
            1,
        );
        let Some((copied, long)) = read else { return Copied::Missing };
        if let (Some(value), Some(write)) = (long, write) {
            write(&value);
        }
        copied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hlc::{HlcTimestamp, Version};
    use crate::ids::Origin;
    use crate::store::{Fate, Limits, Precondition, Source};
    use crate::time::Deadline;
    use crate::update::{Update, UpdateKind};

    const NOW: WallMs = WallMs(1_000);
    const CODEC: Codec = Codec(9);

    fn store(max_entries: usize) -> Store {
        Store::with_seed(Limits { max_entries, max_bytes: 1 << 20 }, [7; 16], false, 1)
    }

    fn put(store: &Store, key: &[u8], value: &[u8], at: u64, deadline: Deadline) {
        let version = Version { hlc: HlcTimestamp(at), origin: Origin(1) };
        let update = Update { kind: UpdateKind::Put, key, value, codec: CODEC, version, deadline };
        assert_eq!(store.apply(&update, Source::Local, Precondition::Any, NOW).fate, Fate::Applied);
    }

    fn read(store: &Store, key: &[u8], room: usize) -> (Copied, Option<Vec<u8>>) {
        let mut written = None;
        let copied = store.get_into(key, NOW, room, |bytes| written = Some(bytes.to_vec()));
        (copied, written)
    }

    #[test]
    fn values_of_every_length_are_written_whole_or_not_at_all() {
        let store = store(10);
        for (at, len) in (1..).zip([0, 1, 100, COPY_LOCKED_MAX, COPY_LOCKED_MAX + 1, 100_000]) {
            let value: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap_or_default()).collect();
            put(&store, b"k", &value, at, Deadline::NEVER);
            assert_eq!(read(&store, b"k", len), (Copied::Done { len, codec: CODEC }, Some(value.clone())));
            assert_eq!(read(&store, b"k", len + 7), (Copied::Done { len, codec: CODEC }, Some(value)));
            if len > 0 {
                assert_eq!(read(&store, b"k", len - 1), (Copied::TooLong { len, codec: CODEC }, None));
            }
        }
        assert_eq!(read(&store, b"nobody", 10), (Copied::Missing, None));
    }

    #[test]
    fn a_value_without_room_counts_no_hit_and_a_missing_one_a_miss() {
        let store = store(10);
        put(&store, b"k", b"value", 1, Deadline::NEVER);
        put(&store, b"expired", b"value", 1, Deadline(NOW));
        read(&store, b"k", 4);
        assert_eq!((store.stats().hits, store.stats().misses), (0, 0));
        read(&store, b"k", 5);
        read(&store, b"nobody", 0);
        assert_eq!(read(&store, b"expired", 5), (Copied::Missing, None));
        assert_eq!((store.stats().hits, store.stats().misses), (1, 2));
    }

    #[test]
    fn a_value_without_room_is_not_used_and_goes_first() {
        for (room, stays) in [(1, false), (5, true)] {
            let store = store(2);
            put(&store, b"old", b"value", 1, Deadline::NEVER);
            put(&store, b"new", b"value", 2, Deadline::NEVER);
            read(&store, b"old", room);
            put(&store, b"newest", b"value", 3, Deadline::NEVER);
            assert_eq!(store.contains(b"old", NOW), stays, "after a read with room for {room} bytes");
        }
    }
}
