//! Whose clock is right: what the members' clocks show, and what this node makes of it.
//!
//! Each heartbeat tells its sender's wall clock. The *common clock* is the median of all that are known, this node's
//! included. A node whose own clock is further from it than `max_clock_skew` goes by the common one, in versions and
//! deadlines, and says so; that is how a clock that is wrong is kept from everybody else. What is stamped by one before it
//! is found out (a clock that was set while its node ran, a node that started alone) is *wild*: further ahead of the
//! common clock than `max_clock_skew`, and of what most hybrid clocks have reached. A wild stamp is not followed. An update
//! that bears one is not applied: it is taken for the news that its key has changed, so what is held of the key is dropped.
//! Its writer, when it has found out, takes back what it stamped so: [`Store::disown`](crate::store::Store::disown).
//!
//! Of two halves that disagree neither is wrong: the later clock is followed, and nobody gives up his own.

use std::time::Duration;

use super::Protocol;
use super::member::{Member, MemberInfo};
use crate::hlc::{HlcTimestamp, Version};
use crate::ids::{CacheId, Origin, SessionId};
use crate::store::{Outgoing, Store};
use crate::time::{Deadline, Mono, Now, WallMs};
use crate::update::{Codec, Update, UpdateKind};
use crate::wire::Frame;

/// What was seen of the clocks must have been so for this long before this node acts on it: two heartbeats and a half, so
/// that a node that stood still does not judge by what had been waiting for it.
const CONFIRMED: Duration = Duration::from_millis(1_250);
/// The message that was on its way for the shortest time tells most of a clock. It is heeded for so long.
const SAMPLE_KEPT: Duration = Duration::from_secs(3);
/// Past this nobody is followed: half of what a version can show, in the year 6429.
const LAST: HlcTimestamp = HlcTimestamp(1 << 63);
/// Changes of the correction that are not worth one, as a part of `max_clock_skew`.
const NOTCH: i64 = 8;

/// What is known of a member's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemberClock {
    /// Its wall clock less this node's monotonic one, in milliseconds; so a step of the own wall clock shows at once.
    theirs: i64,
    at: Mono,
}

/// This node's opinion of the clocks.
#[derive(Debug)]
pub(super) struct Clocks {
    skew_max: i64,
    /// The host's wall clock, as last told.
    host: WallMs,
    /// What is added to it, in milliseconds: 0 unless it is wrong.
    correction: i64,
    /// The common clock less the host's; of two halves, that of the later one.
    leading: i64,
    /// What the hybrid clocks of half of the members have reached.
    reached: HlcTimestamp,
    /// Everything above is wild.
    limit: HlcTimestamp,
    /// Since when the correction is to be another one.
    off_since: Option<Mono>,
    /// Since when this node's own hybrid clock is wild.
    wild_since: Option<Mono>,
}

impl Clocks {
    pub(super) fn new(skew_max: Duration, now: Now) -> Clocks {
        let mut clocks = Clocks {
            skew_max: i64::try_from(skew_max.as_millis()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4),
            host: now.wall,
            correction: 0,
            leading: 0,
            reached: HlcTimestamp::ZERO,
            limit: LAST,
            off_since: None,
            wild_since: None,
        };
        clocks.read(now);
        clocks
    }

    /// The host's wall clock, as last told.
    pub(super) fn host(&self) -> WallMs {
        self.host
    }

    /// Everything above is wild.
    pub(super) fn limit(&self) -> HlcTimestamp {
        self.limit
    }

    /// Notes the time, and gives the time that this node goes by.
    pub(super) fn read(&mut self, now: Now) -> Now {
        self.host = now.wall;
        let ahead = self.leading.max(self.correction).saturating_add(self.skew_max);
        let by_wall = HlcTimestamp::at(WallMs(now.wall.0.saturating_add_signed(ahead)));
        let by_others = HlcTimestamp::at(WallMs(self.reached.wall().0.saturating_add_signed(self.skew_max)));
        self.limit = by_wall.max(by_others).min(LAST);
        Now { wall: WallMs(now.wall.0.saturating_add_signed(self.correction)), ..now }
    }

    /// What is to be added to the host's clock, when those of the members are so far ahead of it (sorted, its own 0 among
    /// them).
    fn wanted(&self, offsets: &[i64]) -> i64 {
        let middle = |at: usize| offsets.get(at).copied().unwrap_or(0);
        let (low, high) = (middle(offsets.len().saturating_sub(1) / 2), middle(offsets.len() / 2));
        let common = self.correction.clamp(low, high);
        // What is set right once is left alone only when it is right by far.
        let bound = if self.correction == 0 { self.skew_max } else { self.skew_max / 2 };
        match common.saturating_abs() > bound {
            true if (common - self.correction).saturating_abs() > self.skew_max / NOTCH => common,
            true => self.correction,
            false => 0,
        }
    }
}

/// Whether `is_so` has been so since `since` for long enough.
fn confirmed(since: &mut Option<Mono>, is_so: bool, now: Mono) -> bool {
    *since = is_so.then(|| since.unwrap_or(now));
    since.is_some_and(|since| now.saturating_since(since) >= CONFIRMED)
}

impl Member {
    /// How far its clock is ahead of the host's, in milliseconds.
    pub(super) fn clock_offset(&self, host: WallMs, now: Mono) -> Option<i64> {
        let theirs = self.clock?.theirs;
        Some(theirs.saturating_add(mono_ms(now)).saturating_sub(signed(host.0)))
    }
}

impl Protocol {
    /// Notes the time, and gives the time that this node goes by.
    pub(super) fn read_clock(&mut self, now: Now) -> Now {
        let before = self.clocks.host;
        let passed = now.mono.saturating_since(self.clock_read);
        self.clocks.host = now.wall;
        self.clock_read = now.mono;
        let expected = before.after(passed);
        let step = signed(now.wall.0).saturating_sub(signed(expected.0)).saturating_abs();
        if step > self.clocks.skew_max / NOTCH {
            // The host's clock was set: where the others' stand beside it is another matter now.
            self.judge_clocks(now);
        }
        let common = self.clocks.read(now);
        self.wall = common.wall;
        common
    }

    /// A member told its wall clock.
    pub(super) fn note_clock(&mut self, session: SessionId, wall_ms: u64, now: Mono) {
        let Some(member) = self.members.get_mut(&session) else { return };
        let theirs = signed(wall_ms).saturating_sub(mono_ms(now));
        let is_better = |known: MemberClock| theirs >= known.theirs || now.saturating_since(known.at) >= SAMPLE_KEPT;
        let is_first = member.clock.is_none();
        if member.clock.is_none_or(is_better) {
            member.clock = Some(MemberClock { theirs, at: now });
        }
        if is_first {
            self.judge_clocks(Now { mono: now, wall: self.clocks.host });
        }
    }

    /// What tells others the host's clock.
    pub(super) fn clock_frame(&self) -> Frame<'static> {
        Frame::Clock { wall_ms: self.clocks.host.0 }
    }

    /// What is known of a member.
    pub(super) fn info_of(&self, member: &Member, now: Mono) -> MemberInfo {
        member.info(member.state(), self.clocks.host, now)
    }

    /// Whether a reading of a hybrid clock is too far ahead to be followed.
    pub(super) fn is_wild(&self, hlc: HlcTimestamp) -> bool {
        hlc > self.clocks.limit
    }

    /// Looks at what the clocks show by now.
    fn judge_clocks(&mut self, now: Now) {
        let known = self.members.values().filter_map(|m| Some((m.clock_offset(now.wall, now.mono)?, m.hlc)));
        let (mut offsets, mut readings): (Vec<i64>, Vec<HlcTimestamp>) = known.unzip();
        offsets.push(0);
        readings.push(self.hlc.latest());
        offsets.sort_unstable();
        readings.sort_unstable();
        let half = offsets.len() / 2;
        self.clocks.leading = offsets.get(half).copied().unwrap_or(0);
        self.clocks.reached = readings.get(half).copied().unwrap_or_default();
        self.clocks.read(now);
        let wanted = self.clocks.wanted(&offsets);
        if confirmed(&mut self.clocks.off_since, wanted != self.clocks.correction, now.mono) {
            let was_ahead = wanted < self.clocks.correction;
            self.correct_clock(wanted);
            if was_ahead {
                self.come_to_reason(now);
            }
        }
        let is_wild = self.is_wild(self.hlc.latest());
        if confirmed(&mut self.clocks.wild_since, is_wild, now.mono) {
            self.clocks.wild_since = None;
            self.come_to_reason(now);
        }
    }

    /// Clocks, a few times a second.
    pub(super) fn tend_clocks(&mut self, mono: Mono) {
        let now = Now { mono, wall: self.clocks.host };
        self.judge_clocks(now);
        let (host, correction, skew_max) = (self.clocks.host, self.clocks.correction, self.clocks.skew_max);
        for member in self.members.values_mut() {
            let Some(offset) = member.clock_offset(host, mono) else { continue };
            let off = offset.saturating_sub(correction);
            let is_off = off.saturating_abs() > skew_max;
            if is_off && !member.clock_told {
                tracing::warn!(
                    member = %member.hello.name,
                    address = %member.address,
                    offset_ms = off,
                    "a member's clock is off by more than max_clock_skew: set it right there (`timedatectl set-ntp true`)"
                );
                self.metrics.clocks_off.inc();
            }
            member.clock_told = is_off;
        }
    }

    fn correct_clock(&mut self, correction: i64) {
        self.clocks.off_since = None;
        self.clocks.correction = correction;
        self.hlc.correct(correction);
        self.clocks.read(Now { mono: self.clock_read, wall: self.clocks.host });
        self.metrics.clock_correction_ms.set(correction.unsigned_abs());
        if correction == 0 {
            tracing::info!("this host's clock agrees with the members' again: the node goes by it");
        } else {
            tracing::warn!(
                offset_ms = -correction,
                members = self.members.len(),
                "this host's clock is off from most members': the node goes by theirs; set it right \
                 (`timedatectl set-ntp true`)"
            );
        }
    }

    /// This node's hybrid clock is wild, or was until a moment ago: it goes back to the common clock, and what was stamped by it is taken back.
    fn come_to_reason(&mut self, now: Now) {
        let corrected = self.clocks.read(now);
        let common = HlcTimestamp::at(corrected.wall).max(self.clocks.reached.min(self.clocks.limit));
        let (limit, origin) = (self.clocks.limit, self.setup.session.origin());
        if self.hlc.latest() <= common {
            return;
        }
        self.hlc.set_back(common);
        // Nobody is to get any more of it, not even by a repair: they compare.
        self.stream.forget();
        let is_wild = |v: Version| v.hlc > limit || (v.hlc > common && v.origin == origin);
        let (mut disowned, mut evicted) = (0, Vec::new());
        for (&cache, replica) in &self.replicas {
            let (keys, gone) = replica.store.disown(is_wild, limit, || self.hlc.tick(corrected.wall));
            disowned += keys;
            evicted.extend(gone.into_iter().map(|gone| (cache, gone)));
        }
        for (cache, gone) in evicted {
            self.note_evicted(cache, &gone, corrected);
        }
        self.metrics.clock_disowned.add(disowned as u64);
        tracing::warn!(
            entries = disowned,
            "this node wrote with a clock that was ahead of most members' by more than max_clock_skew: it has dropped \
             what it wrote so, and so do they"
        );
        self.beat_now(now.mono);
    }

    /// A wild stamp is no stamp: all that is known is that the key has changed, or the cache was cleared.
    ///
    /// What is held of it goes, by a delete just above its version, so that all who hold the same do the same.
    pub(super) fn distrust(&mut self, cache: CacheId, update: &Update<'_>, now: Now) {
        self.metrics.updates_wild.inc();
        let Some(store) = self.replicas.get(&cache).map(|replica| replica.store.clone()) else { return };
        let version = match update.kind {
            UpdateKind::Clear | UpdateKind::InvalidateTag => self.hlc.tick(now.wall),
            // Where nothing is held that goes by it, who loads the key is to hear of it all the same.
            UpdateKind::Put | UpdateKind::TaggedPut | UpdateKind::Delete | UpdateKind::Invalidate => {
                match above_held(&store, update.key) {
                    Some(version) if !self.is_wild(version.hlc) => version,
                    _ => Version::ZERO,
                }
            }
        };
        let kind = match update.kind {
            UpdateKind::Clear | UpdateKind::InvalidateTag => update.kind,
            _ => UpdateKind::Delete,
        };
        let drop = Update { kind, key: update.key, value: &[], codec: Codec::RAW, version, deadline: Deadline::NEVER };
        self.apply_judged(cache, &drop, now);
    }
}

/// A version that replaces the value held of a key and nothing later; none if no value is held.
fn above_held(store: &Store, key: &[u8]) -> Option<Version> {
    match store.state_of(key)? {
        Outgoing::Put { version, .. } => Some(Version { hlc: version.hlc, origin: Origin(u64::MAX) }),
        Outgoing::Delete { .. } | Outgoing::Invalidate { .. } | Outgoing::InvalidateTag { .. } => None,
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn mono_ms(now: Mono) -> i64 {
    i64::try_from(now.since_start().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(correction: i64) -> Clocks {
        Clocks { correction, ..Clocks::new(Duration::from_millis(500), Now::default()) }
    }

    #[test]
    fn the_common_clock_is_the_middle_one_and_heeded_when_far_off() {
        assert_eq!(clocks(0).wanted(&[-5_000, -4_990, 0]), -4_990);
        assert_eq!(clocks(0).wanted(&[0, 4_000, 9_000]), 4_000);
        assert_eq!(clocks(0).wanted(&[-499, -400, 0]), 0);
        assert_eq!(clocks(0).wanted(&[0]), 0);
    }

    #[test]
    fn of_two_halves_nobody_gives_up_his_own_or_what_he_was_told_before() {
        assert_eq!(clocks(0).wanted(&[-5_000, 0]), 0);
        assert_eq!(clocks(0).wanted(&[0, 5_000]), 0);
        assert_eq!(clocks(-5_000).wanted(&[-5_000, 0]), -5_000);
        assert_eq!(clocks(-5_000).wanted(&[-5_000, -4_000, 0, 0]), -4_000);
    }

    #[test]
    fn what_is_set_right_stays_so_until_it_is_right_by_far() {
        assert_eq!(clocks(-600).wanted(&[-590, -590, 0]), -600, "a small change is none");
        assert_eq!(clocks(-600).wanted(&[-300, -300, 0]), -300);
        assert_eq!(clocks(-600).wanted(&[-200, -200, 0]), 0);
    }

    #[test]
    fn what_is_seen_must_last() {
        let at = |ms| Mono::from_start(Duration::from_millis(ms));
        let mut since = None;
        assert!(!confirmed(&mut since, true, at(1_000)));
        assert!(!confirmed(&mut since, false, at(2_000)));
        assert!(!confirmed(&mut since, true, at(2_500)));
        assert!(!confirmed(&mut since, true, at(3_500)));
        assert!(confirmed(&mut since, true, at(3_750)));
    }
}
