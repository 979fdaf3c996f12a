//! What the network does to a datagram on its way to one receiver.

use std::time::Duration;

use crate::rng::Rng;
use crate::time::Mono;

/// Faults of the network, the same on every path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Deliveries lost, in percent.
    pub loss_percent: u8,
    /// Deliveries made twice, in percent.
    pub duplicate_percent: u8,
    /// Least time on the way.
    pub delay: Duration,
    /// Random time on top: more than the spacing of datagrams reorders them.
    pub jitter: Duration,
    /// Datagrams lost in a row once one is lost (as when a train of segments is dropped whole).
    pub burst: u32,
}

/// A burst is a train that is dropped whole, and no train takes longer. On a path that carries a heartbeat now and then and
/// nothing else, a burst of 46 datagrams would be a cut of most of a minute, which is a partition and not a loss.
const TRAIN_TAKES: Duration = Duration::from_millis(100);

/// What becomes of multicast, for the whole of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multicast {
    /// It reaches every node.
    Works,
    /// Some nodes do not hear it, from others it does not get out, and on some single paths it is lost. Without a list the
    /// first node hears all and is heard by all who can be, and nobody is both deaf and mute: that one nobody could find.
    BlackHoles {
        /// How many of the first nodes are in a list that each has.
        listed: usize,
    },
    /// There is none. Each node has a list of the first few nodes.
    None {
        /// How many are in the list, at least one.
        listed: usize,
    },
}

/// The state of the network.
#[derive(Debug)]
pub(super) struct Network {
    faults: Faults,
    loss_percent: u8,
    /// Per ordered pair (sender, receiver): deliveries still to be lost of a burst.
    bursts: Vec<u32>,
    /// When the last burst of each pair ends, however many are still to be lost.
    burst_ends: Vec<Mono>,
    /// Side of the cut each node is on; a datagram crosses only within a side.
    sides: Vec<u8>,
    /// Only the direction from side 0 to side 1 is cut.
    one_way: bool,
    places: usize,
    /// Per ordered pair (sender, receiver): whether multicast gets through.
    multicast: Vec<bool>,
}

impl Network {
    /// A network of `places` nodes.
    pub(super) fn new(faults: &Faults, places: usize) -> Network {
        Network {
            loss_percent: faults.loss_percent,
            faults: faults.clone(),
            bursts: vec![0; places * places],
            burst_ends: vec![Mono::default(); places * places],
            sides: vec![0; places],
            one_way: false,
            places,
            multicast: vec![true; places * places],
        }
    }

    /// Digs holes for multicast.
    pub(super) fn dig_black_holes(&mut self, can_all_be_found: bool, rng: &mut Rng) {
        let mut each = |percent| -> Vec<bool> { (0..self.places).map(|_| rng.percent(percent)).collect() };
        let (deaf, mute) = (each(40), each(30));
        let is_deaf = |at: usize| deaf[at] && !(can_all_be_found && at == 0);
        let is_mute = |at: usize| mute[at] && !(can_all_be_found && (at == 0 || deaf[at]));
        for from in 0..self.places {
            for to in 0..self.places {
                let on_the_way = rng.percent(10) && !(can_all_be_found && (from == 0 || to == 0));
                let lost = is_deaf(to) || is_mute(from) || on_the_way;
                self.multicast[from * self.places + to] = !lost;
            }
        }
    }

    /// Whether a multicast of `from` can reach `to`.
    pub(super) fn carries_multicast(&self, from: usize, to: usize) -> bool {
        self.multicast[from * self.places + to]
    }

    /// Cuts the nodes in two at random, in one direction or both.
    pub(super) fn cut(&mut self, rng: &mut Rng) {
        for side in &mut self.sides {
            *side = u8::from(rng.below(2) == 1);
        }
        self.one_way = rng.below(3) == 0;
    }

    /// Joins them again.
    pub(super) fn heal(&mut self) {
        self.sides.fill(0);
    }

    pub(super) fn set_loss(&mut self, percent: u8) {
        self.loss_percent = percent;
    }

    /// The delays after which copies of a datagram arrive; none if it is lost.
    pub(super) fn carry(&mut self, from: usize, to: usize, now: Mono, rng: &mut Rng) -> Vec<Duration> {
        let crosses = self.sides[from] != self.sides[to] && !(self.one_way && self.sides[from] == 1);
        if crosses || self.loses(from, to, now, rng) {
            return Vec::new();
        }
        let copies = if rng.percent(self.faults.duplicate_percent) { 2 } else { 1 };
        (0..copies).map(|_| self.faults.delay + rng.below_duration(self.faults.jitter)).collect()
    }

    fn loses(&mut self, from: usize, to: usize, now: Mono, rng: &mut Rng) -> bool {
        let burst = &mut self.bursts[from * self.places + to];
        let ends = &mut self.burst_ends[from * self.places + to];
        if *ends <= now {
            *burst = 0;
        }
        if *burst > 0 {
            *burst -= 1;
            return true;
        }
        // A burst loses several for one throw, so the throw is made rarer: the share lost stays what was asked for.
        let lost = rng.below(100 * u64::from(self.faults.burst.max(1))) < u64::from(self.loss_percent);
        if lost {
            *burst = self.faults.burst.saturating_sub(1);
            *ends = now + TRAIN_TAKES;
        }
        lost
    }
}
