//! `cargo xtask mutants`: each invariant is shown able to fail. A list of small breaks, each made in a scratch copy of the
//! source, and the test that must notice it.
//!
//! The invariant: every mutant builds, and the test that passes without it fails with it. A mutant whose text is no longer
//! in the source has failed, too: the list follows the code. Run by hand; what came out is in docs/TESTING.md.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::journal::{Journal, Tally};
use crate::workspace::{Workspace, walk};

/// Building the library's tests with one file changed, and running some of them.
const MUTANT_LIMIT: Duration = Duration::from_secs(900);
/// Seeds that a mutant is looked for with in the simulator.
const SEEDS: &str = "60";

/// Who must notice.
#[derive(Clone, Copy, Debug)]
enum Guard {
    /// Unit tests, property tests and stories whose names contain this.
    Test(&'static str),
    /// Simulated clusters, the first [`SEEDS`] of them.
    Sim,
    /// Every order of threads, in the tests for loom whose names contain this.
    Loom(&'static str),
}

/// One break.
#[derive(Debug)]
struct Mutant {
    /// The rule that it breaks.
    rule: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    guard: Guard,
}

use Guard::{Loom, Sim, Test};

#[rustfmt::skip]
const MUTANTS: &[Mutant] = &[
    Mutant { rule: "the newer version wins", guard: Test("store::"), file: "src/store/change.rs",
        from: "Some(slot) => version > slot.version ||",
        to: "Some(slot) => version < slot.version ||" },
    Mutant { rule: "an update is applied once", guard: Test("store::"), file: "src/store/change.rs",
        from: "Some(slot) => version > slot.version ||",
        to: "Some(slot) => version >= slot.version ||" },
    Mutant { rule: "what is forgotten raises the floor", guard: Test("store::"), file: "src/store/evict.rs",
        from: "self.segments.raise(slot.key_hash.segment(), slot.version.hlc);",
        to: "let _ = slot.version;" },
    Mutant { rule: "an invalidate raises the floor", guard: Test("store::"), file: "src/store/change.rs",
        from: "self.segments.raise(change.key_hash.segment(), change.update.version.hlc);",
        to: "" },
    Mutant { rule: "an absent key's update is above the floor", guard: Test("store::"), file: "src/store/change.rs",
        from: "None => version.hlc > self.segments.floor(change.key_hash.segment()),",
        to: "None => true," },
    Mutant { rule: "a delete leaves a tombstone", guard: Test("store::"), file: "src/store/change.rs",
        from: "(Deed::Delete | Deed::TakeBack(_), found) => self.replace(shard, change, found, State::Tombstone),",
        to: "(Deed::Delete | Deed::TakeBack(_), found) => self.drop_key(shard, change, found, Fate::Applied)," },
    Mutant { rule: "a tombstone that was not sent is not given up", guard: Test("store::"), file: "src/store/expire.rs",
        from: "if !shard.slot(i).dirty {",
        to: "if shard.slot(i).version.hlc < before {" },
    Mutant { rule: "a clear covers what is older", guard: Test("store::"), file: "src/store/change.rs",
        from: "if !newer || self.clears.cover(version) || self.is_dead(change) {",
        to: "if !newer || self.is_dead(change) {" },
    Mutant { rule: "a clear removes what is older, and nothing newer", guard: Test("store::"), file: "src/store/clear.rs",
        from: "slot.version < version",
        to: "slot.version > version" },
    Mutant { rule: "the latest clear never goes back", guard: Test("store::"), file: "src/store/clear.rs",
        from: "if version <= *latest {",
        to: "if version == *latest {" },
    Mutant { rule: "a digest tells a tombstone from a value", guard: Test("store::"), file: "src/store/hashes.rs",
        from: "^ SECRET[2] ^ u64::from(tombstone))",
        to: "^ SECRET[2] ^ u64::from(tombstone && key.0 == 0))" },
    Mutant { rule: "a digest forgets what the store forgets", guard: Test("store::"), file: "src/store/evict.rs",
        from: "self.segments.mix(left.key_hash.segment(), fingerprint);",
        to: "let _ = fingerprint;" },
    Mutant { rule: "a key's hash stays with its slot", guard: Test("store::"), file: "src/store/shard.rs",
        from: "slot.key_hash = content.key_hash;",
        to: "slot.key_hash = KeyHash(content.key_hash.0 | 1);" },
    Mutant { rule: "a value written over another brings its codec", guard: Test("store::"), file: "src/store/shard.rs",
        from: "slot.codec = update.codec;",
        to: "" },
    Mutant { rule: "a fill gives way to what was written meanwhile", guard: Test("store::"), file: "src/store/change.rs",
        from: "matches!(&attempt, Attempt::Done(done) if done.fate != Fate::Refused)",
        to: "matches!(&attempt, Attempt::Done(done) if done.fate == Fate::TooHeavy)" },
    Mutant { rule: "a fill gives way to a clear", guard: Test("store::"), file: "src/store/watch.rs",
        from: "watched.is_some_and(|watched| !watched.heard) && !watch.barred && clears == watch.clears",
        to: "watched.is_some_and(|watched| !watched.heard) && !watch.barred || clears < watch.clears" },
    Mutant { rule: "a mark drops the value", guard: Sim, file: "src/store/mark.rs",
        from: "match self.let_go(shard, change, found, fate) {",
        to: "match self.let_go(shard, change, found.filter(|_| change.source != Source::Remote), fate) {" },
    Mutant { rule: "what a floor or a clear covers may be news", guard: Test("store::mark"), file: "src/store/mark.rs",
        from: "if !is_news && mark != Some(version) && !is_latest => {",
        to: "if !is_news && mark != Some(version) && !is_latest && mark.is_some() => {" },
    Mutant { rule: "an older mark that comes later may tell of a later write", guard: Sim, file: "src/store/mark.rs",
        from: "if !is_news && mark != Some(version) && !is_latest => {",
        to: "if is_covered => {" },
    Mutant { rule: "a fill is told to nobody", guard: Test("store::mark"), file: "src/store/mark.rs",
        from: "(Deed::Put, Source::Fill, _) => self.keep(shard, change, found),",
        to: "(Deed::Put, Source::Fill, Some(_)) => self.keep(shard, change, found)," },
    Mutant { rule: "a value that stays here is in no digest", guard: Test("store::mark"), file: "src/store/evict.rs",
        from: "if self.replicated && !self.is_kept(state) {",
        to: "if self.replicated && !(self.is_kept(state) && left.dirty) {" },
    Mutant { rule: "a value that stays here leaves no floor", guard: Test("store::mark"), file: "src/store/evict.rs",
        from: "if !self.is_kept(slot.state) {",
        to: "if !(self.is_kept(slot.state) && slot.dirty) {" },
    Mutant { rule: "digests that are alike say nothing of values that stay", guard: Test("protocol::mode"),
        file: "src/protocol/reconcile.rs",
        from: "let is_unknown = in_doubt && replica.store.is_marking();",
        to: "let is_unknown = in_doubt && !replica.store.is_marking();" },
    Mutant { rule: "a doubtful value goes without a mark", guard: Test("protocol::mode"), file: "src/protocol/doubt.rs",
        from: "if let Some(store) = marking {",
        to: "if let Some(store) = marking.filter(|_| gone.dirty) {" },
    Mutant { rule: "members in another mode are told of once", guard: Test("protocol::mode"), file: "src/protocol/modes.rs",
        from: "} else if member.other_modes.insert(cache) {",
        to: "} else if member.other_modes.insert(cache) || theirs != ours {" },
    Mutant { rule: "who holds a key takes its newer value", guard: Test("store::mark"), file: "src/store/mark.rs",
        from: "if self.partial && version > shard.slot(i).version => {",
        to: "if self.partial && version < shard.slot(i).version => {" },
    Mutant { rule: "an older value never replaces what is held", guard: Sim, file: "src/store/mark.rs",
        from: "if self.partial && version > shard.slot(i).version => {",
        to: "if self.partial && version != shard.slot(i).version => {" },
    Mutant { rule: "what is the latest is not dropped by what comes late", guard: Test("store::mark"),
        file: "src/store/mark.rs",
        from: "mark != Some(version) && !is_latest => {",
        to: "mark != Some(version) => {" },
    Mutant { rule: "a bar that was answered is held", guard: Sim, file: "src/protocol/bars.rs",
        from: "keys.iter().for_each(|&key| replica.store.raise_bar(key));",
        to: "keys.iter().for_each(|&key| replica.store.lift_bar(key));" },
    Mutant { rule: "what began to be loaded under a bar is not put after it", guard: Sim, file: "src/store/watch.rs",
        from: "&& !watch.barred ",
        to: "" },
    Mutant { rule: "what was being loaded when a bar was raised is not put", guard: Test("store::bars"),
        file: "src/store/bars.rs",
        from: "shard.lock().watches.bar(KeyHash(key_hash));",
        to: "drop(shard.lock());" },
    Mutant { rule: "a bar ends by its time and not with its member", guard: Test("protocol::bars"),
        file: "src/protocol/bars.rs",
        from: "let lasts = held.until > now;",
        to: "let lasts = held.until > now + Duration::from_secs(5);" },
    Mutant { rule: "a tag's floor makes its entries a miss", guard: Sim, file: "src/store/tags.rs",
        from: "slot.is_readable(now) && (slot.tags == 0 ||",
        to: "slot.is_readable(now) && (slot.tags <= 16 ||" },
    Mutant { rule: "a tag's floor never falls", guard: Test("store::tags"), file: "src/store/tags.rs",
        from: "if update.version <= known || self.clears.cover(update.version) {",
        to: "if update.version == known || self.clears.cover(update.version) {" },
    Mutant { rule: "a local put of a tag invalidated later is stamped anew", guard: Test("store::tags"),
        file: "src/store/change.rs",
        from: "let is_own = change.source != Source::Remote && !change.tags.is_empty();",
        to: "let is_own = change.source == Source::Fill && !change.tags.is_empty();" },
    Mutant { rule: "a fill gives way to a tag invalidated meanwhile", guard: Test("store::tags"), file: "src/store/change.rs",
        from: "is_quiet && (tags.is_empty() || !self.tags.is_heard_since(tags, watch.tags()))",
        to: "is_quiet && (tags.len() < 200 || !self.tags.is_heard_since(tags, watch.tags()))" },
    Mutant { rule: "too many tags become one floor", guard: Test("store::tags"), file: "src/store/tags.rs",
        from: "self.set(EVERY_TAG, oldest, segments);",
        to: "" },
    Mutant { rule: "floors of tags are in the digest", guard: Test("store::tags"), file: "src/store/tags.rs",
        from: "        mix(segments, tag, version);\n    }\n\n    fn remove",
        to: "    }\n\n    fn remove" },
    Mutant { rule: "floors of tags are shown", guard: Sim, file: "src/store/tags.rs",
        from: "found.push(Scanned { key, state: Outgoing::InvalidateTag { version: floor.version } });",
        to: "let _ = (key, floor);" },
    Mutant { rule: "the hybrid clock never goes back", guard: Test("hlc::"), file: "src/hlc.rs",
        from: "last.max(floor).saturating_add(1)",
        to: "last.min(floor).saturating_add(1)" },
    Mutant { rule: "the hybrid clock follows what is seen", guard: Test("hlc::"), file: "src/hlc.rs",
        from: "self.last.fetch_max(seen.0, Ordering::AcqRel);",
        to: "let _ = seen;" },
    Mutant { rule: "the nonce tells data from control", guard: Test("crypto::"), file: "src/crypto/session.rs",
        from: "let mut nonce = [kind, 0, 0, 0,",
        to: "let mut nonce = [kind & 0, 0, 0, 0," },
    Mutant { rule: "the header is authenticated", guard: Test("crypto::"), file: "src/crypto/session.rs",
        from: "Aad::from(&*header)",
        to: "Aad::from(&header[..0])" },
    Mutant { rule: "each session has a key of its own", guard: Test("crypto::"), file: "src/crypto/key.rs",
        from: "&[SUITE_AES_256_GCM, self.key_id], &session.0, &[phase]",
        to: "&[SUITE_AES_256_GCM, self.key_id], &session.0[..4], &[phase]" },
    Mutant { rule: "a key of the ring is known by its id and its secret", guard: Test("crypto::"), file: "src/crypto/keyring.rs",
        from: "Some(known) if known.is_same(&key) => return Ok(()),",
        to: "Some(_) if id > 0 => return Ok(())," },
    Mutant { rule: "the primary key is not removed", guard: Test("crypto::"), file: "src/crypto/keyring.rs",
        from: "if self.find(id)? == KeyRole::Primary {",
        to: "if self.find(id)? == KeyRole::Primary && id == 0 {" },
    Mutant { rule: "a control datagram counts once", guard: Test("protocol::"), file: "src/protocol/window.rs",
        from: "self.highest - number >= Self::BITS || self.word(number) & Self::bit(number) != 0",
        to: "self.highest - number >= Self::BITS" },
    Mutant { rule: "a data datagram counts once", guard: Test("protocol::"), file: "src/protocol/window.rs",
        from: "number <= self.highest && !self.missing.contains_key(&number)",
        to: "number == 0 && !self.missing.contains_key(&number)" },
    Mutant { rule: "a repair is the same bytes", guard: Test("protocol::"), file: "src/protocol/stream.rs",
        from: "out.extend_from_slice(&kept.datagram);",
        to: "out.extend(kept.datagram.iter().rev());" },
    Mutant { rule: "a stranger is not answered", guard: Test("protocol::"), file: "src/protocol/admission.rs",
        from: "if key.open(header.kind.number(), header.number, datagram, HEADER_LEN).is_none() {",
        to: "if key.open(header.kind.number(), header.number, datagram, HEADER_LEN).is_none() && header.number == 0 {" },
    Mutant { rule: "only who returns the nonce is admitted", guard: Test("protocol::"), file: "src/protocol/admission.rs",
        from: "if nonce == pending.nonce => proof",
        to: "if nonce != 0 => proof" },
    Mutant { rule: "a bad seal counts for its address", guard: Test("protocol::"), file: "src/protocol/admission.rs",
        from: "self.admission.strangers.put((header.session, from), (now.mono, stranger));",
        to: "let _ = stranger;" },
    Mutant { rule: "an acknowledgement of what was never sent is none", guard: Test("protocol::"), file: "src/protocol/receivers.rs",
        from: "if contiguous >= next {",
        to: "if contiguous >= next && next == 1 {" },
    Mutant { rule: "who has died is not waited for", guard: Test("protocol::flow_tests"), file: "src/protocol/receivers.rs",
        from: "if behind >= window && silent && !member.receiver.aside {",
        to: "if behind > WINDOW_MAX && silent && !member.receiver.aside {" },
    Mutant { rule: "who hangs behind is not waited for", guard: Test("protocol::flow_tests"), file: "src/protocol/receivers.rs",
        from: "if hangs || (behind >= window && still) {",
        to: "if behind >= window && still {" },
    Mutant { rule: "a sender does not outrun its only receiver", guard: Test("protocol::flow_tests"), file: "src/protocol/receivers.rs",
        from: "if any { member.is_waited_for() } else { goes_on(member) }",
        to: "if any { member.is_waited_for() } else { goes_on(member) && any }" },
    Mutant { rule: "who has the smallest buffer does not hang behind", guard: Test("protocol::flow_tests"), file: "src/protocol/receivers.rs",
        from: "if median > behind / 2 || behind <= window / 2 {",
        to: "if behind <= window / 2 {" },
    Mutant { rule: "the outbox is bounded in bytes", guard: Test("node::outbox"), file: "src/node/outbox.rs",
        from: "|| self.bytes() >= OUTBOX_BYTES_MAX",
        to: "|| self.bytes() >= OUTBOX_BYTES_MAX * 2" },
    Mutant { rule: "no more is asked for than there is room for", guard: Test("protocol::window"), file: "src/protocol/window.rs",
        from: "if room == 0 {",
        to: "if room == u64::MAX {" },
    Mutant { rule: "a floor within the doubt makes doubtful", guard: Test("protocol::"), file: "src/protocol/doubt.rs",
        from: "floors.filter(|told| told.floor > since)",
        to: "floors.filter(|told| told.floor < since)" },
    Mutant { rule: "a floor older than the doubt makes nothing doubtful", guard: Test("protocol::"), file: "src/protocol/doubt.rs",
        from: "floors.filter(|told| told.floor > since)",
        to: "floors.filter(|told| told.floor > HlcTimestamp(since.0 & 1))" },
    Mutant { rule: "what both hold alike ends no doubt", guard: Test("protocol::doubt"), file: "src/protocol/reconcile.rs",
        from: "doubted.extend(in_doubt.then_some(cache));",
        to: "member.doubts.remove(&cache);" },
    Mutant { rule: "floors count where segments are alike", guard: Test("protocol::doubt"), file: "src/protocol/doubt.rs",
        from: "if self.is_wild(floor) { common } else { floor }",
        to: "if transfer.differs(segment) { floor } else { HlcTimestamp::ZERO }" },
    Mutant { rule: "a doubt that comes up again outlives the comparison", guard: Test("protocol::doubt"),
        file: "src/protocol/doubt.rs",
        from: "doubt.again = true;",
        to: "doubt.again = false;" },
    Mutant { rule: "what was doubted of who goes is doubted of the others", guard: Test("protocol::doubt"),
        file: "src/protocol/admission.rs",
        from: "self.doubt_others_as(&member);",
        to: "" },
    Mutant { rule: "what was told before a loss ends nothing", guard: Test("protocol::doubt"), file: "src/protocol/reconcile.rs",
        from: "if told_now.contains(&cache) {",
        to: "if told_now.contains(&cache) || mine == theirs {" },
    Mutant { rule: "floors that were lost are asked for again", guard: Test("protocol::doubt"), file: "src/protocol/doubt.rs",
        from: "let finished = floors.holes().next().is_none();",
        to: "let finished = floors.holes().next() != Some((0, SEGMENTS_END));" },
    Mutant { rule: "a sync waits for those who are not in step", guard: Test("protocol::"), file: "src/protocol/sync.rs",
        from: "member.in_step && member.acked >= last;",
        to: "member.acked >= last;" },
    Mutant { rule: "a sync waits for those who have not got what was written", guard: Sim, file: "src/protocol/sync.rs",
        from: "member.in_step && member.acked >= last;",
        to: "member.in_step && member.acked + 1 >= last;" },
    Mutant { rule: "who has not opened a cache is none of so many", guard: Test("protocol::"), file: "src/protocol/sync.rs",
        from: "has_it(member) && member.digests.contains_key(&wish.cache)",
        to: "has_it(member)" },
    Mutant { rule: "what was sealed later is not waited for", guard: Test("protocol::"), file: "src/protocol/sync.rs",
        from: "self.handed.get(at)?.last",
        to: "self.handed.get(at).and_then(|_| self.handed.back())?.last" },
    Mutant { rule: "a sync waits for who came back until it has come as far as it was admitted at", guard: Sim, file: "src/protocol/receive.rs",
        from: "flags.has(Flags::IN_STEP) && contiguous >= member.owed;",
        to: "flags.has(Flags::IN_STEP);" },
    Mutant { rule: "a sync waits for who is left out of a list that had room", guard: Test("protocol::"), file: "src/protocol/receive.rs",
        from: "member.in_step = if told { in_step } else { member.in_step };",
        to: "member.in_step |= in_step || (told && in_step);" },
    Mutant { rule: "a number that the joiner was told of is not skipped for it", guard: Test("protocol::"), file: "src/protocol/mod.rs",
        from: "    fn tell_next(&mut self) {\n        self.lonely = false;",
        to: "    fn tell_next(&mut self) {\n        self.lonely &= true;" },
    Mutant { rule: "a read of a version shows nothing older", guard: Test("node::"), file: "src/store/mod.rs",
        from: "let is_new_enough = slot.version >= least;",
        to: "let is_new_enough = slot.version >= least || slot.version.hlc.0 > 0;" },
    Mutant { rule: "what is lost is compared", guard: Test("protocol::"), file: "src/protocol/repair.rs",
        from: "        self.metrics.lost.add(lost);\n        self.reconcile_again(session);",
        to: "        self.metrics.lost.add(lost);" },
    Mutant { rule: "what was evicted unsent is announced", guard: Sim, file: "src/protocol/receive.rs",
        from: "if gone.dirty {",
        to: "if gone.dirty && gone.key.is_empty() {" },
    Mutant { rule: "a wild clock is not followed", guard: Test("protocol::"), file: "src/protocol/clocks.rs",
        from: "hlc > self.clocks.limit",
        to: "hlc > LAST" },
    Mutant { rule: "a clock that is off is set right by most members'", guard: Test("protocol::"), file: "src/protocol/clocks.rs",
        from: "self.hlc.correct(correction);",
        to: "" },
    Mutant { rule: "what was stamped wildly is taken back", guard: Test("protocol::"), file: "src/protocol/clocks.rs",
        from: "|v: Version| v.hlc > limit || (v.hlc > common && v.origin == origin);",
        to: "|v: Version| v.hlc > LAST || (v.hlc > common && v.origin != origin);" },
    Mutant { rule: "a key that is known to have changed is not shown", guard: Test("protocol::"), file: "src/protocol/clocks.rs",
        from: "Some(version) if !self.is_wild(version.hlc) => version,",
        to: "Some(version) if self.is_wild(version.hlc) => version," },
    Mutant { rule: "clocks are judged by what lasts", guard: Test("protocol::"), file: "src/protocol/clocks.rs",
        from: "since.is_some_and(|since| now.saturating_since(since) >= CONFIRMED)",
        to: "since.is_some_and(|since| now >= since)" },
    Mutant { rule: "the updates in the making are bounded", guard: Test("protocol::"), file: "src/protocol/reassembly.rs",
        from: "if self.partials.len() == OBJECTS_MAX ||",
        to: "if self.partials.len() == 2 * OBJECTS_MAX ||" },
    Mutant { rule: "a value is shown whole or not at all", guard: Test("protocol::"), file: "src/protocol/assembly.rs",
        from: "self.bytes.is_empty() || self.runs.get(&0) == Some(&self.bytes.len())",
        to: "self.bytes.is_empty() || self.runs.contains_key(&0)" },
    Mutant { rule: "a removed key opens nothing", guard: Test("protocol::"), file: "src/protocol/keys.rs",
        from: "            member.keys.forget(id);",
        to: "            let _ = &member.keys;" },
    Mutant { rule: "a key seals only so much", guard: Test("protocol::"), file: "src/protocol/keys.rs",
        from: "        if due {",
        to: "        if due && limits.datagrams == 0 {" },
    Mutant { rule: "another phase has another key", guard: Test("protocol::"), file: "src/protocol/keys.rs",
        from: "        self.key = primary.session_key(session, self.phase);",
        to: "        self.key = primary.session_key(session, 0);" },
    Mutant { rule: "a member's questions have a price", guard: Test("protocol::"), file: "src/protocol/allowance.rs",
        from: "        own && all\n",
        to: "        own || all || now == self.allowance.since\n" },
    Mutant { rule: "a copied node falls silent", guard: Test("protocol::"), file: "src/protocol/mod.rs",
        from: "        if self.cloned {\n            return None;",
        to: "        if self.cloned && self.left {\n            return None;" },
    Mutant { rule: "no network without a key, unless asked for", guard: Test("config::"), file: "src/config/resolve.rs",
        from: "network::Permits { key: !crypto_key.is_empty(), insecure }",
        to: "network::Permits { key: true, insecure }" },
    Mutant { rule: "the key is never shown", guard: Test("config::"), file: "src/config/table.rs",
        from: "if self.is_secret() { \"(not shown)\"",
        to: "if self.is_secret() && text.is_empty() { \"(not shown)\"" },
    Mutant { rule: "whoever rings has queued before it looks", guard: Loom("bell::loom_tests"), file: "src/node/bell.rs",
        from: "    pub(super) fn ring_for_update(&self) -> bool {\n        fence(Ordering::SeqCst);",
        to: "    pub(super) fn ring_for_update(&self) -> bool {" },
    Mutant { rule: "whoever sleeps says so before it looks", guard: Loom("bell::loom_tests"), file: "src/node/bell.rs",
        from: "        self.state.store(state, Ordering::Relaxed);\n        fence(Ordering::SeqCst);",
        to: "        self.state.store(state, Ordering::Relaxed);" },
    Mutant { rule: "what is given out is within the limits for every thread", guard: Loom("budget::loom_tests"), file: "src/store/budget.rs",
        from: "            Err(changed_meanwhile) => before = changed_meanwhile,",
        to: "            Err(_) => {\n                used.store(sum, Ordering::Relaxed);\n                return true;\n            }" },
    Mutant { rule: "threads draw no version twice", guard: Loom("hlc::loom_tests"), file: "src/hlc.rs",
        from: "self.last.fetch_max(seen.0, Ordering::AcqRel);",
        to: "self.last.store(self.latest().0.max(seen.0), Ordering::Release);" },
];

/// Runs all mutants, or those whose rule contains one of the words.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal, words: &[&str]) -> Result<Tally, String> {
    let tree = workspace.scratch("mutants")?;
    copy_sources(workspace, &tree)?;
    let chosen = MUTANTS.iter().filter(|m| words.is_empty() || words.iter().any(|word| m.rule.contains(word)));
    let mut tally = Tally::default();
    if words.is_empty() {
        // What fails without a mutant would be no sign of one.
        for guard in [Test(""), Sim] {
            let ended = journal.run(&mut command(workspace, &tree, guard), MUTANT_LIMIT)?;
            if !ended.ok {
                return Err(format!("without any mutant: {}", ended.how));
            }
        }
    }
    for mutant in chosen {
        let verdict = try_one(workspace, journal, &tree, mutant)?;
        journal.say(format!(
            "{}: {}: {}",
            if verdict.is_ok() { "caught" } else { "MISSED" },
            mutant.rule,
            match &verdict {
                Ok(by) => by,
                Err(why) => why,
            }
        ));
        tally += if verdict.is_ok() { Tally::PASSED } else { Tally::FAILED };
    }
    Ok(tally)
}

/// By what a mutant was caught, or why it was not.
fn try_one(
    workspace: &Workspace,
    journal: &mut Journal,
    tree: &Path,
    mutant: &Mutant,
) -> Result<Result<String, String>, String> {
    let original = workspace.read(mutant.file)?;
    if !original.contains(mutant.from) {
        return Ok(Err(format!("`{}` is not in {} any more", mutant.from, mutant.file)));
    }
    let path = tree.join(mutant.file);
    write(&path, &original.replace(mutant.from, mutant.to))?;
    let ended = journal.run(&mut command(workspace, tree, mutant.guard), MUTANT_LIMIT)?;
    write(&path, &original)?;
    Ok(match witness(&ended.output) {
        Some(by) => Ok(by),
        None if ended.output.contains("could not compile") => Err("it does not build".to_owned()),
        None if ended.ok => Err("nothing noticed it".to_owned()),
        None => Ok(ended.how),
    })
}

/// The first test that failed, or the first seed.
fn witness(output: &str) -> Option<String> {
    let test = output.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    let seed = output.lines().find_map(|line| line.strip_prefix("SEED=")?.split_whitespace().next());
    test.map(str::to_owned).or_else(|| seed.map(|seed| format!("sim --seed {seed}")))
}

fn command(workspace: &Workspace, tree: &Path, guard: Guard) -> std::process::Command {
    let mut command = match guard {
        Test(filter) => workspace.cargo(&["test", "--package", "mccache", "--all-features", "--lib", filter]),
        Sim => {
            let arguments = ["test", "--release", "--package", "mccache", "--features", "sim", "--test", "sim"];
            let mut command = workspace.cargo(&arguments);
            command.args(["--", "--seeds", SEEDS]);
            command
        }
        Loom(filter) => return crate::loom::command(workspace, tree, filter),
    };
    command.current_dir(tree).env("CARGO_TARGET_DIR", &workspace.target);
    command
}

/// A copy of the source beside the target directory's other products, which builds on what is built there.
fn copy_sources(workspace: &Workspace, tree: &Path) -> Result<(), String> {
    let sources = workspace.source_files()?;
    let mut present = Vec::new();
    walk(tree, &mut present).map_err(|error| format!("{}: {error}", tree.display()))?;
    for path in present {
        // What was moved since the last run must not be found beside what took its place.
        let is_source =
            path.strip_prefix(tree).is_ok_and(|file| sources.iter().any(|source| Path::new(source) == file));
        if !is_source {
            fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    for file in sources {
        let (from, to) = (workspace.root.join(&file), tree.join(&file));
        let read = |path: &PathBuf| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let bytes = read(&from)?;
        // What has not changed keeps its time, so that nothing is built again for it.
        if fs::read(&to).is_ok_and(|known| known == bytes) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::write(&to, bytes).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule whose code was rewritten needs another break.
    #[test]
    fn every_mutant_s_text_is_in_the_source() {
        let workspace = Workspace::find().expect("the test runs in the repository");
        for mutant in MUTANTS {
            let text = workspace.read(mutant.file).expect(mutant.file);
            assert!(text.contains(mutant.from), "{}: {}: `{}`", mutant.rule, mutant.file, mutant.from);
            assert_ne!(mutant.from, mutant.to);
        }
    }

    #[test]
    fn a_failed_test_or_seed_is_the_witness() {
        assert_eq!(witness("test a::b ... ok\ntest a::c ... FAILED\n").as_deref(), Some("a::c"));
        assert_eq!(witness("SEED=17 failed: x\n").as_deref(), Some("sim --seed 17"));
        assert_eq!(witness("test a::b ... ok\n"), None);
    }
}
