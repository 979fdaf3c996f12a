//! Invalidation in two steps around a transaction of the database: one key, one row, a writer, a reader, in any order.
//!
//! The writer *begins*: it has the members refuse fills of the key (a *bar*), and when all have said that they do, it deletes
//! the key. When all have that, it writes the row, and *ends*: it deletes the key again and lifts the bar. The promise: from
//! the instant at which the row is written, not only from when it is told, no member that was barred shows an older one,
//! whatever the clocks say and whether or not the writer lives to tell. A writer that could not wait for an answer, or
//! that wrote later than it said, has what every writer has: in the end, where clocks agree, nobody shows an older row.
//!
//! A load takes its time everywhere. Datagrams come late, twice, in any order, or not at all. The bar of a writer that says
//! nothing more ends by time.

use std::collections::BTreeSet;

use stateright::{Model, Property};

use crate::fills::{Known, Version};

/// Who writes.
pub const WRITER: usize = 0;
/// Who only loads.
pub const READER: usize = 1;

/// An update of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Update {
    /// Its place in the order.
    pub version: Version,
    /// What was loaded; none: a delete.
    pub value: Option<u8>,
    /// The row that it tells of; 0: none. For the promises only.
    pub of_write: u8,
    /// The bar that it belongs to, if it is the delete at the beginning of one.
    pub begins: u8,
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// Refuse fills: the bar of this number.
    Bar(u8),
    /// It is over.
    Over(u8),
    /// Fills are refused; with the clock of who says so.
    Barred(u8, u8),
    /// The delete at its beginning was applied.
    Dropped(u8),
    /// An update.
    Update(Update),
}

/// The right to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    /// What the fill is put under.
    pub version: Version,
    /// An update was heard since, or the key was barred when it was given.
    pub is_void: bool,
    /// What the loader read of the row, once it did.
    pub loaded: Option<u8>,
}

/// One member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Member {
    /// What it holds.
    pub known: Known,
    /// What an update of a key that is not held must be above.
    pub floor: u8,
    /// Its hybrid clock.
    pub clock: u8,
    /// A load that goes on here.
    pub lease: Option<Lease>,
    /// The bars that are up, one bit each.
    pub up: u8,
    /// Those that are known to be over.
    pub over: u8,
    /// The latest row it was told of. For the promises only.
    pub told: u8,
    /// The oldest row it may show, as it was barred. For the promises only.
    pub least: u8,
}

impl Member {
    fn is_barred(&self) -> bool {
        self.up != 0
    }
}

/// How far the writer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It does nothing.
    #[default]
    Idle,
    /// It waits for the reader to refuse fills.
    Barring,
    /// It waits for the reader to have dropped the key.
    Dropping,
    /// The transaction goes on.
    Begun,
    /// The row is written, and the cache not told.
    Written,
    /// It has crashed.
    Dead,
}

/// Both members and all around them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// The true time.
    pub time: u8,
    /// How often the row was written.
    pub row: u8,
    /// How often a bar was begun.
    pub bars: u8,
    /// How far the writer is.
    pub stage: Stage,
    /// It went on without an answer.
    pub gave_up: bool,
    /// The reader's bar has ended by time.
    pub late: bool,
    /// Both.
    pub members: [Member; 2],
    /// What is on its way to each.
    pub wire: [BTreeSet<Message>; 2],
    /// Leases, forgettings, repetitions and crashes so far.
    pub spent: [u8; 4],
    /// A fill was put; one was refused though nothing but a bar was in its way.
    pub seen: [bool; 2],
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The writer has fills refused.
    Begin,
    /// It waits no longer for an answer.
    GiveUp,
    /// It writes the row.
    Write,
    /// It tells the cache, and lifts the bar.
    Commit,
    /// Its transaction was rolled back: it lifts the bar.
    Abort,
    /// It is gone.
    Crash,
    /// The reader's bar ends by time.
    Expire,
    /// The member takes a lease, be there a value or none.
    Lease(usize),
    /// Its loader reads the row.
    Load(usize),
    /// It puts what was loaded.
    Fill(usize),
    /// The message reaches the member.
    Hear(usize, Message),
    /// It reaches it, and will once more.
    HearTwice(usize, Message),
    /// The member forgets what it holds.
    Forget(usize),
}

/// One rule broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The reader says that it refuses fills, and does not.
    NoBar,
    /// A fill is refused only while the bar is up, not if it was when the load began.
    LiftedIsForgotten,
    /// The transaction goes on before the reader has said that it refuses fills.
    NoAnswerAwaited,
    /// The delete is made before the reader has said that it refuses fills, and not after.
    DroppedAtOnce,
    /// The answer tells no clock.
    AnsweredWithoutClock,
    /// The transaction goes on before the reader has dropped the key.
    NoDropAwaited,
    /// Nothing is deleted at the beginning.
    NothingDropped,
    /// Nothing is deleted at the end.
    CommitOnlyLifts,
    /// A bar that comes after its end is up.
    OverIsForgotten,
    /// The reader's bar ends earlier than its writer was told.
    EndsEarly,
}

/// How large a world is looked at, and which rule is broken in it.
#[derive(Clone, Copy, Debug)]
pub struct Bars {
    /// How far each member's clock is behind.
    pub behind: [u8; 2],
    /// How often the writer begins.
    pub bars: u8,
    /// Leases, forgettings, repetitions and crashes.
    pub budget: [u8; 4],
    /// Whether the writer may go on without an answer, and may take longer than its bar.
    pub hasty: bool,
    /// The rule that is broken.
    pub broken: Option<Break>,
}

const LEASES: usize = 0;
const FORGETTINGS: usize = 1;
const REPETITIONS: usize = 2;
const CRASHES: usize = 3;

impl Bars {
    fn breaks(&self, rule: Break) -> bool {
        self.broken == Some(rule)
    }

    fn tick(&self, cluster: &mut Cluster, m: usize) -> Version {
        cluster.time += 1;
        let member = &mut cluster.members[m];
        member.clock = member.clock.max(cluster.time.saturating_sub(self.behind[m])) + 1;
        Version { clock: member.clock, origin: u8::from(m == READER) }
    }

    /// Judges an update as `Store::apply` does; whether it is applied.
    fn apply(member: &mut Member, update: Update) -> bool {
        let newer = match member.known.version() {
            Some(known) => update.version > known,
            None => update.version.clock > member.floor,
        };
        if newer {
            let Update { version, value, .. } = update;
            member.known = value.map_or(Known::Tombstone(version), |value| Known::Value(version, value));
        }
        newer
    }

    /// The writer deletes the key.
    fn delete(&self, cluster: &mut Cluster, of_write: u8, begins: u8) {
        let version = self.tick(cluster, WRITER);
        let update = Update { version, value: None, of_write, begins };
        self.hear_update(cluster, WRITER, update);
        cluster.wire[READER].insert(Message::Update(update));
    }

    fn hear_update(&self, cluster: &mut Cluster, m: usize, update: Update) {
        let member = &mut cluster.members[m];
        member.clock = member.clock.max(update.version.clock);
        if let Some(lease) = &mut member.lease {
            lease.is_void = true;
        }
        Bars::apply(member, update);
        member.told = member.told.max(update.of_write);
        if update.begins > 0 && m == READER {
            self.send(cluster, WRITER, Message::Dropped(update.begins));
        }
    }

    fn send(&self, cluster: &mut Cluster, to: usize, message: Message) {
        if to != WRITER || cluster.stage != Stage::Dead {
            cluster.wire[to].insert(message);
        }
    }

    fn hear(&self, cluster: &mut Cluster, m: usize, message: Message) {
        match message {
            Message::Update(update) => self.hear_update(cluster, m, update),
            Message::Bar(bar) => {
                let member = &mut cluster.members[m];
                let is_over = member.over & (1 << bar) != 0 && !self.breaks(Break::OverIsForgotten);
                if !is_over && !self.breaks(Break::NoBar) {
                    member.up |= 1 << bar;
                }
                let clock = if self.breaks(Break::AnsweredWithoutClock) { 0 } else { member.clock };
                self.send(cluster, WRITER, Message::Barred(bar, clock));
            }
            Message::Over(bar) => {
                let member = &mut cluster.members[m];
                member.over |= 1 << bar;
                member.up &= !(1 << bar);
            }
            Message::Barred(bar, clock) => {
                let member = &mut cluster.members[m];
                member.clock = member.clock.max(clock);
                if cluster.stage == Stage::Barring && bar == cluster.bars {
                    self.drop_first(cluster);
                }
            }
            Message::Dropped(bar) => {
                if cluster.stage == Stage::Dropping && bar == cluster.bars {
                    cluster.stage = Stage::Begun;
                }
            }
        }
    }

    /// The delete at the beginning.
    fn drop_first(&self, cluster: &mut Cluster) {
        let was_dropped = self.breaks(Break::DroppedAtOnce) || self.breaks(Break::NothingDropped);
        if !was_dropped {
            self.delete(cluster, 0, cluster.bars);
        }
        let goes_on = self.breaks(Break::NothingDropped) || self.breaks(Break::NoDropAwaited);
        cluster.stage = if goes_on || was_dropped { Stage::Begun } else { Stage::Dropping };
    }

    /// The bar is over.
    fn lift(&self, cluster: &mut Cluster) {
        let bar = cluster.bars;
        self.hear(cluster, WRITER, Message::Over(bar));
        cluster.wire[READER].insert(Message::Over(bar));
        cluster.stage = Stage::Idle;
    }

    fn fill(&self, cluster: &mut Cluster, m: usize) {
        let member = &mut cluster.members[m];
        let Some(Lease { version, is_void, loaded: Some(loaded) }) = member.lease.take() else { return };
        let is_void = is_void || (self.breaks(Break::LiftedIsForgotten) && member.is_barred());
        let update = Update { version, value: Some(loaded), of_write: 0, begins: 0 };
        if is_void {
            cluster.seen[1] |= member.is_barred();
        } else if Bars::apply(member, update) {
            cluster.seen[0] = true;
            self.send(cluster, 1 - m, Message::Update(update));
        }
    }

    fn write(&self, cluster: &mut Cluster) {
        cluster.row += 1;
        cluster.stage = Stage::Written;
        // Of a fill that is not refused everywhere hears everybody.
        if !cluster.gave_up && !cluster.late {
            cluster.members.iter_mut().for_each(|member| member.least = cluster.row);
        }
    }

    fn writers_steps(&self, cluster: &Cluster, steps: &mut Vec<Step>) {
        match cluster.stage {
            Stage::Idle if cluster.bars < self.bars => steps.push(Step::Begin),
            Stage::Idle | Stage::Dead => {}
            Stage::Barring | Stage::Dropping if self.hasty => steps.push(Step::GiveUp),
            Stage::Barring | Stage::Dropping => {}
            Stage::Begun => steps.extend([Step::Write, Step::Abort]),
            Stage::Written => steps.push(Step::Commit),
        }
        if !matches!(cluster.stage, Stage::Idle | Stage::Dead) && cluster.spent[CRASHES] < self.budget[CRASHES] {
            steps.push(Step::Crash);
        }
        let may_end = self.hasty || cluster.stage == Stage::Dead || self.breaks(Break::EndsEarly);
        if cluster.members[READER].is_barred() && may_end {
            steps.push(Step::Expire);
        }
    }
}

impl Model for Bars {
    type State = Cluster;
    type Action = Step;

    fn init_states(&self) -> Vec<Cluster> {
        // Each member holds what the row is, put a while ago.
        let version = Version { clock: 1, origin: 0 };
        let member = Member { known: Known::Value(version, 0), clock: 1, ..Member::default() };
        let time = 1 + self.behind.into_iter().max().unwrap_or(0);
        vec![Cluster { time, members: [member.clone(), member], ..Cluster::default() }]
    }

    fn actions(&self, cluster: &Cluster, steps: &mut Vec<Step>) {
        self.writers_steps(cluster, steps);
        let left = |what: usize| cluster.spent[what] < self.budget[what];
        for m in [WRITER, READER] {
            if m == WRITER && cluster.stage == Stage::Dead {
                continue;
            }
            let member = &cluster.members[m];
            match member.lease {
                None if left(LEASES) => steps.push(Step::Lease(m)),
                None => {}
                Some(Lease { loaded: None, .. }) => steps.push(Step::Load(m)),
                Some(_) => steps.push(Step::Fill(m)),
            }
            steps.extend(cluster.wire[m].iter().map(|message| Step::Hear(m, *message)));
            if left(REPETITIONS) {
                steps.extend(cluster.wire[m].iter().map(|message| Step::HearTwice(m, *message)));
            }
            if left(FORGETTINGS) && member.known != Known::None {
                steps.push(Step::Forget(m));
            }
        }
    }

    fn next_state(&self, before: &Cluster, step: Step) -> Option<Cluster> {
        let mut cluster = before.clone();
        match step {
            Step::Begin => {
                cluster.bars += 1;
                (cluster.gave_up, cluster.late) = (false, false);
                cluster.members[WRITER].up |= 1 << cluster.bars;
                cluster.wire[READER].insert(Message::Bar(cluster.bars));
                cluster.stage = Stage::Barring;
                if self.breaks(Break::DroppedAtOnce) {
                    self.delete(&mut cluster, 0, 0);
                }
                if self.breaks(Break::NoAnswerAwaited) {
                    self.drop_first(&mut cluster);
                }
            }
            Step::GiveUp => {
                cluster.gave_up = true;
                if cluster.stage == Stage::Barring {
                    self.drop_first(&mut cluster);
                }
                cluster.stage = Stage::Begun;
            }
            Step::Write => self.write(&mut cluster),
            Step::Commit => {
                if !self.breaks(Break::CommitOnlyLifts) {
                    let row = cluster.row;
                    self.delete(&mut cluster, row, 0);
                }
                self.lift(&mut cluster);
            }
            Step::Abort => self.lift(&mut cluster),
            Step::Crash => {
                cluster.spent[CRASHES] += 1;
                cluster.stage = Stage::Dead;
                cluster.members[WRITER] = Member::default();
                cluster.wire[WRITER].clear();
            }
            Step::Expire => {
                cluster.members[READER].up = 0;
                // Its writer takes the time, too, and is told.
                cluster.late |= !self.breaks(Break::EndsEarly);
            }
            Step::Lease(m) => {
                cluster.spent[LEASES] += 1;
                let is_void = cluster.members[m].is_barred() && !self.breaks(Break::LiftedIsForgotten);
                let version = self.tick(&mut cluster, m);
                cluster.members[m].lease = Some(Lease { version, is_void, loaded: None });
            }
            Step::Load(m) => cluster.members[m].lease.as_mut()?.loaded = Some(cluster.row),
            Step::Fill(m) => self.fill(&mut cluster, m),
            Step::Hear(m, message) => {
                cluster.wire[m].remove(&message);
                self.hear(&mut cluster, m, message);
            }
            Step::HearTwice(m, message) => {
                cluster.spent[REPETITIONS] += 1;
                self.hear(&mut cluster, m, message);
            }
            Step::Forget(m) => {
                cluster.spent[FORGETTINGS] += 1;
                let member = &mut cluster.members[m];
                member.floor = member.floor.max(member.known.version().map_or(0, |version| version.clock));
                member.known = Known::None;
            }
        }
        Some(cluster)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn shows(member: &Member, least: u8) -> bool {
            member.known.value().is_none_or(|value| value >= least)
        }
        let mut promises = vec![
            Property::always("who was barred shows no row older than the one written", |_, cluster: &Cluster| {
                cluster.members.iter().all(|member| shows(member, member.least))
            }),
            Property::always("in the end no bar is up", |_, cluster: &Cluster| {
                let is_quiet = cluster.wire.iter().all(BTreeSet::is_empty) && cluster.stage == Stage::Idle;
                !is_quiet || cluster.members.iter().all(|member| !member.is_barred())
            }),
            Property::sometimes("a fill is put", |_, cluster: &Cluster| cluster.seen[0]),
            Property::sometimes("a fill is refused under a bar", |_, cluster: &Cluster| cluster.seen[1]),
        ];
        if self.budget[CRASHES] > 0 {
            promises.push(Property::sometimes("a row that nobody told of is loaded", |_, cluster: &Cluster| {
                let reader = &cluster.members[READER];
                cluster.stage == Stage::Dead && reader.known.value() == Some(cluster.row) && cluster.row > reader.told
            }));
        }
        if self.behind == [0, 0] {
            promises.push(Property::always("nobody reads what is older than what it heard", |_, cluster: &Cluster| {
                cluster.members.iter().all(|member| shows(member, member.told))
            }));
            promises.push(Property::always("in the end all read the row, or nothing", |_, cluster: &Cluster| {
                let is_quiet = cluster.wire.iter().all(BTreeSet::is_empty) && cluster.stage == Stage::Idle;
                !is_quiet || cluster.members.iter().all(|member| shows(member, cluster.row))
            }));
        }
        promises
    }
}

#[cfg(test)]
mod tests {
    use stateright::{Checker, HasDiscoveries};

    use super::*;

    /// Every member answers, and the writer is in time; its clock is behind by more than anything takes.
    const BEHIND: Bars = Bars { behind: [6, 0], bars: 1, budget: [2, 1, 1, 1], hasty: false, broken: None };
    /// The same, twice, for a reader whose clock is behind.
    const AHEAD: Bars = Bars { behind: [0, 6], bars: 2, budget: [2, 0, 0, 1], ..BEHIND };
    /// Clocks agree, and the writer goes on without an answer, or after its time.
    const HASTY: Bars = Bars { behind: [0, 0], bars: 1, budget: [2, 0, 1, 0], hasty: true, broken: None };

    /// Walks every state; how many there are.
    fn check(model: Bars) -> usize {
        let checker = model.checker().threads(2).spawn_bfs().join();
        checker.assert_properties();
        assert!(checker.is_done(), "not every state was seen");
        checker.unique_state_count()
    }

    #[test]
    fn who_was_barred_shows_no_older_row_from_when_it_is_written() {
        let states = (check(BEHIND), check(AHEAD), check(HASTY));
        assert_eq!(states, (270_466, 74_321, 697_167), "docs/TESTING.md has the numbers");
    }

    /// The promise that breaks first when a rule is broken, and how many steps that takes.
    fn broken(model: Bars, rule: Break) -> (&'static str, usize) {
        let model = Bars { broken: Some(rule), ..model };
        let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let promises = ["who was barred", "nobody reads", "in the end"];
        let found = checker.discoveries();
        let broken = found.iter().find(|(name, _)| promises.iter().any(|promise| name.starts_with(promise)));
        broken.map_or(("nothing breaks", 0), |(name, path)| (*name, path.clone().into_actions().len()))
    }

    #[test]
    fn each_rule_of_a_bar_is_needed() {
        for (model, rule, promise) in [
            (BEHIND, Break::NoBar, "who was barred"),
            (BEHIND, Break::LiftedIsForgotten, "who was barred"),
            (BEHIND, Break::NoAnswerAwaited, "who was barred"),
            (BEHIND, Break::DroppedAtOnce, "who was barred"),
            (BEHIND, Break::AnsweredWithoutClock, "who was barred"),
            (BEHIND, Break::NoDropAwaited, "who was barred"),
            (BEHIND, Break::NothingDropped, "who was barred"),
            (BEHIND, Break::EndsEarly, "who was barred"),
            (BEHIND, Break::OverIsForgotten, "in the end no bar"),
            (HASTY, Break::CommitOnlyLifts, "in the end all"),
        ] {
            let (found, steps) = broken(model, rule);
            assert!(found.starts_with(promise) && (5..=13).contains(&steps), "{rule:?}: {found} after {steps} steps");
        }
    }
}
