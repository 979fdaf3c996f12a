//! The ordering of fills: one key, one row of a database, two members, everything in any order.
//!
//! The promise: what is loaded under a lease is never put over the news of a write that its loader did not see. Where clocks
//! agree it holds for all news, heard or under way; where a writer's clock is behind, for the news that this member heard
//! before it put what it loaded.
//!
//! A write is two steps, as it is in life: the row first, then the cache (a put, a delete, or a clear of the whole cache).
//! Between them anybody may load. Writes of the row come one after the other. A datagram may come late, twice, and in any
//! order; that it comes is for other tests. Any member may forget what it holds at any time: eviction, expiry and the
//! collection of a tombstone are the same step here.

use std::collections::BTreeSet;

use stateright::{Model, Property};

/// The members, by number.
pub const MEMBERS: [usize; 2] = [0, 1];

/// When, and whose: the order of all updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The writer's hybrid clock.
    pub clock: u8,
    /// The writer.
    pub origin: u8,
}

/// What an update does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The key has what the row was when it was written or loaded for the so-manieth time.
    Put(u8),
    /// The key has no value.
    Delete,
    /// No key has one.
    Clear,
}

/// An update under way to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Update {
    /// Its place in the order.
    pub version: Version,
    /// What it does.
    pub kind: Kind,
    /// The write of the row that it tells of; 0: it is a fill. For the promises only: no member looks at it.
    pub of_write: u8,
}

/// What a member holds of the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// Nothing.
    #[default]
    None,
    /// A value.
    Value(Version, u8),
    /// That it was deleted.
    Tombstone(Version),
}

impl Known {
    /// The version it is known at.
    #[must_use]
    pub fn version(self) -> Option<Version> {
        match self {
            Known::None => None,
            Known::Value(version, _) | Known::Tombstone(version) => Some(version),
        }
    }

    /// What a reader gets.
    #[must_use]
    pub fn value(self) -> Option<u8> {
        if let Known::Value(_, value) = self { Some(value) } else { None }
    }
}

/// The right to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    /// What the fill is put under.
    pub version: Version,
    /// What was known of the key or of the cache when it was given.
    pub seen: Version,
    /// An update of the key or of the cache was heard since.
    pub heard: bool,
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
    /// The latest clear.
    pub cleared: Version,
    /// Its hybrid clock.
    pub clock: u8,
    /// A load that goes on here.
    pub lease: Option<Lease>,
    /// The latest write of the row that it was told of. For the promises only.
    pub told: u8,
}

/// Both members and all around them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// The true time.
    pub time: u8,
    /// How often the row was written.
    pub row: u8,
    /// Who has written the row and not yet told the cache.
    pub writer: Option<usize>,
    /// Who and what is behind it.
    pub members: [Member; 2],
    /// Updates on their way to each of them.
    pub wire: [BTreeSet<Update>; 2],
    /// A fill was put over the news of a write that its loader had not seen.
    pub overruled: bool,
    /// Leases, forgettings, fences and repetitions so far, in that order.
    pub spent: [u8; 4],
    /// What has been seen to happen: see [`Fills::properties`].
    pub fate: Fate,
}

/// What became of the last fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fate {
    /// There was none.
    #[default]
    None,
    /// It was put.
    Put,
    /// It was refused, and all that was heard meanwhile has been forgotten again.
    RefusedFromMemory,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The member writes the row.
    Write(usize),
    /// It tells the cache.
    Tell(usize, Kind),
    /// It takes a lease, be there a value (an eager refresh) or none.
    Lease(usize),
    /// Its loader reads the row.
    Load(usize),
    /// It puts what was loaded.
    Fill(usize),
    /// The update reaches the member, and is under way no more.
    Hear(usize, Update),
    /// It reaches it, and will once more.
    HearTwice(usize, Update),
    /// The member forgets what it holds.
    Forget(usize),
    /// The member takes over the other's floor, and drops a value that the other may have forgotten something newer of.
    Fence(usize),
}

/// One rule broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The fill is put whatever was heard.
    HeardIsIgnored,
    /// What was heard counts only for as long as it is held.
    HeardIsForgotten,
    /// The fill is put under the time at which it is put.
    FilledUnderItsOwnTime,
    /// What is forgotten raises no floor.
    NoFloor,
    /// A delete leaves nothing behind.
    NoTombstone,
    /// A clear is not remembered.
    NoClear,
    /// What comes later wins, whatever its version.
    ArrivalOrder,
    /// A fence drops what it must, and takes no floor over.
    NoFence,
}

/// How large a world is looked at, and which rule is broken in it.
#[derive(Clone, Copy, Debug)]
pub struct Fills {
    /// How far the clock of member 1 is behind.
    pub skew: u8,
    /// Writes of the row.
    pub writes: u8,
    /// Leases, forgettings, fences and repetitions.
    pub budget: [u8; 4],
    /// The rule that is broken.
    pub broken: Option<Break>,
}

const LEASES: usize = 0;
const FORGETTINGS: usize = 1;
const FENCES: usize = 2;
const REPETITIONS: usize = 3;

impl Fills {
    fn breaks(&self, rule: Break) -> bool {
        self.broken == Some(rule)
    }

    /// Draws a version at `m`, at a true time of its own.
    fn tick(&self, cluster: &mut Cluster, m: usize) -> Version {
        cluster.time += 1;
        let behind = if m == 1 { self.skew } else { 0 };
        let member = &mut cluster.members[m];
        member.clock = member.clock.max(cluster.time.saturating_sub(behind)) + 1;
        Version { clock: member.clock, origin: u8::from(m == 1) }
    }

    /// Judges an update at `m` as `Store::apply` does; whether it is applied.
    fn apply(&self, member: &mut Member, update: Update) -> bool {
        let Update { version, kind, .. } = update;
        if kind == Kind::Clear {
            if version <= member.cleared {
                return false;
            }
            if !self.breaks(Break::NoClear) {
                member.cleared = version;
            }
            if member.known.version().is_some_and(|known| known < version) {
                member.known = Known::None;
            }
            return true;
        }
        let newer = match member.known.version() {
            Some(known) => version > known,
            None => version.clock > member.floor,
        };
        if (!newer || version <= member.cleared) && !self.breaks(Break::ArrivalOrder) {
            return false;
        }
        member.known = match kind {
            Kind::Put(value) => Known::Value(version, value),
            Kind::Delete if self.breaks(Break::NoTombstone) => Known::None,
            _ => Known::Tombstone(version),
        };
        true
    }

    /// What `m` does with an update that it makes or hears.
    fn hear(&self, cluster: &mut Cluster, m: usize, update: Update) {
        let member = &mut cluster.members[m];
        member.clock = member.clock.max(update.version.clock);
        if let Some(lease) = &mut member.lease {
            lease.heard = true;
        }
        self.apply(member, update);
        member.told = member.told.max(update.of_write);
    }

    /// Puts what was loaded, or not.
    fn fill(&self, cluster: &mut Cluster, m: usize) {
        let own_time = self.breaks(Break::FilledUnderItsOwnTime).then(|| self.tick(cluster, m));
        let member = &mut cluster.members[m];
        let Some(Lease { version, seen, heard, loaded: Some(loaded) }) = member.lease.take() else { return };
        let held = member.known.version().is_some_and(|known| known > seen) || member.cleared > seen;
        let is_barred = match self.broken {
            Some(Break::HeardIsIgnored) => false,
            Some(Break::HeardIsForgotten) => held,
            _ => heard,
        };
        let update = Update { version: own_time.unwrap_or(version), kind: Kind::Put(loaded), of_write: 0 };
        if !is_barred && self.apply(member, update) {
            cluster.overruled |= loaded < member.told;
            cluster.wire[1 - m].insert(update);
            cluster.fate = Fate::Put;
        } else if heard && !held {
            cluster.fate = Fate::RefusedFromMemory;
        }
    }

    fn fence(&self, cluster: &mut Cluster, m: usize) {
        let floor = cluster.members[1 - m].floor;
        let member = &mut cluster.members[m];
        if matches!(member.known, Known::Value(version, _) if version.clock <= floor) {
            member.known = Known::None;
            // Something newer may have been forgotten there: that is news.
            if let Some(lease) = &mut member.lease {
                lease.heard = true;
            }
        }
        if !self.breaks(Break::NoFence) {
            member.floor = member.floor.max(floor);
        }
    }
}

impl Model for Fills {
    type State = Cluster;
    type Action = Step;

    fn init_states(&self) -> Vec<Cluster> {
        // Each member holds what the row is, put a while ago.
        let version = Version { clock: 1, origin: 0 };
        let member = Member { known: Known::Value(version, 0), clock: 1, ..Member::default() };
        vec![Cluster { time: 1 + self.skew, members: [member.clone(), member], ..Cluster::default() }]
    }

    fn actions(&self, cluster: &Cluster, steps: &mut Vec<Step>) {
        let left = |what: usize| cluster.spent[what] < self.budget[what];
        match cluster.writer {
            Some(m) => {
                steps.extend([Kind::Put(cluster.row), Kind::Delete, Kind::Clear].map(|kind| Step::Tell(m, kind)));
            }
            None if cluster.row < self.writes => steps.extend(MEMBERS.map(Step::Write)),
            None => {}
        }
        for m in MEMBERS {
            let member = &cluster.members[m];
            match member.lease {
                None if left(LEASES) => steps.push(Step::Lease(m)),
                None => {}
                Some(Lease { loaded: None, .. }) => steps.push(Step::Load(m)),
                Some(_) => steps.push(Step::Fill(m)),
            }
            steps.extend(cluster.wire[m].iter().map(|update| Step::Hear(m, *update)));
            if left(REPETITIONS) {
                steps.extend(cluster.wire[m].iter().map(|update| Step::HearTwice(m, *update)));
            }
            if left(FORGETTINGS) && member.known != Known::None {
                steps.push(Step::Forget(m));
            }
            if left(FENCES) && cluster.members[1 - m].floor > member.floor {
                steps.push(Step::Fence(m));
            }
        }
    }

    fn next_state(&self, before: &Cluster, step: Step) -> Option<Cluster> {
        let mut cluster = before.clone();
        match step {
            Step::Write(m) => {
                cluster.row += 1;
                cluster.writer = Some(m);
            }
            Step::Tell(m, kind) => {
                cluster.writer = None;
                let version = self.tick(&mut cluster, m);
                let update = Update { version, kind, of_write: cluster.row };
                self.hear(&mut cluster, m, update);
                cluster.wire[1 - m].insert(update);
            }
            Step::Lease(m) => {
                cluster.spent[LEASES] += 1;
                let member = &cluster.members[m];
                let seen = member.known.version().unwrap_or_default().max(member.cleared);
                let version = self.tick(&mut cluster, m);
                cluster.members[m].lease = Some(Lease { version, seen, heard: false, loaded: None });
            }
            Step::Load(m) => cluster.members[m].lease.as_mut()?.loaded = Some(cluster.row),
            Step::Fill(m) => self.fill(&mut cluster, m),
            Step::Hear(m, update) => {
                cluster.wire[m].remove(&update);
                self.hear(&mut cluster, m, update);
            }
            Step::HearTwice(m, update) => {
                cluster.spent[REPETITIONS] += 1;
                self.hear(&mut cluster, m, update);
            }
            Step::Forget(m) => {
                cluster.spent[FORGETTINGS] += 1;
                let member = &mut cluster.members[m];
                let floor = member.known.version().map_or(0, |version| version.clock);
                if !self.breaks(Break::NoFloor) {
                    member.floor = member.floor.max(floor);
                }
                member.known = Known::None;
            }
            Step::Fence(m) => {
                cluster.spent[FENCES] += 1;
                self.fence(&mut cluster, m);
            }
        }
        Some(cluster)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut promises = vec![
            Property::always("no fill overrules a write that was heard", |_, cluster: &Cluster| !cluster.overruled),
            Property::sometimes("a fill is put", |_, cluster: &Cluster| cluster.fate == Fate::Put),
            Property::sometimes("what was heard is remembered though it is forgotten", |_, cluster: &Cluster| {
                cluster.fate == Fate::RefusedFromMemory
            }),
            Property::sometimes("both members load at once", |_, cluster: &Cluster| {
                cluster.members.iter().all(|member| member.lease.is_some())
            }),
        ];
        if self.skew == 0 {
            promises.push(Property::always("nobody reads what is older than what it heard", |_, cluster: &Cluster| {
                let is_fresh = |member: &Member| member.known.value().is_none_or(|value| value >= member.told);
                cluster.members.iter().all(is_fresh)
            }));
            promises.push(Property::always("in the end all read the row, or nothing", |_, cluster: &Cluster| {
                let is_quiet = cluster.wire.iter().all(BTreeSet::is_empty) && cluster.writer.is_none();
                let is_fresh = |member: &Member| member.known.value().is_none_or(|value| value == cluster.row);
                !is_quiet || cluster.members.iter().all(is_fresh)
            }));
        }
        promises
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use mccache::hlc::{HlcTimestamp, Version as StoreVersion};
    use mccache::ids::Origin;
    use mccache::store::{Fate as StoreFate, Limits, Outgoing, Precondition, Source, Store, Watch};
    use mccache::time::{Deadline, WallMs};
    use mccache::update::{Codec, Update as StoreUpdate, UpdateKind};
    use stateright::{Checker, HasDiscoveries, Path};

    use super::*;

    /// Clocks that agree: all that follows from a write is fresh.
    const AGREED: Fills = Fills { skew: 0, writes: 2, budget: [2, 1, 1, 0], broken: None };
    /// Member 1 is behind by more than two loads take.
    const SKEWED: Fills = Fills { skew: 4, ..AGREED };
    /// What each state's shortest way is played on stores for.
    const PLAYED: Fills = Fills { skew: 2, writes: 1, budget: [2, 1, 0, 0], broken: None };

    /// Walks every state; how many there are.
    fn check(model: Fills) -> usize {
        let checker = model.checker().threads(2).spawn_bfs().join();
        checker.assert_properties();
        assert!(checker.is_done(), "not every state was seen");
        checker.unique_state_count()
    }

    #[test]
    fn no_fill_overrules_what_its_loader_did_not_see() {
        let states = (check(AGREED), check(SKEWED));
        assert_eq!(states, (1_279_215, 1_728_579), "docs/TESTING.md has the numbers");
    }

    /// The promise that breaks first when a rule is broken, and how many steps that takes.
    fn broken(model: Fills, rule: Break) -> (&'static str, usize) {
        let model = Fills { broken: Some(rule), ..model };
        let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let promises = ["no fill overrules", "nobody reads", "in the end"];
        let found = checker.discoveries();
        let broken = found.iter().find(|(name, _)| promises.iter().any(|promise| name.starts_with(promise)));
        broken.map_or(("nothing breaks", 0), |(name, path)| (*name, path.clone().into_actions().len()))
    }

    #[test]
    fn each_rule_is_needed() {
        for (model, rule) in [
            (SKEWED, Break::HeardIsIgnored),
            (SKEWED, Break::HeardIsForgotten),
            (AGREED, Break::FilledUnderItsOwnTime),
            (AGREED, Break::NoFloor),
            (AGREED, Break::NoTombstone),
            (AGREED, Break::NoClear),
            (AGREED, Break::ArrivalOrder),
            (AGREED, Break::NoFence),
        ] {
            let (promise, steps) = broken(model, rule);
            assert!((5..=9).contains(&steps), "{rule:?}: {promise} after {steps} steps");
        }
    }

    const KEY: &[u8] = b"k";
    /// Readers of the played stores look now; whatever has a deadline is past it then.
    const NOW: WallMs = WallMs(0);
    const THEN: WallMs = WallMs(1);

    /// The library's stores, to which the same happens.
    struct Stores {
        stores: [Store; 2],
        watches: [Option<Watch>; 2],
    }

    impl Stores {
        fn new() -> Stores {
            let limits = Limits { max_entries: 2, max_bytes: 1_000 };
            let stores = MEMBERS.map(|_| Store::with_seed(limits, [0; 16], true, 1));
            let first = Update { version: Version { clock: 1, origin: 0 }, kind: Kind::Put(0), of_write: 0 };
            for store in &stores {
                apply(store, first, Source::Remote, Precondition::Any);
            }
            Stores { stores, watches: [None; 2] }
        }

        /// Does to the stores what `step` did to the cluster that was `before` and is `after`.
        fn play(&mut self, before: &Cluster, step: Step, after: &Cluster) {
            match step {
                Step::Write(_) | Step::Load(_) => {}
                Step::Lease(m) => self.watches[m] = Some(self.stores[m].watch(KEY)),
                Step::Tell(m, kind) => {
                    let version = Version { clock: after.members[m].clock, origin: u8::from(m == 1) };
                    self.own(m, Update { version, kind, of_write: 0 }, Precondition::Any);
                }
                Step::Fill(m) => {
                    let (Some(watch), Some(lease)) = (self.watches[m].take(), before.members[m].lease) else { return };
                    let value = lease.loaded.expect("it was loaded");
                    let fill = Update { version: lease.version, kind: Kind::Put(value), of_write: 0 };
                    let fate = self.own(m, fill, Precondition::QuietSince(watch));
                    self.stores[m].unwatch(KEY, watch);
                    let is_put = after.wire[1 - m].contains(&fill) && !before.wire[1 - m].contains(&fill);
                    assert_eq!(fate == StoreFate::Applied, is_put, "{before:?}");
                }
                Step::Hear(m, update) | Step::HearTwice(m, update) => {
                    apply(&self.stores[m], update, Source::Remote, Precondition::Any);
                }
                Step::Forget(m) => {
                    self.stores[m].expire(THEN, usize::MAX);
                    self.stores[m].collect_tombstones(HlcTimestamp(u64::MAX));
                }
                Step::Fence(m) => self.fence(m),
            }
        }

        /// As `Protocol` drops what is in doubt.
        fn fence(&self, m: usize) {
            let (store, other) = (&self.stores[m], &self.stores[1 - m]);
            let segment = u16::try_from(store.segment_of(KEY)).expect("a segment");
            let floor = other.floor(segment);
            let version = StoreVersion { hlc: floor, origin: Origin(u64::MAX) };
            let doubtful = store.peek(KEY, NOW).is_some_and(|entry| entry.version < version);
            store.raise_floor(segment, floor);
            if doubtful {
                let update = StoreUpdate { kind: UpdateKind::Invalidate, version, ..put(b"") };
                store.apply(&update, Source::Remote, Precondition::Any, NOW);
            }
        }

        /// A change of the member's own, sent at once.
        fn own(&self, m: usize, update: Update, only_if: Precondition) -> StoreFate {
            let fate = apply(&self.stores[m], update, Source::Local, only_if);
            let _sent = self.stores[m].take_dirty(KEY);
            fate
        }

        /// What they hold is what the model's members hold.
        fn compare(&self, cluster: &Cluster) {
            for (store, member) in self.stores.iter().zip(&cluster.members) {
                let known = match store.state_of(KEY) {
                    None => Known::None,
                    Some(Outgoing::Put { value, version, .. }) => Known::Value(model_version(version), value[0]),
                    Some(
                        Outgoing::Delete { version }
                        | Outgoing::Invalidate { version }
                        | Outgoing::InvalidateTag { version },
                    ) => Known::Tombstone(model_version(version)),
                };
                let segment = u16::try_from(store.segment_of(KEY)).expect("a segment");
                let cleared = model_version(store.clear_version());
                let floor = store.floor(segment).0;
                assert_eq!((known, cleared, floor), (member.known, member.cleared, u64::from(member.floor)));
            }
        }
    }

    fn put(value: &[u8]) -> StoreUpdate<'_> {
        let (codec, deadline) = (Codec::RAW, Deadline(THEN));
        StoreUpdate { kind: UpdateKind::Put, key: KEY, value, codec, version: StoreVersion::ZERO, deadline }
    }

    fn apply(store: &Store, update: Update, source: Source, only_if: Precondition) -> StoreFate {
        let Version { clock, origin } = update.version;
        let version = StoreVersion { hlc: HlcTimestamp(u64::from(clock)), origin: Origin(u64::from(origin)) };
        let (kind, key, value) = match update.kind {
            Kind::Put(value) => (UpdateKind::Put, KEY, vec![value]),
            Kind::Delete => (UpdateKind::Delete, KEY, vec![]),
            Kind::Clear => (UpdateKind::Clear, &b""[..], vec![]),
        };
        let deadline = if kind == UpdateKind::Put { Deadline(THEN) } else { Deadline::NEVER };
        store.apply(&StoreUpdate { kind, key, version, deadline, ..put(&value) }, source, only_if, NOW).fate
    }

    fn model_version(version: StoreVersion) -> Version {
        let small = |n: u64| u8::try_from(n).expect("small");
        Version { clock: small(version.hlc.0), origin: small(version.origin.0) }
    }

    #[test]
    fn the_librarys_stores_do_what_the_model_does() {
        static PLAYED_WAYS: AtomicUsize = AtomicUsize::new(0);
        let play = |way: Path<Cluster, Step>| {
            let mut stores = Stores::new();
            let way = way.into_vec();
            for pair in way.windows(2) {
                let [(before, Some(step)), (after, _)] = pair else { continue };
                stores.play(before, *step, after);
                stores.compare(after);
            }
            PLAYED_WAYS.fetch_add(1, Ordering::Relaxed);
        };
        let checker = PLAYED.checker().visitor(play).spawn_bfs().join();
        assert_eq!((PLAYED_WAYS.load(Ordering::Relaxed), checker.unique_state_count()), (27_676, 27_676));
    }
}
