//! The horizon of tombstones, and doubt: one key, three members, one of which may be cut off, miss updates or start anew.
//!
//! The promise: once all who hear each other have compared what they hold, nobody shows what is older than the news that any
//! of them was ever told, be it forgotten by then; nobody ever shows something older than it was told itself; and nobody drops
//! what nothing can have been missed of.
//!
//! Tombstones are given up after ten minutes and entries are evicted: both are one step here, and may come at any time. So
//! may the loss of an update for good, which its receiver notices. What is under way when a member is cut off never arrives.
//! Time is what versions are drawn from; an update is under way for less than the margin, or it is lost.

use std::collections::BTreeSet;

use stateright::{Model, Property};

/// The members, by number.
pub const MEMBERS: [usize; 3] = [0, 1, 2];

/// What a member holds of the key, under the version at which it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// Nothing.
    #[default]
    None,
    /// A value.
    Value(u8),
    /// That it was deleted.
    Tombstone(u8),
}

impl Known {
    /// The version it is known at.
    #[must_use]
    pub fn version(self) -> Option<u8> {
        match self {
            Known::None => None,
            Known::Value(version) | Known::Tombstone(version) => Some(version),
        }
    }

    /// The version of what a reader gets.
    #[must_use]
    pub fn shown(self) -> Option<u8> {
        if let Known::Value(version) = self { Some(version) } else { None }
    }
}

/// A put or delete under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Update {
    /// Who wrote it.
    pub from: usize,
    /// Who is to hear of it.
    pub to: usize,
    /// What becomes of the key.
    pub known: Known,
}

/// A comparison with another member whose floors have not come yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pull {
    /// The other one.
    pub donor: usize,
    /// What it was in doubt of when the comparison began.
    pub since: u8,
    /// Both held the same.
    pub alike: bool,
    /// The other one has shown the key.
    pub seen: bool,
    /// Something was heard of the key since.
    pub late: bool,
    /// Something of the other one's was lost since, or it came to be doubted again.
    pub again: bool,
}

/// What a member thinks of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// What the other one holds is to be compared with what is held here.
    pub uncompared: bool,
    /// Something newer than this, which the other one knew, may have been missed.
    pub doubt: Option<u8>,
}

/// One member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Member {
    /// What it holds.
    pub known: Known,
    /// What an update of a key that is not held must be above.
    pub floor: u8,
    /// It has been filled, and may be asked.
    pub ready: bool,
    /// What it thinks of each.
    pub views: [View; 3],
    /// The comparison that is under way, one at a time.
    pub pull: Option<Pull>,
    /// The newest version it was told of. For the promises only.
    pub told: u8,
}

/// All members and what is between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// The latest instant, which is the latest version, too, but for the start.
    pub time: u8,
    /// The latest version.
    pub latest: u8,
    /// Who and what is behind it.
    pub members: [Member; 3],
    /// Who is cut off, and when it was heard last.
    pub away: Option<(usize, u8)>,
    /// Updates under way.
    pub wire: BTreeSet<Update>,
    /// Writes, forgettings, losses, cuts, new starts, waits and interrupted comparisons so far, in that order.
    pub spent: [u8; 7],
    /// Somebody dropped what nothing can have been missed of. For the promises only.
    pub needless: bool,
    /// Somebody dropped what was doubtful. For the promises only.
    pub dropped: bool,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The member puts.
    Put(usize),
    /// It deletes.
    Delete(usize),
    /// The update arrives.
    Hear(Update),
    /// It is lost for good, and its receiver finds that out.
    Lose(Update),
    /// The member forgets what it holds: a tombstone whose time is over, an entry that is evicted.
    Forget(usize),
    /// It hears nobody, and nobody hears it, until each side has given up the other.
    Cut(usize),
    /// It is back.
    Return,
    /// A new run of it begins, which knows nothing.
    Restart(usize),
    /// Time passes.
    Wait,
    /// The first compares what it holds with what the second holds, and is told its floors.
    Compare(usize, usize),
    /// The same, but for the floors.
    Begin(usize, usize),
    /// The floors have come.
    Floors(usize),
}

/// One rule broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// A delete leaves nothing behind.
    NoTombstone,
    /// What is forgotten raises no floor.
    NoFloor,
    /// Who comes back is compared without doubt.
    NoDoubtOfWhoReturns,
    /// Who gave up one member trusts the others.
    NoDoubtOfTheOthers,
    /// Who lost something compares without doubt.
    NoDoubtAfterLoss,
    /// What may have been missed is not older than the moment it was last heard at.
    NoMargin,
    /// What is doubtful is dropped, and the floor that made it so forgotten.
    FloorsAreNotTakenOver,
    /// What the other one does not show is doubtful, however old its floor.
    AnyFloorWillDo,
    /// What both hold alike ends the doubt.
    EqualIsTheEnd,
    /// What both held alike is confirmed, also what has come from a third since.
    LateIsConfirmed,
    /// A doubt that came up again during a comparison ends with it.
    DoubtedAgainIsForgotten,
    /// What was doubted of a member is doubted of nobody when it is gone.
    DoubtGoesWithWhoGoes,
    /// What the other one forgot is not asked for.
    FloorsAreNotAskedFor,
}

/// How large a world is looked at, and which rule is broken in it.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// Writes, forgettings, losses, cuts, new starts, waits, and comparisons during which something else happens.
    pub budget: [u8; 7],
    /// The rule that is broken.
    pub broken: Option<Break>,
}

const WRITES: usize = 0;
const FORGETTINGS: usize = 1;
const LOSSES: usize = 2;
const CUTS: usize = 3;
const STARTS: usize = 4;
const WAITS: usize = 5;
const INTERRUPTED: usize = 6;

/// For less than this an update is under way.
pub const MARGIN: u8 = 2;
/// The version of what all hold at first.
pub const FIRST: u8 = 1;

impl Cluster {
    fn together(&self, a: usize, b: usize) -> bool {
        a != b && self.away.is_none_or(|(away, _)| a != away && b != away)
    }

    /// All who hear each other have compared, and nothing is under way.
    fn is_settled(&self) -> bool {
        let at_peace =
            |a: usize, b: usize| self.members[a].views[b] == View::default() && self.members[a].pull.is_none();
        let all_at_peace = MEMBERS.iter().all(|&a| MEMBERS.iter().all(|&b| !self.together(a, b) || at_peace(a, b)));
        self.wire.is_empty() && all_at_peace
    }

    /// The newest version that any of those was told of who hear `m`, and `m` itself.
    fn told_around(&self, m: usize) -> u8 {
        let heard = MEMBERS.iter().filter(|&&other| other == m || self.together(m, other));
        heard.map(|&other| self.members[other].told).max().unwrap_or_default()
    }
}

impl Member {
    /// Judges an update as `Store::apply` does.
    fn apply(&mut self, known: Known) {
        let Some(version) = known.version() else { return };
        let is_newer = self.known.version().map_or(version > self.floor, |held| version > held);
        if is_newer {
            self.known = known;
        }
    }

    fn doubt(&mut self, of: usize, since: u8) {
        let doubt = &mut self.views[of].doubt;
        *doubt = Some(doubt.map_or(since, |older| older.min(since)));
        if let Some(pull) = self.pull.as_mut().filter(|pull| pull.donor == of) {
            pull.again = true;
        }
    }

    /// The other one is gone, and what was to come from it.
    fn forget(&mut self, other: usize) {
        self.views[other] = View::default();
        self.pull = self.pull.filter(|pull| pull.donor != other);
    }
}

impl Horizon {
    fn breaks(&self, rule: Break) -> bool {
        self.broken == Some(rule)
    }

    /// The version up to which nothing of what was there at `time` can have been missed.
    fn since(&self, time: u8) -> u8 {
        if self.breaks(Break::NoMargin) { time } else { time.saturating_sub(MARGIN) }
    }

    fn write(&self, cluster: &mut Cluster, m: usize, known: fn(u8) -> Known) {
        cluster.spent[WRITES] += 1;
        cluster.time += 1;
        cluster.latest = cluster.time;
        let known = known(cluster.time);
        for to in MEMBERS {
            if cluster.together(m, to) {
                cluster.wire.insert(Update { from: m, to, known });
            }
        }
        self.hear(&mut cluster.members[m], known);
    }

    fn hear(&self, member: &mut Member, known: Known) {
        member.told = member.told.max(known.version().unwrap_or_default());
        let before = member.known;
        member.apply(known);
        if let Some(pull) = &mut member.pull {
            pull.late |= member.known != before;
        }
        if self.breaks(Break::NoTombstone) && matches!(member.known, Known::Tombstone(_)) {
            member.known = Known::None;
        }
    }

    /// What `Protocol::note_lost` does.
    fn lose(&self, cluster: &mut Cluster, update: Update) {
        cluster.spent[LOSSES] += 1;
        let since = self.since(cluster.time);
        let member = &mut cluster.members[update.to];
        member.views[update.from].uncompared = true;
        if !self.breaks(Break::NoDoubtAfterLoss) {
            member.doubt(update.from, since);
        }
    }

    /// Those who stay in touch with each other give `gone` up: what it said last may have reached some of them alone.
    fn give_up(&self, cluster: &mut Cluster, gone: usize) {
        cluster.wire.retain(|update| update.from != gone && update.to != gone);
        let heard = self.since(cluster.time);
        for a in MEMBERS.into_iter().filter(|&a| a != gone) {
            // What it knew may have reached the others, too.
            let doubted = cluster.members[a].views[gone].doubt.filter(|_| !self.breaks(Break::DoubtGoesWithWhoGoes));
            let since = doubted.map_or(heard, |since| since.min(heard));
            for b in MEMBERS {
                let stay = b != gone && cluster.together(a, b);
                if stay && !self.breaks(Break::NoDoubtOfTheOthers) {
                    cluster.members[a].doubt(b, since);
                }
            }
            cluster.members[a].forget(gone);
        }
    }

    /// `a` and `b` admit each other, who last heard each other at `heard`.
    fn admit(&self, cluster: &mut Cluster, a: usize, b: usize, heard: u8) {
        let since = self.since(heard);
        for (one, other) in [(a, b), (b, a)] {
            cluster.members[one].views[other] = View { uncompared: true, doubt: None };
            if !self.breaks(Break::NoDoubtOfWhoReturns) {
                cluster.members[one].doubt(other, since);
            }
        }
    }

    fn restart(&self, cluster: &mut Cluster, m: usize) {
        cluster.spent[STARTS] += 1;
        self.give_up(cluster, m);
        cluster.members[m] = Member::default();
        for other in MEMBERS {
            if cluster.together(m, other) {
                let time = cluster.time;
                self.admit(cluster, m, other, time);
                // It has missed everything.
                cluster.members[m].doubt(other, 0);
            }
        }
        // Alone there is nobody to be filled by.
        cluster.members[m].ready = cluster.away.is_some_and(|(away, _)| away == m);
    }

    /// A pull of `a` from `b`, but for the floors.
    fn compare(&self, cluster: &mut Cluster, a: usize, b: usize) {
        let donor = cluster.members[b].known;
        let asker = &mut cluster.members[a];
        let alike = asker.known == donor;
        asker.ready = true;
        asker.apply(donor);
        asker.views[b].uncompared = false;
        let ends = self.breaks(Break::FloorsAreNotAskedFor) || (alike && self.breaks(Break::EqualIsTheEnd));
        if ends {
            asker.views[b].doubt = None;
        }
        asker.pull = asker.views[b].doubt.map(|since| {
            let seen = donor != Known::None;
            Pull { donor: b, since, alike, seen, late: false, again: false }
        });
    }

    /// Whether the entry of a member that awaits floors is one that the other one is known to hold, or to have held.
    fn is_confirmed(&self, pull: Pull) -> bool {
        if pull.alike { !pull.late || self.breaks(Break::LateIsConfirmed) } else { pull.seen }
    }

    /// The floors of what `a` compares with have come.
    fn end_doubt(&self, cluster: &mut Cluster, a: usize) {
        let Some(pull) = cluster.members[a].pull.take() else { return };
        let (floor, latest) = (cluster.members[pull.donor].floor, cluster.latest);
        let asker = &mut cluster.members[a];
        if !pull.again || self.breaks(Break::DoubtedAgainIsForgotten) {
            asker.views[pull.donor].doubt = None;
        }
        if floor <= pull.since && !self.breaks(Break::AnyFloorWillDo) {
            return;
        }
        if !self.is_confirmed(pull) && asker.known.shown().is_some_and(|version| version <= floor) {
            asker.known = Known::None;
            asker.floor = asker.floor.max(floor);
            cluster.dropped = true;
            cluster.needless |= latest <= pull.since;
        }
        if !self.breaks(Break::FloorsAreNotTakenOver) {
            asker.floor = asker.floor.max(floor);
        }
    }
}

impl Model for Horizon {
    type State = Cluster;
    type Action = Step;

    fn init_states(&self) -> Vec<Cluster> {
        // All hold a value that is older than any doubt to come.
        let member = Member { known: Known::Value(FIRST), ready: true, told: FIRST, ..Member::default() };
        let members = [member.clone(), member.clone(), member];
        let (wire, spent) = Default::default();
        let time = FIRST + MARGIN;
        vec![Cluster { time, latest: FIRST, members, away: None, wire, spent, needless: false, dropped: false }]
    }

    fn actions(&self, cluster: &Cluster, steps: &mut Vec<Step>) {
        let left = |what: usize| cluster.spent[what] < self.budget[what];
        let age = |update: &Update| cluster.time - update.known.version().unwrap_or_default();
        let time_may_pass = cluster.wire.iter().all(|update| age(update) + 1 < MARGIN);
        if left(WRITES) && time_may_pass {
            steps.extend(MEMBERS.map(Step::Put));
            steps.extend(MEMBERS.map(Step::Delete));
        }
        if left(WAITS) && time_may_pass {
            steps.push(Step::Wait);
        }
        for update in &cluster.wire {
            steps.push(Step::Hear(*update));
            if left(LOSSES) {
                steps.push(Step::Lose(*update));
            }
        }
        for m in MEMBERS {
            let member = &cluster.members[m];
            if left(FORGETTINGS) && member.known != Known::None {
                steps.push(Step::Forget(m));
            }
            if left(STARTS) {
                steps.push(Step::Restart(m));
            }
            if member.pull.is_some() {
                steps.push(Step::Floors(m));
            }
            for other in MEMBERS {
                let view = member.views[other];
                let wants_to = (view.uncompared || view.doubt.is_some()) && member.pull.is_none();
                if wants_to && cluster.together(m, other) && cluster.members[other].ready {
                    steps.push(Step::Compare(m, other));
                    if left(INTERRUPTED) && view.doubt.is_some() {
                        steps.push(Step::Begin(m, other));
                    }
                }
            }
        }
        match cluster.away {
            None if left(CUTS) => steps.extend(MEMBERS.map(Step::Cut)),
            None => {}
            Some(_) => steps.push(Step::Return),
        }
    }

    fn next_state(&self, before: &Cluster, step: Step) -> Option<Cluster> {
        let mut cluster = before.clone();
        match step {
            Step::Put(m) => self.write(&mut cluster, m, Known::Value),
            Step::Delete(m) => self.write(&mut cluster, m, Known::Tombstone),
            Step::Hear(update) => {
                cluster.wire.remove(&update);
                self.hear(&mut cluster.members[update.to], update.known);
            }
            Step::Lose(update) => {
                cluster.wire.remove(&update);
                self.lose(&mut cluster, update);
            }
            Step::Forget(m) => {
                cluster.spent[FORGETTINGS] += 1;
                let member = &mut cluster.members[m];
                let version = std::mem::take(&mut member.known).version().unwrap_or_default();
                if !self.breaks(Break::NoFloor) {
                    member.floor = member.floor.max(version);
                }
            }
            Step::Cut(m) => {
                cluster.spent[CUTS] += 1;
                self.give_up(&mut cluster, m);
                MEMBERS.into_iter().for_each(|other| cluster.members[m].forget(other));
                // Alone it is as full as it gets.
                cluster.members[m].ready = true;
                cluster.away = Some((m, cluster.time));
            }
            Step::Return => {
                let (away, heard) = cluster.away.take()?;
                for other in MEMBERS.into_iter().filter(|&other| other != away) {
                    self.admit(&mut cluster, away, other, heard);
                }
            }
            Step::Restart(m) => self.restart(&mut cluster, m),
            Step::Wait => {
                cluster.spent[WAITS] += 1;
                cluster.time += 1;
            }
            Step::Compare(a, b) => {
                self.compare(&mut cluster, a, b);
                self.end_doubt(&mut cluster, a);
            }
            Step::Begin(a, b) => {
                cluster.spent[INTERRUPTED] += 1;
                self.compare(&mut cluster, a, b);
            }
            Step::Floors(m) => self.end_doubt(&mut cluster, m),
        }
        Some(cluster)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("in the end nobody shows what is older than what any was told", |_, cluster: &Cluster| {
                let is_fresh =
                    |&m: &usize| cluster.members[m].known.shown().is_none_or(|v| v >= cluster.told_around(m));
                !cluster.is_settled() || MEMBERS.iter().all(is_fresh)
            }),
            Property::always("nobody shows what is older than what it was told itself", |_, cluster: &Cluster| {
                cluster.members.iter().all(|member| member.known.shown().is_none_or(|version| version >= member.told))
            }),
            Property::always("nobody drops what nothing can have been missed of", |_, cluster: &Cluster| {
                !cluster.needless
            }),
            Property::sometimes("what is doubtful is dropped", |_, cluster: &Cluster| cluster.dropped),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use mccache::hlc::{HlcTimestamp, Version};
    use mccache::ids::Origin;
    use mccache::store::{Limits, Outgoing, Precondition, Source, Store};
    use mccache::time::{Deadline, WallMs};
    use mccache::update::{Codec, Update as StoreUpdate, UpdateKind};
    use stateright::{Checker, HasDiscoveries, Path};

    use super::*;

    /// A member is cut off, and comes back.
    const CUT: Horizon = Horizon { budget: [1, 2, 0, 1, 0, 0, 0], broken: None };
    /// It has lost something, too.
    const LOSSY: Horizon = Horizon { budget: [1, 1, 1, 1, 0, 0, 0], broken: None };
    /// Two writes, one of which is lost here and there, and one comparison takes its time.
    const WRITTEN: Horizon = Horizon { budget: [2, 2, 1, 0, 0, 0, 1], broken: None };
    /// A new run of a member begins.
    const STARTED: Horizon = Horizon { budget: [1, 1, 0, 0, 1, 0, 0], broken: None };
    /// Something is lost, and long after who sent it begins anew.
    const LATER: Horizon = Horizon { budget: [1, 1, 1, 0, 1, 2, 0], broken: None };
    /// Something is lost while members compare after a loss.
    const INTERRUPTED_BY_LOSS: Horizon = Horizon { budget: [2, 1, 2, 0, 0, 0, 1], broken: None };
    /// What each state's shortest way is played on stores for.
    const PLAYED: Horizon = Horizon { budget: [2, 1, 1, 0, 0, 0, 1], broken: None };

    /// Walks every state; how many there are.
    fn check(model: Horizon) -> usize {
        let checker = model.checker().threads(2).spawn_bfs().join();
        checker.assert_properties();
        assert!(checker.is_done(), "not every state was seen");
        checker.unique_state_count()
    }

    #[test]
    fn nothing_deleted_comes_back_and_nothing_is_dropped_without_need() {
        let states = [CUT, LOSSY, WRITTEN, STARTED].map(check);
        assert_eq!(states, [338_942, 283_462, 175_030, 92_858], "docs/TESTING.md has the numbers");
    }

    /// How many steps it takes until a promise breaks when a rule is broken; 0: none does.
    fn broken(model: Horizon, rule: Break) -> usize {
        let model = Horizon { broken: Some(rule), ..model };
        let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let found = checker.discoveries();
        let failed = found.into_iter().filter(|(name, _)| !name.starts_with("what is doubtful"));
        failed.map(|(_, path)| path.into_actions().len()).min().unwrap_or_default()
    }

    #[test]
    fn each_rule_of_doubt_is_needed() {
        for (model, rule) in [
            (CUT, Break::NoTombstone),
            (CUT, Break::NoFloor),
            (CUT, Break::NoDoubtOfWhoReturns),
            (CUT, Break::NoDoubtOfTheOthers),
            (LOSSY, Break::NoDoubtAfterLoss),
            (LOSSY, Break::NoMargin),
            (STARTED, Break::FloorsAreNotTakenOver),
            (CUT, Break::AnyFloorWillDo),
            (STARTED, Break::EqualIsTheEnd),
            (WRITTEN, Break::LateIsConfirmed),
            (INTERRUPTED_BY_LOSS, Break::DoubtedAgainIsForgotten),
            (LATER, Break::DoubtGoesWithWhoGoes),
            (CUT, Break::FloorsAreNotAskedFor),
        ] {
            let steps = broken(model, rule);
            assert!((4..=13).contains(&steps), "{rule:?}: {steps} steps");
        }
    }

    const KEY: &[u8] = b"k";
    /// Readers of the played stores look now; whatever has a deadline is past it then.
    const NOW: WallMs = WallMs(0);
    const THEN: WallMs = WallMs(1);

    /// The library's stores, to which the same happens.
    struct Stores([Store; 3]);

    impl Stores {
        fn new() -> Stores {
            let limits = Limits { max_entries: 2, max_bytes: 1_000 };
            let stores = MEMBERS.map(|_| Store::with_seed(limits, [0; 16], true, 1));
            for store in &stores {
                apply(store, Known::Value(FIRST));
            }
            Stores(stores)
        }

        /// Does to the stores what `step` did to the cluster that was `before` and is `after`.
        fn play(&self, before: &Cluster, step: Step, after: &Cluster) {
            match step {
                Step::Put(m) => apply(&self.0[m], Known::Value(after.latest)),
                Step::Delete(m) => apply(&self.0[m], Known::Tombstone(after.latest)),
                Step::Hear(update) => apply(&self.0[update.to], update.known),
                Step::Forget(m) => {
                    self.0[m].expire(THEN, usize::MAX);
                    self.0[m].collect_tombstones(HlcTimestamp(u64::MAX));
                }
                Step::Compare(a, b) => {
                    let donor = known(&self.0[b]);
                    let alike = before.members[a].known == before.members[b].known;
                    apply(&self.0[a], donor);
                    if let Some(since) = before.members[a].views[b].doubt {
                        let seen = donor != Known::None;
                        self.end_doubt(a, Pull { donor: b, since, alike, seen, late: false, again: false });
                    }
                }
                Step::Begin(a, b) => apply(&self.0[a], known(&self.0[b])),
                Step::Floors(m) => {
                    if let Some(pull) = before.members[m].pull {
                        self.end_doubt(m, pull);
                    }
                }
                Step::Wait | Step::Lose(_) | Step::Cut(_) | Step::Return | Step::Restart(_) => {}
            }
        }

        /// As `Protocol` does at the end of a transfer.
        fn end_doubt(&self, a: usize, pull: Pull) {
            let (asker, donor) = (&self.0[a], &self.0[pull.donor]);
            let segment = segment(donor);
            let floor = donor.floor(segment);
            if floor <= HlcTimestamp(u64::from(pull.since)) {
                return;
            }
            let floor_of = |at: u16| if at == segment { floor } else { HlcTimestamp::ZERO };
            let is_confirmed = |_, _, _: &_| if pull.alike { !pull.late } else { pull.seen };
            let doubtful = asker.unconfirmed(floor_of, is_confirmed);
            asker.raise_floor(segment, floor);
            for (gone, floor) in doubtful {
                let version = Version { hlc: floor, origin: Origin(u64::MAX) };
                let update = StoreUpdate { kind: UpdateKind::Invalidate, key: &gone.key, version, ..bare() };
                asker.apply(&update, Source::Remote, Precondition::Any, NOW);
            }
        }
    }

    fn segment(store: &Store) -> u16 {
        u16::try_from(store.segment_of(KEY)).expect("a segment")
    }

    fn bare() -> StoreUpdate<'static> {
        let (codec, deadline) = (Codec::RAW, Deadline::NEVER);
        StoreUpdate { kind: UpdateKind::Delete, key: KEY, value: b"", codec, version: Version::ZERO, deadline }
    }

    fn apply(store: &Store, known: Known) {
        let Some(version) = known.version() else { return };
        let version = Version { hlc: HlcTimestamp(u64::from(version)), origin: Origin(0) };
        let update = match known {
            Known::Value(_) => {
                StoreUpdate { kind: UpdateKind::Put, value: b"v", deadline: Deadline(THEN), version, ..bare() }
            }
            _ => StoreUpdate { version, ..bare() },
        };
        store.apply(&update, Source::Remote, Precondition::Any, NOW);
    }

    fn known(store: &Store) -> Known {
        let small = |version: Version| u8::try_from(version.hlc.0).expect("small");
        match store.state_of(KEY) {
            None => Known::None,
            Some(Outgoing::Put { version, .. }) => Known::Value(small(version)),
            Some(gone) => Known::Tombstone(small(gone.version())),
        }
    }

    #[test]
    fn the_librarys_stores_doubt_and_forget_as_the_model_does() {
        static PLAYED_WAYS: AtomicUsize = AtomicUsize::new(0);
        let play = |way: Path<Cluster, Step>| {
            let stores = Stores::new();
            let way = way.into_vec();
            for pair in way.windows(2) {
                let [(before, Some(step)), (after, _)] = pair else { continue };
                stores.play(before, *step, after);
                for (store, member) in stores.0.iter().zip(&after.members) {
                    assert_eq!((known(store), store.floor(segment(store)).0), (member.known, u64::from(member.floor)));
                }
            }
            PLAYED_WAYS.fetch_add(1, Ordering::Relaxed);
        };
        let checker = PLAYED.checker().visitor(play).spawn_bfs().join();
        assert_eq!((PLAYED_WAYS.load(Ordering::Relaxed), checker.unique_state_count()), (49_482, 49_482));
    }
}
