//! `cargo xtask loom`: what threads share without a lock, under every order of threads.
//!
//! loom's atomics take the place of the standard library's (`src/atomic.rs`) in a build of its own, with `--cfg loom`. That
//! build takes a minute, so it is run by hand, after a change to a file that has `loom_tests`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::cargo::count_results;
use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// Building the library once more, and trying some hundred thousand orders.
const LOOM_LIMIT: Duration = Duration::from_secs(1_800);

/// Runs every test that loom has.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let ended = journal.run(&mut command(workspace, &workspace.root, "loom_tests"), LOOM_LIMIT)?;
    let tally = count_results(&ended.output);
    if !ended.ok && tally.failed == 0 {
        return Err(format!("loom's tests: {}", ended.how));
    }
    Ok(tally)
}

/// Loom's tests of the source in `tree` whose names contain `filter`.
pub(crate) fn command(workspace: &Workspace, tree: &Path, filter: &str) -> Command {
    let mut command = workspace.cargo(&["test", "--package", "mccache", "--lib", filter]);
    command.current_dir(tree).env("RUSTFLAGS", "--cfg loom");
    command.env("CARGO_TARGET_DIR", workspace.target.join("xtask/loom"));
    command
}
