//! One test a rule.

use std::time::Duration;

use super::*;

#[test]
fn a_put_is_read_back_with_its_metadata() {
    let store = small(10);
    let outcome = local(&store, &until(Update { codec: Codec::TEXT, ..put(b"k", b"value", 5) }, 50));
    assert_eq!((outcome.fate, outcome.had_value), (Fate::Applied, false));
    let entry = store.peek(b"k", EARLY).expect("held");
    assert_eq!((&*entry.value, entry.value.codec()), (b"value".as_slice(), Codec::TEXT));
    assert_eq!((entry.version, entry.deadline), (v(5), Deadline(WallMs(50))));
    assert_eq!((entry.weight, store.weight()), (Store::weight_of(1, 5), Store::weight_of(1, 5)));
    assert_eq!(store.get(b"k", EARLY).expect("held").to_vec(), b"value");
    assert!(store.contains(b"k", EARLY) && !store.contains(b"kk", EARLY));
    assert!(store.get(b"kk", EARLY).is_none());
    let stats = store.stats();
    assert_eq!((stats.hits, stats.misses, stats.entries), (1, 1, 1));
}

#[test]
fn the_empty_key_and_the_longest_key_are_keys_and_a_longer_one_is_refused() {
    let store = small(10);
    let longest = vec![1; crate::update::KEY_LEN_MAX];
    let longer = vec![1; crate::update::KEY_LEN_MAX + 1];
    local(&store, &put(b"", b"empty", 1));
    local(&store, &put(&longest, b"", 2));
    assert_eq!(read(&store, b""), Some(b"empty".to_vec()));
    assert_eq!(read(&store, &longest), Some(Vec::new()));
    let before = store.digest_all();
    assert_eq!(local(&store, &put(&longer, b"", 3)).fate, Fate::TooHeavy);
    assert_eq!(store.touch(&longer, Deadline::NEVER, v(4), EARLY).fate, Fate::TooHeavy);
    assert!(store.take(&longer, v(5), EARLY).1.is_none());
    assert!(store.get(&longer, EARLY).is_none() && store.take_dirty(&longer).is_none());
    assert_eq!((store.len(), store.digest_all()), (2, before));
}

#[test]
fn only_a_newer_version_is_applied() {
    let store = small(10);
    remote(&store, &put(b"k", b"new", 5));
    assert_eq!(remote(&store, &put(b"k", b"old", 4)).fate, Fate::Stale);
    assert_eq!(remote(&store, &put(b"k", b"same", 5)).fate, Fate::Stale);
    assert_eq!(remote(&store, &delete(b"k", 5)).fate, Fate::Stale);
    assert_eq!(read(&store, b"k"), Some(b"new".to_vec()));
    let tie = Version { origin: Origin(2), ..v(5) };
    assert_eq!(remote(&store, &update(UpdateKind::Put, b"k", b"tie", tie)).fate, Fate::Applied);
    assert_eq!(read(&store, b"k"), Some(b"tie".to_vec()));
}

#[test]
fn puts_and_deletes_count_if_they_are_local_and_applied() {
    let store = small(10);
    let figures = || (store.stats().puts, store.stats().deletes);
    local(&store, &put(b"k", b"1", 5));
    local(&store, &put(b"k", b"2", 6));
    local(&store, &delete(b"k", 7));
    local(&store, &delete(b"k", 8));
    assert_eq!(figures(), (2, 2));
    local(&store, &put(b"k", b"stale", 4));
    store.apply(&put(b"k", b"refused", 9), Source::Local, Precondition::Present, EARLY);
    remote(&store, &put(b"k", b"remote", 10));
    store.touch(b"k", Deadline::NEVER, v(11), EARLY);
    remote(&store, &delete(b"k", 12));
    local(&store, &clear(13));
    assert_eq!(figures(), (2, 2));
    store.apply(&put(b"k", b"new", 14), Source::Local, Precondition::Absent, EARLY);
    assert!(store.take(b"k", v(15), EARLY).1.is_some());
    assert_eq!(figures(), (3, 3));
}

#[test]
fn a_delete_leaves_a_tombstone_even_of_an_unknown_key() {
    let store = small(10);
    let outcome = local(&store, &delete(b"k", 5));
    assert_eq!((outcome.fate, outcome.had_value), (Fate::Applied, false));
    assert_eq!(outcome.dirty_key.as_deref(), Some(b"k".as_slice()));
    assert_eq!((store.len(), store.weight(), store.stats().tombstones), (0, 0, 1));
    assert_eq!(remote(&store, &put(b"k", b"late", 4)).fate, Fate::Stale);
    assert_eq!(remote(&store, &put(b"k", b"new", 6)).fate, Fate::Applied);
    assert_eq!((store.len(), store.stats().tombstones), (1, 0));
    assert!(remote(&store, &delete(b"k", 7)).had_value);
    assert_eq!((store.len(), store.weight(), store.stats().tombstones), (0, 0, 1));
}

#[test]
fn a_key_is_handed_to_the_outbox_once_until_it_is_taken() {
    let store = small(10);
    assert_eq!(local(&store, &put(b"k", b"1", 1)).dirty_key.as_deref(), Some(b"k".as_slice()));
    assert!(local(&store, &put(b"k", b"2", 2)).dirty_key.is_none());
    assert!(local(&store, &delete(b"k", 3)).dirty_key.is_none());
    assert!(matches!(store.take_dirty(b"k"), Some(Outgoing::Delete { version }) if version == v(3)));
    assert!(store.take_dirty(b"k").is_none());
    assert!(local(&store, &put(b"k", b"4", 4)).dirty_key.is_some());
    let Some(Outgoing::Put { value, version, .. }) = store.take_dirty(b"k") else { panic!("dirty") };
    assert_eq!((value.to_vec(), version), (b"4".to_vec(), v(4)));
}

#[test]
fn a_remote_update_makes_a_dirty_key_clean_and_marks_none() {
    let store = small(10);
    local(&store, &put(b"k", b"1", 1));
    assert!(remote(&store, &put(b"k", b"2", 2)).dirty_key.is_none());
    assert!(store.take_dirty(b"k").is_none());
    assert!(remote(&store, &put(b"l", b"3", 3)).dirty_key.is_none());
    assert!(store.take_dirty(b"l").is_none());
}

#[test]
fn nothing_is_dirty_in_a_store_that_is_not_replicated() {
    let store = Store::new(Limits { max_entries: 1, ..UNLIMITED }, KEY, false);
    assert!(local(&store, &put(b"k", b"1", 1)).dirty_key.is_none());
    assert!(store.touch(b"k", Deadline::NEVER, v(2), EARLY).dirty_key.is_none());
    assert!(store.take_dirty(b"k").is_none());
    assert!(!local(&store, &put(b"l", b"1", 3)).evicted[0].dirty);
    assert!(local(&store, &delete(b"l", 4)).dirty_key.is_none());
}

#[test]
fn preconditions_are_judged_on_the_live_value() {
    let store = small(10);
    let try_put = |hlc, precondition, now| {
        store.apply(&until(put(b"k", b"v", hlc), 100), Source::Local, precondition, WallMs(now)).fate
    };
    assert_eq!(try_put(1, Precondition::Present, 1), Fate::Refused);
    assert_eq!(try_put(2, Precondition::Version(v(1)), 1), Fate::Refused);
    assert_eq!(try_put(3, Precondition::Absent, 1), Fate::Applied);
    assert_eq!(try_put(4, Precondition::Absent, 1), Fate::Refused);
    assert_eq!(try_put(5, Precondition::Version(v(2)), 1), Fate::Refused);
    assert_eq!(try_put(6, Precondition::Version(v(3)), 1), Fate::Applied);
    assert_eq!(try_put(7, Precondition::Present, 1), Fate::Applied);
    // Expired is absent.
    assert_eq!(try_put(8, Precondition::Present, 100), Fate::Refused);
    assert_eq!(try_put(9, Precondition::Absent, 100), Fate::Applied);
    local(&store, &delete(b"k", 10));
    assert_eq!(try_put(11, Precondition::Present, 1), Fate::Refused);
    assert_eq!(try_put(11, Precondition::Absent, 1), Fate::Applied);
}

#[test]
fn the_least_recently_used_entry_goes_and_is_not_let_back_in() {
    let store = small(2);
    remote(&store, &put(b"a", b"1", 1));
    local(&store, &put(b"b", b"2", 2));
    assert!(store.get(b"a", EARLY).is_some());
    // Neither counts as a use.
    assert!(store.peek(b"b", EARLY).is_some() && store.contains(b"b", EARLY));
    let outcome = local(&store, &put(b"c", b"3", 3));
    let gone: Vec<_> = outcome.evicted.iter().map(|gone| (&*gone.key, gone.version, gone.dirty)).collect();
    assert_eq!(gone, [(b"b".as_slice(), v(2), true)]);
    assert_eq!((store.len(), store.stats().evictions), (2, 1));
    assert_eq!(remote(&store, &put(b"b", b"2", 2)).fate, Fate::Stale);
    assert_eq!(remote(&store, &delete(b"b", 1)).fate, Fate::Stale);
    assert_eq!(remote(&store, &put(b"b", b"4", 4)).fate, Fate::Applied);
}

#[test]
fn an_entry_that_grows_pushes_out_others_but_not_itself() {
    let entry = Store::weight_of(1, 10);
    let store = replicated(Limits { max_entries: 10, max_bytes: 3 * entry });
    for (key, hlc) in [(b"a", 1), (b"b", 2), (b"c", 3)] {
        local(&store, &put(key, &[0; 10], hlc));
    }
    let outcome = local(&store, &put(b"a", &[0; 11], 4));
    assert_eq!(outcome.evicted.len(), 1);
    assert_eq!(&*outcome.evicted[0].key, b"b");
    assert_eq!(store.weight(), 2 * entry + 1);
    assert!(local(&store, &put(b"a", &[0; 2], 5)).evicted.is_empty());
    assert_eq!(store.weight(), 2 * entry - 8);
}

#[test]
fn the_oldest_entry_may_push_out_all_others_in_several_batches() {
    let entry = Store::weight_of(8, 0);
    let store = replicated(Limits { max_entries: 500, max_bytes: 300 * entry }).evicting(CachePolicy::Lru);
    for n in 0..300_u64 {
        local(&store, &put(&n.to_le_bytes(), b"", n + 1));
    }
    let outcome = local(&store, &put(&0_u64.to_le_bytes(), &vec![0; 299 * entry], 301));
    let expected: Vec<_> = (1..300_u64).map(|n| n.to_le_bytes().to_vec()).collect();
    assert_eq!(outcome.evicted.iter().map(|gone| gone.key.to_vec()).collect::<Vec<_>>(), expected);
    assert!(outcome.had_value && outcome.dirty_key.is_none());
    assert_eq!((store.len(), store.weight()), (1, 300 * entry));
}

#[test]
fn a_put_that_can_never_fit_leaves_nothing_and_counts_as_forgotten() {
    for source in [Source::Local, Source::Remote] {
        let store = replicated(Limits { max_entries: 10, max_bytes: Store::weight_of(1, 10) });
        local(&store, &put(b"k", b"old", 1));
        let heavy = store.apply(&put(b"k", &[0; 11], 5), source, Precondition::Any, EARLY);
        assert_eq!((heavy.fate, heavy.had_value), (Fate::TooHeavy, true));
        assert!(heavy.dirty_key.is_none() && heavy.evicted.is_empty());
        assert_eq!((store.len(), store.weight(), store.digest_all()), (0, 0, 0));
        assert_eq!(remote(&store, &put(b"k", b"late", 4)).fate, Fate::Stale);
        assert_eq!(remote(&store, &put(b"k", &[0; 10], 6)).fate, Fate::Applied);
        // A stale one does no harm.
        assert_eq!(remote(&store, &put(b"k", &[0; 11], 6)).fate, Fate::Stale);
        assert_eq!(store.len(), 1);
    }
    let none = small(0);
    assert_eq!(local(&none, &put(b"k", b"", 1)).fate, Fate::TooHeavy);
    assert_eq!(none.len(), 0);
}

#[test]
fn an_invalidation_drops_what_is_older_and_keeps_older_puts_out() {
    let store = small(10);
    local(&store, &put(b"k", b"1", 5));
    assert_eq!(remote(&store, &invalidate(b"k", 4)).fate, Fate::Stale);
    assert_eq!(remote(&store, &invalidate(b"k", 5)).fate, Fate::Stale);
    assert_eq!(store.len(), 1);
    let outcome = remote(&store, &invalidate(b"k", 7));
    assert_eq!((outcome.fate, outcome.had_value), (Fate::Applied, true));
    assert_eq!((store.len(), store.weight(), store.stats().tombstones, store.digest_all()), (0, 0, 0, 0));
    assert_eq!(remote(&store, &put(b"k", b"2", 7)).fate, Fate::Stale);
    assert_eq!(remote(&store, &put(b"k", b"2", 8)).fate, Fate::Applied);
    remote(&store, &delete(b"k", 9));
    assert_eq!(remote(&store, &invalidate(b"k", 10)).fate, Fate::Applied);
    assert_eq!(store.stats().tombstones, 0);
    assert_eq!(remote(&store, &invalidate(b"unknown", 10)).fate, Fate::Applied);
    assert_eq!(remote(&store, &put(b"unknown", b"", 9)).fate, Fate::Stale);
}

#[test]
fn a_clear_takes_what_is_older_and_keeps_it_out() {
    let store = replicated(UNLIMITED);
    for n in 0..2_000_u64 {
        local(&store, &until(put(&n.to_le_bytes(), b"value", n + 1), 9_999));
        local(&store, &delete(&(n + 10_000).to_le_bytes(), n + 1));
    }
    let outcome = remote(&store, &clear(1_500));
    assert_eq!((outcome.fate, store.clear_version()), (Fate::Applied, v(1_500)));
    // The entry of version 1,500 itself is no older than the clear.
    assert_eq!((store.len(), store.stats().tombstones), (501, 501));
    assert_eq!(store.weight(), 501 * Store::weight_of(8, 5));
    assert_eq!(remote(&store, &put(b"new", b"", 1_500)).fate, Fate::Stale);
    assert_eq!(remote(&store, &delete(b"new", 1_499)).fate, Fate::Stale);
    assert_eq!(remote(&store, &invalidate(b"new", 1_499)).fate, Fate::Stale);
    assert_eq!(remote(&store, &put(b"new", b"", 1_501)).fate, Fate::Applied);
    assert_eq!(remote(&store, &clear(1_500)).fate, Fate::Stale);
    assert_eq!(remote(&store, &clear(1_400)).fate, Fate::Stale);
    assert_eq!(remote(&store, &clear(9_000)).fate, Fate::Applied);
    assert_eq!((store.len(), store.weight(), store.digest_all(), store.stats().tombstones), (0, 0, 0, 0));
    assert_eq!(local(&store, &until(put(b"k", b"v", 9_001), 9_999)).fate, Fate::Applied);
    assert_eq!(store.expire(WallMs(9_999), 10).len(), 1);
}

#[test]
fn an_expired_entry_is_read_by_nobody_and_taken_out_once() {
    let store = small(10);
    remote(&store, &until(put(b"clean", b"", 1), 100));
    local(&store, &until(put(b"dirty", b"", 2), 100));
    remote(&store, &put(b"never", b"", 3));
    let (before, then) = (WallMs(99), WallMs(100));
    assert!(store.contains(b"clean", before));
    assert!(store.expire(before, 10).is_empty());
    assert!(!store.contains(b"clean", then) && store.peek(b"dirty", then).is_none());
    assert_eq!(store.keys(Cursor::START, 10, then).0.len(), 1);
    assert_eq!(store.checksum(then).1, 1);
    // A read leaves it to `expire`, or nobody would be told.
    assert!(store.get(b"clean", then).is_none() && store.get(b"dirty", then).is_none());
    assert_eq!((store.len(), store.stats().misses), (3, 2));
    let mut gone: Vec<_> = store.expire(then, 10).into_iter().map(|gone| (gone.key.to_vec(), gone.dirty)).collect();
    gone.sort();
    assert_eq!(gone, [(b"clean".to_vec(), false), (b"dirty".to_vec(), true)]);
    assert_eq!((store.len(), store.stats().expirations, store.stats().evictions), (1, 2, 0));
    assert!(store.expire(then, 10).is_empty());
    assert_eq!(remote(&store, &put(b"clean", b"", 1)).fate, Fate::Stale);
    assert_eq!(remote(&store, &put(b"dirty", b"", 2)).fate, Fate::Stale);
}

#[test]
fn expiry_keeps_to_its_budget_and_serves_every_shard() {
    let store = replicated(UNLIMITED);
    for n in 0..1_000_u64 {
        remote(&store, &until(put(&n.to_le_bytes(), b"", n + 1), 100 + n));
    }
    assert_eq!(store.expire(WallMs(599), 0).len(), 0);
    let mut seen = Vec::new();
    for _ in 0..5 {
        let gone = store.expire(WallMs(599), 100);
        assert_eq!(gone.len(), 100);
        seen.extend(gone.iter().map(|gone| gone.key.to_vec()));
    }
    assert!(store.expire(WallMs(599), 100).is_empty());
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), store.len()), (500, 500));
}

#[test]
fn rewriting_deadlines_a_million_times_keeps_the_timers_small() {
    let store = small(10);
    for n in 1..=1_000_000_u64 {
        // Rising, falling and alternating deadlines.
        let deadline = 10_000_000 + [n, 2_000_000 - n, n % 2][usize::try_from(n % 3).expect("below 3")];
        local(&store, &until(put(b"k", b"", n), deadline));
    }
    let records = store.shards[0].lock().timers.records();
    assert!(records <= 2 + 64 + 1, "{records}");
    assert!(store.expire(WallMs(9_999_999), 10).is_empty());
    assert_eq!(store.expire(WallMs(20_000_000), 10).len(), 1);
}

#[test]
fn a_touch_changes_deadline_and_version_and_keeps_the_block() {
    let store = small(2).evicting(CachePolicy::Lru);
    assert_eq!(store.touch(b"k", Deadline::NEVER, v(1), EARLY).fate, Fate::Refused);
    remote(&store, &until(Update { codec: Codec::CBOR, ..put(b"k", b"value", 2) }, 50));
    remote(&store, &put(b"l", b"", 3));
    let before = store.get(b"l", EARLY).and_then(|_| store.peek(b"k", EARLY)).expect("held");
    let later = Deadline::after(WallMs(50), Some(Duration::from_millis(50)));
    let outcome = store.touch(b"k", later, v(4), EARLY);
    assert_eq!((outcome.fate, outcome.had_value), (Fate::Applied, true));
    assert_eq!(outcome.dirty_key.as_deref(), Some(b"k".as_slice()));
    let after = store.peek(b"k", WallMs(99)).expect("held");
    assert_eq!((after.deadline, after.version, after.value.codec()), (later, v(4), Codec::CBOR));
    assert!(std::ptr::eq(&*before.value, &*after.value));
    // It counted as a use.
    assert_eq!(&*local(&store, &put(b"m", b"", 5)).evicted[0].key, b"l");
    assert_eq!(store.touch(b"k", later, v(3), EARLY).fate, Fate::Stale);
    assert_eq!(store.touch(b"k", later, v(9), WallMs(100)).fate, Fate::Refused);
    assert_eq!(store.expire(WallMs(99), 10).len(), 0);
    assert_eq!(store.expire(WallMs(100), 10).len(), 1);
}

#[test]
fn a_take_deletes_and_returns_what_could_be_read() {
    let store = small(10);
    remote(&store, &until(Update { codec: Codec::TEXT, ..put(b"k", b"value", 2) }, 50));
    let (outcome, value) = store.take(b"k", v(1), EARLY);
    assert_eq!((outcome.fate, value.is_some()), (Fate::Stale, false));
    let (outcome, value) = store.take(b"k", v(3), EARLY);
    let value = value.expect("was live");
    assert_eq!((outcome.fate, outcome.had_value, outcome.dirty_key.is_some()), (Fate::Applied, true, true));
    assert_eq!((&*value, value.codec()), (b"value".as_slice(), Codec::TEXT));
    let (outcome, value) = store.take(b"k", v(4), EARLY);
    assert_eq!((outcome.fate, outcome.had_value, value.is_some()), (Fate::Applied, false, false));
    remote(&store, &until(put(b"k", b"value", 5), 50));
    assert!(store.take(b"k", v(6), WallMs(50)).1.is_none());
    assert_eq!((store.len(), store.weight(), store.stats().tombstones), (0, 0, 1));
}

#[test]
fn a_value_outlives_its_entry_and_its_store() {
    let store = small(1);
    local(&store, &put(b"k", b"value", 1));
    let value = store.get(b"k", EARLY).expect("held");
    local(&store, &put(b"k", b"other", 2));
    local(&store, &put(b"l", b"third", 3));
    drop(store);
    assert_eq!(&*value, b"value");
}

#[test]
fn a_value_that_is_written_over_another_has_its_codec_and_is_seen_by_new_readers_alone() {
    for replicated in [false, true] {
        let store = Store::with_seed(UNLIMITED, KEY, replicated, 0);
        let put = |value, codec, hlc| {
            let update = Update { codec, ..put(b"k", value, hlc) };
            assert_eq!(local(&store, &update).fate, Fate::Applied);
        };
        put(b"value", Codec::RAW, 1);
        let outgoing = store.take_dirty(b"k");
        let seen = store.get(b"k", EARLY).expect("held");
        put(b"other", Codec::TEXT, 2);
        put(b"third", Codec::CBOR, 3);
        let entry = store.peek(b"k", EARLY).expect("held");
        assert_eq!((&*seen, seen.codec()), (b"value".as_slice(), Codec::RAW));
        assert_eq!((&*entry.value, entry.value.codec(), entry.version), (b"third".as_slice(), Codec::CBOR, v(3)));
        assert_eq!((store.len(), store.weight(), store.stats().puts), (1, Store::weight_of(1, 5), 3));
        let sent = matches!(outgoing, Some(Outgoing::Put { value, .. }) if *value == *b"value");
        assert_eq!(sent, replicated);
    }
}

#[test]
fn collected_tombstones_keep_older_puts_out() {
    let store = replicated(UNLIMITED);
    remote(&store, &delete(b"a", 5));
    remote(&store, &delete(b"b", 10));
    local(&store, &delete(b"c", 4));
    // What was not sent yet stays.
    assert_eq!(store.collect_tombstones(HlcTimestamp(10)), 1);
    assert_eq!(store.stats().tombstones, 2);
    assert_eq!(remote(&store, &put(b"a", b"", 5)).fate, Fate::Stale);
    assert_eq!(remote(&store, &put(b"a", b"", 6)).fate, Fate::Applied);
    assert!(store.take_dirty(b"c").is_some());
    assert_eq!(store.collect_tombstones(HlcTimestamp(11)), 2);
    assert_eq!(remote(&store, &put(b"c", b"", 4)).fate, Fate::Stale);
}

#[test]
fn tombstones_are_bounded_in_number_and_the_oldest_goes_first() {
    let store = small(1);
    let max = u64::try_from(TOMBSTONES_MAX).expect("small");
    for n in 1..=max {
        assert!(local(&store, &delete(&n.to_le_bytes(), n)).evicted.is_empty());
    }
    assert!(store.take_dirty(&2_u64.to_le_bytes()).is_some());
    let first = local(&store, &delete(b"x", max + 1)).evicted;
    assert_eq!((&*first[0].key, first[0].dirty, first.len()), (1_u64.to_le_bytes().as_slice(), true, 1));
    assert!(local(&store, &delete(b"y", max + 2)).evicted.is_empty());
    assert_eq!(store.stats().tombstones, max);
    assert_eq!(remote(&store, &put(&2_u64.to_le_bytes(), b"", 2)).fate, Fate::Stale);
    assert_eq!(remote(&store, &put(&3_u64.to_le_bytes(), b"", 2)).fate, Fate::Stale);
}

#[test]
fn tombstones_are_bounded_in_bytes() {
    let store = small(1);
    let mut key = vec![0; crate::update::KEY_LEN_MAX];
    for n in 1..=300_u64 {
        key[..8].copy_from_slice(&n.to_le_bytes());
        remote(&store, &delete(&key, n));
    }
    assert_eq!(store.shards[0].lock().tombstones(), (256, 256 * crate::update::KEY_LEN_MAX));
    const { assert!(256 * crate::update::KEY_LEN_MAX <= TOMBSTONE_BYTES_MAX) };
}

#[test]
fn walks_meet_what_stands_still_exactly_once_while_others_come_and_go() {
    for limits in [UNLIMITED, Limits { max_entries: 1_024, ..UNLIMITED }] {
        let store = replicated(limits);
        let mut hlc = 0;
        let mut next = || {
            hlc += 1;
            hlc
        };
        for n in 0..900_u64 {
            local(&store, &put(&n.to_le_bytes(), b"", next()));
        }
        let (mut met, mut cursor, mut turn) = (Vec::new(), Cursor::START, 0_u64);
        while cursor != Cursor::END {
            let (keys, after) = store.keys(cursor, 7, EARLY);
            met.extend(keys.iter().map(|key| key.to_vec()));
            cursor = after;
            // Even keys stand still; odd ones leave, and new ones come, all the time.
            local(&store, &invalidate(&(turn * 2 + 1).to_le_bytes(), next()));
            local(&store, &put(&(5_000 + turn).to_le_bytes(), b"", next()));
            turn += 1;
        }
        for n in (0..900_u64).step_by(2) {
            assert_eq!(met.iter().filter(|key| **key == n.to_le_bytes()).count(), 1);
        }
    }
}

#[test]
fn keys_come_in_batches_of_any_size() {
    let store = replicated(UNLIMITED);
    for n in 0..600_u64 {
        local(&store, &put(&n.to_be_bytes(), b"", n + 1));
    }
    local(&store, &delete(b"gone", 1_000));
    let expected: Vec<_> = (0..600_u64).map(|n| n.to_be_bytes().to_vec()).collect();
    for max in [1, 13, 600, 10_000] {
        assert_eq!(all_keys(&store, max), expected);
    }
    assert_eq!(store.keys(Cursor::START, 0, EARLY).0.len(), 1);
    assert_eq!(store.keys(Cursor::END, 10, EARLY), (Vec::new(), Cursor::END));
    assert_eq!(store.keys(Cursor(u64::MAX - 1), 10, EARLY), (Vec::new(), Cursor::END));
}

#[test]
fn a_scan_gives_entries_and_tombstones_of_the_segments_asked_for() {
    let store = replicated(UNLIMITED);
    for n in 0..300_u64 {
        remote(&store, &put(&n.to_be_bytes(), &[1; 50], n + 1));
        remote(&store, &delete(&(n + 1_000).to_be_bytes(), n + 1));
    }
    let mut set = [0; SEGMENTS / 8];
    let wanted = |key: &[u8]| store.segment_of(key) < SEGMENTS / 2;
    set[..SEGMENTS / 16].fill(0xff);
    for max_bytes in [0, 100, 100_000] {
        let all = all_scanned(&store, None, max_bytes);
        assert_eq!(all.iter().filter(|item| matches!(item.state, Outgoing::Put { .. })).count(), 300);
        assert_eq!(all.len(), 600);
        let half = all_scanned(&store, Some(&set), max_bytes);
        assert!(half.iter().all(|item| wanted(&item.key)));
        assert_eq!(half.len(), all.iter().filter(|item| wanted(&item.key)).count());
    }
    let (batch, _) = store.scan(Cursor::START, None, 200);
    let bytes = |item: &Scanned| match &item.state {
        Outgoing::Put { value, .. } => item.key.len() + value.len(),
        Outgoing::Delete { .. } | Outgoing::Invalidate { .. } | Outgoing::InvalidateTag { .. } => item.key.len(),
    };
    assert!(!batch.is_empty() && batch.iter().map(bytes).sum::<usize>() <= 200);
}

#[test]
fn equal_contents_have_equal_checksums_and_others_do_not() {
    let [one, two] = [small(10), replicated(UNLIMITED)];
    for store in [&one, &two] {
        remote(store, &put(b"a", b"1", 1));
        local(store, &put(b"b", b"2", 2));
    }
    // Versions and tombstones are the digest's matter.
    remote(&two, &put(b"a", b"1", 3));
    remote(&two, &delete(b"c", 3));
    assert_eq!(one.checksum(EARLY), two.checksum(EARLY));
    assert_eq!(one.checksum(EARLY).1, 2);
    assert_ne!(one.digest_all(), two.digest_all());
    remote(&two, &Update { codec: Codec::TEXT, ..put(b"a", b"1", 4) });
    assert_ne!(one.checksum(EARLY), two.checksum(EARLY));
}

#[test]
fn digests_are_kept_by_segment() {
    let store = small(10);
    remote(&store, &put(b"a", b"1", 1));
    let segment = store.segment_of(b"a");
    assert_ne!(store.digest(segment), 0);
    assert_eq!(store.digest(segment), store.digest_all());
    assert_eq!(store.digest((segment + 1) % SEGMENTS), 0);
    assert_eq!(store.digest(SEGMENTS), 0);
    let live = store.digest_all();
    remote(&store, &delete(b"a", 2));
    assert!(store.digest_all() != 0 && store.digest_all() != live);
}

#[test]
fn the_number_of_shards_follows_the_limits() {
    let shards = |max_entries, max_bytes| shard_count(Limits { max_entries, max_bytes });
    assert_eq!(shards(0, usize::MAX), 1);
    assert_eq!(shards(1_024, usize::MAX), 1);
    assert_eq!(shards(usize::MAX, 1_024 * ENTRY_OVERHEAD), 1);
    assert_eq!(shards(1_025, usize::MAX), 4);
    assert_eq!(shards(4_000, usize::MAX), 8);
    assert_eq!(shards(100_000, usize::MAX), 64);
    assert_eq!(shards(usize::MAX, usize::MAX), 64);
}

#[test]
fn many_shards_share_one_limit_and_a_heavy_entry_pushes_out_what_it_must() {
    let limits = Limits { max_entries: 10_000, max_bytes: 4_000 * Store::weight_of(8, 100) };
    let store = replicated(limits).evicting(CachePolicy::Lru);
    for n in 0..20_000_u64 {
        local(&store, &put(&n.to_le_bytes(), &[0; 100], n + 1));
        assert!(store.len() <= limits.max_entries && store.weight() <= limits.max_bytes);
    }
    assert_eq!(store.len(), 4_000);
    // Near LRU: of the newest three quarters nearly all are there.
    let recent = (17_000..20_000_u64).filter(|n| store.contains(&n.to_le_bytes(), EARLY)).count();
    assert!(recent > 2_950, "{recent}");
    let heavy = vec![0; limits.max_bytes / 2];
    let outcome = local(&store, &put(b"heavy", &heavy, 30_000));
    assert_eq!(outcome.fate, Fate::Applied);
    assert!(outcome.evicted.len() >= 1_900 && outcome.evicted.len() <= 2_100, "{}", outcome.evicted.len());
    assert!(store.weight() <= limits.max_bytes);
    let whole = vec![0; limits.max_bytes - Store::weight_of(5, 0)];
    assert_eq!(local(&store, &put(b"heavy", &whole, 30_001)).fate, Fate::Applied);
    assert_eq!((store.len(), store.weight()), (1, limits.max_bytes));
}

#[test]
fn one_seed_gives_the_same_run_twice() {
    let run = || {
        let store = Store::with_seed(Limits { max_entries: 3_000, ..UNLIMITED }, KEY, true, 42);
        let mut trace = Vec::new();
        for n in 0..10_000_u64 {
            let outcome = local(&store, &put(&(n * n % 7_001).to_le_bytes(), b"", n + 1));
            trace.extend(outcome.evicted.iter().map(|gone| gone.key.to_vec()));
        }
        (trace, store.digest_all())
    };
    assert_eq!(run(), run());
}

#[test]
fn what_has_expired_is_kept_for_its_grace_and_read_by_nobody_but_who_asks_for_it() {
    let store = Store::with_seed(UNLIMITED, KEY, true, 1).keeping_expired(Duration::from_millis(50));
    let put = |clock, deadline| {
        assert_eq!(local(&store, &until(put(b"k", b"v", clock), deadline)).fate, Fate::Applied);
    };
    let expire =
        |now| store.expire(WallMs(now), 10).into_iter().map(|gone| (gone.told, gone.dirty)).collect::<Vec<_>>();
    let kept = |now, age| store.expired(b"k", WallMs(now), Duration::from_millis(age)).is_some();
    put(1, 100);
    assert!(!kept(99, 50), "it is alive");
    assert_eq!(expire(100), [(false, false)], "told, and kept");
    assert_eq!((store.len(), store.stats().entries, store.stats().expirations), (0, 0, 1));
    assert!(store.get(b"k", WallMs(100)).is_none() && store.weight() > 0);
    assert!(kept(149, 50) && !kept(150, 50) && kept(109, 10) && !kept(110, 10));
    assert!(expire(149).is_empty());
    // A put of the same deadline is filed anew, and told anew.
    put(2, 100);
    assert_eq!((expire(100), store.len()), (vec![(false, false)], 0));
    assert_eq!(expire(150), [(true, true)], "gone, and the members must hear of it: it was never sent");
    assert_eq!((store.weight(), store.stats().expirations, kept(149, 50)), (0, 2, false));
    // Who comes so late that the grace is over takes it out at once; what is evicted or cleared meanwhile is no more kept.
    put(200, 300);
    assert_eq!(expire(350), [(false, true)]);
    put(400, 300);
    assert_eq!(expire(300), [(false, false)]);
    put(401, 1_000);
    assert_eq!((store.len(), kept(1_001, 50), expire(1_000)), (1, true, vec![(false, false)]));
    local(&store, &update(UpdateKind::Clear, b"", b"", v(500)));
    assert_eq!((store.len(), store.weight(), expire(2_000)), (0, 0, vec![]));
}

#[test]
fn what_was_stamped_wildly_is_taken_back_and_nothing_else() {
    let store = small(10);
    remote(&store, &put(b"sane", b"s", 50));
    local(&store, &put(b"wild", b"w", 5_000));
    local(&store, &delete(b"wildly deleted", 5_001));
    let drawn = std::cell::Cell::new(100);
    let stamp = || {
        drawn.set(drawn.get() + 1);
        v(drawn.get())
    };
    let (disowned, evicted) = store.disown(|version| version.hlc > HlcTimestamp(1_000), HlcTimestamp(1_000), stamp);
    assert_eq!((disowned, evicted.len()), (2, 0));
    assert_eq!(read(&store, b"sane"), Some(b"s".to_vec()));
    assert!(store.take_dirty(b"wild").is_none(), "it is sent to nobody");
    for key in [&b"wild"[..], b"wildly deleted"] {
        assert_eq!(remote(&store, &put(key, b"older", 60)).fate, Fate::Stale, "in doubt, a miss");
        assert_eq!(remote(&store, &put(key, b"newer", 200)).fate, Fate::Applied);
    }
}

#[test]
fn a_wild_clear_and_wild_floors_are_made_anew() {
    let store = small(10);
    remote(&store, &put(b"k", b"v", 50));
    remote(&store, &update(UpdateKind::Invalidate, b"f", b"", v(6_000)));
    local(&store, &update(UpdateKind::Clear, b"", b"", v(5_000)));
    assert_eq!(remote(&store, &put(b"k", b"v", 90)).fate, Fate::Stale);
    let drawn = std::cell::Cell::new(100);
    let stamp = || {
        drawn.set(drawn.get() + 1);
        v(drawn.get())
    };
    store.disown(|version| version.hlc > HlcTimestamp(1_000), HlcTimestamp(1_000), stamp);
    assert!(store.clear_version() > v(100) && store.clear_version() < v(200));
    assert_eq!(remote(&store, &put(b"k", b"v", 90)).fate, Fate::Stale, "it is older than the clear");
    assert_eq!(remote(&store, &put(b"k", b"v", 200)).fate, Fate::Applied);
    assert_eq!(remote(&store, &put(b"f", b"v", 200)).fate, Fate::Applied, "its floor was wild");
}
