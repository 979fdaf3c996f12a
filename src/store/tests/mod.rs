//! The rules of the store, one by one. `model` holds it against a naive one, `threads` against itself.

mod model;
mod rules;
mod threads;

use super::*;
use crate::config::CachePolicy;
use crate::hlc::HlcTimestamp;
use crate::ids::Origin;
use crate::update::{Codec, Update, UpdateKind};

const KEY: [u8; 16] = [7; 16];

const UNLIMITED: Limits = Limits { max_entries: usize::MAX, max_bytes: usize::MAX };

/// Long before every deadline in these tests.
const EARLY: WallMs = WallMs(1);

fn v(hlc: u64) -> Version {
    Version { hlc: HlcTimestamp(hlc), origin: Origin(1) }
}

fn update<'a>(kind: UpdateKind, key: &'a [u8], value: &'a [u8], version: Version) -> Update<'a> {
    Update { kind, key, value, codec: Codec::RAW, version, deadline: Deadline::NEVER }
}

fn until<'a>(update: Update<'a>, deadline: u64) -> Update<'a> {
    Update { deadline: Deadline(WallMs(deadline)), ..update }
}

fn put<'a>(key: &'a [u8], value: &'a [u8], hlc: u64) -> Update<'a> {
    update(UpdateKind::Put, key, value, v(hlc))
}

fn delete(key: &[u8], hlc: u64) -> Update<'_> {
    update(UpdateKind::Delete, key, b"", v(hlc))
}

fn invalidate(key: &[u8], hlc: u64) -> Update<'_> {
    update(UpdateKind::Invalidate, key, b"", v(hlc))
}

fn clear(hlc: u64) -> Update<'static> {
    update(UpdateKind::Clear, b"", b"", v(hlc))
}

fn local(store: &Store, update: &Update<'_>) -> Outcome {
    store.apply(update, Source::Local, Precondition::Any, EARLY)
}

fn remote(store: &Store, update: &Update<'_>) -> Outcome {
    store.apply(update, Source::Remote, Precondition::Any, EARLY)
}

fn replicated(limits: Limits) -> Store {
    Store::with_seed(limits, KEY, true, 0)
}

/// A replicated store of `entries` entries at most.
fn small(entries: usize) -> Store {
    replicated(Limits { max_entries: entries, max_bytes: usize::MAX })
}

fn read(store: &Store, key: &[u8]) -> Option<Vec<u8>> {
    store.peek(key, EARLY).map(|entry| entry.value.to_vec())
}

/// All keys by cursor, `max` at a time.
fn all_keys(store: &Store, max: usize) -> Vec<Vec<u8>> {
    let (mut keys, mut cursor) = (Vec::new(), Cursor::START);
    while cursor != Cursor::END {
        let (batch, next) = store.keys(cursor, max, EARLY);
        assert!(batch.len() <= max && (batch.len() == max || next == Cursor::END));
        keys.extend(batch.iter().map(|key| key.to_vec()));
        cursor = next;
    }
    keys.sort();
    keys
}

fn all_scanned(store: &Store, segments: Option<&SegmentSet>, max_bytes: usize) -> Vec<Scanned> {
    let (mut all, mut cursor) = (Vec::new(), Cursor::START);
    while cursor != Cursor::END {
        let (batch, next) = store.scan(cursor, segments, max_bytes);
        assert!(next > cursor);
        all.extend(batch);
        cursor = next;
    }
    all
}
