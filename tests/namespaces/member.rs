//! One member of a cluster under test: `cargo xtask cluster` starts several, each in a network namespace, and talks to them
//! in lines on standard input and output.
//!
//! `member NAME=VALUE...` opens a node with these settings and one cache. Each order is answered by one line, or by several
//! and `end`. The member ends with its input. What it writes can be recognised (`stamp.rs`), and the versions of its own
//! writes are noted (`ledger.rs`), so that its starter can say what every member must hold in the end.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that works against the real clock, and reports what it saw on standard output"
)]

mod attack;
mod fork;
mod ledger;
mod stamp;
mod work;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use mccache::config::Config;
use mccache::node::{Cache, MemberState, Node, Ttl};
use mccache::update::Codec;

use crate::ledger::{Ledger, Note};
use crate::stamp::{hex, unhex};
use crate::work::Work;

/// How long a new member may take to hold what the others hold.
const READY_MAX: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["attack", group, interface, cluster, seconds] => attack::run(group, interface, cluster, seconds),
        _ => Member::open(&words).and_then(Member::obey),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("error {}", problem.replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line at once.
fn say(line: &str) {
    println!("{line}");
    // Whoever started this is gone if it cannot be told, and then the input ends too.
    let _gone = std::io::stdout().flush();
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The node and what it is busy with.
struct Member {
    node: Node,
    cache: Cache,
    ledger: Ledger,
    work: Option<Work>,
}

impl Member {
    fn open(settings: &[&str]) -> Outcome<Member> {
        let begun = Instant::now();
        let mut config = Config::new();
        for setting in settings {
            let (name, value) = setting.split_once('=').ok_or(format!("`{setting}` is not NAME=VALUE"))?;
            config.set(name, value).map_err(text)?;
        }
        let node = Node::open(&config).map_err(text)?;
        let cache = node.cache("c").map_err(text)?;
        let ledger = Ledger::begin(&cache)?;
        node.wait_ready(READY_MAX).map_err(text)?;
        say(&format!("ready {}", begun.elapsed().as_micros()));
        Ok(Member { node, cache, ledger, work: None })
    }

    fn obey(mut self) -> Outcome<()> {
        for line in std::io::stdin().lines() {
            let line = line.map_err(text)?;
            let words: Vec<&str> = line.split_whitespace().collect();
            if let Err(problem) = self.order(&words) {
                say(&format!("error {line}: {}", problem.replace('\n', " ")));
            }
        }
        if let Some(work) = self.work.take() {
            drop(work.end());
        }
        self.node.close();
        Ok(())
    }

    fn order(&mut self, words: &[&str]) -> Outcome<()> {
        match words {
            ["others", count, seconds] => self.await_others(number(count)?, number(seconds)?),
            ["run", options @ ..] => {
                self.work = Some(Work::begin(&self.cache, options)?);
                say("started");
                Ok(())
            }
            ["wait"] => {
                let work = self.work.take().ok_or("there is nothing to wait for")?;
                say(&work.wait()?);
                Ok(())
            }
            ["stop"] => {
                let work = self.work.take().ok_or("there is nothing to stop")?;
                say(&work.end()?);
                Ok(())
            }
            ["fill", prefix, count, len] => self.fill(prefix, number(count)?, number(len)?),
            ["put", key, len, counter] => self.put(&unhex(key)?, number(len)?, number(counter)?),
            ["delete", key] => self.delete(&unhex(key)?),
            ["get", key] => self.get(&unhex(key)?),
            ["sync", seconds] => {
                let begun = Instant::now();
                self.cache.sync(Duration::from_secs(number(seconds)?)).map_err(text)?;
                say(&format!("synced {}", begun.elapsed().as_micros()));
                Ok(())
            }
            ["fork", children, seconds] => fork::children(&self.cache, number(children)?, number(seconds)?),
            _ => self.tell(words),
        }
    }

    /// The orders that change nothing.
    fn tell(&mut self, words: &[&str]) -> Outcome<()> {
        match words {
            ["checksum"] => {
                let (sum, entries) = self.cache.checksum().map_err(text)?;
                say(&format!("{sum:016x} {entries}"));
            }
            ["wall"] => {
                let host = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(text)?;
                say(&format!("wall {} {}", host.as_millis(), self.cache.wall_ms()));
            }
            ["digest"] => say(&stamp::digest(&self.cache)?),
            ["states"] => say(&self.states()?),
            ["figures"] => say(&figures(&self.node)),
            ["ledger"] => return self.print_ledger(),
            ["dump"] => return self.print_contents(),
            _ => return Err("unknown order".to_owned()),
        }
        Ok(())
    }

    /// Waits until exactly `count` others are alive.
    fn await_others(&self, count: u64, seconds: u64) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let members = self.node.members().map_err(text)?;
            let alive = members.iter().filter(|member| member.state == MemberState::Alive).count() as u64;
            if alive == count && members.len() as u64 == count {
                say(&format!("others {} {}", count, begun.elapsed().as_micros()));
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(seconds) {
                let states: Vec<String> =
                    members.iter().map(|member| format!("{} {:?}", member.name, member.state)).collect();
                return Err(format!("{alive} others instead of {count}: {}", states.join(", ")));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn states(&self) -> Outcome<String> {
        let members = self.node.members().map_err(text)?;
        let mut states: Vec<String> =
            members.iter().map(|member| format!("{}={:?}", member.name, member.state)).collect();
        states.sort();
        Ok(format!("states {}", states.join(" ")))
    }

    fn fill(&self, prefix: &str, count: u64, len: usize) -> Outcome<()> {
        let begun = Instant::now();
        let writer = stamp::writer(self.node.name());
        for at in 0..count {
            let key = format!("{prefix}{at}");
            let value = stamp::value(key.as_bytes(), writer, at, len);
            self.cache.put(key.as_bytes(), &value, Codec::RAW, Ttl::Default).map_err(text)?;
        }
        say(&format!("filled {}", begun.elapsed().as_micros()));
        Ok(())
    }

    fn put(&self, key: &[u8], len: usize, counter: u64) -> Outcome<()> {
        let value = stamp::value(key, stamp::writer(self.node.name()), counter, len);
        let begun = Instant::now();
        self.cache.put(key, &value, Codec::RAW, Ttl::Default).map_err(text)?;
        say(&format!("put {}", begun.elapsed().as_micros()));
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Outcome<()> {
        let had = self.cache.delete(key).map_err(text)?;
        say(if had { "deleted" } else { "absent" });
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Outcome<()> {
        let line = match self.cache.get(key).map_err(text)? {
            Some(value) => {
                let counter = stamp::check(key, &value)?;
                format!("value {counter} {}", value.len())
            }
            None => "none".to_owned(),
        };
        say(&line);
        Ok(())
    }

    fn print_ledger(&self) -> Outcome<()> {
        for (key, Note { version, put }) in self.ledger.notes()? {
            let kind = if put { "put" } else { "delete" };
            say(&format!("{} {} {} {kind}", hex(&key), version.hlc.0, version.origin.0));
        }
        say("end");
        Ok(())
    }

    fn print_contents(&self) -> Outcome<()> {
        for key in self.cache.keys() {
            let key = key.map_err(text)?;
            let Some(entry) = self.cache.metadata(&key).map_err(text)? else { continue };
            stamp::check(&key, &entry.value)?;
            say(&format!("{} {} {} put", hex(&key), entry.version.hlc.0, entry.version.origin.0));
        }
        say("end");
        Ok(())
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Outcome<T> {
    word.parse().map_err(|_| format!("`{word}` is no number"))
}

/// Every counter that is not zero.
fn figures(node: &Node) -> String {
    let figures = node.metrics();
    let shown = figures.iter().filter(|(_, _, value)| *value > 0).map(|(name, _, value)| format!("{name}={value}"));
    shown.collect::<Vec<_>>().join(" ")
}
