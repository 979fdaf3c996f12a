//! One process of the demonstration: a node, told what to do line by line on stdin, answering on stdout.
//!
//! The invariant: when stdin ends, so does the process, whatever it is doing; that is what keeps it from outliving the
//! command, even one that was killed. Orders that take long have a thread of their own, so `status` is answered meanwhile.

use std::io::{self, Write};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mccache::config::Config;
use mccache::node::{Cache, MemberState, Node};

use super::line::Line;
use super::observer::Observer;
use super::process::lines;
use super::tasks::{self, Watch};
use super::wall;
use crate::outcome::{Failure, Result};

/// The cache all processes share.
const CACHE: &str = "demo";
/// Longest wait of an order; the command gives up sooner.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Counters that `status` tells, by their names in the library.
pub(super) const TOLD: [&str; 9] = [
    "cache_puts",
    "cache_deletes",
    "cache_hits",
    "updates_sent",
    "updates_applied",
    "gaps",
    "repaired",
    "lost",
    "dropped_on_purpose",
];

/// What an order answers.
pub(super) type Answer = std::result::Result<Line, mccache::error::Error>;

/// The node while it is open.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) node: Node,
    pub(super) cache: Cache,
}

/// What the process's threads share.
#[derive(Debug, Default)]
pub(super) struct Actor {
    running: Mutex<Option<Running>>,
    observer: Mutex<Option<Observer>>,
    watch: Mutex<Option<Watch>>,
    /// Counters of nodes that were closed before: they start from zero with each.
    earlier: Mutex<[u64; TOLD.len()]>,
}

/// Does as it is told until stdin ends.
pub(crate) fn run() -> Result<()> {
    let actor = Arc::new(Actor::default());
    let mut failed = None;
    lines(io::stdin().lock(), |text| match Line::parse(text) {
        Some(order) => {
            failed = Actor::take(&actor, order).err();
            failed.is_none()
        }
        None => {
            let hint = "this command is a part of `mccache demo`, which tells it what to do; run that instead";
            failed = Some(Failure::Said(hint.to_owned()));
            false
        }
    });
    if let Some(failure) = failed {
        return Err(failure);
    }
    // Threads may still be writing; they end with the process, which must not wait for them.
    process::exit(0)
}

/// Says one line. Nobody to hear it: the command is gone, and so has this process to be.
pub(super) fn say(line: &Line) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        process::exit(1);
    }
}

impl Actor {
    fn take(actor: &Arc<Actor>, order: Line) -> Result<()> {
        if matches!(order.verb.as_str(), "status" | "watch" | "measured" | "put" | "delete" | "unobserve") {
            answer(actor, &order);
            return Ok(());
        }
        let actor = Arc::clone(actor);
        let spawned = std::thread::Builder::new().name(order.verb.clone()).spawn(move || answer(&actor, &order));
        match spawned {
            Ok(_ends_with_its_answer) => Ok(()),
            Err(error) => Err(Failure::Said(format!("no thread to be had: {error}"))),
        }
    }

    fn act(&self, order: &Line) -> Answer {
        let reply = Line::new(order.id, "ok");
        if order.verb == "open" {
            return self.open(order, reply);
        }
        let Some(running) = lock(&self.running).clone() else { return Ok(reply.with("state", "closed")) };
        match order.verb.as_str() {
            "status" => self.status(&running, reply),
            "close" => {
                self.close(&running);
                Ok(reply)
            }
            "observe" => {
                *lock(&self.observer) = Some(Observer::start(&running)?);
                Ok(reply)
            }
            "unobserve" => {
                *lock(&self.observer) = None;
                Ok(reply)
            }
            "measured" => Ok(self.measured(reply)),
            "watch" => {
                *lock(&self.watch) = Some(Watch::start(&running, order.text("key"), order.text("text"))?);
                Ok(reply)
            }
            "watched" => {
                let watch = lock(&self.watch).take();
                let seen = watch.and_then(Watch::wait);
                Ok(seen
                    .map_or(reply.clone().with("missed", 1), |(at, text)| reply.with_ns("at", at).with("text", text)))
            }
            _ => tasks::run(order, &running, reply),
        }
    }

    fn open(&self, order: &Line, reply: Line) -> Answer {
        let mut config = Config::new();
        for name in ["cluster", "crypto_key", "node_name", "multicast_port", "test_drop_percent"] {
            config.set(name, order.text(name))?;
        }
        config.set("interface", "host")?;
        let begun = wall();
        let node = Node::open(&config)?;
        let running = Running { cache: node.cache(CACHE)?, node };
        *lock(&self.running) = Some(running.clone());
        *lock(&self.observer) = Some(Observer::start(&running)?);
        let opened = wall();
        running.node.wait_ready(PATIENCE)?;
        let (checksum, entries) = running.cache.checksum()?;
        let reply = reply.with_ns("begun", begun).with_ns("opened", opened).with_ns("ready", wall());
        Ok(reply.with("entries", entries).with("checksum", format!("{checksum:016x}")))
    }

    fn close(&self, running: &Running) {
        *lock(&self.observer) = None;
        *lock(&self.running) = None;
        running.node.close();
        for (sum, n) in lock(&self.earlier).iter_mut().zip(counters(&running.node)) {
            *sum += n;
        }
    }

    fn status(&self, running: &Running, reply: Line) -> Answer {
        let (checksum, entries) = running.cache.checksum()?;
        let sees = alive(&running.node)?;
        let mut reply = reply.with("sees", sees).with("entries", entries).with("checksum", format!("{checksum:016x}"));
        let earlier = *lock(&self.earlier);
        for ((name, n), sum) in TOLD.iter().zip(counters(&running.node)).zip(earlier) {
            reply = reply.with(name, sum + n);
        }
        Ok(reply)
    }

    /// How long the writes of others took to get here since this was last asked.
    fn measured(&self, reply: Line) -> Line {
        let lags = lock(&self.observer).as_ref().map(Observer::take).unwrap_or_default();
        lags.tell(reply)
    }
}

/// Does what `order` says, and answers it.
fn answer(actor: &Actor, order: &Line) {
    let line = match actor.act(order) {
        Ok(reply) => reply,
        Err(error) => Line::new(order.id, "failed").with("text", error),
    };
    say(&line);
}

/// How many other members are in step.
pub(super) fn alive(node: &Node) -> mccache::error::Result<usize> {
    Ok(node.members()?.iter().filter(|member| member.state == MemberState::Alive).count())
}

fn counters(node: &Node) -> [u64; TOLD.len()] {
    let all = node.metrics();
    TOLD.map(|name| all.iter().find(|(known, _, _)| *known == name).map_or(0, |(_, _, n)| *n))
}

/// A thread that panicked leaves these consistent: each is replaced as a whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
