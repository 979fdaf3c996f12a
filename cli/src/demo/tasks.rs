//! What a process of the demonstration does with its cache when it is told: single changes, paced writing, writing as fast
//! as it can, waiting for what others do.
//!
//! The invariant: a change is stamped *before* the call that makes it, so what the others measure includes that call.
#![expect(clippy::disallowed_methods, reason = "the demonstration paces and measures in real time")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use mccache::node::{Cache, Ttl};
use mccache::update::Codec;

use super::line::Line;
use super::node::{Answer, PATIENCE, Running, alive};
use super::wall;

/// Bytes of a value that is written in bulk; the first eight are its stamp.
const VALUE_BYTES: usize = 64;
/// How often a waiting order looks at the membership.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Operations of the storm between two looks at the clock.
const OPERATIONS_PER_LOOK: u32 = 64;

/// Set by `stop`: paced writing ends.
static STOP: AtomicBool = AtomicBool::new(false);

/// Does what `order` says.
pub(super) fn run(order: &Line, running: &Running, reply: Line) -> Answer {
    let cache = &running.cache;
    let key = order.text("key").as_bytes();
    match order.verb.as_str() {
        "put" => {
            let at = wall();
            cache.put(key, order.text("text").as_bytes(), Codec::RAW, Ttl::Default)?;
            Ok(reply.with_ns("at", at))
        }
        "delete" => {
            let at = wall();
            let held = cache.delete(key)?;
            Ok(reply.with_ns("at", at).with("held", u8::from(held)))
        }
        "meet" => meet(order.number("members"), running, reply),
        "write" => write(order, cache, reply),
        "stop" => {
            STOP.store(true, Ordering::Relaxed);
            Ok(reply)
        }
        "storm" => storm(order, cache, reply),
        "sync" => {
            let begun = Instant::now();
            cache.sync(PATIENCE)?;
            Ok(reply.with_ns("took", begun.elapsed()))
        }
        unknown => {
            Err(mccache::error::Error::InvalidArgument { name: "order", reason: format!("`{unknown}` is none") })
        }
    }
}

/// The instant a value written in bulk was put; None for another value.
pub(super) fn stamp_of(value: &[u8]) -> Option<Duration> {
    let stamp = value.first_chunk().filter(|_| value.len() == VALUE_BYTES)?;
    Some(Duration::from_nanos(u64::from_le_bytes(*stamp)))
}

fn stamped() -> [u8; VALUE_BYTES] {
    let mut value = [0; VALUE_BYTES];
    // Until the year 2554.
    let stamp = u64::try_from(wall().as_nanos()).unwrap_or(u64::MAX).to_le_bytes();
    for (to, from) in value.iter_mut().zip(stamp) {
        *to = from;
    }
    value
}

/// Waits until `members` others are in step.
fn meet(members: usize, running: &Running, reply: Line) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    while alive(&running.node)? < members {
        if Instant::now() > deadline {
            let what = format!("{members} other members");
            return Err(mccache::error::Error::Timeout { what, waited: PATIENCE });
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(reply.with_ns("at", wall()))
}

/// Puts `count` times, `pace_us` apart (0: at once), to `keys` keys in turn; fewer times if it is stopped.
fn write(order: &Line, cache: &Cache, reply: Line) -> Answer {
    STOP.store(false, Ordering::Relaxed);
    let (prefix, count) = (order.text("prefix"), order.number::<u32>("count"));
    let keys = order.number::<u32>("keys").max(1);
    let pace = Duration::from_micros(order.number("pace_us"));
    let begun = Instant::now();
    let mut wrote = 0;
    while wrote < count && !STOP.load(Ordering::Relaxed) {
        cache.put(format!("{prefix}/{:06}", wrote % keys).as_bytes(), &stamped(), Codec::RAW, Ttl::Default)?;
        wrote += 1;
        let due = begun + pace * wrote;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(reply.with("wrote", wrote).with_ns("took", begun.elapsed()))
}

/// Writes all over `keys` shared keys for `ms`, without a pause: of 32 operations 29 puts, a delete and two reads.
fn storm(order: &Line, cache: &Cache, reply: Line) -> Answer {
    let keys = order.number::<u64>("keys").max(1);
    let until = Instant::now() + Duration::from_millis(order.number("ms"));
    let mut random = order.number::<u64>("seed") | 1;
    let mut wrote = 0_u64;
    while Instant::now() < until {
        for operation in 0..OPERATIONS_PER_LOOK {
            // xorshift64 (Marsaglia 2003, 13/7/17): any spread of keys does.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let key = format!("storm/{:06}", random % keys);
            match operation % 32 {
                0 => drop(cache.delete(key.as_bytes())?),
                1 | 2 => drop(cache.get(key.as_bytes())?),
                _ => cache.put(key.as_bytes(), &stamped(), Codec::RAW, Ttl::Default)?,
            }
            wrote += u64::from(!matches!(operation % 32, 1 | 2));
        }
    }
    Ok(reply.with("wrote", wrote).with_ns("at", wall()))
}

/// A wait for one key to have a value that was put elsewhere, or to lose it.
#[derive(Debug)]
pub(super) struct Watch {
    seen: Receiver<(Duration, String)>,
}

impl Watch {
    /// Begins to wait for `key` to read as `text`; empty: to have no value.
    pub(super) fn start(running: &Running, key: &str, text: &str) -> mccache::error::Result<Watch> {
        let events = running.cache.events()?;
        let (tell, seen) = sync_channel(1);
        let (cache, key, text) = (running.cache.clone(), key.to_owned(), text.to_owned());
        let spawned = std::thread::Builder::new().name("watch".into()).spawn(move || {
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && !events.is_closed() {
                let Ok(value) = cache.get(key.as_bytes()) else { return };
                let at = wall();
                let read = value.map(|value| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default();
                if read == text {
                    // The queue is empty: this is the only thing it gets.
                    let _room = tell.try_send((at, read));
                    return;
                }
                let _event = events.next(deadline.saturating_duration_since(Instant::now()));
            }
        });
        match spawned {
            Ok(_ends_with_its_wait) => Ok(Watch { seen }),
            Err(error) => Err(mccache::error::Error::Internal(format!("no thread to be had: {error}"))),
        }
    }

    /// When it was so, and what was read.
    pub(super) fn wait(self) -> Option<(Duration, String)> {
        self.seen.recv_timeout(PATIENCE).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_written_in_bulk_carry_a_stamp() {
        let before = wall();
        let stamp = stamp_of(&stamped()).expect("a stamp");
        assert!(before <= stamp && stamp <= wall());
        assert_eq!(stamp_of(b"hello from a (pid 4711)"), None);
        assert_eq!(stamp_of(b""), None);
    }
}
