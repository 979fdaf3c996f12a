//! `cargo xtask lint`: rustfmt, clippy and rustdoc, warnings as errors. What this Rust lacks is skipped by name, not passed.

use std::time::Duration;

use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// Clippy compiles the dependencies' metadata the first time.
const LIMIT: Duration = Duration::from_secs(1200);

/// The clippy that the code is held to, as the minor version of its Rust. A newer one has lints that nobody has looked at:
/// what it says is shown, and raising this number is a change of its own.
const CLIPPY_MINOR: u32 = 95;

/// Checks the whole workspace.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let mut tally = check(workspace, journal, "fmt", &["fmt", "--all", "--", "--check"], "cargo fmt --all")?;
    let mut clippy = vec!["clippy", "--workspace", "--all-targets", "--all-features", "--"];
    if rust_minor(workspace).is_none_or(|minor| minor <= CLIPPY_MINOR) {
        clippy.extend(["-D", "warnings"]);
    }
    tally += check(workspace, journal, "clippy", &clippy, "mend what it says above")?;
    tally += documentation(workspace, journal)?;
    Ok(tally)
}

/// Links that lead nowhere and what else rustdoc finds in the crate's documentation.
fn documentation(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let mut doc = workspace.cargo(&["doc", "--package", "mccache", "--no-deps", "--all-features"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    Ok(if journal.run(&mut doc, LIMIT)?.ok { Tally::PASSED } else { Tally::FAILED })
}

/// 95 for `clippy 0.1.95 (59807616e1 2026-04-14)`.
fn rust_minor(workspace: &Workspace) -> Option<u32> {
    let output = workspace.cargo(&["clippy", "--version"]).output().ok()?;
    minor_of(&String::from_utf8_lossy(&output.stdout))
}

fn minor_of(version: &str) -> Option<u32> {
    version.strip_prefix("clippy 0.1.")?.split_whitespace().next()?.parse().ok()
}

fn check(
    workspace: &Workspace,
    journal: &mut Journal,
    tool: &str,
    arguments: &[&str],
    cure: &str,
) -> Result<Tally, String> {
    let present = workspace.cargo(&[tool, "--version"]).output().is_ok_and(|output| output.status.success());
    if !present {
        journal.say(format!("skip {tool}: this Rust installation does not have it"));
        return Ok(Tally::SKIPPED);
    }
    if journal.run(&mut workspace.cargo(arguments), LIMIT)?.ok {
        return Ok(Tally::PASSED);
    }
    journal.say(format!("cure: {cure}"));
    Ok(Tally::FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_clippy_is_read() {
        assert_eq!(minor_of("clippy 0.1.95 (59807616e1 2026-04-14)\n"), Some(95));
        assert_eq!(minor_of("error: no such command"), None);
    }
}
