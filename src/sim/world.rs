//! The world's loop: events in order of time, writes, faults, and the two phases.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::net::SocketAddr;
use std::time::Duration;

use siphasher::sip::SipHasher24;

use super::check::{Awaited, Oracle, Written, is_wild, key_bytes};
use super::loads::{Database, Load};
use super::network::{Multicast, Network};
use super::node::SimNode;
use super::transactions::{Next, Transaction};
use super::{Failure, Options, Report};
use crate::hlc::Version;
use crate::protocol::{SyncTo, To, Via};
use crate::rng::Rng;
use crate::time::{Mono, Now, WallMs};
use crate::update::UpdateKind;

/// Simulated wall clock at the start: some day in 2026.
const EPOCH_MS: u64 = 1_790_000_000_000;
/// After the faults end, the replicas must be equal within this time.
const CONVERGENCE_MAX: Duration = Duration::from_secs(12);
/// The same where multicast has black holes: to find one takes five seconds of being heard by unicast.
const CONVERGENCE_MAX_BLACK_HOLES: Duration = Duration::from_secs(20);
/// How far a clock that is not wild may be off, in milliseconds.
const CLOCK_SANE_MS: i64 = 100;
/// Where tombstones are forgotten, what is gone must be so for this long.
const GONE_FOR: Duration = Duration::from_secs(3);
/// How often the second phase looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Datagrams a node hands to the network in one turn before others get theirs.
const DATAGRAMS_PER_TURN: usize = 64;
/// One write in so many is waited for.
const WRITES_PER_SYNC: u64 = 20;
/// A node with more to send goes on after this long: what sending takes.
const TURN_TAKES: Duration = Duration::from_micros(50);
/// More events than this in one run is a storm.
const EVENTS_MAX: u64 = 30_000_000;

#[derive(Debug)]
pub(super) enum Happening {
    Deliver { to: usize, run: u64, from: SocketAddr, via: Via, datagram: Vec<u8> },
    Turn { place: usize, run: u64 },
    Write,
    Load,
    Loaded { place: usize, run: u64, load: Load },
    Transaction(Next),
    Cut,
    Heal,
    Restart,
    SetClock { place: usize },
}

pub(super) struct Running {
    pub(super) run: u64,
    pub(super) node: SimNode,
    next_turn: Option<Mono>,
}

/// A cluster, its network and its history.
pub(super) struct World<'a> {
    pub(super) options: &'a Options,
    pub(super) rng: Rng,
    pub(super) now: Mono,
    agenda: BTreeMap<(Mono, u64), Happening>,
    happened: u64,
    scheduled: u64,
    pub(super) places: Vec<Option<Running>>,
    runs: u64,
    crashed: BTreeSet<u64>,
    network: Network,
    /// How far each place's clock is ahead, in milliseconds.
    clocks: Vec<i64>,
    oracle: Oracle,
    pub(super) database: Database,
    pub(super) transactions: BTreeMap<u64, Transaction>,
    pub(super) transactions_complete: u64,
    trace: SipHasher24,
    sent: u64,
    lost: u64,
    syncs_ended: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(options: &'a Options) -> World<'a> {
        let nodes = options.nodes.clamp(2, 64);
        let mut world = World {
            options,
            rng: Rng::new(options.seed),
            now: Mono::default(),
            agenda: BTreeMap::new(),
            happened: 0,
            scheduled: 0,
            places: (0..nodes).map(|_| None).collect(),
            runs: 0,
            crashed: BTreeSet::new(),
            network: Network::new(&options.faults, nodes),
            clocks: vec![0; nodes],
            oracle: Oracle::default(),
            database: Database::new(options.partial),
            transactions: BTreeMap::new(),
            transactions_complete: 0,
            trace: SipHasher24::new(),
            sent: 0,
            lost: 0,
            syncs_ended: 0,
        };
        if let Multicast::BlackHoles { listed } = options.multicast {
            world.network.dig_black_holes(listed == 0, &mut world.rng);
        }
        if options.wild_clocks > 0 {
            world.set_clocks();
        }
        for place in 0..nodes {
            world.start(place);
        }
        world.plan();
        world
    }

    pub(super) fn run(mut self) -> Result<Report, Box<Failure>> {
        let result = self.run_phases();
        result.map_err(|what| Box::new(Failure { options: self.options.clone(), at: self.now.since_start(), what }))
    }

    fn run_phases(&mut self) -> Result<Report, String> {
        self.run_until(Mono::from_start(self.options.span))?;
        self.network.heal();
        self.network.set_loss(self.options.loss_when_quiet);
        let quiet = self.now;
        let most = match self.options.multicast {
            Multicast::BlackHoles { .. } => CONVERGENCE_MAX_BLACK_HOLES,
            Multicast::Works | Multicast::None { .. } => CONVERGENCE_MAX,
        };
        while !self.is_converged() {
            if self.now.saturating_since(quiet) > most {
                let why = self.check_final().err().unwrap_or_default();
                return Err(format!("not equal after {most:?} of quiet: {why}{}", self.describe()));
            }
            self.run_until(self.now + LOOK_EVERY)?;
        }
        let converged_after = self.now.saturating_since(quiet);
        self.check_final()?;
        if self.options.tombstone_life < Duration::MAX {
            // What is gone stays gone, also when all have forgotten why.
            self.run_until(self.now + GONE_FOR)?;
            self.check_final().map_err(|what| format!("after it was settled: {what}{}", self.describe()))?;
        }
        let entries = self.places.iter().flatten().next().map_or(0, |running| running.node.store.len());
        let (sent, lost, syncs) = (self.sent, self.lost, self.syncs_ended);
        let transactions = self.transactions_complete;
        Ok(Report { trace: self.trace.finish(), sent, lost, syncs, transactions, converged_after, entries })
    }

    /// Writes and faults of the first phase, laid out in advance.
    fn plan(&mut self) {
        let span = self.options.span;
        for _ in 0..self.options.writes {
            let at = self.rng.below_duration(span);
            self.schedule(Mono::from_start(at), Happening::Write);
            if self.options.invalidate {
                for _ in 0..2 {
                    let at = self.rng.below_duration(span);
                    self.schedule(Mono::from_start(at), Happening::Load);
                }
            }
        }
        if self.options.invalidate && self.options.transactions && !self.options.partial {
            self.plan_transactions();
        }
        if self.options.partitions {
            for _ in 0..1 + self.rng.below(3) {
                let cut = self.rng.below_duration(span);
                let heal = cut + self.rng.below_duration(span);
                self.schedule(Mono::from_start(cut), Happening::Cut);
                self.schedule(Mono::from_start(heal), Happening::Heal);
            }
        }
        if self.options.restarts {
            for _ in 0..1 + self.rng.below(4) {
                let at = self.rng.below_duration(span);
                self.schedule(Mono::from_start(at), Happening::Restart);
            }
        }
    }

    /// Clocks at the start, and when those of the last nodes are set anew.
    fn set_clocks(&mut self) {
        let sane = self.places.len() - self.options.wild_clocks;
        for place in 0..self.places.len() {
            if place < sane {
                let ahead = self.rng.below(2 * CLOCK_SANE_MS.unsigned_abs());
                self.clocks[place] = i64::try_from(ahead).unwrap_or(0) - CLOCK_SANE_MS;
            } else if self.rng.below(2) == 0 {
                self.set_clock(place);
            }
            for _ in 0..if place < sane { 0 } else { self.rng.below(3) } {
                let at = self.rng.below_duration(self.options.span);
                self.schedule(Mono::from_start(at), Happening::SetClock { place });
            }
        }
    }

    /// Sets the clock of a node wrong by 0.1 s up to three days, ahead or behind, or right.
    fn set_clock(&mut self, place: usize) {
        const OFF_MS: [i64; 8] = [0, 100, 600, 1_400, 2_000, 60_000, 3_600_000, 3 * 86_400_000];
        let off = OFF_MS[usize::try_from(self.rng.below(8)).unwrap_or(0)];
        self.clocks[place] = if self.rng.below(2) == 0 { off } else { -off };
    }

    pub(super) fn schedule(&mut self, at: Mono, happening: Happening) {
        self.scheduled += 1;
        self.agenda.insert((at, self.scheduled), happening);
    }

    fn run_until(&mut self, end: Mono) -> Result<(), String> {
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), happening) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happened += 1;
            if self.happened > EVENTS_MAX {
                return Err(format!("a storm: {EVENTS_MAX} events; {}", self.describe()));
            }
            self.happen(happening)?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Deliver { to, run, from, via, datagram } => {
                self.note_delivery(to, &datagram);
                let now = self.reading_of(to);
                let Some(running) = self.places[to].as_mut().filter(|running| running.run == run) else {
                    return Ok(());
                };
                running.node.deliver(from, via, datagram, now);
                self.turn(to);
                self.check_synced(to)?;
            }
            Happening::Turn { place, run } => {
                let now = self.reading_of(place);
                let Some(running) = self.places[place].as_mut().filter(|running| running.run == run) else {
                    return Ok(());
                };
                running.next_turn = None;
                running.node.timeout(now);
                self.turn(place);
                self.check_synced(place)?;
            }
            Happening::Write => self.write()?,
            Happening::Load => self.load()?,
            Happening::Transaction(next) => self.transact(next)?,
            Happening::Loaded { place, run, load } => {
                let now = self.reading_of(place);
                let Some(running) = self.places[place].as_mut().filter(|running| running.run == run) else {
                    return Ok(());
                };
                self.database.note_filled(&load);
                running.node.fill(&key_bytes(load.key), load.value(), (load.watch, load.version), now);
                self.database.check_read(run, &running.node, load.key, now.wall)?;
            }
            Happening::Cut => self.network.cut(&mut self.rng),
            Happening::Heal => self.network.heal(),
            Happening::Restart => self.restart(),
            Happening::SetClock { place } => self.set_clock(place),
        }
        Ok(())
    }

    pub(super) fn reading(&self) -> Now {
        let wall = u64::try_from(self.now.since_start().as_millis()).unwrap_or(0);
        Now { mono: self.now, wall: WallMs(EPOCH_MS + wall) }
    }

    /// The clocks of one node.
    pub(super) fn reading_of(&self, place: usize) -> Now {
        let now = self.reading();
        Now { wall: WallMs(now.wall.0.saturating_add_signed(self.clocks[place])), ..now }
    }

    fn note_delivery(&mut self, to: usize, datagram: &[u8]) {
        self.trace.write_u64(u64::try_from(self.now.since_start().as_nanos()).unwrap_or(u64::MAX));
        self.trace.write_u64(to as u64);
        self.trace.write(datagram);
    }

    fn start(&mut self, place: usize) {
        self.runs += 1;
        let now = self.reading_of(place);
        let node = SimNode::start(place, self.runs, self.options, &mut self.rng, now);
        self.places[place] = Some(Running { run: self.runs, node, next_turn: None });
        self.turn(place);
    }

    /// A node crashes or leaves, and a new run of it starts.
    fn restart(&mut self) {
        let place = self.pick_place();
        let now = self.reading_of(place);
        if let Some(mut running) = self.places[place].take() {
            if self.rng.below(2) == 0 {
                running.node.leave(now);
                let mut last = Vec::new();
                running.node.turn(now, DATAGRAMS_PER_TURN, |to, copies, datagram| last.push((to, copies, datagram)));
                let address = running.node.address;
                for (to, copies, datagram) in last {
                    self.send(place, address, (to, copies), &datagram);
                }
            }
            // Either way its unsent or unrepaired writes may be gone with it.
            self.crashed.insert(running.run);
        }
        self.start(place);
    }

    /// A node is gone at once, and a new run of it starts.
    pub(super) fn crash(&mut self, place: usize) {
        if let Some(running) = self.places[place].take() {
            self.crashed.insert(running.run);
        }
        self.start(place);
    }

    pub(super) fn pick_place(&mut self) -> usize {
        usize::try_from(self.rng.below(self.places.len() as u64)).unwrap_or(0)
    }

    /// One write, of the mix of the original's stress test but for its look-ups, and a read of the same key elsewhere.
    fn write(&mut self) -> Result<(), String> {
        let place = self.pick_place();
        let (now, truth) = (self.reading_of(place), self.reading().wall);
        let key = self.rng.below(self.options.keys);
        let dice = self.rng.below(1_000);
        let len = match self.rng.below(200) {
            0 => 1 + self.rng.below(200_000),
            1..=9 => self.rng.below(5_000),
            _ => self.rng.below(200),
        };
        let fill = self.rng.next_u64();
        let Some(running) = self.places[place].as_mut() else { return Ok(()) };
        let run = running.run;
        // Of three tags; most entries have none.
        let tag = if self.options.tags { u8::try_from(self.rng.below(12)).unwrap_or(0) } else { u8::MAX };
        if tag < 3 && dice > 985 {
            let version = running.node.invalidate_tag(tag, now);
            self.oracle.note_tag(version, tag, run, truth);
            self.turn(place);
            return self.check_reads(key, truth);
        }
        let version = if self.options.clears && dice < 3 {
            let version = running.node.write(UpdateKind::Clear, &[], &[], now);
            self.oracle.note_clear(version, run, truth);
            version
        } else if dice < 110 {
            let version = running.node.write(UpdateKind::Delete, &key_bytes(key), &[], now);
            self.note_write(version, Written { key, value: None, run }, truth);
            version
        } else {
            let value: Vec<u8> =
                (0..len).map(|i| fill.rotate_left(u32::try_from(i % 64).unwrap_or(0)).to_le_bytes()[0]).collect();
            let version = if tag < 3 {
                let version = running.node.put_tagged(&key_bytes(key), &value, tag, now);
                self.oracle.note_tagged(version, tag);
                version
            } else {
                running.node.write(UpdateKind::Put, &key_bytes(key), &value, now)
            };
            self.note_write(version, Written { key, value: Some(value), run }, truth);
            version
        };
        if !is_wild(version, truth) {
            self.sync_at_times(place, key, version, now);
        }
        self.turn(place);
        self.check_reads(key, truth)
    }

    fn note_write(&mut self, version: Version, written: Written, truth: WallMs) {
        if self.options.invalidate {
            self.database.write(written.key, written.value, written.run, version);
        } else {
            self.oracle.note_write(version, written, truth);
        }
    }

    pub(super) fn check_reads(&mut self, key: u64, truth: WallMs) -> Result<(), String> {
        for running in self.places.iter().flatten() {
            if self.options.invalidate {
                self.database.check_read(running.run, &running.node, key, truth)?;
                self.oracle.check_clears(running.run, &running.node, key, truth)?;
            } else {
                self.oracle.check_read(running.run, &running.node, key, truth)?;
            }
        }
        Ok(())
    }

    /// Waits for some of the writes, as an application may.
    fn sync_at_times(&mut self, place: usize, key: u64, version: Version, now: Now) {
        if self.rng.below(WRITES_PER_SYNC) > 0 {
            return;
        }
        let to = if self.rng.below(2) == 0 { SyncTo::All } else { SyncTo::Members(1) };
        let Some(running) = self.places[place].as_mut() else { return };
        let token = self.oracle.note_sync(Awaited { key, version, to });
        running.node.sync(token, to, now);
    }

    /// What the syncs promise that have just ended at `place`.
    fn check_synced(&mut self, place: usize) -> Result<(), String> {
        let now = self.reading();
        let Some(running) = self.places[place].as_mut() else { return Ok(()) };
        let (run, mut synced) = (running.run, running.node.take_synced());
        self.note_begun(place);
        synced.retain(|&token| !self.note_dropped(token));
        let Some(running) = self.places[place].as_mut().filter(|running| running.run == run) else { return Ok(()) };
        if synced.is_empty() {
            return Ok(());
        }
        let sessions = running.node.member_sessions(now);
        let members: Vec<(u64, &SimNode)> = self
            .places
            .iter()
            .flatten()
            .filter(|running| sessions.contains(&running.node.session))
            .map(|running| (running.run, &running.node))
            .collect();
        self.syncs_ended += synced.len() as u64;
        let may_miss = self.options.max_entries < usize::MAX;
        let checked = synced.iter().try_for_each(|&token| self.oracle.check_synced(token, &members, may_miss));
        checked.map_err(|what| format!("{what}; told at run {run}{}", self.describe()))
    }

    /// Somebody asks for a key, and loads it if it has to.
    fn load(&mut self) -> Result<(), String> {
        let (place, key) = (self.pick_place(), self.rng.below(self.options.keys));
        self.load_at(place, key)
    }

    pub(super) fn load_at(&mut self, place: usize, key: u64) -> Result<(), String> {
        let now = self.reading_of(place);
        let Some(running) = self.places[place].as_mut() else { return Ok(()) };
        let (run, leased) = (running.run, running.node.lease(&key_bytes(key), now));
        if let Some(lease) = leased {
            let load = self.database.load(key, lease);
            let takes = Database::takes(&mut self.rng);
            self.schedule(self.now + takes, Happening::Loaded { place, run, load });
        }
        self.check_reads(key, self.reading().wall)
    }

    /// Lets a node send, and schedules its next turn.
    pub(super) fn turn(&mut self, place: usize) {
        let now = self.reading_of(place);
        let Some(running) = self.places[place].as_mut() else { return };
        if running.node.has_disowned() {
            self.oracle.forget_seen(running.run);
        }
        let mut out = Vec::new();
        running.node.turn(now, DATAGRAMS_PER_TURN, |to, copies, datagram| out.push((to, copies, datagram)));
        let address = running.node.address;
        let more = out.len() == DATAGRAMS_PER_TURN;
        let due = if more { Some(self.now + TURN_TAKES) } else { running.node.next_timeout() };
        let due = due.map(|due| due.max(self.now));
        if let Some(due) = due.filter(|&due| running.next_turn.is_none_or(|next| due < next)) {
            running.next_turn = Some(due);
            let run = running.run;
            self.schedule(due, Happening::Turn { place, run });
        }
        for (to, copies, datagram) in out {
            self.send(place, address, (to, copies), &datagram);
        }
    }

    fn send(&mut self, place: usize, address: SocketAddr, (to, copies): (To, Vec<SocketAddr>), datagram: &[u8]) {
        self.sent += 1;
        for at in 0..self.places.len() {
            let Some(running) = &self.places[at] else { continue };
            let (there, run) = (running.node.address, running.run);
            let by_group = to == To::Group && self.carries_multicast(place, at);
            let by_unicast = to == To::Member(there) || copies.contains(&there);
            for via in [by_group.then_some(Via::Group), by_unicast.then_some(Via::Unicast)].into_iter().flatten() {
                // The sender hears its own multicast as a real socket does, and at once.
                let delays = if at == place {
                    vec![Duration::ZERO]
                } else {
                    self.network.carry(place, at, self.now, &mut self.rng)
                };
                self.lost += u64::from(delays.is_empty());
                for delay in delays {
                    let datagram = datagram.to_vec();
                    self.schedule(self.now + delay, Happening::Deliver { to: at, run, from: address, via, datagram });
                }
            }
        }
    }

    fn carries_multicast(&self, from: usize, to: usize) -> bool {
        !matches!(self.options.multicast, Multicast::None { .. })
            && (from == to || self.network.carries_multicast(from, to))
    }

    fn is_converged(&self) -> bool {
        let now = self.reading();
        let others = self.places.len() - 1;
        if self.options.invalidate {
            // What each holds is its own, but all know the same writes.
            let mut states = self.places.iter().flatten().map(|running| running.node.known());
            let first = states.next();
            return states.all(|state| Some(state) == first)
                && self.has_settled(others, now)
                && self.check_final().is_ok();
        }
        if self.options.max_entries < usize::MAX || self.options.tombstone_life < Duration::MAX {
            // Replicas that forget need not become equal, but what each holds must become the last write of its key.
            return self.has_settled(others, now) && self.check_final().is_ok();
        }
        let mut sums = self.places.iter().flatten().map(|running| running.node.store.checksum(now.wall));
        let first = sums.next();
        sums.all(|sum| Some(sum) == first) && self.has_settled(others, now)
    }

    fn has_settled(&self, others: usize, now: Now) -> bool {
        self.places.iter().flatten().all(|running| running.node.has_settled(others, now))
    }

    fn check_final(&self) -> Result<(), String> {
        let now = self.reading().wall;
        let nodes: Vec<(u64, &SimNode)> =
            self.places.iter().flatten().map(|running| (running.run, &running.node)).collect();
        let crashed = |run: u64| self.crashed.contains(&run);
        self.oracle.check_tags(&nodes, self.options.keys, &crashed, now)?;
        if self.options.invalidate {
            return self.database.check_final(&nodes, &crashed, now);
        }
        let may_miss = self.options.max_entries < usize::MAX;
        self.oracle.check_final(&nodes, self.options.keys, (&crashed, may_miss), now)
    }

    fn describe(&self) -> String {
        let now = self.reading();
        let nodes: Vec<String> = self
            .places
            .iter()
            .flatten()
            .map(|running| format!("\n  run {}: {}", running.run, running.node.describe(now)))
            .collect();
        nodes.concat()
    }
}
