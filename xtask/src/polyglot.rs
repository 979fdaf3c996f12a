//! `cargo xtask polyglot`: one process of each language in one cluster. What each writes every other reads as its own,
//! and after all have written at once, and one was killed, the others hold the same.
//!
//! Each language has an agent: a program over its installed package that does what lines on its standard input say, and
//! answers each with a line. What they know is told in `docs/TESTING.md`.
#![expect(
    clippy::disallowed_methods,
    reason = "programs that are talked to need deadlines, and threads for their pipes"
)]

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::journal::{Journal, Tally};
use crate::languages::LANGUAGES;
use crate::workspace::Workspace;

/// The longest an agent may take for anything, a virtual machine's start on a busy machine included.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long all write at once, and when one of them is killed.
const WORK: Duration = Duration::from_secs(3);
const KILL_AFTER: Duration = Duration::from_millis(1_500);
/// How long the survivors may take to notice the killed one and to become equal. It counts as gone after some five seconds.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks at whether something has come true.
const PAUSE: Duration = Duration::from_millis(20);
/// The values that all languages know by name.
const VALUES: &str = "tests/values.tsv";

/// Starts one agent a language, and has them talk.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let cases = cases(&workspace.read(VALUES)?);
    let mut tally = Tally::default();
    let mut agents = Vec::new();
    let cluster = format!("polyglot-{}", std::process::id());
    for language in LANGUAGES {
        let Some(agent) = language.agent else { continue };
        match agent(workspace).and_then(|command| Agent::start(language.name, command, &cluster)) {
            Ok(agent) => agents.push(agent),
            Err(problem) => {
                journal.say(format!("skip {}: {problem}", language.name));
                tally += Tally::SKIPPED;
            }
        }
    }
    if agents.len() < 2 {
        return Err("fewer than two languages are here: nothing to compare".to_owned());
    }
    for agent in &mut agents {
        let said = agent.answer()?;
        if said != format!("ready {}", agent.name) {
            return Err(format!("{agent} began with `{said}`"));
        }
    }
    gather(&mut agents)?;
    tally += matrix(&mut agents, &cases, journal)?;
    tally += mixed_cluster(agents, journal)?;
    Ok(tally)
}

/// Names in the table of values.
fn cases(table: &str) -> Vec<String> {
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| line.split('\t').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Waits until every agent knows every other.
fn gather(agents: &mut [Agent]) -> Result<(), String> {
    let others = (agents.len() - 1).to_string();
    for agent in agents {
        agent.until("members", ANSWER_LIMIT, |said| said == others)?;
    }
    Ok(())
}

/// Every language reads what every language wrote.
fn matrix(agents: &mut [Agent], cases: &[String], journal: &mut Journal) -> Result<Tally, String> {
    for writer in agents.iter_mut() {
        for case in cases {
            writer.must(&format!("put {}/{case} {case}", writer.name), "ok")?;
        }
        writer.must("sync 30000", "ok")?;
    }
    let writers: Vec<&'static str> = agents.iter().map(|agent| agent.name).collect();
    let mut tally = Tally::default();
    for reader in agents {
        for writer in &writers {
            let mut wrong = 0;
            for case in cases {
                let said = reader.ask(&format!("check {writer}/{case} {case}"))?;
                if said == "equal" {
                    tally += Tally::PASSED;
                } else {
                    journal.say(format!("FAILED {reader} reads {case} of {writer}: {said}"));
                    tally += Tally::FAILED;
                    wrong += 1;
                }
            }
            journal.say(format!("{reader} reads {} of {} values of {writer}", cases.len() - wrong, cases.len()));
        }
    }
    Ok(tally)
}

/// All write at once, one is killed, and the rest hold the same in the end.
fn mixed_cluster(mut agents: Vec<Agent>, journal: &mut Journal) -> Result<Tally, String> {
    // Another one each time, so that in the end each language has been the one that died.
    let victim = usize::try_from(std::process::id()).unwrap_or(0) % agents.len();
    for (seed, agent) in agents.iter_mut().enumerate() {
        agent.tell(&format!("work {} {}", WORK.as_millis(), seed + 1))?;
    }
    std::thread::sleep(KILL_AFTER);
    let killed = agents.remove(victim);
    journal.say(format!("{killed} is killed while all write"));
    drop(killed);
    for agent in &mut agents {
        let said = agent.answer()?;
        let operations = said.strip_prefix("ok ").and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        if operations == 0 {
            return Err(format!("{agent} was to write: `{said}`"));
        }
        journal.say(format!("{agent} did {operations} operations in {} s", WORK.as_secs()));
    }
    let begun = Instant::now();
    let alive = (agents.len() - 1).to_string();
    for agent in &mut agents {
        agent.until("members", SETTLE_LIMIT, |said| said == alive)?;
        agent.must("sync 30000", "ok")?;
    }
    let sums = equal_sums(&mut agents, begun)?;
    let equal = sums.windows(2).all(|two| two[0] == two[1]);
    for (agent, sum) in agents.iter().zip(&sums) {
        journal.say(format!("{agent}: checksum and entries {sum}"));
    }
    journal.say(format!(
        "{}: {} processes, one of each language but the killed one, {:.1} s after the last write",
        if equal { "ok equal" } else { "FAILED they differ" },
        agents.len(),
        begun.elapsed().as_secs_f64()
    ));
    let mut tally = if equal { Tally::PASSED } else { Tally::FAILED };
    for agent in agents {
        let name = agent.name;
        match agent.quit() {
            Ok(()) => tally += Tally::PASSED,
            Err(problem) => {
                journal.say(format!("FAILED {name} does not end well: {problem}"));
                tally += Tally::FAILED;
            }
        }
    }
    Ok(tally)
}

/// What each holds, as soon as all hold the same, or at the end of patience.
fn equal_sums(agents: &mut [Agent], begun: Instant) -> Result<Vec<String>, String> {
    loop {
        let mut sums = Vec::new();
        for agent in agents.iter_mut() {
            sums.push(agent.ask("sum")?);
        }
        if sums.windows(2).all(|two| two[0] == two[1]) || begun.elapsed() > SETTLE_LIMIT {
            return Ok(sums);
        }
        std::thread::sleep(PAUSE);
    }
}

/// A running agent. Killed when it is dropped.
struct Agent {
    name: &'static str,
    child: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Agent {
    fn start(name: &'static str, mut command: Command, cluster: &str) -> Result<Agent, String> {
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(|variable| variable.starts_with("MCCACHE_")) {
                command.env_remove(variable);
            }
        }
        command.arg("polyglot").env("MCCACHE_CLUSTER", cluster).env("MCCACHE_NODE_NAME", name);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().map_err(|error| format!("its agent: {error}"))?;
        let orders = child.stdin.take();
        let (sender, answers) = channel();
        if let Some(pipe) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Agent { name, child, orders, answers })
    }

    fn tell(&mut self, order: &str) -> Result<(), String> {
        let orders = self.orders.as_mut().ok_or("its input is closed")?;
        writeln!(orders, "{order}").and_then(|()| orders.flush()).map_err(|error| format!("{}: {error}", self.name))
    }

    fn answer(&mut self) -> Result<String, String> {
        self.answers.recv_timeout(ANSWER_LIMIT).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("{} gave no answer within {} s", self.name, ANSWER_LIMIT.as_secs()),
            RecvTimeoutError::Disconnected => format!("{} ended without an answer", self.name),
        })
    }

    fn ask(&mut self, order: &str) -> Result<String, String> {
        self.tell(order)?;
        self.answer()
    }

    fn must(&mut self, order: &str, expected: &str) -> Result<(), String> {
        let said = self.ask(order)?;
        if said == expected { Ok(()) } else { Err(format!("{} was told `{order}` and answered `{said}`", self.name)) }
    }

    fn until(&mut self, order: &str, limit: Duration, holds: impl Fn(&str) -> bool) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let said = self.ask(order)?;
            if holds(&said) {
                return Ok(());
            }
            if begun.elapsed() > limit {
                return Err(format!("{} still answers `{said}` to `{order}` after {} s", self.name, limit.as_secs()));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn quit(mut self) -> Result<(), String> {
        self.must("quit", "bye")?;
        drop(self.orders.take());
        let begun = Instant::now();
        while begun.elapsed() < ANSWER_LIMIT {
            match self.child.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(status.to_string()),
                None => std::thread::sleep(PAUSE),
            }
        }
        Err(format!("it has not ended after {} s", ANSWER_LIMIT.as_secs()))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_values_are_the_first_column_without_comments() {
        assert_eq!(cases("# name\tcodec\nnull\t2\tf6\ntext_empty\t1\t-\n"), ["null", "text_empty"]);
    }
}
