//! Caches whose values stay with each member: a database behind them, loads of it, and the oracle.
//!
//! Whoever writes puts the row first and then the cache, in one instant. Others load rows under leases, which takes a while,
//! and fill. What holds: a value that is shown is a row as it once was, no run of a node shows an older one after a newer
//! one, and in the end nobody shows one that a writer which did not crash has overwritten.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::key_bytes;
use super::node::SimNode;
use crate::hlc::Version;
use crate::rng::Rng;
use crate::store::Watch;
use crate::time::WallMs;

/// Which of the writes of a row: they follow each other as they come, or, where versions decide, by their versions.
type Place = (u64, Version);

/// A row as it was from one write to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    value: Option<Vec<u8>>,
    /// The run of the node that wrote it.
    run: u64,
}

/// A load under way.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) key: u64,
    pub(super) watch: Watch,
    pub(super) version: Version,
    /// Which write of the row it saw, and what that wrote; none if there was no row.
    row: Option<(Place, Vec<u8>)>,
}

impl Load {
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.row.as_ref().map(|(_, value)| &value[..])
    }
}

/// The database, and what the caches may show of it.
#[derive(Debug, Default)]
pub(super) struct Database {
    /// Of each key all its rows, the present one last.
    rows: BTreeMap<u64, BTreeMap<Place, Row>>,
    /// What is held under a version: the key, and which row of it.
    held: BTreeMap<Version, (u64, Place)>,
    /// The newest row that a run of a node has shown of a key.
    shown: BTreeMap<(u64, u64), Place>,
    written: u64,
    /// As with values that travel: the row is what was written at the highest version.
    by_version: bool,
}

impl Database {
    pub(super) fn new(by_version: bool) -> Database {
        Database { by_version, ..Database::default() }
    }

    /// A node's run writes the row, and tells its cache under `version`.
    pub(super) fn write(&mut self, key: u64, value: Option<Vec<u8>>, run: u64, version: Version) {
        let place = if self.by_version { (0, version) } else { self.next_place() };
        self.held.insert(version, (key, place));
        self.rows.entry(key).or_default().insert(place, Row { value, run });
    }

    fn next_place(&mut self) -> Place {
        self.written += 1;
        (self.written, Version::ZERO)
    }

    /// A node's run writes the row in a transaction. None of these runs may show an older one from now on.
    pub(super) fn transact(&mut self, key: u64, value: Vec<u8>, run: u64, barred: &[u64]) {
        let place = self.next_place();
        self.rows.entry(key).or_default().insert(place, Row { value: Some(value), run });
        for &run in barred {
            self.shown.insert((run, key), place);
        }
    }

    /// Loads the row as it is now.
    pub(super) fn load(&self, key: u64, (watch, version): (Watch, Version)) -> Load {
        let last = self.rows.get(&key).and_then(|rows| rows.last_key_value());
        let row = last.and_then(|(&place, row)| Some((place, row.value.clone()?)));
        Load { key, watch, version, row }
    }

    /// What was loaded may be shown.
    pub(super) fn note_filled(&mut self, load: &Load) {
        if let Some((row, _)) = load.row {
            self.held.insert(load.version, (load.key, row));
        }
    }

    /// How long a load takes: seldom so long that members come and go meanwhile.
    pub(super) fn takes(rng: &mut Rng) -> Duration {
        let most = if rng.below(20) == 0 { Duration::from_secs(3) } else { Duration::from_millis(20) };
        rng.below_duration(most)
    }

    /// The row that the node shows, if any: it is one, and none older than was shown.
    pub(super) fn check_read(&mut self, run: u64, node: &SimNode, key: u64, now: WallMs) -> Result<(), String> {
        let Some(entry) = node.store.peek(&key_bytes(key), now) else { return Ok(()) };
        let row = self.held.get(&entry.version).filter(|(of, _)| *of == key).map(|(_, row)| *row);
        let written = row.and_then(|row| self.rows.get(&key)?.get(&row)?.value.as_deref());
        let (Some(row), true) = (row, written == Some(&*entry.value)) else {
            return Err(format!("run {run} shows of key {key} what was not written, at {}", entry.version));
        };
        let shown = self.shown.entry((run, key)).or_default();
        // Of what was written in one millisecond versions decide, and what was loaded does not tell its own.
        let is_older = if self.by_version { row.1.hlc.wall() < shown.1.hlc.wall() } else { row < *shown };
        if is_older {
            return Err(format!("run {run} shows row {row:?} of key {key} after row {shown:?}"));
        }
        *shown = row.max(*shown);
        Ok(())
    }

    /// In the end nobody shows a row that was overwritten, unless all who did have crashed before they told it.
    pub(super) fn check_final(
        &self,
        nodes: &[(u64, &SimNode)],
        crashed: &dyn Fn(u64) -> bool,
        now: WallMs,
    ) -> Result<(), String> {
        for (&key, rows) in &self.rows {
            for &(run, node) in nodes {
                let Some(entry) = node.store.peek(&key_bytes(key), now) else { continue };
                let Some(&(_, row)) = self.held.get(&entry.version) else { continue };
                let later = rows.range(row..).skip(1).filter(|(_, later)| !crashed(later.run)).count();
                if later > 0 {
                    return Err(format!("run {run} ends with row {row:?} of key {key}, {later} after it are told of"));
                }
            }
        }
        Ok(())
    }
}
