//! Many threads at once, for a bounded number of operations.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::*;

/// A small generator (xorshift64*, Vigna 2016); the tests need spread, not quality.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// One thread's share: every kind of call, on keys that all threads share.
fn work(store: &Store, clock: &AtomicU64, seed: u64, steps: u32) {
    let mut state = seed;
    for _ in 0..steps {
        let dice = next(&mut state);
        let key = (dice >> 32) % 6_000;
        let key = key.to_le_bytes();
        let hlc = clock.fetch_add(1, Ordering::Relaxed);
        let now = WallMs(hlc / 100);
        let value = vec![1; usize::try_from(dice >> 16 & 0xff).expect("a byte")];
        match dice % 100 {
            0..40 => drop(store.get(&key, now)),
            40..70 => drop(store.apply(&put(&key, &value, hlc), Source::Local, Precondition::Any, now)),
            70..80 => {
                drop(store.apply(&until(put(&key, &value, hlc), now.0 + 50), Source::Remote, Precondition::Any, now));
            }
            80..88 => drop(local(store, &delete(&key, hlc))),
            88..92 => drop(store.take_dirty(&key)),
            92..94 => drop(store.touch(&key, Deadline(WallMs(now.0 + 90)), v(hlc), now)),
            94..96 => drop(remote(store, &invalidate(&key, hlc))),
            96 => drop(store.expire(now, 50)),
            97 => drop(store.keys(Cursor((dice % 16) << 32), 50, now)),
            98 => drop(store.take(&key, v(hlc), now)),
            _ if dice >> 20 & 0xff == 0 => drop(remote(store, &clear(hlc))),
            _ => drop(store.apply(&put(b"heavy", &[0; 60_000], hlc), Source::Local, Precondition::Any, now)),
        }
    }
}

/// What is in the slots is what the sums say.
fn assert_consistent(store: &Store) {
    let (mut live, mut bytes, mut tombstones, mut digest) = (0, 0, 0, 0);
    let mut cursor = Cursor::START;
    while cursor != Cursor::END {
        let (items, after) = store.scan(cursor, None, usize::MAX);
        cursor = after;
        for Scanned { key, state } in items {
            let hash = store.hashes.key(&key);
            match state {
                Outgoing::Put { value, version, .. } => {
                    live += 1;
                    bytes += Store::weight_of(key.len(), value.len());
                    digest ^= Hashes::fingerprint(hash, version, false);
                }
                Outgoing::Delete { version }
                | Outgoing::Invalidate { version }
                | Outgoing::InvalidateTag { version } => {
                    tombstones += 1;
                    digest ^= Hashes::fingerprint(hash, version, true);
                }
            }
        }
    }
    assert_eq!((store.len(), store.weight(), store.digest_all()), (live, bytes, digest));
    assert_eq!(store.stats().tombstones, tombstones);
}

fn hammer(limits: Limits) {
    let store = replicated(limits);
    let clock = AtomicU64::new(1);
    let done = AtomicBool::new(false);
    let looked = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut looked = 0_u64;
            loop {
                let last = done.load(Ordering::Acquire);
                assert!(store.len() <= limits.max_entries);
                assert!(store.weight() <= limits.max_bytes);
                looked += 1;
                if last {
                    return looked;
                }
            }
        });
        let workers: Vec<_> = (1..=4)
            .map(|seed| {
                scope.spawn({
                    let (store, clock) = (&store, &clock);
                    move || work(store, clock, seed, 15_000)
                })
            })
            .collect();
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        done.store(true, Ordering::Release);
        assert!(ended.iter().all(|worker| worker.is_ok()));
        watcher.join().expect("the limits held whenever they were looked at")
    });
    assert!(looked > 0);
    assert_consistent(&store);
    remote(&store, &clear(u64::MAX));
    assert_eq!((store.len(), store.weight(), store.digest_all(), store.stats().tombstones), (0, 0, 0, 0));
}

#[test]
fn limits_and_sums_hold_under_threads_with_many_shards() {
    hammer(Limits { max_entries: 3_000, max_bytes: 400_000 });
    hammer(Limits { max_entries: 1_500, max_bytes: usize::MAX });
}

#[test]
fn limits_and_sums_hold_under_threads_with_one_shard() {
    hammer(Limits { max_entries: 300, max_bytes: 100_000 });
}

#[test]
fn threads_that_all_need_the_whole_store_all_get_done() {
    let limits = Limits { max_entries: 100_000, max_bytes: 1 << 20 };
    let store = replicated(limits);
    assert!(store.shards.len() > 4);
    let clock = AtomicU64::new(1);
    thread::scope(|scope| {
        for n in 0..4_u8 {
            let (store, clock) = (&store, &clock);
            scope.spawn(move || {
                for turn in 0..200 {
                    let len = limits.max_bytes - Store::weight_of(1, 0) - if turn % 2 == 0 { 0 } else { 700_000 };
                    let hlc = clock.fetch_add(1, Ordering::Relaxed);
                    let outcome = local(store, &put(&[n], &vec![0; len], hlc));
                    assert!(matches!(outcome.fate, Fate::Applied | Fate::Stale));
                    assert!(store.weight() <= limits.max_bytes);
                }
            });
        }
    });
    assert_consistent(&store);
}
