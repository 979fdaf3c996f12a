//! Who was evicted lately: fingerprints without keys or values, forgotten again after so many further evictions.
//!
//! Sets of eight fingerprints, found by the key's hash; a new one takes the place of the oldest of its set. One of 15 bits
//! and the set's number are compared, so a key that was never here is taken for a ghost once in some thousand times, which
//! costs a little order and nothing else.

/// Fingerprints of a set.
const WAYS: usize = 8;

/// Ghosts for which there is one set: two ways in eight are left free, so that sets that get more than others seldom lose
/// one early.
const SHARE: usize = 6;

/// Bits of a fingerprint's time. It counts in units of a thousandth of the lifetime or so: it turns over after some
/// thirty lifetimes, by when every fingerprint has been replaced.
const TIME_BITS: u32 = 16;
const UNITS_BITS: u32 = 10;

/// Which queue a ghost was evicted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Small,
    Main,
}

/// See the head of this file. A fingerprint: 15 bits of the hash, one of the queue, 16 of the time.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    sets: Box<[[u32; WAYS]]>,
    /// How many evictions later one is forgotten.
    lifetime: usize,
    unit_shift: u32,
    evictions: usize,
}

impl Ghosts {
    /// Remembers the last `lifetime` evictions from now on. If that is no longer about the same, all are forgotten.
    pub(super) fn fit(&mut self, lifetime: usize) {
        let lifetime = lifetime.max(WAYS);
        if self.lifetime / 2 < lifetime && lifetime <= self.lifetime * 2 {
            return;
        }
        let sets = lifetime.div_ceil(SHARE).next_power_of_two();
        let unit_shift = lifetime.ilog2().saturating_sub(UNITS_BITS);
        // As late as makes what is 0 old.
        *self = Ghosts { sets: vec![[0; WAYS]; sets].into(), lifetime, unit_shift, evictions: 2 * lifetime };
    }

    /// Notes that the key with this hash was evicted.
    pub(super) fn note(&mut self, hash: u32, from: From) {
        self.evictions = self.evictions.wrapping_add(1);
        let (time, print) = (self.time(), print_of(hash));
        let Some(set) = self.sets.get_mut(set_of(hash, self.sets.len())) else { return };
        let oldest = set.iter_mut().max_by_key(|ghost| age(**ghost, time));
        if let Some(ghost) = oldest {
            *ghost = print << (TIME_BITS + 1) | u32::from(from == From::Main) << TIME_BITS | u32::from(time);
        }
    }

    /// Where the key with this hash was evicted from lately, if it was; forgotten by this.
    pub(super) fn take(&mut self, hash: u32) -> Option<From> {
        let (time, print, units) = (self.time(), print_of(hash), self.lifetime >> self.unit_shift);
        let set = self.sets.get_mut(set_of(hash, self.sets.len()))?;
        let is_it = |ghost: &u32| ghost >> (TIME_BITS + 1) == print && usize::from(age(*ghost, time)) <= units;
        let ghost = set.iter_mut().find(|ghost| is_it(ghost))?;
        let from = if *ghost >> TIME_BITS & 1 == 1 { From::Main } else { From::Small };
        // Older than any that counts.
        *ghost = u32::from(time.wrapping_add(1));
        Some(from)
    }

    #[expect(clippy::cast_possible_truncation, reason = "it turns over: see TIME_BITS")]
    fn time(&self) -> u16 {
        (self.evictions >> self.unit_shift) as u16
    }
}

fn set_of(hash: u32, sets: usize) -> usize {
    hash as usize & sets.wrapping_sub(1)
}

fn print_of(hash: u32) -> u32 {
    hash >> (TIME_BITS + 1)
}

#[expect(clippy::cast_possible_truncation, reason = "the time is the lower half")]
fn age(ghost: u32, time: u16) -> u16 {
    time.wrapping_sub(ghost as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a table hash is: every bit of it tells.
    fn hash(n: u32) -> u32 {
        (n + 1).wrapping_mul(0x9e37_79b9).rotate_left(15).wrapping_mul(0x85eb_ca6b)
    }

    #[test]
    fn a_ghost_is_told_once_with_where_it_came_from() {
        let mut ghosts = Ghosts::default();
        assert_eq!(ghosts.take(hash(1)), None);
        ghosts.fit(100);
        ghosts.note(hash(1), From::Small);
        ghosts.note(hash(2), From::Main);
        assert_eq!([ghosts.take(hash(2)), ghosts.take(hash(2))], [Some(From::Main), None]);
        assert_eq!([ghosts.take(hash(1)), ghosts.take(hash(1))], [Some(From::Small), None]);
    }

    #[test]
    fn nearly_all_of_a_lifetime_are_known_and_none_that_are_older() {
        for lifetime in [8, 1_000, 50_000] {
            let mut ghosts = Ghosts::default();
            ghosts.fit(lifetime);
            let all = u32::try_from(lifetime * 40).expect("few");
            let late = all - u32::try_from(lifetime).expect("few");
            (0..all).for_each(|n| ghosts.note(hash(n), From::Small));
            let known = (late..all).filter(|n| ghosts.take(hash(*n)).is_some()).count();
            assert!(known * 100 >= lifetime * 90, "{known} of {lifetime}");
            let old = (0..late).filter(|n| ghosts.take(hash(*n)).is_some()).count();
            assert!(old <= 1 + all as usize / 1_000, "{old} of {late} that were forgotten");
        }
    }

    #[test]
    fn about_the_same_lifetime_keeps_them() {
        let mut ghosts = Ghosts::default();
        ghosts.fit(100);
        ghosts.note(hash(1), From::Small);
        ghosts.fit(150);
        ghosts.fit(60);
        assert_eq!(ghosts.take(hash(1)), Some(From::Small));
        ghosts.note(hash(1), From::Small);
        ghosts.fit(1_000);
        assert_eq!(ghosts.take(hash(1)), None);
    }
}
