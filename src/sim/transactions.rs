//! Transactions of the database, each between the two steps of an invalidation, while others load what it writes.
//!
//! What holds: from the instant at which a row is written, no run of a node that held the bar and had dropped the key shows
//! an older one, whether its writer lives to tell or not. These keys are written in no other way.

use std::collections::BTreeSet;
use std::time::Duration;

use super::check::key_bytes;
use super::world::{Happening, World};
use crate::ids::SessionId;
use crate::protocol::SyncTo;
use crate::update::UpdateKind;

/// Keys that are written so, beside the others.
const KEYS: u64 = 3;
/// One for so many other writes.
const WRITES_PER_TRANSACTION: u32 = 20;
/// Loads of the key about the time of each.
const LOADS: u64 = 6;
/// When members accept fills again by themselves.
const LIMIT: Duration = Duration::from_secs(6);
/// The longest wait for the members, of those who wait long.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest that a step takes.
const STEP: Duration = Duration::from_millis(30);
/// Syncs of transactions are numbered from here on.
const TOKENS: u64 = 1 << 62;

/// One that goes on.
#[derive(Debug)]
pub(super) struct Transaction {
    place: usize,
    run: u64,
    key: u64,
    bar: u64,
    /// Who held the bar when all did.
    barred: Option<BTreeSet<SessionId>>,
    begun: bool,
}

/// What a transaction comes to next, by its number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Begin,
    /// Its writer waits no longer for the members.
    GiveUp(u64),
    Write(u64),
    Commit(u64),
    /// Somebody loads this key.
    Load(u64),
}

impl World<'_> {
    pub(super) fn plan_transactions(&mut self) {
        for _ in 0..self.options.writes / WRITES_PER_TRANSACTION {
            self.come_to(Next::Begin, self.options.span);
        }
    }

    fn come_to(&mut self, next: Next, within: Duration) {
        let at = self.now + self.rng.below_duration(within);
        self.schedule(at, Happening::Transaction(next));
    }

    pub(super) fn transact(&mut self, next: Next) -> Result<(), String> {
        match next {
            Next::Begin => self.begin(),
            Next::GiveUp(number) => {
                let waits = self.transactions.get(&number).is_some_and(|transaction| !transaction.begun);
                if waits {
                    if self.transactions[&number].barred.is_none() {
                        self.delete_key(number);
                    }
                    self.transactions.entry(number).and_modify(|transaction| transaction.barred = None);
                    self.has_begun(number);
                }
                Ok(())
            }
            Next::Write(number) => self.write_row(number),
            Next::Commit(number) => self.commit(number),
            Next::Load(key) => {
                let place = self.pick_place();
                self.load_at(place, key)
            }
        }
    }

    fn begin(&mut self) -> Result<(), String> {
        let (place, key) = (self.pick_place(), self.options.keys + self.rng.below(KEYS));
        let now = self.reading_of(place);
        let Some(running) = self.places[place].as_mut() else { return Ok(()) };
        let (run, bar) = (running.run, running.node.raise_bar(&key_bytes(key), LIMIT, now));
        let number = self.transactions.keys().next_back().map_or(0, |last| last + 1);
        self.transactions.insert(number, Transaction { place, run, key, bar, barred: None, begun: false });
        let most = if self.rng.below(3) == 0 { STEP } else { PATIENCE };
        self.come_to(Next::GiveUp(number), most);
        for _ in 0..LOADS {
            self.come_to(Next::Load(key), STEP * 4);
        }
        self.turn(place);
        self.note_begun(place);
        Ok(())
    }

    /// The node at `place` may have learned that all members hold its bars.
    pub(super) fn note_begun(&mut self, place: usize) {
        let now = self.reading_of(place);
        let Some(running) = self.places[place].as_mut().filter(|_| !self.transactions.is_empty()) else { return };
        let (run, barred) = (running.run, running.node.take_barred());
        if barred.is_empty() {
            return;
        }
        let members: BTreeSet<SessionId> =
            running.node.member_sessions(now).into_iter().chain([running.node.session]).collect();
        let is_of = |transaction: &Transaction| transaction.run == run && barred.contains(&transaction.bar);
        let waiting: Vec<u64> = self
            .transactions
            .iter_mut()
            .filter(|(_, transaction)| is_of(transaction) && !transaction.begun)
            .map(|(&number, transaction)| {
                transaction.barred = Some(members.clone());
                number
            })
            .collect();
        for number in waiting {
            self.delete_key(number);
            if let Some(running) = self.places[place].as_mut() {
                running.node.sync(TOKENS + number, SyncTo::All, now);
            }
            self.turn(place);
        }
    }

    /// A sync has ended; whether it is of a transaction, which has begun then.
    pub(super) fn note_dropped(&mut self, token: u64) -> bool {
        let Some(number) = token.checked_sub(TOKENS) else { return false };
        if self.transactions.get(&number).is_some_and(|transaction| !transaction.begun) {
            self.has_begun(number);
        }
        true
    }

    fn has_begun(&mut self, number: u64) {
        self.transactions.entry(number).and_modify(|transaction| transaction.begun = true);
        self.come_to(Next::Write(number), STEP);
    }

    /// The node of a transaction, unless it is no more.
    fn delete_key(&mut self, number: u64) {
        let Transaction { place, run, key, .. } = self.transactions[&number];
        let now = self.reading_of(place);
        if let Some(running) = self.places[place].as_mut().filter(|running| running.run == run) {
            running.node.write(UpdateKind::Delete, &key_bytes(key), &[], now);
            self.turn(place);
        }
    }

    fn write_row(&mut self, number: u64) -> Result<(), String> {
        let Transaction { place, run, key, ref barred, .. } = self.transactions[&number];
        if self.places[place].as_ref().is_none_or(|running| running.run != run) {
            return Ok(());
        }
        let is_barred = |session| barred.as_ref().is_some_and(|barred| barred.contains(session));
        let runs: Vec<u64> = self
            .places
            .iter()
            .flatten()
            .filter(|running| is_barred(&running.node.session))
            .map(|running| running.run)
            .collect();
        self.transactions_complete += u64::from(!runs.is_empty());
        self.database.transact(key, number.to_le_bytes().to_vec(), run, &runs);
        if self.options.restarts && self.rng.below(4) == 0 {
            self.crash(place);
        } else {
            self.come_to(Next::Commit(number), STEP);
        }
        self.check_reads(key, self.reading().wall)
    }

    fn commit(&mut self, number: u64) -> Result<(), String> {
        self.delete_key(number);
        let Some(Transaction { place, run, key, bar, .. }) = self.transactions.remove(&number) else { return Ok(()) };
        let now = self.reading_of(place);
        if let Some(running) = self.places[place].as_mut().filter(|running| running.run == run) {
            running.node.lift_bar(bar, &key_bytes(key), now);
            self.turn(place);
        }
        self.check_reads(key, self.reading().wall)
    }
}
