//! Tags: entries that are put with names, and go all at once when one of the names is invalidated.
//!
//! The invariants: an entry has the tags of its last put or fill; to invalidate a tag takes as long for one entry as for a
//! million, and is told like any other change. Tags are known by their hashes, here and elsewhere (`store/tags.rs`).

use std::borrow::Cow;
use std::sync::Arc;

use super::cache::{Cache, CacheCore, Change, Ttl, Writer, check_len, overtaken, stamped};
use super::listener::EventKind;
use super::lock::read;
use super::outbox::Item;
use crate::error::{Error, Result};
use crate::hlc::Version;
use crate::store::{Fate, Precondition, Source, Store};
use crate::time::Deadline;
use crate::update::{Codec, TAG_LEN_MAX, TAGS_MAX, Update, UpdateKind, join_tags};

impl Cache {
    /// Puts a value with tags, at most 16 of them, so that [`invalidate_tag`](Cache::invalidate_tag) can take it. Without
    /// any it is a plain [`put`](Cache::put).
    ///
    /// # Errors
    /// As [`put`](Cache::put); [`Error::InvalidArgument`] for more tags, or for one that has not 1 to 255 bytes.
    pub fn put_tagged(&self, key: &[u8], value: &[u8], codec: Codec, ttl: Ttl, tags: &[&[u8]]) -> Result<()> {
        let core = self.live()?;
        let (kind, bytes) = core.with_tags(key, value, tags)?;
        let now = core.wall();
        let deadline = core.deadline(ttl, now)?;
        let change = Change { kind: EventKind::Put, key, value_len: bytes.len() };
        let (_, outcome) = core.change(change, now, |version| {
            let update = Update { kind, key, value: &bytes, codec, version, deadline };
            core.store.apply(&update, Source::Local, Precondition::Any, now)
        })?;
        if outcome.fate == Fate::TooHeavy {
            return Err(Error::Internal("the store refused an entry that is within its limits".into()));
        }
        Ok(())
    }

    /// Makes every entry with this tag a miss, here at once and on every member soon, whatever their number. What is put
    /// with the tag afterwards is read.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a tag that has not 1 to 255 bytes. Else as [`get`](Cache::get).
    pub fn invalidate_tag(&self, tag: &[u8]) -> Result<()> {
        let core = self.live()?;
        check_tag(tag)?;
        let now = core.wall();
        let key = [&core.store.tag_hash(tag).to_le_bytes(), tag].concat();
        let gate = core.is_replicated().then(|| read(&core.gate));
        let (version, outcome) = stamped(
            || core.node.hlc.tick(now),
            |version| core.store.apply(&of_tag(&key, version), Source::Local, Precondition::Any, now),
        );
        if outcome.fate == Fate::Stale {
            return Err(overtaken());
        }
        if core.is_replicated() {
            core.invalidated(key.into(), version);
        }
        drop(gate);
        core.node.publish(|| core.event(EventKind::TagInvalidated, tag, version, Writer::Here));
        Ok(())
    }
}

impl CacheCore {
    /// The update of a put of `key` that brings `value` with these tags; refuses what is too long.
    pub(super) fn with_tags<'a>(
        &self,
        key: &[u8],
        value: &'a [u8],
        tags: &[&[u8]],
    ) -> Result<(UpdateKind, Cow<'a, [u8]>)> {
        self.check_put(key, value)?;
        if tags.is_empty() {
            return Ok((UpdateKind::Put, Cow::Borrowed(value)));
        }
        if tags.len() > TAGS_MAX {
            let reason = format!("{} of them; an entry has {TAGS_MAX} at most", tags.len());
            return Err(Error::InvalidArgument { name: "tags", reason });
        }
        tags.iter().try_for_each(|tag| check_tag(tag))?;
        let hashes: Vec<u64> = tags.iter().map(|tag| self.store.tag_hash(tag)).collect();
        let bytes = join_tags(&hashes, value);
        check_len("entry", Store::weight_of(key.len(), bytes.len()), self.settings.max_bytes)?;
        Ok((UpdateKind::TaggedPut, Cow::Owned(bytes)))
    }

    /// Has members be told that a tag was invalidated.
    fn invalidated(self: &Arc<Self>, key: Box<[u8]>, version: Version) {
        if self.node.outbox.is_full() {
            // They get it by comparison.
            self.node.metrics.outbox_overflows.inc();
            return;
        }
        self.node.send(Item::InvalidateTag { cache: Arc::clone(self), key, version });
    }
}

/// The update that invalidates the tag which `key` names.
pub(super) fn of_tag(key: &[u8], version: Version) -> Update<'_> {
    let deadline = Deadline::NEVER;
    Update { kind: UpdateKind::InvalidateTag, key, value: b"", codec: Codec::RAW, version, deadline }
}

fn check_tag(tag: &[u8]) -> Result<()> {
    if (1..=TAG_LEN_MAX).contains(&tag.len()) {
        return Ok(());
    }
    let reason = format!("a tag of {} bytes; it has 1 to {TAG_LEN_MAX}", tag.len());
    Err(Error::InvalidArgument { name: "tags", reason })
}
