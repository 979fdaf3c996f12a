//! The processes of the demonstration, and the one queue through which everything they say comes.
//!
//! The invariants: every wait has a deadline and says what it waits for; while it waits the screen is kept up to date; a
//! process that ends without having been killed ends the demonstration.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::line::Line;
use super::process::{Message, Process};
use super::screen::Screen;
use super::wall;
use crate::outcome::{Failure, Result};

/// Messages that wait; above it the processes' pipes fill and they wait.
const INBOX_MAX: usize = 1024;
/// Between two redraws, and two questions how a process is doing.
const TICK: Duration = Duration::from_millis(100);
/// Longest wait for one thing. The slowest at `--drop 30` took 11 s on a loaded machine: all to have the storm's writes.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Starts,
    Joins,
    Ready,
    Writes,
    Reopens,
    Killed,
}

impl State {
    /// One word for the table.
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Starts => "starts",
            State::Joins => "joins",
            State::Ready => "ready",
            State::Writes => "writes",
            State::Reopens => "reopens",
            State::Killed => "killed",
        }
    }
}

/// One process as the command knows it.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) state: State,
    /// Its latest answer to `status`.
    pub(super) status: Line,
    process: Option<Process>,
    /// The status question that is not answered yet.
    asked: Option<u64>,
    /// What it last said on stderr: why it ended, if it does.
    complaint: String,
}

impl Player {
    /// A process that has not been started.
    pub(super) fn named(name: &str) -> Player {
        Player {
            name: name.to_owned(),
            pid: 0,
            state: State::Starts,
            status: Line::default(),
            process: None,
            asked: None,
            complaint: String::new(),
        }
    }

    /// How it is called in sentences.
    pub(super) fn called(&self) -> String {
        format!("{} (pid {})", self.name, self.pid)
    }
}

/// A question that was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    at: usize,
    id: u64,
}

/// A process noticed this of a member.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) by: usize,
    pub(super) line: Line,
}

/// Processes, queue and screen.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) cast: Vec<Player>,
    pub(super) screen: Screen,
    /// At most two for each process that comes, goes or is killed.
    pub(super) news: Vec<News>,
    inbox: Receiver<Message>,
    sender: SyncSender<Message>,
    answers: BTreeMap<u64, Line>,
    last_id: u64,
    last_tick: Duration,
}

impl Stage {
    /// An empty stage that hears Ctrl-C.
    pub(super) fn new(screen: Screen) -> Result<Stage> {
        let (sender, inbox) = sync_channel(INBOX_MAX);
        let interrupted = sender.clone();
        // A full queue is being emptied, and a second Ctrl-C will find room.
        ctrlc::set_handler(move || drop(interrupted.try_send(Message::Interrupted)))
            .map_err(|error| Failure::Said(format!("signals cannot be listened to: {error}")))?;
        Ok(Stage {
            cast: Vec::new(),
            screen,
            news: Vec::new(),
            inbox,
            sender,
            answers: BTreeMap::new(),
            last_id: 0,
            last_tick: Duration::ZERO,
        })
    }

    /// Starts a process called `name`.
    pub(super) fn start(&mut self, name: &str) -> Result<usize> {
        let at = self.cast.len();
        let process = Process::start(at, &self.sender)?;
        self.cast.push(Player { pid: process.id(), process: Some(process), ..Player::named(name) });
        Ok(at)
    }

    /// The processes that were not killed.
    pub(super) fn living(&self) -> Vec<usize> {
        (0..self.cast.len())
            .filter(|at| self.cast.get(*at).is_some_and(|player| player.state != State::Killed))
            .collect()
    }

    /// How process `at` is called in sentences.
    pub(super) fn called(&self, at: usize) -> String {
        self.cast.get(at).map_or_else(String::new, Player::called)
    }

    /// Names of `these`.
    pub(super) fn names(&self, these: &[usize]) -> Vec<String> {
        these.iter().filter_map(|at| self.cast.get(*at)).map(|player| player.name.clone()).collect()
    }

    /// Shows what `these` are doing from now on.
    pub(super) fn show(&mut self, these: &[usize], state: State) {
        for at in these {
            if let Some(player) = self.cast.get_mut(*at) {
                player.state = state;
            }
        }
    }

    /// Asks process `at`; `fill` adds values to the question.
    pub(super) fn ask(&mut self, at: usize, verb: &str, fill: impl FnOnce(Line) -> Line) -> Result<Ticket> {
        self.last_id += 1;
        let id = self.last_id;
        let order = fill(Line::new(id, verb));
        let player = self.cast.get_mut(at).ok_or_else(|| Failure::Said(format!("there is no process {at}")))?;
        if let Some(process) = &mut player.process {
            // One that does not listen has ended; its reader says so, with what it complained of.
            let _heard = process.tell(&order);
        }
        Ok(Ticket { at, id })
    }

    /// Asks all of `these` the same.
    pub(super) fn ask_all(&mut self, these: &[usize], verb: &str) -> Result<Vec<Ticket>> {
        these.iter().map(|at| self.ask(*at, verb, |order| order)).collect()
    }

    /// The answer to `ticket`.
    pub(super) fn answer(&mut self, ticket: Ticket) -> Result<Line> {
        let what = format!("an answer of process {}", self.called(ticket.at));
        let answer = self.wait_for(&what, |stage| stage.answers.remove(&ticket.id))?;
        if answer.verb == "failed" {
            return Err(Failure::Said(format!("process {}: {}", self.called(ticket.at), answer.text("text"))));
        }
        Ok(answer)
    }

    /// The answers to `tickets`, in their order.
    pub(super) fn answers(&mut self, tickets: &[Ticket]) -> Result<Vec<Line>> {
        tickets.iter().map(|ticket| self.answer(*ticket)).collect()
    }

    /// Asks all of `these`, and waits for what they answer.
    pub(super) fn all(&mut self, these: &[usize], verb: &str) -> Result<Vec<Line>> {
        let tickets = self.ask_all(these, verb)?;
        self.answers(&tickets)
    }

    /// Asks `these` how they are doing, and has the table show it.
    pub(super) fn status(&mut self, these: &[usize]) -> Result<Vec<Line>> {
        let told = self.all(these, "status")?;
        for (at, line) in these.iter().zip(&told) {
            if let Some(player) = self.cast.get_mut(*at) {
                player.status = line.clone();
            }
        }
        Ok(told)
    }

    /// Waits until `found` finds something.
    pub(super) fn wait_for<T>(&mut self, what: &str, mut found: impl FnMut(&mut Stage) -> Option<T>) -> Result<T> {
        let deadline = wall() + PATIENCE;
        loop {
            if let Some(found) = found(self) {
                return Ok(found);
            }
            if wall() > deadline {
                return Err(Failure::Said(format!("waited {} s in vain for {what}", PATIENCE.as_secs())));
            }
            self.turn()?;
        }
    }

    /// Lets the others act for `time`.
    pub(super) fn pass(&mut self, time: Duration) -> Result<()> {
        let until = wall() + time;
        while wall() < until {
            self.turn()?;
        }
        Ok(())
    }

    /// Kills process `at` with SIGKILL; when that was.
    pub(super) fn kill(&mut self, at: usize) -> Result<Duration> {
        self.show(&[at], State::Killed);
        let at_time = wall();
        if let Some(mut process) = self.cast.get_mut(at).and_then(|player| player.process.take()) {
            process.kill()?;
        }
        Ok(at_time)
    }

    /// Waits for one message or the next tick.
    fn turn(&mut self) -> Result<()> {
        let due = (self.last_tick + TICK).saturating_sub(wall());
        if due.is_zero() {
            self.last_tick = wall();
            return self.tick();
        }
        match self.inbox.recv_timeout(due) {
            Ok(message) => self.take(message),
            // Disconnected cannot be: the stage holds a sender itself.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(()),
        }
    }

    fn tick(&mut self) -> Result<()> {
        for at in self.living() {
            if self.cast.get(at).is_some_and(|player| player.asked.is_none()) {
                let Ticket { id, .. } = self.ask(at, "status", |order| order)?;
                if let Some(player) = self.cast.get_mut(at) {
                    player.asked = Some(id);
                }
            }
        }
        self.screen.draw(&self.cast)
    }

    fn take(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Interrupted => return Err(Failure::Interrupted),
            Message::Told(by, line) if line.id == 0 => self.news.push(News { by, line }),
            Message::Told(by, line) => self.answered(by, line),
            Message::Complained(by, text) => {
                if let Some(player) = self.cast.get_mut(by).filter(|_| !text.is_empty()) {
                    player.complaint = text;
                }
            }
            Message::Ended(by) => {
                if let Some(player) = self.cast.get_mut(by).filter(|player| player.state != State::Killed) {
                    return Err(ended(player));
                }
            }
        }
        Ok(())
    }

    fn answered(&mut self, by: usize, line: Line) {
        let Some(player) = self.cast.get_mut(by) else { return };
        if player.asked == Some(line.id) {
            player.asked = None;
            // A node that is closed for a moment keeps the figures it had.
            if line.text("state").is_empty() && line.verb == "ok" {
                player.status = line;
            }
        } else {
            self.answers.insert(line.id, line);
        }
    }
}

/// Why a process that should run does not.
fn ended(player: &mut Player) -> Failure {
    let how = player.process.as_mut().and_then(Process::reap).map_or_else(String::new, |status| format!(" ({status})"));
    let why = if player.complaint.is_empty() { String::new() } else { format!(": {}", player.complaint) };
    Failure::Said(format!("process {} ended unexpectedly{how}{why}", player.called()))
}
