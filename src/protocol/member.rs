//! What is known of the others: members, and sessions that still have to prove that they live.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::allowance::Allowance;
use super::clocks::MemberClock;
use super::keys::PeerKeys;
use super::reach::Ways;
use super::reassembly::Reassembly;
use super::receivers::Receiver;
use super::window::{ReplayWindow, Window};
use crate::hlc::HlcTimestamp;
use crate::ids::{CacheId, Origin, Seq, SessionId};
use crate::time::{Mono, WallMs};
use crate::wire::{Flags, Hello};

/// Bytes of receive buffer that one datagram of 1,400 bytes takes: the kernel counts the whole buffer, not the payload
/// (measured on Linux 6: 2,305).
const TRUESIZE: u64 = 2_305;
/// Of a receiver's buffer this share is left to others and to bursts.
const BUFFER_SHARE: u64 = 2;
/// A sender counts as active for this long after its last reliable datagram.
const ACTIVE: Duration = Duration::from_millis(100);

/// Datagrams that each of `senders` may have under way to a receive buffer of so many bytes.
pub(super) fn datagrams_held(receive_buffer: u64, senders: u64) -> u64 {
    receive_buffer / TRUESIZE / BUFFER_SHARE / senders.max(1)
}

/// How a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberState {
    /// Admitted; it does not yet hold what the cluster holds.
    Joining,
    /// Heard lately, in step.
    Alive,
    /// Not heard for two seconds; it is being probed.
    Suspect,
    /// It receives too slowly; the senders no longer wait for it.
    Lagging,
    /// Not heard for five seconds. It is forgotten; if it is heard again, it is admitted anew.
    Down,
    /// It said goodbye.
    Left,
}

/// What is known of another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its session.
    pub session: SessionId,
    /// Its session as the writer's part of versions.
    pub origin: Origin,
    /// Its name, for people; at most 64 bytes.
    pub name: String,
    /// Where its datagrams come from.
    pub address: SocketAddr,
    /// How it stands.
    pub state: MemberState,
    /// The version of the software it runs.
    pub version: String,
    /// Time since it was last heard.
    pub heard_ago: Duration,
    /// Round trip when it was last measured; zero before.
    pub round_trip: Duration,
    /// Whether its multicast is heard here; none: not known yet.
    pub multicast_heard: Option<bool>,
    /// Whether it hears this node's multicast, as far as it has said.
    pub hears_multicast: Option<bool>,
    /// Whether it gets a copy by unicast of what is sent to all.
    pub copied: bool,
    /// Its wall clock less this host's, in milliseconds. The way of the message that told it makes it look behind.
    pub clock_offset_ms: Option<i64>,
}

/// A member.
pub(super) struct Member {
    pub(super) session: SessionId,
    pub(super) address: SocketAddr,
    pub(super) hello: Hello,
    pub(super) keys: PeerKeys,
    /// Its reliable stream as received here.
    pub(super) window: Window,
    pub(super) replay: ReplayWindow,
    pub(super) reassembly: Reassembly,
    /// What its questions may cost.
    pub(super) allowance: Allowance,
    pub(super) heard: Mono,
    pub(super) sent_data: Option<Mono>,
    pub(super) round_trip: Duration,
    /// It may be asked for state.
    pub(super) ready: bool,
    pub(super) suspect: bool,
    pub(super) lagging: bool,
    /// How it keeps up with this node's stream.
    pub(super) receiver: Receiver,
    /// How far it has this node's stream.
    pub(super) acked: Seq,
    /// How far this node's stream had come when it was admitted. `acked` begins there without its word, so as not to close
    /// the window: what it says of being in step counts from when it says that it has come as far.
    pub(super) owed: Seq,
    /// It says that it is in step with this node (see [`Flags::IN_STEP`]).
    pub(super) in_step: bool,
    /// When it is to be told how far its stream has come.
    pub(super) status_due: Option<Mono>,
    /// It asked for a status while something was missing: it gets another one when nothing is.
    pub(super) owes_status: bool,
    /// Caches that have not been compared with it since it was admitted, or since something of it was lost.
    pub(super) unreconciled: BTreeSet<CacheId>,
    /// What may have been missed of what it knew: of each cache, from which version on (see `doubt.rs`).
    pub(super) doubts: BTreeMap<CacheId, HlcTimestamp>,
    /// Digests of its caches, as last told.
    pub(super) digests: BTreeMap<CacheId, u64>,
    /// Caches that it has open in another mode than this node.
    pub(super) other_modes: BTreeSet<CacheId>,
    /// It has sent what this version does not know.
    pub(super) is_strange: bool,
    /// Whether it has told of all its caches at least once.
    pub(super) told: bool,
    /// The newest control datagram that told of its condition: an older one that comes late does not.
    pub(super) told_by: Seq,
    /// The probe under way: its nonce and when it was sent.
    pub(super) probe: Option<(u64, Mono)>,
    pub(super) ways: Ways,
    /// The newest control datagram that told whether it hears this node's multicast.
    pub(super) hearing_by: Seq,
    pub(super) clock: Option<MemberClock>,
    /// It has been told of that its clock is off.
    pub(super) clock_told: bool,
    /// Its hybrid clock, as last told.
    pub(super) hlc: HlcTimestamp,
}

impl Member {
    pub(super) fn new(pending: Pending, session: SessionId, start: Seq, now: Mono) -> Member {
        Member {
            session,
            address: pending.address,
            hello: pending.hello,
            keys: pending.keys,
            window: Window::starting_after(start),
            replay: pending.replay,
            reassembly: Reassembly::default(),
            allowance: Allowance::of_member(now),
            heard: now,
            sent_data: None,
            round_trip: Duration::ZERO,
            ready: false,
            suspect: false,
            lagging: false,
            receiver: Receiver::new(now),
            acked: 0,
            owed: 0,
            in_step: false,
            status_due: None,
            owes_status: false,
            unreconciled: BTreeSet::new(),
            doubts: BTreeMap::new(),
            digests: BTreeMap::new(),
            other_modes: BTreeSet::new(),
            is_strange: false,
            told: false,
            told_by: 0,
            probe: None,
            ways: pending.ways,
            hearing_by: 0,
            clock: None,
            clock_told: false,
            hlc: HlcTimestamp::ZERO,
        }
    }

    /// Datagrams that may be under way to it, when `senders` share its buffer.
    pub(super) fn credit(&self, senders: u64) -> u64 {
        datagrams_held(self.hello.receive_buffer, senders)
    }

    /// Whether it has sent updates lately.
    pub(super) fn is_active(&self, now: Mono) -> bool {
        self.sent_data.is_some_and(|sent| now.saturating_since(sent) < ACTIVE)
    }

    pub(super) fn state(&self) -> MemberState {
        match self {
            Member { suspect: true, .. } => MemberState::Suspect,
            Member { lagging: true, .. } => MemberState::Lagging,
            Member { ready: false, .. } => MemberState::Joining,
            _ => MemberState::Alive,
        }
    }

    /// This node's condition as told to this member alone.
    pub(super) fn flags_for(&self, common: Flags) -> Flags {
        let in_step = if self.unreconciled.is_empty() { Flags::IN_STEP } else { 0 };
        let hears = if self.ways.is_heard() { Flags::HEARS_GROUP } else { 0 };
        Flags(common.0 | in_step | hears)
    }

    pub(super) fn boot(&self) -> HlcTimestamp {
        HlcTimestamp(self.hello.boot_hlc)
    }

    pub(super) fn info(&self, state: MemberState, host: WallMs, now: Mono) -> MemberInfo {
        let (multicast_heard, hears_multicast, copied) = self.ways.facts();
        MemberInfo {
            session: self.session,
            origin: self.session.origin(),
            name: self.hello.name.clone(),
            address: self.address,
            state,
            version: self.hello.version.clone(),
            heard_ago: now.saturating_since(self.heard),
            round_trip: self.round_trip,
            multicast_heard,
            hears_multicast,
            copied,
            clock_offset_ms: self.clock_offset(host, now),
        }
    }
}

/// A session that was heard and has not yet answered a probe. It has no state, credit or say.
pub(super) struct Pending {
    pub(super) address: SocketAddr,
    pub(super) keys: PeerKeys,
    pub(super) replay: ReplayWindow,
    pub(super) hello: Hello,
    pub(super) nonce: u64,
    pub(super) probed: Option<Mono>,
    /// Probes sent since it was last heard.
    pub(super) unheard_probes: u32,
    pub(super) heard: Mono,
    /// The lowest number of its stream seen while pending: asked for again once it is admitted.
    pub(super) first_data: Option<Seq>,
    pub(super) ways: Ways,
}
