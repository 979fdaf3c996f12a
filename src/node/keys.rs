//! Iteration over a cache's keys, in batches, with no lock held between them.

use std::sync::Arc;

use super::cache::{Cache, CacheCore};
use crate::error::{Error, Result};
use crate::store::{Cursor, Key};

/// Keys taken from the store at a time: enough to make the lock's cost small, few enough to hold it briefly.
const BATCH: usize = 256;

/// Iterator over a cache's keys, in no order; `Err` once if the cache is closed meanwhile, and then nothing more.
///
/// A key that is there from the first call to the last is given once; one that comes or goes meanwhile, at most once, and
/// one that goes and comes back may be given twice.
#[derive(Debug)]
pub struct Keys {
    cache: Cache,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was asked yet.
    New,
    /// Between two keys of this store.
    Within { core: Arc<CacheCore>, batch: std::vec::IntoIter<Key>, next: Cursor },
    /// Nothing is left.
    Done,
}

impl Keys {
    /// From the beginning of `cache`.
    pub(super) fn new(cache: Cache) -> Keys {
        Keys { cache, state: State::New }
    }

    fn step(&mut self) -> Result<Option<Key>> {
        if let State::New = self.state {
            let core = Arc::clone(self.cache.live()?);
            self.state = State::Within { core, batch: Vec::new().into_iter(), next: Cursor::START };
        }
        let State::Within { core, batch, next } = &mut self.state else { return Ok(None) };
        // A cursor means nothing in another store, so it does not follow the cache into a forked child.
        if !core.is_usable() {
            return Err(Error::Closed { what: "cache" });
        }
        loop {
            if let Some(key) = batch.next() {
                return Ok(Some(key));
            }
            if *next == Cursor::END {
                return Ok(None);
            }
            let (keys, after) = core.store.keys(*next, BATCH, core.wall());
            *batch = keys.into_iter();
            *next = after;
        }
    }
}

impl Iterator for Keys {
    type Item = Result<Key>;

    fn next(&mut self) -> Option<Result<Key>> {
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.state = State::Done;
        }
        step
    }
}
