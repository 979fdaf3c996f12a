//! What a stage said and did: running programs under a deadline, keeping their output, counting results.
//!
//! No program started here outlives its deadline. Standard input is always empty: nothing here asks a person.
#![expect(
    clippy::disallowed_methods,
    reason = "a tool that runs programs needs the clock for their deadlines, threads for their two pipes and for several at once"
)]

use std::fmt;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Lines on their way from a program's pipes to the journal. A full channel slows the program, and that is all.
const LINES_IN_FLIGHT: usize = 256;
/// Lines of a failed stage's output that `ci` prints: enough for a compiler error or a few failed tests.
const TAIL_LINES: usize = 100;
/// How often a program that closed its output is asked whether it has ended.
const EXIT_POLL: Duration = Duration::from_millis(10);

/// Results counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Checks that held.
    pub(crate) passed: u64,
    /// Checks that did not.
    pub(crate) failed: u64,
    /// Checks that could not be made here, for a reason that was printed.
    pub(crate) skipped: u64,
}

impl Tally {
    /// One check that held.
    pub(crate) const PASSED: Tally = Tally { passed: 1, failed: 0, skipped: 0 };
    /// One check that did not.
    pub(crate) const FAILED: Tally = Tally { passed: 0, failed: 1, skipped: 0 };
    /// One check that was not made.
    pub(crate) const SKIPPED: Tally = Tally { passed: 0, failed: 0, skipped: 1 };

    /// Nothing was checked.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Tally::default()
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// It ended by itself, with exit code 0.
    pub(crate) ok: bool,
    /// "exit status: 1", "no end within 60 s".
    pub(crate) how: String,
    /// Both its outputs, line by line.
    pub(crate) output: String,
}

/// The story of one stage.
#[derive(Debug)]
pub(crate) struct Journal {
    lines: Vec<String>,
    live: bool,
}

impl Journal {
    /// Shows every line as it comes.
    pub(crate) fn live() -> Journal {
        Journal { lines: Vec::new(), live: true }
    }

    /// Keeps the lines until somebody asks.
    pub(crate) fn quiet() -> Journal {
        Journal { lines: Vec::new(), live: false }
    }

    /// Adds text, a line or several.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        for line in text.as_ref().lines() {
            if self.live {
                print_line(line);
            }
            self.lines.push(line.to_owned());
        }
    }

    /// Everything said.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> &[String] {
        &self.lines[self.lines.len().saturating_sub(TAIL_LINES)..]
    }

    /// Runs a program to its end or its deadline. `Err` only if it could not be started.
    pub(crate) fn run(&mut self, command: &mut Command, limit: Duration) -> Result<Ended, String> {
        let name = describe(command);
        self.say(format!("$ {name}"));
        let deadline = Instant::now() + limit;
        let mut child = start(command).map_err(|error| format!("{name}: {error}"))?;
        let lines = read_pipes(&mut child);

        let mut output = String::new();
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.say(&line);
                    output.push_str(&line);
                    output.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Ok(self.give_up(&mut child, limit, output)),
            }
        }
        match wait(&mut child, deadline) {
            Some(status) => Ok(Ended { ok: status.success(), how: status.to_string(), output }),
            None => Ok(self.give_up(&mut child, limit, output)),
        }
    }

    /// Runs a program that must succeed, and returns its output.
    pub(crate) fn must(&mut self, command: &mut Command, limit: Duration) -> Result<String, String> {
        let ended = self.run(command, limit)?;
        if ended.ok { Ok(ended.output) } else { Err(format!("{}: {}", describe(command), ended.how)) }
    }

    /// Does as many of some jobs at once as there are processors. Each tells a journal of its own; what they said stands
    /// here in the order of the jobs, as if one had been done after another. The first that could not be done is the
    /// error, after all are.
    pub(crate) fn side_by_side<T: Sync>(
        &mut self,
        jobs: &[T],
        job: impl Fn(&T, &mut Journal) -> Result<Tally, String> + Sync,
    ) -> Result<Tally, String> {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(jobs.len());
        let next = AtomicUsize::new(0);
        let done: Vec<OnceLock<(Result<Tally, String>, Journal)>> = jobs.iter().map(|_| OnceLock::new()).collect();
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some((which, cell)) = jobs.iter().zip(&done).nth(next.fetch_add(1, Ordering::Relaxed)) {
                        let mut own = Journal::quiet();
                        let result = job(which, &mut own);
                        // Each index is taken once.
                        let _first = cell.set((result, own));
                    }
                });
            }
        });
        let mut total = Ok(Tally::default());
        for cell in done {
            let Some((result, own)) = cell.into_inner() else { continue };
            self.say(own.text());
            total = match (total, result) {
                (Ok(mut sum), Ok(tally)) => {
                    sum += tally;
                    Ok(sum)
                }
                (Err(first), _) | (Ok(_), Err(first)) => Err(first),
            };
        }
        total
    }

    /// The results of a test program that counts for itself. A bad end without a failed test is a failure, as is one that
    /// ran none.
    pub(crate) fn count_suite(&mut self, ended: &Ended, ran: u64, failed: u64, skipped: u64) -> Tally {
        let mut tally = Tally { passed: ran.saturating_sub(failed + skipped), failed, skipped };
        if failed == 0 && (!ended.ok || ran == 0) {
            self.say(format!("error: the tests: {}, {ran} ran", ended.how));
            tally += Tally::FAILED;
        }
        tally
    }

    fn give_up(&mut self, child: &mut Child, limit: Duration, output: String) -> Ended {
        stop(child);
        let how = format!("no end within {} s, so it was stopped", limit.as_secs());
        self.say(&how);
        Ended { ok: false, how, output }
    }
}

/// Prints a line for the person or the log that started xtask. A closed pipe (`| head`) is no error.
pub(crate) fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _closed_pipe = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn start(command: &mut Command) -> std::io::Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // At a terminal the programs stay in its group, so that Ctrl-C reaches them. Elsewhere they get a group of their
    // own, so that a deadline ends the whole family: cargo, and the test it started.
    #[cfg(unix)]
    if !std::io::stdin().is_terminal() {
        std::os::unix::process::CommandExt::process_group(command, 0);
    }
    command.spawn()
}

/// The lines of both outputs, as they come. The channel closes when both pipes do.
fn read_pipes(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES_IN_FLIGHT);
    if let Some(pipe) = child.stdout.take() {
        forward(pipe, sender.clone());
    }
    if let Some(pipe) = child.stderr.take() {
        forward(pipe, sender);
    }
    receiver
}

fn forward(pipe: impl Read + Send + 'static, sender: SyncSender<String>) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).is_ok_and(|length| length > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            bytes.clear();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}

fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(EXIT_POLL);
    }
}

/// Ends a program and, where it leads a group, everything it started.
fn stop(child: &mut Child) {
    #[cfg(unix)]
    if !std::io::stdin().is_terminal() {
        let group = format!("-{}", child.id());
        let _already_gone = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
    let _already_gone = child.kill();
    let _reaped = child.wait();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_and_the_exit_code_are_kept() {
        let mut journal = Journal::quiet();
        let ended =
            journal.run(&mut shell("echo out; echo err >&2; exit 3"), Duration::from_secs(60)).expect("sh exists");
        assert!(!ended.ok);
        assert!(ended.how.contains('3'), "{}", ended.how);
        assert!(ended.output.contains("out\n") && ended.output.contains("err\n"), "{}", ended.output);
        assert!(journal.text().starts_with("$ sh -c"));
    }

    #[test]
    fn a_program_past_its_deadline_is_stopped() {
        let begun = Instant::now();
        let mut journal = Journal::quiet();
        let ended =
            journal.run(&mut shell("echo begun; exec sleep 600"), Duration::from_millis(500)).expect("sh exists");
        assert!(!ended.ok);
        assert!(ended.output.contains("begun"));
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_program_that_closes_its_output_is_still_waited_for() {
        let mut journal = Journal::quiet();
        let ended =
            journal.run(&mut shell("exec >&- 2>&-; sleep 0.1; exit 7"), Duration::from_secs(60)).expect("sh exists");
        assert!(ended.how.contains('7'), "{}", ended.how);
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error_with_its_name() {
        let problem = Journal::quiet()
            .run(&mut Command::new("no-such-program-of-ours"), Duration::from_secs(1))
            .expect_err("it cannot start");
        assert!(problem.starts_with("no-such-program-of-ours: "), "{problem}");
    }

    #[test]
    fn jobs_side_by_side_are_told_in_their_order_and_the_first_error_stands() {
        let mut journal = Journal::quiet();
        let tally = journal.side_by_side(&[40, 10, 0], |pause, own| {
            own.run(&mut shell(&format!("sleep 0.0{pause}; echo {pause}")), Duration::from_secs(60))?;
            Ok(Tally::PASSED)
        });
        assert_eq!(tally, Ok(Tally { passed: 3, failed: 0, skipped: 0 }));
        let said: Vec<&str> = journal.lines.iter().map(String::as_str).filter(|line| !line.starts_with('$')).collect();
        assert_eq!(said, ["40", "10", "0"]);
        let failed = journal.side_by_side(&[1, 2, 3], |which, own| {
            own.say(format!("job {which}"));
            if *which == 1 { Ok(Tally::PASSED) } else { Err(format!("no {which}")) }
        });
        assert_eq!(failed, Err("no 2".to_owned()));
        assert!(journal.text().ends_with("job 1\njob 2\njob 3"), "{}", journal.text());
    }

    #[test]
    fn tallies_add_and_print_as_ci_expects() {
        let mut tally = Tally::PASSED;
        tally += Tally::FAILED;
        tally += Tally::SKIPPED;
        tally += Tally::PASSED;
        assert_eq!(tally.to_string(), "2 passed, 1 failed, 1 skipped");
    }
}
