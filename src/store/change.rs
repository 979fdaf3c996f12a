//! The one way an entry changes: for local and remote updates, touches and takes alike.
//!
//! Invariant: the version a key is known at never goes back. An update is applied only if it is newer than the entry or
//! tombstone in the table; if there is none, only if it is newer than whatever may have been forgotten of the key (its
//! segment's floor); and always only if it is newer than the last clear. All of it is decided under the lock of the
//! key's shard.

use super::block::Block;
use super::budget::Room;
use super::hashes::{Hashes, KeyHash, Place};
use super::shard::{Content, Shard};
use super::slot::{NIL, Slot, State};
use super::value::{Key, Value};
use super::watch::Watch;
use super::{Evicted, Fate, Outcome, Precondition, Source, Store};
use crate::hlc::Version;
use crate::time::{Deadline, WallMs};
use crate::update::{Codec, Update, UpdateKind, split_tags};

/// Longest key that is hashed for the cluster under the lock, if at all: some 50 ns. A key that is known has its hash in
/// its slot; a longer one is hashed before the lock is taken, known or not.
const HASHED_LOCKED_MAX: usize = 64;

/// Longest value that is copied under the lock: over the value that it replaces, if that is as long and nobody else holds
/// it, else into memory of its own. It takes some 100 ns at most. A longer one is copied before.
const COPIED_LOCKED_MAX: usize = 1024;

/// What is to be done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Put,
    /// A put of the value there is.
    Touch,
    Delete,
    /// A delete that need not be newer than exactly this version, which is taken back.
    TakeBack(Version),
    Invalidate,
    /// A put that fits in no case.
    PutTooHeavy,
}

/// One change, prepared as far as it can be without the lock.
pub(super) struct Change<'a> {
    pub(super) deed: Deed,
    pub(super) update: &'a Update<'a>,
    pub(super) key_len: u16,
    pub(super) place: Place,
    /// Set by the first attempt, unless the key is long.
    pub(super) key_hash: KeyHash,
    pub(super) is_hashed: bool,
    /// The hashes of the tags of a put.
    pub(super) tags: &'a [u8],
    /// Taken when it is linked. A short value's is made when it is known to be needed.
    pub(super) block: Option<Block>,
    pub(super) source: Source,
    pub(super) precondition: Precondition,
    pub(super) now: WallMs,
    pub(super) evicted: Evicted,
}

/// What one attempt under the lock came to.
pub(super) enum Attempt {
    Done(Done),
    /// So much room has to be made first, without the lock.
    Crowded(Room),
}

/// What is left to be done when the lock is free again. It holds what was replaced, to be dropped then.
pub(super) struct Done {
    pub(super) fate: Fate,
    pub(super) had_value: bool,
    pub(super) dirty_key: Option<Key>,
    /// The live value that a deed replaced, if asked for, or its block.
    pub(super) replaced: Option<Replaced>,
}

pub(super) struct Replaced {
    pub(super) block: Block,
    pub(super) key_len: u16,
    pub(super) codec: Codec,
    pub(super) tags: u8,
    pub(super) readable: bool,
}

impl Done {
    pub(super) fn refused(fate: Fate, had_value: bool) -> Attempt {
        Attempt::Done(Done { fate, had_value, dirty_key: None, replaced: None })
    }
}

impl Change<'_> {
    /// How many tags the entry is to have.
    pub(super) fn tags_count(&self) -> u8 {
        u8::try_from(self.tags.len() / 8).unwrap_or(0)
    }
}

impl Precondition {
    pub(super) fn holds(self, live: Option<&Slot>, is_quiet: impl FnOnce(Watch) -> bool) -> bool {
        match self {
            Precondition::Any => true,
            Precondition::Absent => live.is_none(),
            Precondition::Present => live.is_some(),
            Precondition::Version(version) => live.is_some_and(|slot| slot.version == version),
            Precondition::QuietSince(watch) => is_quiet(watch),
        }
    }
}

impl Store {
    /// The only way to change an entry.
    ///
    /// The precondition is judged first ([`Fate::Refused`]), the version next ([`Fate::Stale`]), the weight last
    /// ([`Fate::TooHeavy`]). A clear heeds no precondition. A key beyond [`KEY_LEN_MAX`](crate::update::KEY_LEN_MAX) is
    /// `TooHeavy` and changes nothing. `now` serves deadlines alone. Values that are replaced or evicted are freed
    /// outside the locks.
    pub fn apply(&self, update: &Update<'_>, source: Source, precondition: Precondition, now: WallMs) -> Outcome {
        let deed = match update.kind {
            UpdateKind::Clear => return self.apply_clear(update.version),
            UpdateKind::InvalidateTag => return self.apply_tag(update, source),
            _ if update.kind.is_put() && !self.could_hold(update.key.len(), update.value.len()) => Deed::PutTooHeavy,
            UpdateKind::Put => Deed::Put,
            // Whoever hands on what came from elsewhere has looked at it; else it is no put.
            UpdateKind::TaggedPut if split_tags(update.value).is_none() => return unheld(),
            UpdateKind::TaggedPut => Deed::Put,
            UpdateKind::Delete => Deed::Delete,
            UpdateKind::Invalidate => Deed::Invalidate,
        };
        let mut replaced = None;
        // What it replaced is dropped here, without the lock.
        self.change(deed, update, (source, precondition, now), &mut replaced)
    }

    /// Gives the live value of `key` a new deadline and version without copying its bytes, as one local put would.
    ///
    /// [`Fate::Refused`] if there is none. Otherwise as [`Store::apply`].
    pub fn touch(&self, key: &[u8], deadline: Deadline, version: Version, now: WallMs) -> Outcome {
        let update = Update { kind: UpdateKind::Put, key, value: b"", codec: Codec::RAW, version, deadline };
        self.change(Deed::Touch, &update, (Source::Local, Precondition::Present, now), &mut None)
    }

    /// Deletes and returns what was there, in one step (a local delete). Otherwise as [`Store::apply`].
    pub fn take(&self, key: &[u8], version: Version, now: WallMs) -> (Outcome, Option<Value>) {
        let deadline = Deadline::NEVER;
        let update = Update { kind: UpdateKind::Delete, key, value: b"", codec: Codec::RAW, version, deadline };
        let mut replaced = None;
        let outcome = self.change(Deed::Delete, &update, (Source::Local, Precondition::Any, now), &mut replaced);
        let live = replaced.filter(|replaced: &Replaced| replaced.readable);
        (outcome, live.map(|Replaced { block, key_len, codec, tags, .. }| Value::of(block, key_len, codec, tags)))
    }

    /// Deletes what is known of `key` under exactly the version `wild`, or what is older than `version`, as a member's delete
    /// would.
    pub(super) fn take_back(&self, key: &[u8], wild: Version, version: Version) -> Evicted {
        let (kind, deadline) = (UpdateKind::Delete, Deadline::NEVER);
        let update = Update { kind, key, value: b"", codec: Codec::RAW, version, deadline };
        self.change(Deed::TakeBack(wild), &update, (Source::Remote, Precondition::Any, WallMs(0)), &mut None).evicted
    }

    /// Whether an entry of these lengths fits into the empty store.
    fn could_hold(&self, key_len: usize, value_len: usize) -> bool {
        let limits = self.budget.limits();
        limits.max_entries > 0 && Store::weight_of(key_len, value_len) <= limits.max_bytes
    }

    /// Attempts `change` until there is room for it.
    ///
    /// Each turn evicts something or waits until another thread has linked what it reserved; and what a turn frees,
    /// only an update that thereby gets done can take. So it ends unless others are served for ever.
    ///
    /// The value or tombstone it replaced is left in `replaced`, for the caller to drop.
    fn change(
        &self,
        deed: Deed,
        update: &Update<'_>,
        (source, precondition, now): (Source, Precondition, WallMs),
        replaced: &mut Option<Replaced>,
    ) -> Outcome {
        let key = update.key;
        let Ok(key_len) = u16::try_from(key.len()) else { return unheld() };
        let is_hashed = key.len() > HASHED_LOCKED_MAX;
        // A long value would hold up every reader of its shard.
        let block = match deed {
            Deed::Put if update.value.len() > COPIED_LOCKED_MAX => Some(Block::join(key, update.value)),
            Deed::Delete | Deed::TakeBack(_) => Some(Block::join(key, b"")),
            _ => None,
        };
        let mut change = Change {
            deed,
            update,
            key_len,
            place: self.hashes.place(key, self.shard_mask),
            key_hash: if is_hashed { self.hashes.key(key) } else { KeyHash(0) },
            is_hashed,
            tags: match update.kind {
                UpdateKind::TaggedPut => split_tags(update.value).map_or(&[], |(tags, _)| tags),
                _ => &[],
            },
            block,
            source,
            precondition,
            now,
            evicted: Evicted::new(),
        };
        loop {
            let attempt = {
                let mut shard = self.shards[change.place.shard].lock();
                let attempt = match self.marking {
                    false => self.attempt(&mut shard, &mut change),
                    true => self.attempt_marking(&mut shard, &mut change),
                };
                count(&mut shard, &change, &attempt);
                if matches!(&attempt, Attempt::Done(done) if done.fate != Fate::Refused) {
                    shard.watches.hear(change.place.hash);
                }
                attempt
            };
            match attempt {
                Attempt::Done(done) => {
                    *replaced = done.replaced;
                    return outcome(done.fate, done.had_value, done.dirty_key, change.evicted);
                }
                Attempt::Crowded(need) => self.relieve(need, &mut change.evicted),
            }
        }
    }

    fn attempt(&self, shard: &mut Shard, change: &mut Change<'_>) -> Attempt {
        let Update { key, version, .. } = *change.update;
        let found = shard.find(change.place.hash, key);
        let known = found.map(|i| shard.slot(i));
        let live = known.filter(|slot| self.is_readable(slot, change.now));
        let had_value = live.is_some();
        if !change.precondition.holds(live, |watch| self.is_quiet(shard, watch, change.tags)) {
            return Done::refused(Fate::Refused, had_value);
        }
        if let Some(slot) = known {
            change.key_hash = slot.key_hash;
        } else if !change.is_hashed {
            change.key_hash = self.hashes.key(key);
            change.is_hashed = true;
        }
        let newer = match known {
            Some(slot) => version > slot.version || change.deed == Deed::TakeBack(slot.version),
            None => version.hlc > self.segments.floor(change.key_hash.segment()),
        };
        if !newer || self.clears.cover(version) || self.is_dead(change) {
            return Done::refused(Fate::Stale, had_value);
        }
        match (change.deed, found) {
            (Deed::Put, Some(i)) if change.block.is_none() && shard.rewrite(i, change.update, change.tags_count()) => {
                self.restamp(shard, change, i, had_value)
            }
            (Deed::Put, found) => match self.room_for(shard, change, found) {
                Some(need) => Attempt::Crowded(need),
                None => self.replace(shard, change, found, State::Live),
            },
            (Deed::Delete | Deed::TakeBack(_), found) => self.replace(shard, change, found, State::Tombstone),
            (Deed::Touch, Some(i)) => self.restamp(shard, change, i, had_value),
            (Deed::Touch, None) => Done::refused(Fate::Refused, had_value),
            (Deed::Invalidate, found) => self.drop_key(shard, change, found, Fate::Applied),
            (Deed::PutTooHeavy, found) => self.drop_key(shard, change, found, Fate::TooHeavy),
        }
    }

    /// Whether nothing was heard since a watch began: of its key, of these tags, nor a clear.
    pub(super) fn is_quiet(&self, shard: &Shard, watch: Watch, tags: &[u8]) -> bool {
        let is_quiet = shard.watches.is_quiet(watch, self.clears.heard());
        is_quiet && (tags.is_empty() || !self.tags.is_heard_since(tags, watch.tags()))
    }

    /// Whether what this process puts has a tag that was invalidated at a later version. What comes from elsewhere is
    /// known all the same, and not read.
    pub(super) fn is_dead(&self, change: &Change<'_>) -> bool {
        let is_own = change.source != Source::Remote && !change.tags.is_empty();
        is_own && self.tags.cover(change.tags, change.update.version)
    }

    /// Reserves what a put needs beyond what its key has already; returns it if that takes more than this lock.
    pub(super) fn room_for(&self, shard: &mut Shard, change: &mut Change<'_>, found: Option<u32>) -> Option<Room> {
        let Update { key, value, .. } = *change.update;
        if change.block.is_none() {
            change.block = Some(Block::join(key, value));
        }
        let weight = Store::weight_of(key.len(), value.len());
        let live = found.filter(|i| shard.slot(*i).state == State::Live);
        let need = match live {
            None => Room { entries: 1, bytes: weight },
            Some(i) => {
                let held = Store::weight_of_block(shard.slot(i).block_len());
                // Used now, whatever has to go to make room for its growth.
                shard.touch(i);
                Room { entries: 0, bytes: weight.saturating_sub(held) }
            }
        };
        let made = self.make_room(change.place.shard, shard, live.unwrap_or(NIL), need, &mut change.evicted);
        (!made).then_some(need)
    }

    /// Puts a value or a tombstone in the place of what is known of the key. The room for it is reserved.
    pub(super) fn replace(
        &self,
        shard: &mut Shard,
        change: &mut Change<'_>,
        found: Option<u32>,
        state: State,
    ) -> Attempt {
        // Always there for a put and a delete, which alone come here.
        let Some(block) = change.block.take() else { return Done::refused(Fate::Stale, false) };
        let old = found.map(|i| shard.slot(i));
        let had_value = old.is_some_and(|slot| self.is_readable(slot, change.now));
        let was_dirty = old.is_some_and(|slot| slot.dirty);
        let (old_key_len, old_codec, old_tags) =
            old.map_or((0, Codec::RAW, 0), |slot| (slot.key_len, slot.codec, slot.tags));
        let old_weight =
            old.filter(|slot| slot.state == State::Live).map(|slot| Store::weight_of_block(slot.block_len()));
        self.mix_change(old, change, state == State::Tombstone);
        let dirty = self.becomes_dirty(change);
        let dirty_key = (dirty && !was_dirty).then(|| Key::of(block.clone(), change.key_len));
        let weight = Store::weight_of_block(block.len());
        let content = Content {
            block,
            version: change.update.version,
            deadline: if state == State::Live { change.update.deadline } else { Deadline::NEVER },
            key_len: change.key_len,
            key_hash: change.key_hash,
            codec: change.update.codec,
            state,
            dirty,
            tags: if state == State::Live { change.tags_count() } else { 0 },
        };
        let old_block = shard.put(found, change.place.hash, content);
        match (state, old_weight) {
            (State::Live, Some(old)) => self.budget.release(Room { entries: 0, bytes: old.saturating_sub(weight) }),
            (_, Some(old)) => self.budget.release(Room { entries: 1, bytes: old }),
            (_, None) => {}
        }
        if state == State::Tombstone {
            self.trim_tombstones(shard, change);
        }
        self.publish(change.place.shard, shard);
        let replaced = old_block.map(|block| Replaced {
            block,
            key_len: old_key_len,
            codec: old_codec,
            tags: old_tags,
            readable: had_value,
        });
        Attempt::Done(Done { fate: Fate::Applied, had_value, dirty_key, replaced })
    }

    /// Gives the live slot `i`, whose value is what it is to be, the update's version and deadline.
    pub(super) fn restamp(&self, shard: &mut Shard, change: &Change<'_>, i: u32, had_value: bool) -> Attempt {
        let slot = shard.slot(i);
        self.mix_change(Some(slot), change, false);
        let dirty = self.becomes_dirty(change);
        let newly = dirty && !slot.dirty;
        let dirty_key = slot.block.as_ref().filter(|_| newly).map(|block| Key::of(block.clone(), slot.key_len));
        shard.restamp(i, change.update.version, change.update.deadline, dirty);
        self.publish(change.place.shard, shard);
        Attempt::Done(Done { fate: Fate::Applied, had_value, dirty_key, replaced: None })
    }

    /// Holds nothing of the key any more, and remembers that it was forgotten at the update's version.
    fn drop_key(&self, shard: &mut Shard, change: &Change<'_>, found: Option<u32>, fate: Fate) -> Attempt {
        self.segments.raise(change.key_hash.segment(), change.update.version.hlc);
        let had_value = found.is_some_and(|i| self.is_readable(shard.slot(i), change.now));
        let left = found.and_then(|i| self.unlink(change.place.shard, shard, i));
        let replaced = left.map(|left| Replaced {
            block: left.block,
            key_len: left.key_len,
            codec: Codec::RAW,
            tags: 0,
            readable: had_value,
        });
        Attempt::Done(Done { fate, had_value, dirty_key: None, replaced })
    }

    /// Forgets the oldest tombstones beyond the shard's share. One that was not sent yet is handed to the caller.
    pub(super) fn trim_tombstones(&self, shard: &mut Shard, change: &mut Change<'_>) {
        loop {
            let (number, bytes) = shard.tombstones();
            if number <= self.tombstones_max && bytes <= self.tombstone_bytes_max {
                return;
            }
            let oldest = shard.oldest_tombstone();
            let Some(left) = oldest.and_then(|i| self.forget(change.place.shard, shard, i)) else { return };
            if left.dirty {
                change.evicted.push(left.into_gone());
            }
        }
    }

    /// Replaces in the digest what the key adds to it.
    fn mix_change(&self, old: Option<&Slot>, change: &Change<'_>, tombstone: bool) {
        if !self.replicated || self.marking {
            return;
        }
        let of = |version, tombstone| Hashes::fingerprint(change.key_hash, version, tombstone);
        let before = old.map_or(0, |slot| of(slot.version, slot.state == State::Tombstone));
        self.segments.mix(change.key_hash.segment(), before ^ of(change.update.version, tombstone));
    }

    fn becomes_dirty(&self, change: &Change<'_>) -> bool {
        self.replicated && !self.marking && change.source != Source::Remote
    }
}

/// Counts what was put and deleted here. A touch is neither: it writes no value.
fn count(shard: &mut Shard, change: &Change<'_>, attempt: &Attempt) {
    let applied = matches!(attempt, Attempt::Done(Done { fate: Fate::Applied, .. }));
    match change.deed {
        Deed::Put if applied && change.source != Source::Remote => shard.puts += 1,
        Deed::Delete if applied && change.source != Source::Remote => shard.deletes += 1,
        _ => {}
    }
}

/// What becomes of a change of a key that is longer than any key.
fn unheld() -> Outcome {
    Outcome { fate: Fate::TooHeavy, dirty_key: None, had_value: false, evicted: Evicted::new() }
}

/// The lock is free: frees what is to be freed, and gives the caller the rest.
#[inline]
fn outcome(fate: Fate, had_value: bool, mut dirty_key: Option<Key>, mut evicted: Evicted) -> Outcome {
    evicted.iter_mut().map(|gone| &mut gone.key).chain(&mut dirty_key).for_each(Key::slim);
    Outcome { fate, dirty_key, had_value, evicted }
}
