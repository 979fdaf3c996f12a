//! `cargo xtask examples`: every example in C and Python, built and run to its end as its reader would.
//!
//! An example that goes on until somebody stops it says `Runs until stopped` in its first lines: it is built (C) or
//! compiled (Python), and counted as skipped.

use std::path::Path;
use std::time::Duration;

use crate::abi::{Linkage, absent_library, build_program, start};
use crate::cargo::{Library, build_library};
use crate::journal::{Journal, Tally};
use crate::python;
use crate::workspace::Workspace;

/// An example is a small program: a reader would not wait longer.
const RUN_LIMIT: Duration = Duration::from_secs(120);
/// What an endless example says about itself, and in how many of its first lines.
const ENDLESS: (&str, usize) = ("Runs until stopped", 20);

/// Builds and runs all.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let native = workspace.files_below("examples", &["c", "cpp"])?;
    let scripts = workspace.files_below("examples", &["py"])?;
    if native.is_empty() && scripts.is_empty() {
        return Err("examples/ has no program in C or Python".to_owned());
    }
    let mut tally = Tally::default();
    if !native.is_empty() {
        let library = build_library(workspace, journal)?;
        for source in &native {
            tally += run_native(workspace, journal, &library, source)?;
        }
    }
    if !scripts.is_empty() {
        let python = python::installed(workspace)?;
        for script in &scripts {
            tally += run_script(workspace, journal, &python, script)?;
        }
    }
    Ok(tally)
}

fn run_native(workspace: &Workspace, journal: &mut Journal, library: &Library, source: &Path) -> Result<Tally, String> {
    let name = source.strip_prefix(&workspace.root).unwrap_or(source).display().to_string();
    if let Some(absent) = absent_library(workspace, source)? {
        journal.say(format!("skip {name}: it needs lib{absent} and its headers, which are not on this machine"));
        return Ok(Tally::SKIPPED);
    }
    let Some(program) = build_program(workspace, journal, library, source, Linkage::Shared)? else {
        journal.say(format!("FAILED {name}: it does not build"));
        return Ok(Tally::FAILED);
    };
    if is_endless(source)? {
        journal.say(format!("skip {name}: it builds, and runs until stopped"));
        return Ok(Tally::SKIPPED);
    }
    judge(journal, &mut start(workspace, library, &program), &name)
}

fn run_script(workspace: &Workspace, journal: &mut Journal, python: &Path, script: &Path) -> Result<Tally, String> {
    let name = script.strip_prefix(&workspace.root).unwrap_or(script).display().to_string();
    let mut command = python::command(workspace, python)?;
    if is_endless(script)? {
        command.args(["-c", "import sys; compile(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1], 'exec')"]);
        let compiles = judge(journal, command.arg(script), &name)?;
        journal.say(format!("skip {name}: it runs until stopped"));
        return Ok(if compiles.failed > 0 { compiles } else { Tally::SKIPPED });
    }
    judge(journal, command.arg(script), &name)
}

fn judge(journal: &mut Journal, command: &mut std::process::Command, name: &str) -> Result<Tally, String> {
    let ended = journal.run(command, RUN_LIMIT)?;
    if ended.ok {
        journal.say(format!("ok {name}"));
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED {name}: {}", ended.how));
    Ok(Tally::FAILED)
}

fn is_endless(source: &Path) -> Result<bool, String> {
    let text = std::fs::read_to_string(source).map_err(|error| format!("{}: {error}", source.display()))?;
    Ok(says_endless(&text))
}

fn says_endless(text: &str) -> bool {
    text.lines().take(ENDLESS.1).any(|line| line.contains(ENDLESS.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_example_says_so_at_its_top_only() {
        assert!(says_endless("// A watcher.\n// Runs until stopped.\nint main(void) {}\n"));
        let far_below = "\n".repeat(ENDLESS.1) + "// Runs until stopped.";
        assert!(!says_endless(&far_below));
    }
}
