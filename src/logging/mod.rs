//! The log, for processes that have no subscriber of their own: as a file, and as queues for the logs of other languages.
//! And what has to be said about the settings.
//!
//! The invariant: a subscriber that the application installed is never replaced, and no failure to log stops anything
//! but the start. What is logged does not live here but beside what happens.

mod records;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{MutexGuard, OnceLock};

use tracing::{Metadata, Subscriber, debug, warn};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::OptionalWriter;
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

pub use self::records::{Record, Records, Waited};
use self::records::{ToQueues, number};
use crate::config::{Notice, Settings};
use crate::error::{Error, Result};
use crate::lock::Mutex;

/// What begins the target of each event of this crate and its command line.
const TARGET: &str = "mccache";

/// Looks at the lock, each with a turn for other threads between, before it counts as held for ever. It is held for as
/// long as a file takes to open.
const LOOKS_MAX: usize = 1_000;

/// What this process did so far.
static DONE: Mutex<Done> = Mutex::new(Done { tried: false, said: BTreeSet::new() });

/// The log file of this process.
static FILE: OnceLock<File> = OnceLock::new();
/// The finest level that goes to it, as in [`records::LEVEL`].
static FILE_LEVEL: AtomicU8 = AtomicU8::new(0);

struct Done {
    /// Whether a file was opened.
    tried: bool,
    /// Settings that were spoken of; at most as many as there are.
    said: BTreeSet<&'static str>,
}

/// Opens the log file of `settings`, if they name one and this process has none yet, and says their notices.
///
/// The first node of a process that names a file decides: later ones log to it. An application that has its own `tracing`
/// subscriber keeps it: no line is written then. Nor is one in a child that was forked in the midst of this call. Each
/// setting is spoken of once in a process. Only events of this crate are written. Any thread may call it.
///
/// # Errors
/// [`Error::BadSetting`] if the file cannot be opened for appending; nothing was installed or said then.
pub fn start(settings: &Settings) -> Result<()> {
    let Some(mut done) = look(&DONE) else { return Ok(()) };
    if !done.tried {
        done.tried = open_file(settings)?;
    }
    let new: Vec<&Notice> = settings.notices.iter().filter(|notice| done.said.insert(notice.setting)).collect();
    // A subscriber is the application's code: it is not called with the lock held.
    drop(done);
    for notice in new {
        warn!(setting = notice.setting, "{}", notice.text);
    }
    Ok(())
}

/// Takes a lock that is never waited for: a child that was forked while a thread of its parent had it has it locked for
/// ever.
fn look<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    let once = || {
        lock.try_lock().or_else(|| {
            std::thread::yield_now();
            None
        })
    };
    (0..LOOKS_MAX).find_map(|_| once())
}

/// True if the process has a log file now.
fn open_file(settings: &Settings) -> Result<bool> {
    let Some(path) = &settings.log_filename else { return Ok(false) };
    let file = OpenOptions::new().append(true).create(true).open(path).map_err(|error| Error::BadSetting {
        name: "log_filename".to_owned(),
        value: path.display().to_string(),
        source_name: "the settings".to_owned(),
        expected: format!("a file that can be opened for appending: {error}"),
    })?;
    if FILE.set(file).is_ok() {
        FILE_LEVEL.store(number(settings.log_level), Ordering::Relaxed);
        if !install() {
            debug!(path = %path.display(), "the application has a subscriber of its own: log_filename is not written");
        }
        tracing::callsite::rebuild_interest_cache();
    }
    Ok(true)
}

/// Installs what writes the file and fills the queues; false if the application has a subscriber of its own.
fn install() -> bool {
    static OURS: Mutex<Option<bool>> = Mutex::new(None);
    let Some(mut ours) = look(&OURS) else { return false };
    *ours.get_or_insert_with(|| {
        // Each event is one write to a file opened for appending, so processes that share it keep their lines whole. A
        // full disk is no reason to write to the application's standard error.
        let file = || OptionalWriter::from(FILE.get());
        let lines = fmt::layer().with_ansi(false).with_thread_names(true).log_internal_errors(false).with_writer(file);
        let lines = lines.with_filter(UpTo(&FILE_LEVEL));
        Registry::default().with(lines).with(ToQueues.with_filter(UpTo(&records::LEVEL))).try_init().is_ok()
    })
}

/// Lets pass what is of this crate, down to a level that may change.
struct UpTo(&'static AtomicU8);

impl UpTo {
    fn level(&self) -> LevelFilter {
        match self.0.load(Ordering::Relaxed) {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        }
    }
}

impl<S: Subscriber> Filter<S> for UpTo {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        metadata.target().starts_with(TARGET) && *metadata.level() <= self.level()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_lock_that_is_never_given_back_stops_no_start() {
        let settings = Config::new().settings().expect("the defaults are right");
        let _held_for_ever = DONE.lock();
        assert!(start(&settings).is_ok());
    }
}
