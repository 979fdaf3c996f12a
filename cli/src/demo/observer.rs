//! What a process of the demonstration notices: members that come and go, and how long the writes of others took.
//!
//! The invariant: a lag is taken when the value can be *read* here, after the event, so none is shorter than what a reader
//! would have seen. Values begin with the instant of their put; the processes share the host's clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mccache::node::{Event, EventKind, Events};

use super::line::Line;
use super::node::{Running, lock, say};
use super::tasks::stamp_of;
use super::wall;

/// Lags kept between two questions; what comes after is counted in no figure.
const LAGS_MAX: usize = 100_000;
/// How long the thread sleeps in one wait; closing the queue wakes it at once.
const NAP: Duration = Duration::from_secs(1);

/// How long writes took to be seen.
#[derive(Debug, Default)]
pub(super) struct Lags(Vec<Duration>);

impl Lags {
    /// Their number, median and greatest, in `reply`.
    pub(super) fn tell(mut self, reply: Line) -> Line {
        self.0.sort_unstable();
        let median = self.0.get(self.0.len() / 2).copied().unwrap_or_default();
        let greatest = self.0.last().copied().unwrap_or_default();
        reply.with("seen", self.0.len()).with_ns("median", median).with_ns("greatest", greatest)
    }
}

/// A thread that listens to the node's events until it is dropped.
#[derive(Debug)]
pub(super) struct Observer {
    events: Arc<Events>,
    lags: Arc<Mutex<Lags>>,
}

impl Observer {
    /// Begins to listen.
    pub(super) fn start(running: &Running) -> mccache::error::Result<Observer> {
        let observer = Observer { events: Arc::new(running.node.events()?), lags: Arc::default() };
        let (events, lags, running) = (Arc::clone(&observer.events), Arc::clone(&observer.lags), running.clone());
        let spawned = std::thread::Builder::new().name("observer".into()).spawn(move || {
            while !events.is_closed() {
                if let Some(event) = events.next(NAP) {
                    notice(&event, &running, &lags);
                }
            }
        });
        match spawned {
            Ok(_ends_with_the_queue) => Ok(observer),
            Err(error) => Err(mccache::error::Error::Internal(format!("no thread to be had: {error}"))),
        }
    }

    /// The lags since this was last asked.
    pub(super) fn take(&self) -> Lags {
        std::mem::take(&mut *lock(&self.lags))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.events.close();
    }
}

fn notice(event: &Event, running: &Running, lags: &Mutex<Lags>) {
    let verb = match event.kind {
        EventKind::Put if !event.local => return time(event, running, lags),
        EventKind::MemberJoined => "joined",
        EventKind::MemberLeft => "left",
        EventKind::MemberFailed => "failed",
        _ => return,
    };
    say(&Line::new(0, verb).with("member", &event.member).with_ns("at", wall()));
}

fn time(event: &Event, running: &Running, lags: &Mutex<Lags>) {
    let Ok(Some(value)) = running.cache.get(&event.key) else { return };
    let seen = wall();
    let Some(put) = stamp_of(&value) else { return };
    let mut lags = lock(lags);
    if lags.0.len() < LAGS_MAX {
        // A clock that was set back in between would make it negative: no lag at all, rather than a made-up one.
        lags.0.extend(seen.checked_sub(put));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_lag_and_none_is_zero() {
        let told = Lags([5, 1, 3].map(Duration::from_micros).to_vec()).tell(Line::new(1, "ok"));
        assert_eq!(told.number::<usize>("seen"), 3);
        assert_eq!(told.span("median"), Duration::from_micros(3));
        assert_eq!(told.span("greatest"), Duration::from_micros(5));
        let none = Lags::default().tell(Line::new(1, "ok"));
        assert_eq!((none.number::<usize>("seen"), none.span("median")), (0, Duration::ZERO));
    }
}
