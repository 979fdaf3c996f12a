//! The log file, for processes that have no subscriber of their own, and what has to be said about the settings.
//!
//! The invariant: a subscriber that the application installed is never replaced, and no failure to log stops anything
//! but the start. What is logged does not live here but beside what happens.

use std::collections::BTreeSet;
use std::fs::OpenOptions;

use tracing::{debug, warn};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

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

struct Done {
    /// Whether a subscriber was installed, or was found installed by the application.
    tried: bool,
    /// Settings that were spoken of; at most as many as there are.
    said: BTreeSet<&'static str>,
}

/// Opens the log file of `settings`, if they name one and this process has none yet, and says their notices.
///
/// The first node of a process decides: later ones log to its file. An application that has its own `tracing` subscriber
/// keeps it: no line is written then. Nor is one in a child that was forked in the midst of this call. Each setting is spoken of once in a process. Only events of this crate are written.
/// Any thread may call it.
///
/// # Errors
/// [`Error::BadSetting`] if the file cannot be opened for appending; nothing was installed or said then.
pub fn start(settings: &Settings) -> Result<()> {
    // Never waited for: a child that was forked while its parent opened a node has it locked for ever.
    let look = || {
        DONE.try_lock().or_else(|| {
            std::thread::yield_now();
            None
        })
    };
    let Some(mut done) = (0..LOOKS_MAX).find_map(|_| look()) else { return Ok(()) };
    if !done.tried {
        done.tried = install(settings)?;
    }
    let new: Vec<&Notice> = settings.notices.iter().filter(|notice| done.said.insert(notice.setting)).collect();
    // A subscriber is the application's code: it is not called with the lock held.
    drop(done);
    for notice in new {
        warn!(setting = notice.setting, "{}", notice.text);
    }
    Ok(())
}

/// True if the process has a subscriber now.
fn install(settings: &Settings) -> Result<bool> {
    let Some(path) = &settings.log_filename else { return Ok(false) };
    let file = OpenOptions::new().append(true).create(true).open(path).map_err(|error| Error::BadSetting {
        name: "log_filename".to_owned(),
        value: path.display().to_string(),
        source_name: "the settings".to_owned(),
        expected: format!("a file that can be opened for appending: {error}"),
    })?;
    // Each event is one write to a file opened for appending, so processes that share it keep their lines whole. A full
    // disk is no reason to write to the application's standard error.
    let lines = fmt::layer().with_ansi(false).with_thread_names(true).log_internal_errors(false).with_writer(file);
    let ours = Targets::new().with_target(TARGET, LevelFilter::from_level(settings.log_level));
    let installed = Registry::default().with(lines).with(ours).try_init();
    if installed.is_err() {
        debug!(path = %path.display(), "the application has a subscriber of its own: log_filename is not written");
    }
    Ok(true)
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
