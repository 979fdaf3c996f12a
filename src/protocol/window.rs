//! What has been received of one sender, and what is missing.
//!
//! Updates apply on arrival, in any order; the window serves completeness alone. Invariant: every number up to
//! `highest` is either received or in `missing`, and `missing` never holds more than [`MISSING_MAX`].

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::Seq;
use crate::rng::Rng;
use crate::time::Mono;
use crate::wire::Range;

/// Most datagrams waited for of one sender: as many as a sender keeps for repair.
const MISSING_MAX: u64 = super::stream::RING_DATAGRAMS_MAX as u64;
/// A gap may be reordering, so it is asked for after this long ...
const GAP_PATIENCE: Duration = Duration::from_millis(1);
/// ... or after this long once [`GAP_OVERTAKEN`] later datagrams have come (as TCP's three duplicate ACKs, RFC 5681).
const GAP_PATIENCE_OVERTAKEN: Duration = Duration::from_micros(250);
const GAP_OVERTAKEN: u64 = 3;
/// Random share of the wait, so that receivers that miss the same datagram do not all ask (RFC 5401, 0.5 ms for small groups).
const NACK_JITTER: Duration = Duration::from_micros(500);
/// First wait for a repair before asking again; doubles with each try.
const RENACK_MIN: Duration = Duration::from_millis(4);
/// Longest wait between two requests.
const RENACK_MAX: Duration = Duration::from_millis(128);
/// After this many requests, or ...
const NACK_TRIES: u32 = 12;
/// ... this long, a datagram is lost and the state is compared instead.
const GIVE_UP: Duration = Duration::from_secs(2);
/// Most runs in one request.
const NACK_RANGES_MAX: usize = 32;

#[derive(Debug)]
struct Missing {
    found: Mono,
    due: Mono,
    tries: u32,
    /// When it was last asked for.
    asked: Option<Mono>,
    overtaken: bool,
}

impl Missing {
    /// Whether it may be on its way: it was asked for less than `answer_time` ago.
    fn is_on_its_way(&self, now: Mono, answer_time: Duration) -> bool {
        self.asked.is_some_and(|asked| now.saturating_since(asked) < answer_time)
    }
}

/// What became of an arriving datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The next one, or one beyond; the number of datagrams newly found missing before it.
    Fresh { gaps: u64 },
    /// One that was missing; whether it had been asked for.
    Filled { asked: bool },
    /// One that was here before.
    Duplicate,
}

/// One sender's stream as received.
#[derive(Debug)]
pub(super) struct Window {
    highest: Seq,
    missing: BTreeMap<Seq, Missing>,
    next_due: Option<Mono>,
    /// As many repairs were on their way as may be at once, and others are to be asked for: when so many have come.
    held_until: Option<u64>,
    /// Missing numbers beyond the bound: lost without having been waited for.
    skipped: u64,
}

impl Window {
    /// A window that waits for `start + 1` and later.
    pub(super) fn starting_after(start: Seq) -> Window {
        Window { highest: start, missing: BTreeMap::new(), next_due: None, held_until: None, skipped: 0 }
    }

    /// Everything up to here has been received.
    pub(super) fn contiguous(&self) -> Seq {
        self.missing.keys().next().map_or(self.highest, |first| first.saturating_sub(1))
    }

    pub(super) fn highest(&self) -> Seq {
        self.highest
    }

    pub(super) fn has_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Whether `number` is known to have been received: asked before the seal is opened.
    pub(super) fn is_duplicate(&self, number: Seq) -> bool {
        number <= self.highest && !self.missing.contains_key(&number)
    }

    /// Counts an authenticated datagram in.
    pub(super) fn receive(&mut self, number: Seq, now: Mono, rng: &mut Rng) -> Arrival {
        if number > self.highest {
            let gaps = self.expect_up_to(number.saturating_sub(1), now, rng);
            self.highest = number;
            self.hurry_overtaken(rng);
            return Arrival::Fresh { gaps };
        }
        let Some(missing) = self.missing.remove(&number) else { return Arrival::Duplicate };
        let asked = missing.tries > 0;
        if let Some(more) = self.held_until.as_mut().filter(|_| asked) {
            *more = more.saturating_sub(1);
            if *more == 0 {
                self.held_until = None;
                self.note_due(now);
            }
        }
        Arrival::Filled { asked }
    }

    /// The sender says that `last` exists: what has not come up to there is missing. Returns how many that adds.
    pub(super) fn expect_up_to(&mut self, last: Seq, now: Mono, rng: &mut Rng) -> u64 {
        let first = self.highest.saturating_add(1);
        if last < first {
            return 0;
        }
        let kept_from = first.max(last.saturating_sub(MISSING_MAX));
        let due = now + GAP_PATIENCE + rng.below_duration(NACK_JITTER);
        self.skipped += kept_from - first;
        for number in kept_from..=last {
            self.missing.insert(number, Missing { found: now, due, tries: 0, asked: None, overtaken: false });
        }
        // One jump keeps the bound, but several must not add up.
        while self.missing.len() as u64 > MISSING_MAX && self.missing.pop_first().is_some() {
            self.skipped += 1;
        }
        self.highest = last;
        self.note_due(due);
        last - first + 1
    }

    /// The sender can no longer repeat anything below `trail`. Returns how many are thereby lost.
    pub(super) fn forget_below(&mut self, trail: Seq) -> u64 {
        let skipped = std::mem::take(&mut self.skipped);
        if self.missing.first_key_value().is_none_or(|(&first, _)| first >= trail) {
            return skipped;
        }
        let kept = self.missing.split_off(&trail);
        let lost = std::mem::replace(&mut self.missing, kept);
        skipped + lost.len() as u64
    }

    /// When [`Window::take_nacks`] has something to do.
    pub(super) fn due(&self) -> Option<Mono> {
        self.next_due.filter(|_| self.has_missing())
    }

    /// Runs to ask for now, and how many datagrams were given up. At most `most` are on their way at once: answers must
    /// not be more than what they are to be received into holds.
    pub(super) fn take_nacks(
        &mut self,
        now: Mono,
        round_trip: Duration,
        most: u64,
        rng: &mut Rng,
    ) -> (Vec<Range>, u64) {
        if self.due().is_none_or(|due| due > now) {
            return (Vec::new(), 0);
        }
        let before = self.missing.len();
        self.missing.retain(|_, m| m.due > now || (m.tries < NACK_TRIES && now.saturating_since(m.found) < GIVE_UP));
        let lost = (before - self.missing.len()) as u64;
        let answer_time = RENACK_MIN.max(round_trip * 2);
        let on_their_way = self.missing.values().filter(|m| m.is_on_its_way(now, answer_time)).count() as u64;
        let mut room = most.saturating_sub(on_their_way);
        let mut ranges: Vec<Range> = Vec::new();
        self.held_until = None;
        // One for all of them: what is asked for together stays together, and a gap of thousands remains one run.
        let jitter = rng.below_duration(NACK_JITTER);
        for (&number, missing) in &mut self.missing {
            if missing.due > now {
                continue;
            }
            if room == 0 {
                self.held_until = Some((most / 2).max(1));
                break;
            }
            let extends = ranges.last().is_some_and(|last| last.first + u64::from(last.count) == number);
            if !extends && ranges.len() == NACK_RANGES_MAX {
                break;
            }
            match ranges.last_mut() {
                Some(last) if extends => last.count += 1,
                _ => ranges.push(Range { first: number, count: 1 }),
            }
            room -= 1;
            let wait = answer_time * (1 << missing.tries.min(5));
            missing.tries += 1;
            missing.asked = Some(now);
            missing.due = now + wait.min(RENACK_MAX) + jitter;
        }
        self.next_due = match self.held_until {
            // The first of those that are on their way has not come by then.
            Some(_) => {
                let on_their_way = self.missing.values().filter(|m| m.is_on_its_way(now, answer_time));
                on_their_way.filter_map(|m| m.asked).min().map(|asked| asked + answer_time)
            }
            None => self.missing.values().map(|m| m.due).min(),
        };
        (ranges, lost)
    }

    /// Asks sooner for what was overtaken by several later datagrams: that is loss, not reordering.
    fn hurry_overtaken(&mut self, rng: &mut Rng) {
        let Some(overtaken) = self.highest.checked_sub(GAP_OVERTAKEN) else { return };
        let mut hurried = None;
        let patience = GAP_PATIENCE_OVERTAKEN + rng.below_duration(NACK_JITTER);
        // What lies before the first one already hurried was hurried by earlier arrivals: each number is visited once.
        for (_, missing) in self.missing.range_mut(..=overtaken).rev().take_while(|(_, m)| !m.overtaken) {
            missing.overtaken = true;
            missing.due = missing.due.min(missing.found + patience);
            hurried = Some(hurried.map_or(missing.due, |h: Mono| h.min(missing.due)));
        }
        if let Some(due) = hurried {
            self.note_due(due);
        }
    }

    fn note_due(&mut self, due: Mono) {
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
    }
}

/// Which control datagrams of one sender have been seen: the sliding bitmap of RFC 6479, sized for the reordering
/// between the group and the unicast socket.
#[derive(Debug)]
pub(super) struct ReplayWindow {
    highest: Seq,
    seen: [u64; Self::WORDS],
}

impl ReplayWindow {
    const WORDS: usize = 16;
    const BITS: u64 = Self::WORDS as u64 * 64;

    /// A window in which everything below `first` counts as seen.
    pub(super) fn starting_at(first: Seq) -> ReplayWindow {
        ReplayWindow { highest: first.saturating_sub(1), seen: [u64::MAX; Self::WORDS] }
    }

    /// Whether `number` was seen before or is too old to tell.
    pub(super) fn is_duplicate(&self, number: Seq) -> bool {
        if number > self.highest {
            return false;
        }
        self.highest - number >= Self::BITS || self.word(number) & Self::bit(number) != 0
    }

    /// Marks an authenticated number as seen.
    pub(super) fn mark(&mut self, number: Seq) {
        if number > self.highest {
            let steps = (number - self.highest).min(Self::BITS);
            for passed in (number - steps + 1)..=number {
                *self.word_mut(passed) &= !Self::bit(passed);
            }
            self.highest = number;
        }
        if self.highest - number < Self::BITS {
            *self.word_mut(number) |= Self::bit(number);
        }
    }

    fn index(number: Seq) -> usize {
        usize::try_from(number / 64 % Self::WORDS as u64).unwrap_or(0)
    }

    fn word(&self, number: Seq) -> u64 {
        self.seen[Self::index(number)]
    }

    fn word_mut(&mut self, number: Seq) -> &mut u64 {
        &mut self.seen[Self::index(number)]
    }

    fn bit(number: Seq) -> u64 {
        1 << (number % 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};
    use std::collections::BTreeSet;

    /// More than there is to ask for.
    const MANY: u64 = 100_000;

    fn at(ms: u64) -> Mono {
        Mono::from_start(Duration::from_millis(ms))
    }

    #[test]
    fn a_gap_is_found_asked_for_and_filled() {
        let mut rng = Rng::new(1);
        let mut window = Window::starting_after(0);
        assert_eq!(window.receive(1, at(0), &mut rng), Arrival::Fresh { gaps: 0 });
        assert_eq!(window.receive(4, at(0), &mut rng), Arrival::Fresh { gaps: 2 });
        assert_eq!(window.contiguous(), 1);
        assert_eq!(
            window.take_nacks(at(0), Duration::ZERO, MANY, &mut rng),
            (vec![], 0),
            "reordering is given its time"
        );
        let (ranges, lost) = window.take_nacks(at(5), Duration::ZERO, MANY, &mut rng);
        assert_eq!((ranges, lost), (vec![Range { first: 2, count: 2 }], 0));
        assert_eq!(window.receive(2, at(6), &mut rng), Arrival::Filled { asked: true });
        assert_eq!(window.receive(2, at(6), &mut rng), Arrival::Duplicate);
        assert_eq!(window.receive(3, at(6), &mut rng), Arrival::Filled { asked: true });
        assert_eq!(window.contiguous(), 4);
        assert_eq!(window.due(), None);
    }

    #[test]
    fn reordering_alone_is_never_asked_for() {
        let mut rng = Rng::new(1);
        let mut window = Window::starting_after(0);
        window.receive(2, at(0), &mut rng);
        assert_eq!(window.receive(1, at(0), &mut rng), Arrival::Filled { asked: false });
        assert_eq!(window.take_nacks(at(100), Duration::ZERO, MANY, &mut rng), (vec![], 0));
    }

    #[test]
    fn requests_are_repeated_ever_more_slowly_and_end() {
        let mut rng = Rng::new(1);
        let mut window = Window::starting_after(0);
        window.expect_up_to(1, at(0), &mut rng);
        let (mut asked, mut given_up) = (0, 0);
        for ms in 0..5_000 {
            let (ranges, lost) = window.take_nacks(at(ms), Duration::ZERO, MANY, &mut rng);
            asked += ranges.len();
            given_up += lost;
        }
        assert_eq!(given_up, 1);
        assert_eq!(asked, usize::try_from(NACK_TRIES).expect("small"));
        assert_eq!(window.contiguous(), 1);
    }

    #[test]
    fn a_gap_of_thousands_stays_one_run_however_often_it_is_asked_for() {
        let mut rng = Rng::new(1);
        let mut window = Window::starting_after(0);
        window.receive(10_000, at(0), &mut rng);
        let asked: Vec<usize> =
            (0..1_000).map(|ms| window.take_nacks(at(ms), Duration::ZERO, MANY, &mut rng).0.len()).collect();
        assert!(asked.iter().all(|&runs| runs <= 2), "{asked:?}");
        assert!(asked.iter().filter(|&&runs| runs > 0).count() >= 8, "{asked:?}");
    }

    #[test]
    fn no_more_is_asked_for_at_once_than_there_is_room_for() {
        let mut rng = Rng::new(1);
        let mut window = Window::starting_after(0);
        window.expect_up_to(1_000, at(0), &mut rng);
        let mut ask = |window: &mut Window, ms| {
            let (ranges, lost) = window.take_nacks(at(ms), Duration::ZERO, 100, &mut rng);
            assert_eq!(lost, 0);
            ranges.iter().map(|range| (range.first, range.count)).collect::<Vec<_>>()
        };
        assert_eq!(ask(&mut window, 2), [(1, 100)]);
        assert!(window.due().is_some_and(|due| due == at(2) + RENACK_MIN), "unless something comes");
        assert_eq!(ask(&mut window, 3), []);
        let mut rng = Rng::new(2);
        for number in 1..=49 {
            window.receive(number, at(3), &mut rng);
        }
        assert_eq!(ask(&mut window, 3), [], "half of them are worth a request");
        window.receive(50, at(3), &mut rng);
        assert_eq!(window.due(), Some(at(3)));
        assert_eq!(ask(&mut window, 3), [(101, 50)]);
        // Nothing comes: those that were asked for first are asked for again, and the room of the others is free.
        assert_eq!(ask(&mut window, 7), [(51, 50), (151, 50)]);
    }

    #[test]
    fn what_the_sender_no_longer_has_is_lost_at_once() {
        let mut rng = Rng::new(1);
        let mut window = Window::starting_after(0);
        window.receive(10, at(0), &mut rng);
        assert_eq!(window.forget_below(5), 4);
        assert_eq!(window.contiguous(), 4);
        assert_eq!(window.forget_below(5), 0);
    }

    #[test]
    fn a_huge_jump_keeps_the_bound() {
        let mut rng = Rng::new(1);
        let mut window = Window::starting_after(0);
        assert_eq!(window.receive(u64::MAX, at(0), &mut rng), Arrival::Fresh { gaps: u64::MAX - 1 });
        assert!(window.missing.len() as u64 <= MISSING_MAX);
        let mut window = Window::starting_after(0);
        for jump in 1..20 {
            window.expect_up_to(jump * MISSING_MAX, at(0), &mut rng);
            assert!(window.missing.len() as u64 <= MISSING_MAX);
        }
        assert_eq!(window.forget_below(0), 18 * MISSING_MAX, "what is not waited for is lost");
    }

    #[test]
    fn the_replay_window_knows_the_old_the_seen_and_the_new() {
        let mut replay = ReplayWindow::starting_at(0);
        replay.mark(5);
        assert!(replay.is_duplicate(5));
        assert!(!replay.is_duplicate(4) && !replay.is_duplicate(6));
        replay.mark(5 + ReplayWindow::BITS);
        assert!(replay.is_duplicate(5), "too old to tell");
        assert!(!replay.is_duplicate(6));
    }

    proptest! {
        #[test]
        fn the_replay_window_agrees_with_a_set(numbers in proptest::collection::vec(1u64..3000, 1..200)) {
            let mut replay = ReplayWindow::starting_at(0);
            let mut seen = BTreeSet::new();
            let mut highest = 0u64;
            for number in numbers {
                let old = highest.saturating_sub(number) >= ReplayWindow::BITS;
                prop_assert_eq!(replay.is_duplicate(number), old || seen.contains(&number));
                if !replay.is_duplicate(number) {
                    replay.mark(number);
                    seen.insert(number);
                    highest = highest.max(number);
                }
            }
        }

        #[test]
        fn the_window_agrees_with_a_set(numbers in proptest::collection::vec(1u64..500, 1..200)) {
            let mut rng = Rng::new(9);
            let mut window = Window::starting_after(0);
            let mut seen = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(window.is_duplicate(number), seen.contains(&number));
                let arrival = window.receive(number, at(0), &mut rng);
                prop_assert_eq!(arrival == Arrival::Duplicate, !seen.insert(number));
                let contiguous = (1u64..).take_while(|n| seen.contains(n)).last().unwrap_or(0);
                prop_assert_eq!(window.contiguous(), contiguous);
            }
        }
    }
}
