//! A member of a cluster under test: a process in a namespace, that takes orders and gives answers in lines.
#![expect(clippy::disallowed_methods, reason = "answers come within a deadline, and a thread reads the pipe")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::net;

/// How long an order may take that is not told otherwise.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Lines that may wait to be read; a member that says more waits.
const LINES_IN_FLIGHT: usize = 1024;

/// One process. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its node's name.
    pub(crate) name: String,
    child: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
}

/// An answer, and when it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) line: String,
    pub(crate) at: Instant,
}

impl Answer {
    /// A figure of a line of `name=value`.
    pub(crate) fn figure(&self, name: &str) -> u64 {
        figures(&self.line).remove(name).unwrap_or(0)
    }

    /// The word at a place.
    pub(crate) fn word(&self, at: usize) -> &str {
        self.line.split_whitespace().nth(at).unwrap_or("")
    }

    /// When something was that the line says is `ago_us` past.
    pub(crate) fn ago(&self) -> Instant {
        self.at - Duration::from_micros(self.figure("ago_us"))
    }
}

/// The whole numbers of a line of `name=value`.
pub(crate) fn figures(line: &str) -> BTreeMap<String, u64> {
    let pairs = line.split_whitespace().filter_map(|word| word.split_once('='));
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

impl Member {
    /// Starts one in a namespace; what it says first is not waited for.
    pub(crate) fn start(
        program: &Path,
        namespace: &str,
        settings: &[String],
        environment: &[(&str, String)],
    ) -> Result<Member, String> {
        let words: Vec<&str> = settings.iter().map(String::as_str).collect();
        let mut command = net::inside(namespace, program, &words);
        command.envs(environment.iter().map(|(name, value)| (*name, value)));
        let name = settings.iter().find_map(|setting| setting.strip_prefix("node_name=")).unwrap_or("").to_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let (Some(orders), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process without pipes".to_owned());
        };
        let (sender, answers) = sync_channel(LINES_IN_FLIGHT);
        std::thread::spawn(move || read_all(BufReader::new(stdout), &sender));
        Ok(Member { name, child, orders, answers })
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: &str) -> Result<(), String> {
        writeln!(self.orders, "{order}").map_err(|error| format!("{} is gone: {error}", self.name))
    }

    /// The next line; one that tells of an error is one.
    pub(crate) fn answer(&mut self, limit: Duration) -> Result<Answer, String> {
        match self.answers.recv_timeout(limit) {
            Ok(line) if line.starts_with("error") => Err(format!("{}: {line}", self.name)),
            Ok(line) => Ok(Answer { line, at: Instant::now() }),
            Err(RecvTimeoutError::Timeout) => Err(format!("{} said nothing for {limit:?}", self.name)),
            Err(RecvTimeoutError::Disconnected) => Err(format!("{} ended before it was told to", self.name)),
        }
    }

    /// An order and its answer.
    pub(crate) fn ask(&mut self, order: &str) -> Result<Answer, String> {
        self.order(order)?;
        self.answer(ANSWER_MAX)
    }

    /// An order that is answered by lines up to `end`.
    pub(crate) fn list(&mut self, order: &str) -> Result<Vec<String>, String> {
        self.order(order)?;
        let mut lines = Vec::new();
        loop {
            let Answer { line, .. } = self.answer(ANSWER_MAX)?;
            if line == "end" {
                return Ok(lines);
            }
            lines.push(line);
        }
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&mut self, signal: &str) -> Result<(), String> {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("kill -s {signal} {pid}: {other:?}")),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn read_all(from: impl BufRead, lines: &SyncSender<String>) {
    for line in from.lines() {
        let Ok(line) = line else { return };
        if lines.send(line).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_whole_numbers_of_a_line() {
        let answer = Answer { line: "calls=12 seconds=1.50 ago_us=7 done".to_owned(), at: Instant::now() };
        assert_eq!((answer.figure("calls"), answer.figure("seconds"), answer.figure("ago_us")), (12, 0, 7));
        assert_eq!((answer.word(3), answer.word(9)), ("done", ""));
    }
}
