//! The store against a naive one: vectors, and sums made from scratch.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Change { kind: UpdateKind, key: u8, len: u8, version: Version, ttl: Option<u8>, local: bool, condition: u8 },
    Get(u8),
    Touch { key: u8, version: Version, ttl: Option<u8> },
    Take { key: u8, version: Version },
    TakeDirty(u8),
    Expire { budget: u8 },
    Collect { before: u64 },
    Sleep(u8),
}

#[derive(Clone, Debug)]
struct Row {
    key: Vec<u8>,
    value: Vec<u8>,
    version: Version,
    deadline: Deadline,
    dirty: bool,
}

impl Row {
    fn weight(&self) -> usize {
        Store::weight_of(self.key.len(), self.value.len())
    }
}

type Gones = Vec<(Vec<u8>, Version, bool)>;

/// What an outcome says, comparable.
#[derive(Debug, PartialEq)]
struct Said {
    fate: Fate,
    dirty_key: Option<Vec<u8>>,
    had_value: bool,
    evicted: Gones,
}

impl Said {
    fn by(outcome: Outcome) -> Said {
        Said {
            fate: outcome.fate,
            dirty_key: outcome.dirty_key.map(|key| key.to_vec()),
            had_value: outcome.had_value,
            evicted: told(&outcome.evicted),
        }
    }

    fn no(fate: Fate, had_value: bool) -> Said {
        Said { fate, dirty_key: None, had_value, evicted: Vec::new() }
    }
}

fn told(gone: &[Gone]) -> Gones {
    gone.iter().map(|gone| (gone.key.to_vec(), gone.version, gone.dirty)).collect()
}

/// Most recently used first.
struct Model<'s> {
    store: &'s Store,
    limits: Limits,
    live: Vec<Row>,
    tombstones: Vec<Row>,
    floors: BTreeMap<usize, HlcTimestamp>,
    clear: Version,
    watched: BTreeMap<Vec<u8>, (Watch, bool)>,
    evictions: u64,
    /// The value that was read last, and what it was.
    kept: Option<(Value, Vec<u8>)>,
}

impl Model<'_> {
    fn raise(&mut self, key: &[u8], hlc: HlcTimestamp) {
        let floor = self.floors.entry(self.store.segment_of(key)).or_default();
        *floor = hlc.max(*floor);
    }

    fn forget(&mut self, at: usize) -> Row {
        let row = self.live.remove(at);
        self.raise(&row.key, row.version.hlc);
        row
    }

    fn position(&self, key: &[u8]) -> Option<usize> {
        self.live.iter().position(|row| row.key == key)
    }

    fn bytes(&self) -> usize {
        self.live.iter().map(Row::weight).sum()
    }

    /// The watch of a key, and whether something was heard since; begun anew if `fresh`.
    fn watch(&mut self, key: &[u8], fresh: bool) -> Watch {
        if fresh {
            if let Some((watch, _)) = self.watched.remove(key) {
                self.store.unwatch(key, watch);
            }
        }
        self.watched.entry(key.to_vec()).or_insert_with(|| (self.store.watch(key), false)).0
    }

    fn hear(&mut self, key: &[u8]) {
        if let Some((_, heard)) = self.watched.get_mut(key) {
            *heard = true;
        }
    }

    fn apply(&mut self, update: &Update<'_>, local: bool, condition: Precondition, now: WallMs) -> Said {
        if update.kind == UpdateKind::Clear {
            self.watched.values_mut().for_each(|(_, heard)| *heard = true);
            if update.version <= self.clear {
                return Said::no(Fate::Stale, false);
            }
            self.clear = update.version;
            self.live.retain(|row| row.version >= update.version);
            self.tombstones.retain(|row| row.version >= update.version);
            return Said::no(Fate::Applied, false);
        }
        let position = self.position(update.key);
        let row = position.map(|at| self.live[at].clone());
        let readable = row.as_ref().filter(|row| !row.deadline.has_passed(now));
        let had_value = readable.is_some();
        let holds = match condition {
            Precondition::Any => true,
            Precondition::Absent => !had_value,
            Precondition::Present => had_value,
            Precondition::Version(version) => readable.is_some_and(|row| row.version == version),
            Precondition::QuietSince(watch) => {
                self.watched.get(update.key).is_some_and(|(held, heard)| *held == watch && !heard)
            }
        };
        if !holds {
            return Said::no(Fate::Refused, had_value);
        }
        self.hear(update.key);
        let tombstone = self.tombstones.iter().position(|row| row.key == update.key);
        let known = row.as_ref().or(tombstone.map(|at| &self.tombstones[at]));
        let floor = self.floors.get(&self.store.segment_of(update.key)).copied().unwrap_or_default();
        let newer = known.map_or(update.version.hlc > floor, |row| update.version > row.version);
        if !newer || update.version <= self.clear {
            return Said::no(Fate::Stale, had_value);
        }
        let was_dirty = known.is_some_and(|row| row.dirty);
        let new = Row {
            key: update.key.to_vec(),
            value: update.value.to_vec(),
            version: update.version,
            deadline: update.deadline,
            dirty: local,
        };
        let too_heavy = update.kind == UpdateKind::Put && new.weight() > self.limits.max_bytes;
        // The old one is out from here on; what is evicted is evicted beside it.
        self.live.retain(|row| row.key != update.key);
        self.tombstones.retain(|row| row.key != update.key);
        if too_heavy || update.kind == UpdateKind::Invalidate {
            self.raise(update.key, update.version.hlc);
            return Said::no(if too_heavy { Fate::TooHeavy } else { Fate::Applied }, had_value);
        }
        let mut evicted = Vec::new();
        if update.kind == UpdateKind::Delete {
            self.tombstones.push(new);
        } else {
            while self.live.len() >= self.limits.max_entries || self.bytes() + new.weight() > self.limits.max_bytes {
                let row = self.forget(self.live.len() - 1);
                self.evictions += 1;
                evicted.push((row.key, row.version, row.dirty));
            }
            self.live.insert(0, new);
        }
        let dirty_key = (local && !was_dirty).then(|| update.key.to_vec());
        Said { fate: Fate::Applied, dirty_key, had_value, evicted }
    }

    fn get(&mut self, key: &[u8], now: WallMs) -> Option<Vec<u8>> {
        let at = self.position(key)?;
        if self.live[at].deadline.has_passed(now) {
            return None;
        }
        let row = self.live.remove(at);
        self.live.insert(0, row.clone());
        Some(row.value)
    }

    /// Takes out what the store says it took out, if it may.
    fn expire(&mut self, gone: &Gones, now: WallMs, budget: usize) {
        let due = |row: &&Row| row.deadline.has_passed(now);
        assert_eq!(gone.len(), self.live.iter().filter(due).count().min(budget));
        let mut latest = Deadline(WallMs(0));
        for (key, version, dirty) in gone {
            let at = self.position(key).expect("only what was there expires");
            let row = self.forget(at);
            assert!(row.deadline.has_passed(now) && row.deadline >= latest);
            assert_eq!((row.version, row.dirty), (*version, *dirty));
            latest = row.deadline;
        }
        assert!(self.live.iter().filter(due).all(|row| row.deadline >= latest));
    }

    fn collect(&mut self, before: HlcTimestamp) -> usize {
        let old = |row: &Row| row.version.hlc < before && !row.dirty;
        let (gone, kept): (Vec<_>, Vec<_>) = self.tombstones.drain(..).partition(old);
        self.tombstones = kept;
        for row in &gone {
            self.raise(&row.key, row.version.hlc);
        }
        gone.len()
    }

    fn take_dirty(&mut self, key: &[u8]) -> Option<(Version, Option<Vec<u8>>)> {
        let mut all = self.live.iter_mut().chain(&mut self.tombstones);
        let row = all.find(|row| row.key == key && row.dirty)?;
        row.dirty = false;
        let version = row.version;
        Some((version, self.position(key).map(|at| self.live[at].value.clone())))
    }

    fn check(&self, now: WallMs) {
        let store = self.store;
        assert!(self.kept.as_ref().is_none_or(|(value, bytes)| **value == **bytes));
        assert!(store.len() <= self.limits.max_entries && store.weight() <= self.limits.max_bytes);
        assert_eq!((store.len(), store.weight()), (self.live.len(), self.bytes()));
        assert_eq!(store.stats().tombstones, count(self.tombstones.len()));
        assert_eq!((store.clear_version(), store.stats().evictions), (self.clear, self.evictions));
        let print = |row: &Row, dead| Hashes::fingerprint(store.hashes.key(&row.key), row.version, dead);
        let live = self.live.iter().map(|row| print(row, false));
        let digest = live.chain(self.tombstones.iter().map(|row| print(row, true))).fold(0, |all, one| all ^ one);
        assert_eq!(store.digest_all(), digest);
        for row in &self.live {
            let entry = store.peek(&row.key, now);
            assert_eq!(entry.is_some(), !row.deadline.has_passed(now));
            if let Some(entry) = entry {
                assert_eq!((&*entry.value, entry.version, entry.deadline), (&*row.value, row.version, row.deadline));
            }
        }
        let content = |row: &Row| store.hashes.content(&row.key, Codec::RAW, &row.value);
        let readable = || self.live.iter().filter(|row| !row.deadline.has_passed(now));
        let sum = readable().map(content).fold(0, u64::wrapping_add);
        assert_eq!(store.checksum(now), (sum, count(readable().count())));
    }
}

fn version() -> impl Strategy<Value = Version> {
    (1..300_u64, 0..3_u64).prop_map(|(hlc, origin)| Version { hlc: HlcTimestamp(hlc), origin: Origin(origin) })
}

fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![
        16 => Just(UpdateKind::Put),
        4 => Just(UpdateKind::Delete),
        2 => Just(UpdateKind::Invalidate),
        1 => Just(UpdateKind::Clear),
    ];
    let ttl = || proptest::option::weighted(0.4, 0..40_u8);
    let change = (kind, 0..10_u8, 0..60_u8, version(), ttl(), any::<bool>(), 0..12_u8).prop_map(
        |(kind, key, len, version, ttl, local, condition)| Op::Change {
            kind,
            key,
            len,
            version,
            ttl,
            local,
            condition,
        },
    );
    prop_oneof![
        12 => change,
        5 => (0..10_u8).prop_map(Op::Get),
        1 => (0..10_u8, version(), ttl()).prop_map(|(key, version, ttl)| Op::Touch { key, version, ttl }),
        1 => (0..10_u8, version()).prop_map(|(key, version)| Op::Take { key, version }),
        2 => (0..10_u8).prop_map(Op::TakeDirty),
        1 => (0..4_u8).prop_map(|budget| Op::Expire { budget }),
        1 => (1..300_u64).prop_map(|before| Op::Collect { before }),
        2 => (0..20_u8).prop_map(Op::Sleep),
    ]
}

/// Applies `op` to both and compares what they say.
fn step(model: &mut Model<'_>, op: &Op, now: &mut WallMs) {
    let store = model.store;
    let deadline = |ttl: Option<u8>| ttl.map_or(Deadline::NEVER, |ttl| Deadline(WallMs(now.0 + u64::from(ttl))));
    match *op {
        Op::Change { kind, key, len, version, ttl, local, condition } => {
            let key = if kind == UpdateKind::Clear { vec![] } else { vec![key] };
            // Half of them of one length: such a value may be written over the one it replaces.
            let len = if len < 30 { 9 } else { usize::from(len) };
            let fill = u8::try_from(version.hlc.0 % 256).unwrap_or_default();
            let value = vec![fill; if kind == UpdateKind::Put { len } else { 0 }];
            let update = Update { deadline: deadline(ttl), ..update(kind, &key, &value, version) };
            let held = store.peek(&key, *now).map(|entry| entry.version);
            let condition = match condition {
                0 => Precondition::Absent,
                1 => Precondition::Present,
                2 => Precondition::Version(held.unwrap_or(version)),
                3 => Precondition::Version(version),
                4 => Precondition::QuietSince(model.watch(&key, true)),
                5 | 6 => Precondition::QuietSince(model.watch(&key, false)),
                _ => Precondition::Any,
            };
            let source = if local { Source::Local } else { Source::Remote };
            let said = Said::by(store.apply(&update, source, condition, *now));
            assert_eq!(said, model.apply(&update, local, condition, *now));
        }
        Op::Get(key) => {
            let value = store.get(&[key], *now);
            let bytes = value.as_ref().map(|value| value.to_vec());
            assert_eq!(bytes, model.get(&[key], *now));
            model.kept = value.zip(bytes);
        }
        Op::Touch { key, version, ttl } => {
            let key = [key];
            let value = store.peek(&key, *now).map(|entry| entry.value.to_vec()).unwrap_or_default();
            let said = Said::by(store.touch(&key, deadline(ttl), version, *now));
            let update = Update { deadline: deadline(ttl), ..update(UpdateKind::Put, &key, &value, version) };
            assert_eq!(said, model.apply(&update, true, Precondition::Present, *now));
        }
        Op::Take { key, version } => {
            let held = store.peek(&[key], *now).map(|entry| entry.value.to_vec());
            let (outcome, value) = store.take(&[key], version, *now);
            let applied = outcome.fate == Fate::Applied;
            assert_eq!(value.map(|value| value.to_vec()), held.filter(|_| applied));
            let said = model.apply(&update(UpdateKind::Delete, &[key], b"", version), true, Precondition::Any, *now);
            assert_eq!(Said::by(outcome), said);
        }
        Op::TakeDirty(key) => {
            let taken = store.take_dirty(&[key]).map(|outgoing| match outgoing {
                Outgoing::Put { value, version, .. } => (version, Some(value.to_vec())),
                Outgoing::Delete { version }
                | Outgoing::Invalidate { version }
                | Outgoing::InvalidateTag { version } => (version, None),
            });
            assert_eq!(taken, model.take_dirty(&[key]));
        }
        Op::Expire { budget } => {
            let gone = told(&store.expire(*now, usize::from(budget)));
            model.expire(&gone, *now, usize::from(budget));
        }
        Op::Collect { before } => {
            let before = HlcTimestamp(before);
            assert_eq!(store.collect_tombstones(before), model.collect(before));
        }
        Op::Sleep(ms) => now.0 += u64::from(ms),
    }
}

proptest! {
    #[test]
    fn one_shard_does_what_the_model_does(
        max_entries in 1..7_usize,
        weights in 1..5_usize,
        extra in 0..60_usize,
        ops in proptest::collection::vec(op(), 1..250),
    ) {
        let limits = Limits { max_entries, max_bytes: weights * Store::weight_of(1, 0) + extra };
        let store = replicated(limits).evicting(CachePolicy::Lru);
        let mut now = WallMs(1_000);
        let mut model = Model {
            store: &store,
            limits,
            live: Vec::new(),
            tombstones: Vec::new(),
            floors: BTreeMap::new(),
            clear: Version::ZERO,
            watched: BTreeMap::new(),
            evictions: 0,
            kept: None,
        };
        for op in &ops {
            step(&mut model, op, &mut now);
            model.check(now);
        }
    }

    #[test]
    fn any_order_of_the_same_updates_gives_the_same_digests(
        updates in proptest::collection::vec((0..4_u8, 0..12_u8, 0..4_u8), 1..80),
        order in any::<u64>(),
    ) {
        // Versions are unique, as writers promise; one clear in sixteen deeds or so.
        let updates: Vec<_> = (1..).zip(&updates).map(|(hlc, (kind, key, value))| {
            let kind = match (kind, key) {
                (0, 0..3) => UpdateKind::Clear,
                (0 | 1, _) => UpdateKind::Delete,
                _ => UpdateKind::Put,
            };
            (kind, [*key], [*value], v(hlc))
        }).collect();
        let mut shuffled: Vec<_> = (0..).zip(&updates).collect();
        shuffled.sort_by_key(|(n, _): &(u64, _)| (n + 1).wrapping_mul(order | 1));
        let stores = [small(1_000), replicated(UNLIMITED)];
        let apply = |store: &Store, (kind, key, value, version): &(UpdateKind, [u8; 1], [u8; 1], Version)| {
            let (key, value) = match kind {
                UpdateKind::Put => (key.as_slice(), value.as_slice()),
                UpdateKind::Clear => (b"".as_slice(), b"".as_slice()),
                _ => (key.as_slice(), b"".as_slice()),
            };
            remote(store, &update(*kind, key, value, *version));
        };
        updates.iter().for_each(|update| apply(&stores[0], update));
        shuffled.iter().for_each(|(_, update)| apply(&stores[1], update));
        for segment in 0..SEGMENTS {
            prop_assert_eq!(stores[0].digest(segment), stores[1].digest(segment));
        }
        prop_assert_eq!(stores[0].checksum(EARLY), stores[1].checksum(EARLY));
        prop_assert_eq!(stores[0].clear_version(), stores[1].clear_version());
    }
}
