//! The oracles: what must hold at each step, and what must hold at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::node::SimNode;
use crate::hlc::Version;
use crate::protocol::SyncTo;
use crate::store::Outgoing;
use crate::time::WallMs;

/// What was written: the value, or `None` for a delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) key: u64,
    pub(super) value: Option<Vec<u8>>,
    /// The run of the node that wrote it.
    pub(super) run: u64,
}

/// Everything written, and what each run of a node has shown of each key.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    written: BTreeMap<Version, Written>,
    clears: Vec<(Version, u64)>,
    /// The tags of what was put with one.
    tagged: BTreeMap<Version, u8>,
    /// Tags that were invalidated: when, which, and by which run.
    tags: Vec<(Version, u8, u64)>,
    /// What was written under a wild clock: as good as not written, or it has prevailed.
    wild: BTreeSet<Version>,
    /// The keys of those: for them, nothing is an answer, too.
    in_doubt: BTreeSet<u64>,
    /// All keys are, as the cache was cleared under one.
    all_in_doubt: bool,
    seen: BTreeMap<(u64, u64), Version>,
    /// Syncs under way, by token.
    syncs: BTreeMap<u64, Awaited>,
}

/// What a sync is waiting for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    pub(super) key: u64,
    pub(super) version: Version,
    pub(super) to: SyncTo,
}

/// What every node believes: what any may follow (`MAX_CLOCK_SKEW`), less what two clocks that are in order may differ by.
const SANE_AHEAD: Duration = Duration::from_millis(300);

/// Whether a version is so far ahead that somebody may not believe it.
pub(super) fn is_wild(version: Version, truth: WallMs) -> bool {
    version.hlc.wall() > truth.after(SANE_AHEAD)
}

pub(super) fn key_bytes(key: u64) -> [u8; 8] {
    key.to_be_bytes()
}

/// Whether the node would refuse this version if it did not hold the key: it has forgotten something newer of its segment.
fn has_forgotten(node: &SimNode, key: u64, version: Version) -> bool {
    let segment = u16::try_from(node.store.segment_of(&key_bytes(key))).unwrap_or(u16::MAX);
    node.store.floor(segment) >= version.hlc
}

impl Oracle {
    pub(super) fn note_write(&mut self, version: Version, written: Written, truth: WallMs) {
        if is_wild(version, truth) {
            self.in_doubt.insert(written.key);
            self.wild.insert(version);
        }
        self.written.insert(version, written);
    }

    pub(super) fn note_clear(&mut self, version: Version, run: u64, truth: WallMs) {
        if is_wild(version, truth) {
            self.all_in_doubt = true;
        } else {
            self.clears.push((version, run));
        }
    }

    /// A run has taken back what it stamped by a wild clock. It may have shown some of it.
    pub(super) fn forget_seen(&mut self, run: u64) {
        self.seen.retain(|&(by, _), _| by != run);
    }

    pub(super) fn note_tagged(&mut self, version: Version, tag: u8) {
        self.tagged.insert(version, tag);
    }

    pub(super) fn note_tag(&mut self, version: Version, tag: u8, run: u64, truth: WallMs) {
        if is_wild(version, truth) {
            self.all_in_doubt = true;
        } else {
            self.tags.push((version, tag, run));
        }
    }

    /// Whether what was put at `version` has a tag that one of these runs invalidated later.
    fn is_invalidated(&self, version: Version, by: impl Fn(u64) -> bool) -> bool {
        let tag = self.tagged.get(&version);
        let is_later = |&(at, of, run): &(Version, u8, u64)| Some(&of) == tag && at > version && by(run);
        tag.is_some() && self.tags.iter().any(is_later)
    }

    /// Notes a sync; its token is given back.
    pub(super) fn note_sync(&mut self, awaited: Awaited) -> u64 {
        let token = self.syncs.keys().next_back().map_or(1, |last| last + 1);
        self.syncs.insert(token, awaited);
        token
    }

    /// A sync has ended: nobody it waited for may show anything older than what was waited for. With limits an entry may
    /// have been evicted by its writer before it was sent.
    pub(super) fn check_synced(&self, token: u64, members: &[(u64, &SimNode)], may_miss: bool) -> Result<(), String> {
        let Some(Awaited { key, version, to }) = self.syncs.get(&token) else {
            return Err(format!("the sync {token} ended, for which nobody asked"));
        };
        let bytes = key_bytes(*key);
        let has = |node: &SimNode| {
            // A key that is not known, or known as deleted, is a miss; whoever is at its limits may have refused the write.
            let misses = may_miss || has_forgotten(node, *key, *version);
            let shows = match node.store.state_of(&bytes) {
                Some(Outgoing::Put { version: known, .. } | Outgoing::Invalidate { version: known }) => {
                    known >= *version
                }
                Some(Outgoing::Delete { version: known }) => known >= *version || misses,
                Some(Outgoing::InvalidateTag { .. }) | None => misses,
            };
            shows || node.store.clear_version() >= *version
        };
        let holders = members.iter().filter(|(_, node)| has(node)).count();
        let wanted = match to {
            SyncTo::All => members.len(),
            SyncTo::Members(wanted) => *wanted,
        };
        if holders >= wanted {
            return Ok(());
        }
        let without = members.iter().filter(|(_, node)| !has(node));
        let without: Vec<String> =
            without.map(|(run, node)| format!("run {run}: {:?}", node.store.state_of(&bytes))).collect();
        Err(format!("a sync of key {key} at {version} to {to:?} ended, but: {}", without.join("; ")))
    }

    /// A read shows what was written under its version, and never something older than this run of the node showed before.
    pub(super) fn check_read(&mut self, run: u64, node: &SimNode, key: u64, now: WallMs) -> Result<(), String> {
        let Some(entry) = node.store.peek(&key_bytes(key), now) else { return Ok(()) };
        let Some(written) = self.written.get(&entry.version) else {
            return Err(format!("run {run} shows key {key} at {}, which nobody wrote", entry.version));
        };
        if written.key != key || written.value.as_deref() != Some(&*entry.value) {
            return Err(format!("run {run} shows for key {key} at {} another value than was written", entry.version));
        }
        self.check_clears(run, node, key, now)?;
        let seen = self.seen.entry((run, key)).or_default();
        if entry.version < *seen {
            return Err(format!("run {run} shows key {key} at {} after {seen}", entry.version));
        }
        *seen = entry.version;
        Ok(())
    }

    /// A run never shows what its own clear removed, nor what has a tag that it invalidated later.
    pub(super) fn check_clears(&self, run: u64, node: &SimNode, key: u64, now: WallMs) -> Result<(), String> {
        let Some(entry) = node.store.peek(&key_bytes(key), now) else { return Ok(()) };
        if self.clears.iter().any(|&(clear, by)| clear >= entry.version && by == run) {
            return Err(format!("run {run} shows key {key} at {}, from before its own clear", entry.version));
        }
        if self.is_invalidated(entry.version, |by| by == run) {
            return Err(format!("run {run} shows key {key} at {}, whose tag it invalidated", entry.version));
        }
        Ok(())
    }

    /// In the end nobody shows what has a tag that was invalidated later, by a run that did not crash.
    pub(super) fn check_tags(
        &self,
        nodes: &[(u64, &SimNode)],
        keys: u64,
        crashed: &dyn Fn(u64) -> bool,
        now: WallMs,
    ) -> Result<(), String> {
        for &(run, node) in nodes {
            for key in 0..keys {
                let Some(entry) = node.store.peek(&key_bytes(key), now) else { continue };
                if self.is_invalidated(entry.version, |by| !crashed(by)) {
                    return Err(format!("run {run} ends with key {key} at {}, whose tag is gone", entry.version));
                }
            }
        }
        Ok(())
    }

    /// At the end every replica holds the last write of each key, unless its writer crashed before it got out, or (with
    /// limits, or if the key was also written under a wild clock) nothing.
    pub(super) fn check_final(
        &self,
        nodes: &[(u64, &SimNode)],
        keys: u64,
        (crashed, may_miss): (&dyn Fn(u64) -> bool, bool),
        now: WallMs,
    ) -> Result<(), String> {
        let clear = self.clears.iter().filter(|(_, run)| !crashed(*run)).map(|&(version, _)| version).max();
        for key in 0..keys {
            let may_miss = may_miss || self.all_in_doubt || self.in_doubt.contains(&key);
            let counts = |version: &Version, written: &Written| {
                written.key == key && !crashed(written.run) && !self.wild.contains(version)
            };
            let last = self.written.iter().rev().find(|(version, written)| counts(version, written));
            let Some((&version, written)) = last.filter(|(version, _)| clear.is_none_or(|clear| **version > clear))
            else {
                continue;
            };
            for &(run, node) in nodes {
                let entry = node.store.peek(&key_bytes(key), now);
                let held = entry.as_ref().map(|entry| entry.version);
                // A crashed writer's newer write or clear may have got out, and then it is the winner everywhere.
                let overruled = held.map_or_else(
                    || self.may_be_gone(key, version, crashed),
                    |held| {
                        held > version
                            && self.written.get(&held).is_some_and(|w| crashed(w.run) || self.wild.contains(&held))
                    },
                );
                let is_gone = self.is_invalidated(version, |by| !crashed(by));
                let matches = match (&written.value, &entry) {
                    (_, None) if is_gone => true,
                    (Some(value), Some(entry)) => entry.version == version && **value == *entry.value,
                    (None, None) => true,
                    (Some(_), None) => may_miss || has_forgotten(node, key, version),
                    _ => false,
                };
                if !matches && !overruled {
                    return Err(format!("run {run} ends with key {key} at {held:?}; its last write is {version}"));
                }
            }
        }
        Ok(())
    }

    /// Whether a crashed writer deleted the key, put it with a tag that is gone, or cleared the cache after `version`.
    fn may_be_gone(&self, key: u64, version: Version, crashed: &dyn Fn(u64) -> bool) -> bool {
        let deleted = self.written.range(version..).any(|(at, written)| {
            let is_gone = written.value.is_none() || self.is_invalidated(*at, |_| true);
            written.key == key && is_gone && crashed(written.run)
        });
        deleted
            || self.is_invalidated(version, crashed)
            || self.clears.iter().any(|&(clear, run)| clear > version && crashed(run))
    }
}
