//! Putting the fragments of large updates together again, in bounded memory.
//!
//! Fragments travel in reliable datagrams, so each arrives once or its sender is compared with as a whole; what is
//! dropped here is therefore a miss until that comparison, never a wrong value.

use std::collections::BTreeMap;
use std::time::Duration;

use super::assembly::Assembly;
use crate::time::Mono;

/// Most updates in the making of one sender.
const OBJECTS_MAX: usize = 16;
/// Most bytes in the making of one sender.
const BYTES_MAX: usize = 160 << 20;
/// An update that does not grow for this long is dropped: its fragments were lost for good.
const STALLED: Duration = Duration::from_secs(4);

#[derive(Debug)]
struct Partial {
    assembly: Assembly,
    grew: Mono,
}

/// What became of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The update is whole: its encoded bytes.
    Complete(Vec<u8>),
    /// More is to come.
    Partial,
    /// It cannot be taken: no room, or it contradicts what came before. Its update is dropped.
    Refused,
}

/// The updates in the making of one sender.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    partials: BTreeMap<u64, Partial>,
    bytes: usize,
}

impl Reassembly {
    /// Takes a fragment of `object`; `total_max` bounds what one that begins may be.
    pub(super) fn receive(
        &mut self,
        object: u64,
        (total, offset): (usize, usize),
        piece: &[u8],
        total_max: usize,
        now: Mono,
    ) -> Piece {
        let is_new = !self.partials.contains_key(&object);
        if is_new && (total > total_max || !self.begin(object, total, now)) {
            self.drop_object(object);
            return Piece::Refused;
        }
        let Some(partial) = self.partials.get_mut(&object) else { return Piece::Refused };
        if partial.assembly.total() != total || !partial.assembly.add(offset, piece) {
            self.drop_object(object);
            return Piece::Refused;
        }
        partial.grew = now;
        if !partial.assembly.is_complete() {
            return Piece::Partial;
        }
        self.drop_object(object).map_or(Piece::Refused, |whole| Piece::Complete(whole.assembly.into_bytes()))
    }

    /// Drops what has not grown for too long; returns how many updates that were.
    pub(super) fn drop_stalled(&mut self, now: Mono) -> usize {
        let stalled: Vec<u64> = self
            .partials
            .iter()
            .filter(|(_, partial)| now.saturating_since(partial.grew) >= STALLED)
            .map(|(&object, _)| object)
            .collect();
        for &object in &stalled {
            self.drop_object(object);
        }
        stalled.len()
    }

    /// What is set aside for them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.partials.is_empty()
    }

    fn begin(&mut self, object: u64, total: usize, now: Mono) -> bool {
        if self.partials.len() == OBJECTS_MAX || self.bytes.saturating_add(total) > BYTES_MAX {
            return false;
        }
        self.bytes += total;
        self.partials.insert(object, Partial { assembly: Assembly::new(total), grew: now });
        true
    }

    fn drop_object(&mut self, object: u64) -> Option<Partial> {
        let partial = self.partials.remove(&object)?;
        self.bytes -= partial.assembly.total();
        Some(partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    #[test]
    fn fragments_in_any_order_make_the_update() {
        let mut reassembly = Reassembly::default();
        let now = Mono::default();
        assert_eq!(reassembly.receive(1, (6, 4), b"ef", LIMIT, now), Piece::Partial);
        assert_eq!(reassembly.receive(1, (6, 0), b"ab", LIMIT, now), Piece::Partial);
        assert_eq!(reassembly.receive(1, (6, 2), b"cd", LIMIT, now), Piece::Complete(b"abcdef".to_vec()));
        assert!(reassembly.is_empty());
        assert_eq!(reassembly.bytes, 0);
    }

    #[test]
    fn a_fragment_that_contradicts_the_others_drops_the_update() {
        let now = Mono::default();
        for (total, offset, piece) in [(7, 3, &b"d"[..]), (6, 5, b"fg"), (6, 3, b""), (LIMIT + 1, 3, b"d")] {
            let mut reassembly = Reassembly::default();
            assert_eq!(reassembly.receive(1, (6, 0), b"ab", LIMIT, now), Piece::Partial);
            assert_eq!(reassembly.receive(1, (total, offset), piece, LIMIT, now), Piece::Refused);
            assert!(reassembly.is_empty(), "{total} {offset} {piece:?}");
        }
    }

    #[test]
    fn the_number_of_updates_in_the_making_is_bounded() {
        let mut reassembly = Reassembly::default();
        let now = Mono::default();
        for object in 0..OBJECTS_MAX as u64 {
            assert_eq!(reassembly.receive(object, (6, 0), b"ab", LIMIT, now), Piece::Partial);
        }
        assert_eq!(reassembly.receive(99, (6, 0), b"ab", LIMIT, now), Piece::Refused);
    }

    #[test]
    fn what_stalls_is_dropped() {
        let mut reassembly = Reassembly::default();
        reassembly.receive(1, (6, 0), b"ab", LIMIT, Mono::default());
        assert_eq!(reassembly.drop_stalled(Mono::default() + STALLED / 2), 0);
        assert_eq!(reassembly.drop_stalled(Mono::default() + STALLED), 1);
        assert_eq!(reassembly.bytes, 0);
    }
}
