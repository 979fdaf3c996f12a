//! The log as a queue, for a process whose language has a log of its own: its owner drains it from a thread of its own
//! and hands each record on. The core calls nothing of the language's, and no thread of the core waits for a reader.
//!
//! The invariant: a queue is bounded and loses its oldest records, and counts them. In a forked child the parent's
//! queues are closed and nothing of theirs is touched.

#![expect(clippy::disallowed_methods, reason = "a log record says when it was written, whoever wrote it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::Context;

use super::{install, look};
use crate::lock::Mutex;
use crate::time::WallMs;

/// Records that wait in one queue: what a node says in a bad minute.
const RECORDS_MAX: usize = 1_024;

/// The queues of this process, and under the same lock the count that names them.
static QUEUES: Mutex<Queues> = Mutex::new(Queues { open: Vec::new(), made: 0 });
/// The finest level that any of them wants, as a number from 1, errors, to 5, traces; 0: there is none.
pub(super) static LEVEL: AtomicU8 = AtomicU8::new(0);

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How grave it is.
    pub level: Level,
    /// When it was written.
    pub time: WallMs,
    /// The part of this crate that wrote it: `mccache`, `mccache::node::driver`.
    pub target: &'static str,
    /// What happened, with the fields behind it: `member joined name=b`.
    pub message: String,
    /// How many records before this one were dropped because the queue was full.
    pub dropped: u64,
}

/// What a wait for a record came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// There is one.
    Record(Record),
    /// None in time.
    TimedOut,
    /// [`Records::wake`] was called.
    Woken,
    /// The queue is closed and empty: none will come.
    Closed,
}

/// A bounded queue of log records: 1,024 of them, of all nodes of this process, from when it was made.
///
/// Any method may be called from any thread; a record is delivered to one caller. Dropping it closes it. In a process
/// that has a `tracing` subscriber of its own the records go there, and the queue stays empty.
#[derive(Debug)]
pub struct Records {
    number: u64,
    process: u32,
    ends: Arc<Ends>,
}

#[derive(Debug)]
struct Ends {
    records: Receiver<Record>,
    dropped: Arc<AtomicU64>,
    wakes: (Sender<()>, Receiver<()>),
}

struct Queues {
    open: Vec<Queue>,
    made: u64,
}

/// The end that is written to.
struct Queue {
    number: u64,
    process: u32,
    level: Level,
    records: Sender<Record>,
    /// What gives up its oldest record to make room.
    oldest: Receiver<Record>,
    dropped: Arc<AtomicU64>,
}

impl Queue {
    fn push(&self, mut record: Record) {
        while let Err(TrySendError::Full(again)) = self.records.try_send(record) {
            record = again;
            if self.oldest.try_recv().is_ok() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Records {
    /// Begins to collect the records of `level` and graver ones.
    #[must_use]
    pub fn new(level: Level) -> Records {
        let (records, oldest) = bounded(RECORDS_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let process = std::process::id();
        let ends = Ends { records: oldest.clone(), dropped: Arc::clone(&dropped), wakes: bounded(1) };
        let mut own = Records { number: 0, process, ends: Arc::new(ends) };
        install();
        change(|queues| {
            queues.made += 1;
            own.number = queues.made;
            queues.open.push(Queue { number: queues.made, process, level, records, oldest, dropped });
        });
        own
    }

    /// The next record, or why there is none within `timeout`. Closed is only said of a queue that is empty.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Waited {
        if self.is_inherited() {
            return Waited::Closed;
        }
        select! {
            recv(self.ends.records) -> record => match record {
                Ok(record) => Waited::Record(Record { dropped: self.ends.dropped.swap(0, Ordering::Relaxed), ..record }),
                Err(_) => Waited::Closed,
            },
            recv(self.ends.wakes.1) -> _ => Waited::Woken,
            default(timeout) => Waited::TimedOut,
        }
    }

    /// Makes one waiting call of [`wait`](Records::wait), or else the next one, return at once.
    pub fn wake(&self) {
        if !self.is_inherited() {
            let _ = self.ends.wakes.0.try_send(());
        }
    }

    /// Collects the records of `level` and graver ones from now on; what is queued stays. Nothing, once it is closed.
    pub fn set_level(&self, level: Level) {
        if !self.is_inherited() {
            change(|queues| {
                for queue in queues.open.iter_mut().filter(|queue| queue.number == self.number) {
                    queue.level = level;
                }
            });
        }
    }

    /// Stops collecting. What is queued can still be drained. Idempotent.
    pub fn close(&self) {
        if !self.is_inherited() {
            change(|queues| queues.open.retain(|queue| queue.number != self.number));
        }
    }

    /// Whether it is the parent's, in whose threads its ends may have been caught.
    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        if self.is_inherited() {
            std::mem::forget(Arc::clone(&self.ends));
        } else {
            self.close();
        }
    }
}

/// Changes the list of queues, and lets every line of the log know if it is still wanted.
///
/// The lock is never waited for: a child that was forked while a thread of its parent changed the list has it locked for
/// ever, and then collects nothing.
fn change(how: impl FnOnce(&mut Queues)) {
    let Some(mut queues) = look(&QUEUES) else { return };
    let process = std::process::id();
    let (own, inherited) = std::mem::take(&mut queues.open).into_iter().partition(|queue| queue.process == process);
    queues.open = own;
    std::mem::forget::<Vec<Queue>>(inherited);
    how(&mut queues);
    let finest = queues.open.iter().map(|queue| number(queue.level)).max().unwrap_or(0);
    drop(queues);
    if LEVEL.swap(finest, Ordering::Relaxed) != finest {
        tracing::callsite::rebuild_interest_cache();
    }
}

/// A level as a number: 1 for errors to 5 for traces.
pub(super) fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// Hands what is logged to the queues that want it.
pub(super) struct ToQueues;

impl<S: Subscriber> Layer<S> for ToQueues {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(queues) = look(&QUEUES) else { return };
        let process = std::process::id();
        let level = *event.metadata().level();
        let mut wanting =
            queues.open.iter().filter(|queue| queue.process == process && level <= queue.level).peekable();
        if wanting.peek().is_none() {
            return;
        }
        let record = Record {
            level,
            time: WallMs(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)),
            target: event.metadata().target(),
            message: text_of(event),
            dropped: 0,
        };
        for queue in wanting {
            queue.push(record.clone());
        }
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The message and the fields behind it, as the log file has them.
fn text_of(event: impl RecordFields) -> String {
    let mut text = String::new();
    // It writes to memory, which does not fail.
    let _ = DefaultFields::new().format_fields(Writer::new(&mut text), event);
    text
}
