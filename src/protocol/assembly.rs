//! A run of bytes that arrives in pieces, in any order, some of them twice.

use std::collections::BTreeMap;

/// Most separate runs remembered: twice what 64 MiB in datagrams can have, so that tiny pieces cannot eat memory.
const RUNS_MAX: usize = 65_536;

/// Bytes in the making.
#[derive(Debug)]
pub(super) struct Assembly {
    bytes: Vec<u8>,
    /// Start to end of what has come; runs neither touch nor overlap.
    runs: BTreeMap<usize, usize>,
}

impl Assembly {
    /// Room for `total` bytes, none of which has come.
    pub(super) fn new(total: usize) -> Assembly {
        Assembly { bytes: vec![0; total], runs: BTreeMap::new() }
    }

    pub(super) fn total(&self) -> usize {
        self.bytes.len()
    }

    /// Copies a piece in. False if it is empty, lies outside, or there is no room to remember it.
    pub(super) fn add(&mut self, offset: usize, piece: &[u8]) -> bool {
        let (mut start, mut end) = (offset, offset.saturating_add(piece.len()));
        let Some(place) = self.bytes.get_mut(start..end).filter(|place| !place.is_empty()) else { return false };
        place.copy_from_slice(piece);
        if let Some((&before, &stop)) = self.runs.range(..=start).next_back().filter(|&(_, &stop)| stop >= start) {
            start = before;
            end = end.max(stop);
        }
        while let Some((&next, &stop)) = self.runs.range(start..=end).next() {
            self.runs.remove(&next);
            end = end.max(stop);
        }
        if self.runs.len() == RUNS_MAX {
            return false;
        }
        self.runs.insert(start, end);
        true
    }

    pub(super) fn is_complete(&self) -> bool {
        self.bytes.is_empty() || self.runs.get(&0) == Some(&self.bytes.len())
    }

    /// What has not come of the first `limit` bytes, as (start, end) in order.
    pub(super) fn holes(&self, limit: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let limit = limit.min(self.bytes.len());
        let starts = std::iter::once(0).chain(self.runs.values().copied());
        let ends = self.runs.keys().copied().chain(std::iter::once(limit));
        starts.zip(ends).map(move |(start, end)| (start, end.min(limit))).filter(|(start, end)| start < end)
    }

    /// The bytes; zeros where nothing has come.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[test]
    fn pieces_in_any_order_and_twice_make_the_whole() {
        let mut assembly = Assembly::new(6);
        for (offset, piece) in [(4, b"ef"), (0, b"ab"), (4, b"ef"), (1, b"bc"), (2, b"cd")] {
            assert!(!assembly.is_complete());
            assert!(assembly.add(offset, piece));
        }
        assert!(assembly.is_complete());
        assert_eq!(assembly.into_bytes(), b"abcdef");
    }

    #[test]
    fn a_piece_that_is_empty_or_lies_outside_is_refused() {
        let mut assembly = Assembly::new(6);
        assert!(!assembly.add(0, b""));
        assert!(!assembly.add(5, b"fg"));
        assert!(!assembly.add(usize::MAX, b"f"));
        assert_eq!(assembly.holes(6).collect::<Vec<_>>(), [(0, 6)]);
    }

    #[test]
    fn the_runs_remembered_are_bounded() {
        let mut assembly = Assembly::new(4 * RUNS_MAX);
        let taken = (0..2 * RUNS_MAX).filter(|at| assembly.add(2 * at, b"x")).count();
        assert_eq!(taken, RUNS_MAX);
    }

    proptest! {
        #[test]
        fn the_holes_are_exactly_what_has_not_come(pieces in proptest::collection::vec((0usize..100, 1usize..30), 0..20), limit in 0usize..120) {
            let mut assembly = Assembly::new(100);
            let mut come = [false; 100];
            for (offset, len) in pieces {
                if assembly.add(offset, &vec![1; len]) {
                    come[offset..offset + len].fill(true);
                }
            }
            let mut missing = Vec::new();
            for (start, end) in assembly.holes(limit) {
                missing.extend(start..end);
            }
            let expected: Vec<usize> = (0..limit.min(100)).filter(|&at| !come[at]).collect();
            prop_assert_eq!(missing, expected);
            prop_assert_eq!(assembly.is_complete(), come.iter().all(|&c| c));
        }
    }
}
