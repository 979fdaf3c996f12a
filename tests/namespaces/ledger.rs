//! What this process wrote last under each key, and the version it got: from the events of the cache, since only they tell
//! the version of a delete.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mccache::hlc::Version;
use mccache::node::{Cache, EventKind, Events, Waited};

/// No event for this long: every write that was made before is noted.
const QUIET: Duration = Duration::from_millis(20);

/// One write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) version: Version,
    /// A put; else a delete.
    pub(crate) put: bool,
}

#[derive(Debug, Default)]
struct Book {
    notes: BTreeMap<Box<[u8]>, Note>,
    /// Events that were dropped, some of which may have been of this process.
    missed: u64,
    /// Events seen, to know when none comes any more.
    seen: u64,
}

/// The notes; a thread of its own writes them.
pub(crate) struct Ledger {
    book: Arc<Mutex<Book>>,
}

impl Ledger {
    pub(crate) fn begin(cache: &Cache) -> Result<Ledger, String> {
        let events = cache.events().map_err(|error| error.to_string())?;
        let book = Arc::<Mutex<Book>>::default();
        let shared = Arc::clone(&book);
        std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || note_all(&events, &shared))
            .map_err(|error| error.to_string())?;
        Ok(Ledger { book })
    }

    /// Every note, once nothing more comes.
    pub(crate) fn notes(&self) -> Result<BTreeMap<Box<[u8]>, Note>, String> {
        let mut seen = lock(&self.book).seen;
        loop {
            std::thread::sleep(QUIET);
            let book = lock(&self.book);
            if book.missed > 0 {
                return Err(format!("{} events were dropped, so not every write is noted", book.missed));
            }
            if book.seen == seen {
                return Ok(book.notes.clone());
            }
            seen = book.seen;
        }
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note_all(events: &Events, book: &Mutex<Book>) {
    loop {
        let event = match events.wait(Duration::from_secs(3600)) {
            Waited::Event(event) => event,
            Waited::TimedOut | Waited::Woken => continue,
            Waited::Closed => return,
        };
        let mut book = lock(book);
        book.seen += 1;
        book.missed += event.dropped;
        let put = event.kind == EventKind::Put;
        if !event.local || !(put || event.kind == EventKind::Delete) {
            continue;
        }
        let note = Note { version: event.version, put };
        let newest = book.notes.entry(event.key).or_insert(note);
        if newest.version < note.version {
            *newest = note;
        }
    }
}
