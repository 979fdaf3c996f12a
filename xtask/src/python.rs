//! `cargo xtask python`: builds bindings/python with pip into a venv under target/, and runs its tests on the
//! installed package, never on the source tree.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::journal::{Ended, Journal, Tally};
use crate::swig;
use crate::workspace::Workspace;

/// The package's folder; its tests are in `tests/` below it, for the standard library's unittest.
const PACKAGE: &str = "bindings/python";
/// pip fetches the build's requirements and builds the core.
const INSTALL_LIMIT: Duration = Duration::from_secs(2400);
const TEST_LIMIT: Duration = Duration::from_secs(900);

/// Installs the package and tests it.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let tests = format!("{PACKAGE}/tests");
    if workspace.files_below(&tests, &["py"])?.is_empty() {
        return Err(format!("{tests}/ has no test"));
    }
    generate(workspace, journal)?;
    let python = install(workspace, journal)?;
    let mut command = command(workspace, &python)?;
    command.args(["-m", "unittest", "discover", "--verbose", "--start-directory"]).arg(workspace.root.join(tests));
    let ended = journal.run(&mut command, TEST_LIMIT)?;
    Ok(count_unittest(&ended, journal))
}

/// Generates the glue with every SWIG there is; a warning is an error.
fn generate(workspace: &Workspace, journal: &mut Journal) -> Result<(), String> {
    for swig in swig::generators(workspace, journal)? {
        let into = workspace.scratch(&format!("python/swig-{}", swig.version))?;
        let language = ["-python", "-builtin", "-O", "-threads"];
        swig.generate(workspace, journal, &language, "python.i", &into.join("mccache_python.c"), &into)?;
    }
    Ok(())
}

/// The venv's python after installing the package as it is now.
fn install(workspace: &Workspace, journal: &mut Journal) -> Result<PathBuf, String> {
    if !workspace.root.join(PACKAGE).join("pyproject.toml").is_file() {
        return Err(format!("{PACKAGE}/pyproject.toml does not exist"));
    }
    let venv = workspace.scratch("python")?.join("venv");
    let python = venv_python(&venv);
    let creator = if cfg!(windows) { "python" } else { "python3" };
    // A new venv every time: what an older build left in it must not be what is tested.
    journal.must(workspace.program(creator).args(["-m", "venv", "--clear"]).arg(&venv), INSTALL_LIMIT)?;
    // Nor what an older build left beside the source: setuptools would pack a module that is gone from it.
    let left_over = workspace.root.join(PACKAGE).join("build");
    if left_over.exists() {
        std::fs::remove_dir_all(&left_over).map_err(|error| format!("{}: {error}", left_over.display()))?;
    }
    let mut pip = workspace.program(&python);
    pip.args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check"]);
    // The workspace's own target directory: the wheel's build compiles nothing twice.
    pip.env("CARGO_TARGET_DIR", &workspace.target).arg(workspace.root.join(PACKAGE));
    journal.must(&mut pip, INSTALL_LIMIT)?;
    Ok(python)
}

/// The python of the venv that `cargo xtask python` made; an error tells how to make it.
pub(crate) fn installed(workspace: &Workspace) -> Result<PathBuf, String> {
    let python = venv_python(&workspace.scratch("python")?.join("venv"));
    if python.exists() { Ok(python) } else { Err("no venv with the package yet: run `cargo xtask python`".to_owned()) }
}

/// The venv's python, started where no source folder can be imported in place of the installed package.
pub(crate) fn command(workspace: &Workspace, python: &Path) -> Result<Command, String> {
    let mut command = workspace.program(python);
    command.current_dir(workspace.scratch("python")?).env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["-X", "dev"]);
    Ok(command)
}

fn venv_python(venv: &Path) -> PathBuf {
    if cfg!(windows) { venv.join("Scripts/python.exe") } else { venv.join("bin/python") }
}

/// Reads `Ran 12 tests in 0.1s` and `FAILED (failures=1, errors=2, skipped=3)`.
fn count_unittest(ended: &Ended, journal: &mut Journal) -> Tally {
    let ran = ended.output.lines().rev().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse().ok());
    let last = ended.output.lines().rev().find(|line| line.starts_with("OK") || line.starts_with("FAILED"));
    let figure = |name: &str| -> u64 {
        let after = last.and_then(|line| line.split([' ', '(', ')', ',']).find_map(|word| word.strip_prefix(name)));
        after.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let ran: u64 = ran.unwrap_or(0);
    let failed = figure("failures=") + figure("errors=") + figure("unexpectedSuccesses=");
    let skipped = figure("skipped=");
    let mut tally = Tally { passed: ran.saturating_sub(failed + skipped), failed, skipped };
    if failed == 0 && (!ended.ok || ran == 0) {
        journal.say(format!("error: the tests: {}, {ran} ran", ended.how));
        tally += Tally::FAILED;
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(ok: bool, output: &str) -> Tally {
        let ended = Ended { ok, how: "exit status: 1".to_owned(), output: output.to_owned() };
        count_unittest(&ended, &mut Journal::quiet())
    }

    #[test]
    fn unittest_summaries_are_read() {
        assert_eq!(count(true, "Ran 12 tests in 0.1s\n\nOK\n"), Tally { passed: 12, failed: 0, skipped: 0 });
        assert_eq!(
            count(true, "Ran 12 tests in 0.1s\n\nOK (skipped=2)\n"),
            Tally { passed: 10, failed: 0, skipped: 2 }
        );
        let mixed = "Ran 12 tests in 0.1s\n\nFAILED (failures=1, errors=2, skipped=3)\n";
        assert_eq!(count(false, mixed), Tally { passed: 6, failed: 3, skipped: 3 });
    }

    #[test]
    fn a_crash_or_no_test_at_all_is_a_failure() {
        assert_eq!(count(false, "Segmentation fault\n"), Tally::FAILED);
        assert_eq!(count(true, "Ran 0 tests in 0.0s\n\nOK\n"), Tally::FAILED);
        assert_eq!(count(false, "Ran 3 tests in 0.0s\n\nOK\n"), Tally { passed: 3, failed: 1, skipped: 0 });
    }
}
