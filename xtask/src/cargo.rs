//! `cargo xtask test`, and the release build of the library that other verbs link to.

use std::path::PathBuf;
use std::time::Duration;

use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// Building from clean and running all tests, on a slow machine.
const TEST_LIMIT: Duration = Duration::from_secs(3600);
/// Building the library from clean with link-time optimisation, on a slow machine.
pub(crate) const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// The release build of all that is released: the library and the command line.
pub(crate) const BUILD_RELEASE: [&str; 6] = ["build", "--release", "--package", "mccache", "--package", "mccache-cli"];

/// The name in the library's own soname; `build.rs` gives it.
pub(crate) const SONAME: &str = "libmccache.so.0";

/// Runs every Rust test of the workspace, documentation's included, or those a filter names.
pub(crate) fn test(workspace: &Workspace, journal: &mut Journal, filter: &[&str]) -> Result<Tally, String> {
    let mut command = workspace.cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    command.args(filter);
    let ended = journal.run(&mut command, TEST_LIMIT)?;
    let mut tally = count_results(&ended.output);
    // A crash, a doc test that does not compile, a deadline: cargo says so by its exit code alone.
    if !ended.ok && tally.failed == 0 {
        journal.say(format!("error: cargo test: {}", ended.how));
        tally += Tally::FAILED;
    }
    Ok(tally)
}

/// Sums `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
pub(crate) fn count_results(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines() {
        let Some((_, figures)) = line.split_once("test result: ").and_then(|(_, rest)| rest.split_once(". ")) else {
            continue;
        };
        for figure in figures.split(';') {
            let mut words = figure.split_whitespace();
            let (Some(count), Some(kind)) = (words.next().and_then(|word| word.parse::<u64>().ok()), words.next())
            else {
                continue;
            };
            match kind {
                "passed" => tally.passed += count,
                "failed" => tally.failed += count,
                "ignored" => tally.skipped += count,
                _ => {}
            }
        }
    }
    tally
}

/// The release build of the library.
#[derive(Debug)]
pub(crate) struct Library {
    /// The folder that holds libmccache.so (with its soname's link beside it) and libmccache.a.
    pub(crate) folder: PathBuf,
    /// What a program linked to libmccache.a must also link: `-lgcc_s -lpthread ...`.
    pub(crate) native_libs: Vec<String>,
}

/// Builds the library as its users get it, and the command line with it: built apart, the features of what both depend on
/// would differ, and the library be compiled twice.
pub(crate) fn build_library(workspace: &Workspace, journal: &mut Journal) -> Result<Library, String> {
    journal.must(&mut workspace.cargo(&BUILD_RELEASE), BUILD_LIMIT)?;
    let folder = workspace.release();
    link_soname(&folder)?;
    Ok(Library { native_libs: native_libs_of(workspace, journal)?, folder })
}

/// What a static library of Rust needs. The core links nothing beside the standard library's own, so an empty one tells it
/// without a build of the core for the question alone; the programs of tests/abi that do not link would tell otherwise.
fn native_libs_of(workspace: &Workspace, journal: &mut Journal) -> Result<Vec<String>, String> {
    let folder = workspace.scratch("cargo")?;
    let source = folder.join("empty.rs");
    std::fs::write(&source, "").map_err(|error| format!("{}: {error}", source.display()))?;
    let mut rustc = workspace.rustc();
    rustc.args(["--crate-type", "staticlib", "--print", "native-static-libs", "--out-dir"]).arg(&folder).arg(&source);
    let output = journal.must(&mut rustc, BUILD_LIMIT)?;
    native_libs(&output).ok_or_else(|| "rustc did not say which native libraries a static library needs".to_owned())
}

fn native_libs(output: &str) -> Option<Vec<String>> {
    let line = output.lines().rev().find_map(|line| line.split_once("native-static-libs: "))?.1;
    Some(line.split_whitespace().map(str::to_owned).collect())
}

/// A program linked to libmccache.so looks for its soname when it starts.
#[cfg(unix)]
fn link_soname(folder: &std::path::Path) -> Result<(), String> {
    let link = folder.join(SONAME);
    if !cfg!(target_os = "linux") || link.exists() {
        return Ok(());
    }
    std::os::unix::fs::symlink("libmccache.so", &link).map_err(|error| format!("{}: {error}", link.display()))
}

#[cfg(not(unix))]
fn link_soname(_folder: &std::path::Path) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_binaries_are_summed() {
        let output = "
running 2 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1.20s
";
        assert_eq!(count_results(output), Tally { passed: 5, failed: 2, skipped: 1 });
        assert_eq!(count_results("error: could not compile"), Tally::default());
    }

    #[test]
    fn native_libraries_are_read_from_the_compilers_note() {
        let output = "   Compiling mccache\nnote: native-static-libs: -lgcc_s -lutil -lc\n    Finished";
        assert_eq!(native_libs(output), Some(vec!["-lgcc_s".to_owned(), "-lutil".to_owned(), "-lc".to_owned()]));
        assert_eq!(native_libs("Finished"), None);
    }
}
