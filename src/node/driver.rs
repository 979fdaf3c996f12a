//! The driver: the one thread of a node. It turns the protocol between sockets, outbox, commands and clock.
//!
//! The invariants: each turn does a bounded amount of each kind of work, so that none starves another; the thread sleeps
//! only after it has seen every queue empty since it said that it would; a panic or a dead socket ends the node with a
//! reason that every later call is told, and never the process.
//!
//! When to send what is the protocol's business, how the bytes leave is the transport's.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::bell::{Bell, WakeFor};
use super::cache::{CacheCore, Writer};
use super::clock::Clock;
use super::core::{self, Asking, Command, KeyChange, Life, News, NodeCore};
use super::fork::{self, Inherited};
use super::listener::{Event, EventKind, Listeners};
use super::lock::lock;
use super::lookup::{self, Lookup};
use super::network::Network;
use super::outbox::{Item, Outbox};
use super::tags::of_tag;
use super::token::SyncAsk;
use super::train::Train;
use super::upkeep::Upkeep;
use crate::config::{CacheMode, Config};
use crate::crypto::{self, Keyring};
use crate::error::{Error, Result};
use crate::hlc::Hlc;
use crate::ids::{CacheId, Origin, SessionId};
use crate::logging;
use crate::metrics::Metrics;
use crate::protocol::{self, KeyInfo, Links, MemberInfo, Protocol, Rephase, Setup, SyncTo, SyncWish, To, Via};
use crate::rng::Rng;
use crate::store::Outgoing;
use crate::time::{Deadline, Mono, Now};
use crate::transport::{Channel, Destination, Options, Udp};
use crate::update::{Codec, Update, UpdateKind};

/// Why a node that hears its own session ends.
const CLONED: &str = "another process speaks as this very node, so this one was copied while it ran (a virtual machine \
    restored from a snapshot, or cloned); close the node and open it again, here and there";

/// Commands obeyed in a turn.
const COMMANDS_PER_TURN: usize = 64;

/// Calls of the socket's receive in a turn; each is bounded itself.
const RECEIVES_PER_TURN: usize = 4;

/// Items of the outbox taken in a turn.
const ITEMS_PER_TURN: u64 = 256;

/// How long a node that closes waits for its last updates to be applied everywhere.
const FLUSH_MAX: Duration = Duration::from_millis(500);

/// Rounds of sending for the goodbye.
const GOODBYE_ROUNDS: usize = 4;

/// Members whose names are kept for events; the name of a writer that is forgotten is empty.
const NAMES_MAX: usize = 4_096;

/// A node that runs.
pub(super) struct Started {
    pub(super) core: Arc<NodeCore>,
    pub(super) thread: JoinHandle<()>,
    pub(super) sockets: Inherited,
}

/// Opens everything a node needs and starts its thread. What was opened is closed again if something fails.
pub(super) fn start(config: &Config, keyring: Option<Keyring>) -> Result<Started> {
    let settings = config.settings()?;
    logging::start(&settings)?;
    let session = SessionId(crypto::random()?);
    let seed = u64::from_le_bytes(crypto::random()?);
    let keys = keyring.map_or_else(|| Keyring::of(&settings.cluster, &settings.crypto_key), Ok)?;
    let udp = Udp::open(&Options {
        group: settings.multicast,
        interface: settings.interface,
        port: settings.unicast_port,
        needs_group: settings.members.is_empty(),
        hops: settings.multicast_hops,
        receive_buffer: settings.receive_buffer,
    })?;
    let sockets = Inherited::note(&udp.raw_fds());
    let (outbox, items) = Outbox::new();
    let (commands, obeyed) = core::commands();
    let core = Arc::new(NodeCore {
        config: config.clone(),
        name: settings.node_name.as_str().into(),
        generation: fork::generation(),
        local_addr: udp.local_addr(),
        hash_key: keys.hash_key(),
        keyring: Mutex::new(keys.clone()),
        hlc: Arc::new(Hlc::new(session.origin())),
        metrics: Arc::new(Metrics::default()),
        outbox,
        commands,
        bell: Bell::default(),
        waker: udp.waker(),
        listeners: Arc::new(Listeners::default()),
        caches: Default::default(),
        life: Life::default(),
        settings,
    });
    let driver = Driver::new(Arc::clone(&core), udp, keys, session, seed, items, obeyed);
    let thread = std::thread::Builder::new()
        .name("mccache".into())
        .spawn(move || driver.main())
        .map_err(|error| Error::Internal(format!("the system has no thread to give: {error}")))?;
    Ok(Started { core, thread, sockets })
}

/// The thread's state.
pub(super) struct Driver {
    pub(super) core: Arc<NodeCore>,
    pub(super) protocol: Protocol,
    /// Syncs that the protocol works on, by token.
    pub(super) syncs: BTreeMap<u64, SyncAsk>,
    /// Questions that the protocol works on, by its id.
    pub(super) asks: BTreeMap<u64, Asking>,
    /// Who waits for bars to be held everywhere, by the bar.
    bars: BTreeMap<u64, Sender<()>>,
    pub(super) upkeep: Upkeep,
    pub(super) udp: Udp,
    clock: Clock,
    items: Receiver<Item>,
    commands: Receiver<Command>,
    /// The caches that the protocol knows.
    caches: BTreeMap<CacheId, Arc<CacheCore>>,
    /// How many were ever opened.
    opened: u64,
    /// As many of them as were told to be filled.
    told_filled: Option<u64>,
    names: BTreeMap<Origin, Arc<str>>,
    tokens: u64,
    /// Items taken out of the outbox so far.
    handed: u64,
    train: Train,
    /// Chooses the datagrams that are dropped on purpose.
    losses: Rng,
    listening: bool,
    /// Whether anything was ever written here that others are to have.
    wrote: bool,
    closing: Option<Closing>,
    /// Names in `members` that were not found.
    unknown_names: Vec<(String, String)>,
    /// Ends with the driver.
    _lookup: Option<Lookup>,
}

/// The last half second.
#[derive(Debug)]
struct Closing {
    /// When waiting ends.
    until: Mono,
    /// The sync of all that was written, once everything was handed to the protocol.
    token: Option<u64>,
    synced: bool,
}

/// Whether the driver is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    GoOn,
    Stop,
}

impl Driver {
    fn new(
        core: Arc<NodeCore>,
        udp: Udp,
        keys: Keyring,
        session: SessionId,
        seed: u64,
        items: Receiver<Item>,
        commands: Receiver<Command>,
    ) -> Driver {
        let (asked, granted) = udp.receive_buffer();
        core.metrics.receive_buffer_asked.set(u64::try_from(asked).unwrap_or(u64::MAX));
        core.metrics.receive_buffer_granted.set(u64::try_from(granted).unwrap_or(u64::MAX));
        let lookup = lookup::start(&core);
        let settings = &core.settings;
        let setup = Setup {
            session,
            name: settings.node_name.clone(),
            keys,
            rephase: Rephase::default(),
            max_payload: settings.max_payload.min(udp.max_payload()),
            receive_buffer: granted,
            max_value: settings.cache.max_value.max(MAX_VALUE_ACCEPTED),
            audit_interval: settings.audit_interval,
            max_clock_skew: settings.max_clock_skew,
            links: Links {
                own: udp.local_addr(),
                multicast: udp.group().is_some(),
                contacts: lookup::addresses(&settings.members),
                awaits_contacts: lookup::is_needed(&settings.members),
            },
            seed,
        };
        let clock = Clock::start();
        let protocol = Protocol::new(setup, Arc::clone(&core.hlc), Arc::clone(&core.metrics), clock.now());
        Driver {
            core,
            protocol,
            syncs: BTreeMap::new(),
            asks: BTreeMap::new(),
            bars: BTreeMap::new(),
            upkeep: Upkeep::default(),
            udp,
            clock,
            items,
            commands,
            caches: BTreeMap::new(),
            opened: 0,
            told_filled: None,
            names: BTreeMap::new(),
            tokens: 0,
            handed: 0,
            train: Train::default(),
            losses: Rng::new(session.origin().0),
            listening: false,
            wrote: false,
            closing: None,
            unknown_names: Vec::new(),
            _lookup: lookup,
        }
    }

    /// Runs until the node is closed or fails, and leaves nobody waiting.
    fn main(mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.run()));
        let core = Arc::clone(&self.core);
        let failure = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panic) => Some(format!("the driver panicked: {}", panic_message(&*panic))),
        };
        if let Some(failure) = failure {
            tracing::error!(reason = failure, "the node failed: it is out of the cluster, and its calls answer so");
            core.life.fail(failure);
        }
        core.shut();
        core.listeners.close_all();
        // With the queues' ends go those who wait for an answer: they look for the reason, which is there by now.
        drop(self);
        core.life.end();
    }

    fn run(&mut self) -> Result<()> {
        while self.turn()? == Flow::GoOn {}
        self.say_goodbye();
        Ok(())
    }

    /// A bounded amount of everything; then sleeps if nothing is left.
    fn turn(&mut self) -> Result<Flow> {
        let mut more = self.obey(self.clock.now());
        more |= self.receive()?;
        let now = self.clock.now();
        if self.protocol.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.protocol.handle_timeout(now);
        }
        more |= self.send_items(now);
        more |= self.keep_up(now);
        more |= self.flush_for_close(now);
        more |= self.transmit();
        self.tell_events(now);
        if self.protocol.is_cloned() {
            return Err(Error::Internal(CLONED.to_owned()));
        }
        if self.is_flushed(now) {
            return Ok(Flow::Stop);
        }
        if !more {
            self.sleep()?;
        }
        Ok(Flow::GoOn)
    }

    /// Waits for a datagram, a timer or a caller.
    fn sleep(&mut self) -> Result<()> {
        let takes_updates = self.protocol.can_send();
        self.core.bell.fall_asleep(if takes_updates { WakeFor::Anything } else { WakeFor::Commands });
        let has_work = !self.commands.is_empty() || (takes_updates && !self.items.is_empty());
        let waited = if has_work { Ok(()) } else { self.udp.wait(Some(self.rest())) };
        self.core.bell.wake_up();
        waited
    }

    /// Time until the next timer.
    fn rest(&self) -> Duration {
        let closing = self.closing.as_ref().map(|closing| closing.until);
        let timers = [self.protocol.poll_timeout(), closing];
        let due = timers.into_iter().flatten().fold(self.upkeep.due(), Mono::min);
        due.saturating_since(self.clock.now().mono)
    }

    /// Obeys commands; true if some are left.
    fn obey(&mut self, now: Now) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            let Ok(command) = self.commands.try_recv() else { return false };
            match command {
                Command::OpenCache(cache) => self.open_cache(cache, now),
                // Whoever asked may have given up meanwhile.
                Command::Members(answer) => drop(answer.send(self.protocol.members(now))),
                Command::Ask(asking) => self.ask(asking, now),
                Command::Sync(ask) => {
                    let token = self.sync(&ask, now);
                    self.syncs.insert(token, ask);
                }
                Command::Keys(change, answer) => drop(answer.send(self.change_keys(change, now))),
                Command::Contacts(found) => {
                    self.protocol.set_contacts(&found.addresses, now.mono);
                    self.unknown_names = found.unknown;
                }
                Command::Network(answer) => {
                    self.watch_hops(now.mono);
                    drop(answer.send(Network::of(&self.udp, &self.protocol, &self.unknown_names)));
                }
                Command::RaiseBar(ask) => {
                    self.protocol.raise_bar(ask.bar, ask.cache, ask.keys, ask.limit, now);
                    self.bars.insert(ask.bar, ask.done);
                }
                Command::LiftBar(bar) => {
                    self.protocol.lift_bar(bar, now);
                    self.bars.remove(&bar);
                }
                Command::Close => self.begin_to_close(now),
            }
        }
        true
    }

    fn change_keys(&mut self, change: KeyChange, now: Now) -> Result<Vec<KeyInfo>> {
        match change {
            KeyChange::None => return Ok(self.protocol.keys()),
            KeyChange::Add(key) => self.protocol.add_key(&key)?,
            KeyChange::Primary(id) => self.protocol.set_primary_key(id, now)?,
            KeyChange::Remove(id) => self.protocol.remove_key(id, now)?,
        }
        lock(&self.core.keyring).clone_from(self.protocol.keyring());
        Ok(self.protocol.keys())
    }

    fn open_cache(&mut self, cache: Arc<CacheCore>, now: Now) {
        self.opened += 1;
        if cache.has_left() {
            return;
        }
        if self.caches.contains_key(&cache.id) {
            // An earlier cache of the name, whose close still waits in the outbox.
            self.protocol.close_cache(cache.id);
        }
        self.protocol.open_cache(cache.id, Arc::clone(&cache.store), now);
        self.caches.insert(cache.id, cache);
    }

    fn close_cache(&mut self, cache: &Arc<CacheCore>) {
        cache.note_left();
        if self.caches.get(&cache.id).is_some_and(|open| Arc::ptr_eq(open, cache)) {
            self.caches.remove(&cache.id);
            self.protocol.close_cache(cache.id);
        }
    }

    fn ask(&mut self, asking: Asking, now: Now) {
        let query = self.protocol.query(asking.what, asking.cache, now);
        // The queue was made for this question and is empty.
        let _room = asking.news.try_send(News::Asked(self.protocol.members(now)));
        self.asks.insert(query, asking);
    }

    /// Hands datagrams to the protocol; true if more may be waiting.
    fn receive(&mut self) -> Result<bool> {
        let Driver { core, protocol, udp, clock, losses, listening, .. } = self;
        let drop_percent = core.settings.drop_percent;
        for _ in 0..RECEIVES_PER_TURN {
            let now = clock.now();
            let more = udp.receive(&mut |from, channel, datagram| {
                if drop_percent > 0 && losses.percent(drop_percent) {
                    core.metrics.dropped_on_purpose.inc();
                    return;
                }
                // Looked at for each datagram: what a member sends after somebody here began to listen must be told.
                if *listening != core.listeners.any() {
                    *listening = !*listening;
                    protocol.set_listening(*listening);
                }
                let via = match channel {
                    Channel::Group => Via::Group,
                    Channel::Unicast => Via::Unicast,
                };
                protocol.handle_datagram(from, via, datagram, now);
            })?;
            if !more {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Hands what waits in the outbox to the protocol; true if more is waiting and welcome.
    fn send_items(&mut self, now: Now) -> bool {
        let before = self.handed;
        let more = loop {
            if self.handed - before >= ITEMS_PER_TURN {
                break true;
            }
            if !self.protocol.can_send() {
                break false;
            }
            let Ok(item) = self.items.try_recv() else { break false };
            self.core.outbox.note_taken(&item);
            self.send_item(item, now);
            self.handed += 1;
        };
        if self.handed > before {
            self.protocol.note_handed(self.handed);
        }
        more
    }

    fn send_item(&mut self, item: Item, now: Now) {
        self.wrote |= !matches!(item, Item::CloseCache { .. });
        match item {
            Item::Key { cache, key } => self.send_key(&cache, key.bytes(), now),
            Item::Forget { cache, key, version } => {
                let update = Update { version, ..bare(UpdateKind::Invalidate, &key) };
                self.protocol.send_update(cache.id, &update, now);
            }
            Item::Clear { cache, version } => {
                self.protocol.send_update(cache.id, &Update { version, ..bare(UpdateKind::Clear, b"") }, now);
            }
            Item::InvalidateTag { cache, key, version } => {
                self.protocol.send_update(cache.id, &of_tag(&key, version), now);
            }
            Item::CloseCache { cache } => self.close_cache(&cache),
        }
    }

    /// Sends the newest state of a key that was dirty when it was queued.
    fn send_key(&mut self, cache: &CacheCore, key: &[u8], now: Now) {
        match cache.store.take_dirty(key) {
            Some(Outgoing::Put { value, version, deadline }) => {
                let kind = if value.is_tagged() { UpdateKind::TaggedPut } else { UpdateKind::Put };
                let update = Update { kind, key, value: value.with_tags(), codec: value.codec(), version, deadline };
                self.protocol.send_update(cache.id, &update, now);
            }
            Some(Outgoing::Delete { version }) => {
                self.protocol.send_update(cache.id, &Update { version, ..bare(UpdateKind::Delete, key) }, now);
            }
            Some(Outgoing::Invalidate { version }) => {
                self.protocol.send_update(cache.id, &Update { version, ..bare(UpdateKind::Invalidate, key) }, now);
            }
            // Something newer speaks for it: a member's update, a clear, or the invalidation of what left unsent.
            Some(Outgoing::InvalidateTag { .. }) | None => self.core.metrics.updates_conflated.inc(),
        }
    }

    fn sync(&mut self, ask: &SyncAsk, now: Now) -> u64 {
        self.sync_to(ask.cache.id, ask.position, ask.to, now)
    }

    fn sync_to(&mut self, cache: CacheId, position: u64, to: SyncTo, now: Now) -> u64 {
        self.tokens += 1;
        self.protocol.sync(SyncWish { token: self.tokens, cache, position, to }, now);
        self.tokens
    }

    /// Sends what the protocol has to send; true if it has more.
    fn transmit(&mut self) -> bool {
        let Driver { core, protocol, udp, clock, train, .. } = self;
        let now = clock.now();
        // Sending changes nothing about who gets copies.
        let (copies, has_group) = (protocol.copies().to_vec(), udp.group().is_some());
        let mut send = |to, bytes: &[u8], segment: usize| {
            if let Err(error) = udp.send(to, bytes, segment) {
                let datagrams = bytes.len().div_ceil(segment.max(1));
                core.metrics.send_failures.add(u64::try_from(datagrams).unwrap_or(u64::MAX));
                tracing::debug!(?to, datagrams, %error, "datagrams not sent");
            }
        };
        train.run(
            |out| protocol.poll_transmit(now, out),
            |to, bytes, segment| match to {
                To::Member(address) => send(Destination::Unicast(address), bytes, segment),
                To::Group => {
                    if has_group {
                        send(Destination::Group, bytes, segment);
                    }
                    for &copy in &copies {
                        send(Destination::Unicast(copy), bytes, segment);
                    }
                }
            },
        )
    }

    fn begin_to_close(&mut self, now: Now) {
        if self.closing.is_none() {
            self.closing = Some(Closing { until: now.mono + FLUSH_MAX, token: None, synced: false });
        }
    }

    /// While closing: once everything written was handed to the protocol, asks to be told when it is applied everywhere.
    ///
    /// A node that wrote something and closes before it knows the members waits for them first: they have no other way to
    /// learn of it. One that wrote nothing waits for nobody.
    fn flush_for_close(&mut self, now: Now) -> bool {
        let asks = self.closing.as_ref().is_some_and(|closing| closing.token.is_none())
            && self.items.is_empty()
            && (!self.wrote || self.protocol.is_ready());
        if asks {
            let token = self.sync_to(CacheId(0), self.handed, SyncTo::All, now);
            if let Some(closing) = &mut self.closing {
                closing.token = Some(token);
                closing.synced |= !self.wrote;
            }
        }
        asks
    }

    /// While closing: whether there is nothing left to wait for.
    fn is_flushed(&self, now: Now) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.synced || closing.until <= now.mono)
    }

    fn say_goodbye(&mut self) {
        self.protocol.leave(self.clock.now());
        for _ in 0..GOODBYE_ROUNDS {
            if !self.transmit() {
                break;
            }
        }
    }

    /// Hands on what the protocol has to tell.
    fn tell_events(&mut self, now: Now) {
        while let Some(event) = self.protocol.poll_event() {
            self.tell(event, now);
        }
        if self.told_filled != Some(self.opened) && self.protocol.is_ready() {
            self.told_filled = Some(self.opened);
            self.core.life.set_ready(self.opened);
        }
    }

    fn tell(&mut self, event: protocol::Event, now: Now) {
        match event {
            // `tell_events` looks at the state itself, which also says of how many caches it holds.
            protocol::Event::Ready => {}
            protocol::Event::MemberJoined(member) => self.tell_member(EventKind::MemberJoined, &member),
            protocol::Event::MemberLeft(member) => self.tell_member(EventKind::MemberLeft, &member),
            protocol::Event::MemberFailed(member) => self.tell_member(EventKind::MemberFailed, &member),
            protocol::Event::Applied { cache, kind, key, version } => {
                // Of a tag the hash stands before its name.
                let start = if kind == UpdateKind::InvalidateTag { 8 } else { 0 };
                let (kind, key) = (kind_of(kind), key.get(start..).unwrap_or_default());
                let writer = Writer::Member(self.name_of(version.origin, now));
                if let Some(cache) = self.caches.get(&cache) {
                    self.core.publish(|| cache.event(kind, key, version, writer));
                }
            }
            protocol::Event::Evicted { cache, key, version } => {
                if let Some(cache) = self.caches.get(&cache) {
                    self.core.publish(|| cache.event(EventKind::Evict, &key, version, Writer::Unknown));
                }
            }
            protocol::Event::ModeDiffers { cache, member, theirs, ours } => {
                let cache = self.caches.get(&cache).map_or("", |cache| &cache.name);
                let (theirs, ours) = (mode_name(theirs), mode_name(ours));
                tracing::warn!(
                    cache, member = %member.name, theirs, ours,
                    "a member has this cache open in another mode: neither is filled from the other, and each drops what \
                     the other writes; open it with the same cache_mode everywhere"
                );
            }
            protocol::Event::Synced { token } => self.tell_synced(token),
            protocol::Event::Barred { bar } => self.tell_barred(bar),
            protocol::Event::Answer { query, member, body } => {
                if let Some(asking) = self.asks.get(&query) {
                    // An asker that gave up, or whose queue a misbehaving member filled, misses the answer.
                    let _missed = asking.news.try_send(News::Answer(member.session, body));
                }
            }
        }
    }

    fn tell_barred(&mut self, bar: u64) {
        if let Some(done) = self.bars.remove(&bar) {
            // Whoever waited may have given up meanwhile.
            let _missed = done.try_send(());
        }
    }

    fn tell_synced(&mut self, token: u64) {
        if let Some(closing) = self.closing.as_mut().filter(|closing| closing.token == Some(token)) {
            closing.synced = true;
        }
        if let Some(ask) = self.syncs.remove(&token) {
            // Whoever waited may have given up meanwhile.
            let _missed = ask.done.try_send(());
        }
    }

    fn tell_member(&mut self, kind: EventKind, member: &MemberInfo) {
        let name = self.learn_name(member);
        if kind != EventKind::MemberJoined {
            for asking in self.asks.values() {
                let _missed = asking.news.try_send(News::Gone(member.session));
            }
        }
        self.core.publish(|| Event::of_member(kind, name));
    }

    /// The name of who writes as `origin`; empty if it is not known.
    fn name_of(&mut self, origin: Origin, now: Now) -> Arc<str> {
        if let Some(name) = self.names.get(&origin) {
            return Arc::clone(name);
        }
        match self.protocol.members(now).iter().find(|member| member.origin == origin) {
            Some(member) => self.learn_name(member),
            None => "".into(),
        }
    }

    fn learn_name(&mut self, member: &MemberInfo) -> Arc<str> {
        if self.names.len() >= NAMES_MAX && !self.names.contains_key(&member.origin) {
            self.names.pop_first();
        }
        let name = Arc::<str>::from(member.name.as_str());
        self.names.insert(member.origin, Arc::clone(&name));
        name
    }
}

/// The longest value a member may send, whatever this node's own caches take: the protocol's default limit.
const MAX_VALUE_ACCEPTED: usize = 64 << 20;

/// An update without value, version and deadline.
fn bare(kind: UpdateKind, key: &[u8]) -> Update<'_> {
    Update { kind, key, value: b"", codec: Codec::RAW, version: crate::hlc::Version::ZERO, deadline: Deadline::NEVER }
}

/// What a member's update of a key, or of a whole cache, is to a listener.
fn kind_of(kind: UpdateKind) -> EventKind {
    match kind {
        UpdateKind::Put | UpdateKind::TaggedPut => EventKind::Put,
        UpdateKind::Delete => EventKind::Delete,
        UpdateKind::Clear => EventKind::Clear,
        UpdateKind::Invalidate => EventKind::Evict,
        UpdateKind::InvalidateTag => EventKind::TagInvalidated,
    }
}

/// How a mode is called in settings.
fn mode_name(mode: protocol::Mode) -> &'static str {
    match mode {
        protocol::Mode::REPLICATE => CacheMode::Replicate.name(),
        protocol::Mode::PARTIAL => CacheMode::Partial.name(),
        protocol::Mode::INVALIDATE => CacheMode::Invalidate.name(),
        _ => "unknown",
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
