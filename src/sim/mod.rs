//! A whole cluster in one thread under one seed: nodes, network, workload, checkers.
//!
//! The nodes are the real protocol on the real store; only sockets, clocks and threads are replaced. The same options
//! give the same run, byte for byte: [`Report::trace`] hashes every datagram delivered and when. A run has two phases:
//! first faults and writes, then healed quiet, in which the replicas must become equal.
//!
//! Not here: threads and sockets (see `tests/node.rs`), and timing of real machines.

mod check;
mod loads;
mod network;
mod node;
mod transactions;
mod world;

use std::fmt;
use std::time::Duration;

pub use network::{Faults, Multicast};

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Everything random comes from this.
    pub seed: u64,
    /// Nodes at the start, 2 to 64.
    pub nodes: usize,
    /// Different keys written.
    pub keys: u64,
    /// Writes in the first phase.
    pub writes: u32,
    /// How long the first phase lasts, in simulated time.
    pub span: Duration,
    /// What the network does to datagrams in the first phase, and but for loss also in the second.
    pub faults: Faults,
    /// Cuts the cluster in two at times.
    pub partitions: bool,
    /// Nodes crash and new runs of them start; others leave with a goodbye.
    pub restarts: bool,
    /// The whole cache is cleared at times.
    pub clears: bool,
    /// Most entries a replica holds; `usize::MAX` for no limit. With one the replicas need not become equal, but what they
    /// hold must be the last write of its key all the same.
    pub max_entries: usize,
    /// What becomes of multicast, in both phases.
    pub multicast: Multicast,
    /// Loss in the second phase, in percent: the replicas must become equal all the same.
    pub loss_when_quiet: u8,
    /// Values stay with each node (mode invalidate), which loads from a database.
    pub invalidate: bool,
    /// Values travel to who holds the key (mode partial); with `invalidate`, and without `transactions`.
    pub partial: bool,
    /// Some entries have a tag, and tags are invalidated at times.
    pub tags: bool,
    /// Nodes whose clocks are wrong by up to days, and are set wrong anew at times; fewer than half. The others' clocks are
    /// within 0.1 s of the truth.
    pub wild_clocks: usize,
    /// How long a tombstone is kept. With less than a run's length deletes are forgotten by some while others have not heard
    /// of them, and the floors that they leave may refuse what comes late of another key: that is a miss then.
    pub tombstone_life: Duration,
    /// Rows of some keys are written in transactions, each between the two steps of an invalidation; with `invalidate`.
    pub transactions: bool,
}

impl Options {
    /// Options drawn from the seed, so that a list of seeds covers the combinations.
    #[must_use]
    pub fn of_seed(seed: u64) -> Options {
        let mut rng = crate::rng::Rng::new(seed ^ 0x6d63_6361_6368_6521);
        let mut below = |bound: u64| rng.below(bound);
        let nodes = 2 + usize::try_from(below(5)).unwrap_or(0);
        let keys = [1, 10, 100, 1_000][usize::try_from(below(4)).unwrap_or(0)];
        let writes = 200 + u32::try_from(below(1_800)).unwrap_or(0);
        let span = Duration::from_millis(50 + below(8_000));
        let loss = [0, 1, 5, 20, 30][usize::try_from(below(5)).unwrap_or(0)];
        let faults = Faults {
            loss_percent: loss,
            duplicate_percent: [0, 0, 5, 30][usize::try_from(below(4)).unwrap_or(0)],
            delay: Duration::from_micros(20 + below(300)),
            jitter: Duration::from_micros([0, 10, 200, 5_000][usize::try_from(below(4)).unwrap_or(0)]),
            burst: [1, 1, 16, 46][usize::try_from(below(4)).unwrap_or(0)],
        };
        let limited = below(4) == 0;
        let mut options = Options {
            seed,
            nodes,
            keys,
            writes,
            span,
            faults,
            partitions: below(2) == 0,
            restarts: below(3) == 0,
            clears: below(4) == 0,
            // Members that meet late are as good as parted until then.
            multicast: match below(8) {
                _ if limited => Multicast::Works,
                0..=1 => Multicast::BlackHoles { listed: usize::try_from(below(2)).unwrap_or(0) },
                2 => Multicast::None { listed: 1 + usize::try_from(below(3)).unwrap_or(0) },
                _ => Multicast::Works,
            },
            max_entries: if limited { 20 } else { usize::MAX },
            loss_when_quiet: loss,
            invalidate: below(4) == 0,
            tags: below(3) == 0,
            wild_clocks: match below(4) {
                0 if nodes > 2 => 1 + usize::try_from(below((nodes as u64 - 1) / 2)).unwrap_or(0),
                _ => 0,
            },
            tombstone_life: Duration::MAX,
            transactions: false,
            partial: false,
        };
        if below(4) == 0 {
            options.tombstone_life = Duration::from_millis([100, 500, 2_000][usize::try_from(below(3)).unwrap_or(0)]);
            // Long enough for members to be given up, and to come back.
            options.span += SPAN_OF_FORGETTING;
        }
        // A row that is written by a clock that is off by days is another matter.
        options.transactions = below(2) == 0 && options.wild_clocks == 0;
        // Where versions decide, it is they that say what the row is.
        options.partial = below(3) == 0 && options.wild_clocks == 0;
        options
    }
}

/// By so much a first phase is longer in which tombstones are forgotten.
const SPAN_OF_FORGETTING: Duration = Duration::from_secs(8);

/// How a run ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Hash of every delivery: equal for equal options.
    pub trace: u64,
    /// Datagrams handed to the network, a multicast counted once.
    pub sent: u64,
    /// Deliveries that the network lost.
    pub lost: u64,
    /// Waits for members to have a write that ended, each with what it promises.
    pub syncs: u64,
    /// Rows written in transactions that all members of the writer had been barred for.
    pub transactions: u64,
    /// Simulated time from the end of the faults until all replicas were equal.
    pub converged_after: Duration,
    /// Live keys at the end.
    pub entries: usize,
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The options of the run; running them again fails in the same way.
    pub options: Options,
    /// Simulated time since the start.
    pub at: Duration,
    /// What does not hold.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: after {:?}: {}\n{:?}", self.options.seed, self.at, self.what, self.options)
    }
}

/// Runs a cluster to its end.
///
/// # Errors
/// The first invariant found broken.
pub fn run(options: &Options) -> Result<Report, Box<Failure>> {
    world::World::new(options).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_begun_with_all_members_under_loss_and_with_crashes() {
        let options = Options {
            invalidate: true,
            partial: false,
            transactions: true,
            wild_clocks: 0,
            restarts: true,
            writes: 1_000,
            ..Options::of_seed(9)
        };
        let report = run(&options).expect("seed 9 holds");
        assert!(report.transactions >= 10, "{report:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_trace_and_another_does_not() {
        let options = Options { partitions: true, restarts: true, ..Options::of_seed(7) };
        let first = run(&options).expect("seed 7 holds");
        assert_eq!(run(&options), Ok(first.clone()));
        let other = run(&Options { seed: 8, ..options }).expect("seed 8 holds");
        assert_ne!(first.trace, other.trace);
    }
}
