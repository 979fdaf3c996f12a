//! `cargo xtask demo`: the README's demo, as a pipe sees it: no terminal, no input. It must end by itself with success.

use std::time::Duration;

use crate::cargo::{BUILD_LIMIT, BUILD_RELEASE};
use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// The demo tells its story in seconds; a person would not wait longer than this.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs it once.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    journal.must(&mut workspace.cargo(&BUILD_RELEASE), BUILD_LIMIT)?;
    let ended = journal.run(&mut workspace.cargo(&["run", "--release", "--", "demo"]), LIMIT)?;
    if !ended.ok {
        journal.say(format!("error: the demo: {}", ended.how));
        return Ok(Tally::FAILED);
    }
    let said_something = ended.output.lines().any(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("Finished") && !line.starts_with("Running")
    });
    if !said_something {
        journal.say("error: the demo ended without a word");
        return Ok(Tally::FAILED);
    }
    Ok(Tally::PASSED)
}
