//! One process of the demonstration, as the command holds it.
//!
//! The invariant: who drops a [`Process`] leaves no process behind: it is killed if it still runs, and always reaped. Only
//! children are ever signalled, by their handle, so no process id can have passed to somebody else.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use super::line::Line;
use crate::outcome::{Failure, Result};

/// The hidden subcommand.
const NODE_COMMAND: &str = "demo-node";
/// Longest line that is taken from a process; a longer one is cut in pieces, none of which parses.
const LINE_BYTES_MAX: u64 = 4096;

/// What comes to the command from elsewhere.
#[derive(Debug)]
pub(super) enum Message {
    /// The process of this number said so.
    Told(usize, Line),
    /// It complained, on stderr.
    Complained(usize, String),
    /// Its standard output ended.
    Ended(usize),
    /// The user or the system asks to stop.
    Interrupted,
}

/// A child.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// None when it is to end.
    orders: Option<ChildStdin>,
}

impl Process {
    /// Starts process number `at`; what it says goes to `inbox`.
    pub(super) fn start(at: usize, inbox: &SyncSender<Message>) -> Result<Process> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::Said(format!("this program does not find itself, to start it again: {error}")))?;
        let mut command = Command::new(program);
        command.arg(NODE_COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        own_group(&mut command);
        let mut child = command
            .spawn()
            .map_err(|error| Failure::Said(format!("a process cannot be started: {error}; too many are running?")))?;
        // The three were asked for above; a child that lacks one would be left to itself, and ends with its stdin.
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (orders, Some(told), Some(complaints)) = pipes else {
            return Err(Failure::Said("a process was started without its pipes".to_owned()));
        };
        // From here on an error drops it, and so ends it.
        let process = Process { child, orders };
        let heard = inbox.clone();
        let complaining = thread(format!("complaints {at}"), move || {
            lines(complaints, |text| heard.send(Message::Complained(at, text.to_owned())).is_ok());
        })?;
        let inbox = inbox.clone();
        let _ends_with_its_pipe = thread(format!("said {at}"), move || {
            lines(told, |text| match Line::parse(text) {
                Some(line) => inbox.send(Message::Told(at, line)).is_ok(),
                None => inbox.send(Message::Complained(at, text.to_owned())).is_ok(),
            });
            // Last of all that it says, so that why it ended is known before that it did.
            let _panicked = complaining.join();
            // The stage may be gone already; then nobody needs to know.
            let _unheard = inbox.send(Message::Ended(at));
        })?;
        Ok(process)
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it `line`; false if it does not listen any more.
    pub(super) fn tell(&mut self, line: &Line) -> bool {
        let Some(orders) = &mut self.orders else { return false };
        writeln!(orders, "{line}").and_then(|()| orders.flush()).is_ok()
    }

    /// Kills it with SIGKILL: it has no chance to say goodbye.
    pub(super) fn kill(&mut self) -> Result<ExitStatus> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map_err(|error| Failure::Said(format!("process {} cannot be killed: {error}", self.id())))
    }

    /// How it ended, once its standard output has.
    pub(super) fn reap(&mut self) -> Option<ExitStatus> {
        self.orders = None;
        self.child.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.orders = None;
        // Both do nothing if it has been reaped.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Ctrl-C on a terminal goes to its foreground group. The command alone shall hear it, and end its children in order.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn own_group(_command: &mut Command) {}

fn thread(name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name)
        .spawn(body)
        .map_err(|error| Failure::Said(format!("no thread to be had: {error}; are too many processes running?")))
}

/// Hands each line of `source` to `take` until that returns false or the source ends.
pub(super) fn lines(source: impl Read, mut take: impl FnMut(&str) -> bool) {
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    loop {
        line.clear();
        match source.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if take(String::from_utf8_lossy(&line).trim_end()) => {}
            Ok(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_their_bound_and_damaged_text_is_no_end() {
        let long = usize::try_from(LINE_BYTES_MAX).expect("small") + 5;
        let mut source = vec![b'x'; long];
        source.extend_from_slice(b"\n\xFFy\r\nlast");
        let mut got = Vec::new();
        lines(source.as_slice(), |line| {
            got.push(line.to_owned());
            true
        });
        assert_eq!(got[0].len(), long - 5);
        assert_eq!(got[1..], ["xxxxx".to_owned(), "\u{FFFD}y".to_owned(), "last".to_owned()]);
    }
}
