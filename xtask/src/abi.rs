//! `cargo xtask abi`: what a C or C++ programmer gets. The header alone in every dialect, the programs of tests/abi
//! linked both ways and under valgrind, what the shared library exports, and its soname.
//!
//! A program of tests/abi prints `ok NAME` for each thing it checked, `skip NAME: reason` for what it could not, and
//! exits with 0 if all held. A program that says nothing has failed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cargo::{Library, SONAME, build_library};
use crate::header::HEADER;
use crate::journal::{Ended, Journal, Tally};
use crate::workspace::{Workspace, on_path};

/// One program on a slow machine: the largest of tests/cpp take 20 s of a processor, which others may use as well.
pub(crate) const COMPILE_LIMIT: Duration = Duration::from_secs(600);
/// A program of tests/ to its end.
pub(crate) const RUN_LIMIT: Duration = Duration::from_secs(120);
/// Valgrind slows a program twenty- to fifty-fold.
const VALGRIND_LIMIT: Duration = Duration::from_secs(900);

/// What valgrind is known to misjudge, each with its reason.
const SUPPRESSIONS: &str = "tests/abi/valgrind.supp";

const C_DIALECTS: [&str; 3] = ["c99", "c11", "c17"];
const CXX_DIALECTS: [&str; 3] = ["c++11", "c++17", "c++20"];
const C_WARNINGS: [&str; 6] = ["-Wall", "-Wextra", "-pedantic", "-Wstrict-prototypes", "-Wconversion", "-Werror"];
/// What C++ is compiled with.
pub(crate) const CXX_WARNINGS: [&str; 6] = ["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wshadow", "-Werror"];

/// Included twice on purpose: the second time must be silent.
const HEADER_ALONE: &str = "#include \"mccache.h\"\n#include \"mccache.h\"\nint main(void) { return 0; }\n";

/// Checks all of it.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    if !workspace.root.join(HEADER).is_file() {
        return Err(format!("{HEADER} does not exist: run `cargo xtask header`"));
    }
    let programs = workspace.files_below("tests/abi", &["c", "cpp"])?;
    if programs.is_empty() {
        return Err("tests/abi/ has no .c file".to_owned());
    }
    let mut tally = header_alone(workspace, journal)?;
    let library = build_library(workspace, journal)?;
    tally += exports(&library, journal)?;
    tally += soname(&library, journal)?;
    tally +=
        journal.side_by_side(&programs, |program, journal| program_both_ways(workspace, journal, &library, program))?;
    Ok(tally)
}

// --- The header ---------------------------------------------------------------------------------------------------

fn header_alone(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let folder = workspace.scratch("abi")?;
    let (c_file, cxx_file) = (folder.join("alone.c"), folder.join("alone.cpp"));
    for file in [&c_file, &cxx_file] {
        std::fs::write(file, HEADER_ALONE).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let mut tally = Tally::default();
    for (compiler, dialects, warnings, file) in [
        ("gcc", C_DIALECTS, &C_WARNINGS[..], &c_file),
        ("clang", C_DIALECTS, &C_WARNINGS[..], &c_file),
        ("g++", CXX_DIALECTS, &CXX_WARNINGS[..], &cxx_file),
        ("clang++", CXX_DIALECTS, &CXX_WARNINGS[..], &cxx_file),
    ] {
        if on_path(compiler).is_none() {
            journal.say(format!("skip {compiler}: not on this machine"));
            tally += Tally::SKIPPED;
            continue;
        }
        for dialect in dialects {
            let mut command = compile(workspace, compiler, dialect, warnings);
            command.arg("-fsyntax-only").arg(file);
            tally += judge(journal, &mut command, COMPILE_LIMIT, &format!("{compiler} -std={dialect}"))?;
        }
    }
    Ok(tally)
}

/// A compiler with a dialect, warnings, and the header's folder.
pub(crate) fn compile(workspace: &Workspace, compiler: &str, dialect: &str, warnings: &[&str]) -> Command {
    let mut command = workspace.program(compiler);
    command.arg(format!("-std={dialect}")).args(warnings).arg("-I").arg(workspace.root.join("include"));
    command
}

/// Runs a command that is a check of its own.
pub(crate) fn judge(
    journal: &mut Journal,
    command: &mut Command,
    limit: Duration,
    name: &str,
) -> Result<Tally, String> {
    let ended = journal.run(command, limit)?;
    if ended.ok {
        journal.say(format!("ok {name}"));
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED {name}: {}", ended.how));
    Ok(Tally::FAILED)
}

// --- The shared library -------------------------------------------------------------------------------------------

fn exports(library: &Library, journal: &mut Journal) -> Result<Tally, String> {
    if !cfg!(target_os = "linux") {
        journal.say("skip exports: checked on Linux only");
        return Ok(Tally::SKIPPED);
    }
    let mut command = Command::new("nm");
    command.args(["-D", "--defined-only"]).arg(library.folder.join("libmccache.so"));
    let output = journal.must(&mut command, COMPILE_LIMIT)?;
    let (ours, foreign) = exported_names(&output);
    if ours == 0 || !foreign.is_empty() {
        journal.say(format!("FAILED exports: {ours} mcc_* names, and {} others: {}", foreign.len(), foreign.join(" ")));
        return Ok(Tally::FAILED);
    }
    journal.say(format!("ok exports: {ours} names, all mcc_*"));
    Ok(Tally::PASSED)
}

/// How many names of `nm -D --defined-only` are ours, and those that are not.
fn exported_names(nm: &str) -> (usize, Vec<&str>) {
    let names = nm.lines().filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [_address, _kind, name] => Some(name),
        _ => None,
    });
    let (ours, foreign): (Vec<&str>, Vec<&str>) = names.partition(|name| name.starts_with("mcc_"));
    (ours.len(), foreign)
}

fn soname(library: &Library, journal: &mut Journal) -> Result<Tally, String> {
    if !cfg!(target_os = "linux") {
        journal.say("skip soname: a matter of Linux");
        return Ok(Tally::SKIPPED);
    }
    let mut command = Command::new("readelf");
    command.arg("-d").arg(library.folder.join("libmccache.so"));
    let output = journal.must(&mut command, COMPILE_LIMIT)?;
    if output.lines().any(|line| line.contains("SONAME") && line.contains(&format!("[{SONAME}]"))) {
        journal.say(format!("ok soname: {SONAME}"));
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED soname: not {SONAME}; build.rs sets it"));
    Ok(Tally::FAILED)
}

// --- The programs -------------------------------------------------------------------------------------------------

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// To libmccache.so, found by its soname when the program starts.
    Shared,
    /// To libmccache.a and the native libraries it needs.
    Static,
}

fn program_both_ways(
    workspace: &Workspace,
    journal: &mut Journal,
    library: &Library,
    source: &Path,
) -> Result<Tally, String> {
    let name = source.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut tally = Tally::default();
    for linkage in [Linkage::Shared, Linkage::Static] {
        let label = format!("{name} {linkage:?}").to_lowercase();
        let Some(program) = build_program(workspace, journal, library, source, linkage)? else {
            journal.say(format!("FAILED {label}: it does not build"));
            tally += Tally::FAILED;
            continue;
        };
        let ended = journal.run(&mut start(workspace, library, &program), RUN_LIMIT)?;
        tally += count_program(&ended, &label, journal);
        if linkage == Linkage::Shared {
            tally += under_valgrind(workspace, journal, library, &program, &label)?;
        }
    }
    Ok(tally)
}

/// Compiles and links a C or C++ program against the library; None if that fails.
pub(crate) fn build_program(
    workspace: &Workspace,
    journal: &mut Journal,
    library: &Library,
    source: &Path,
    linkage: Linkage,
) -> Result<Option<PathBuf>, String> {
    let is_c = source.extension().is_some_and(|extension| extension == "c");
    let mut command = if is_c {
        compile(workspace, "cc", "c11", &C_WARNINGS)
    } else {
        compile(workspace, "c++", "c++17", &CXX_WARNINGS)
    };
    // Its whole path from the root: examples in C and in C++ have the same names.
    let path = source.strip_prefix(&workspace.root).unwrap_or(source).to_string_lossy().replace(['/', '.'], "-");
    let program = workspace.scratch("programs")?.join(format!("{path}-{linkage:?}").to_lowercase());
    // clock_gettime, usleep and their like are hidden by -std=c11 without this.
    command.args(["-D_POSIX_C_SOURCE=200809L", "-g", "-O1", "-pthread"]);
    if linkage == Linkage::Static {
        command.arg("-DMCC_STATIC");
    }
    command.arg(source).arg("-o").arg(&program);
    match linkage {
        Linkage::Shared => command.arg("-L").arg(&library.folder).arg("-lmccache"),
        Linkage::Static => command.arg(library.folder.join("libmccache.a")).args(&library.native_libs),
    };
    command.args(own_flags(source)?);
    Ok(journal.run(&mut command, COMPILE_LIMIT)?.ok.then_some(program))
}

/// What a program asks for in a line such as `// Build: cc webapp.c -lmccache -lsqlite3 -o webapp` at its top: libraries
/// beside ours, and `-f` options.
pub(crate) fn own_flags(source: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(source).map_err(|error| format!("{}: {error}", source.display()))?;
    Ok(flags_in(&text))
}

fn flags_in(text: &str) -> Vec<String> {
    let line = text.lines().take(20).find_map(|line| line.strip_prefix("// Build: ")).unwrap_or_default();
    let own = |word: &&str| (word.starts_with("-l") && *word != "-lmccache") || word.starts_with("-f");
    line.split_whitespace().filter(own).map(str::to_owned).collect()
}

/// The library a program asks for that this machine has not, with its headers; None if all are here.
pub(crate) fn absent_library(workspace: &Workspace, source: &Path) -> Result<Option<String>, String> {
    let probe = workspace.scratch("programs")?.join("probe.c");
    std::fs::write(&probe, "int main(void) { return 0; }\n")
        .map_err(|error| format!("{}: {error}", probe.display()))?;
    for flag in own_flags(source)?.into_iter().filter(|flag| flag.starts_with("-l")) {
        let mut command = workspace.program("cc");
        command.arg(&probe).arg(&flag).arg("-o").arg(probe.with_extension("out"));
        let linked = command.output().map_err(|error| format!("cc: {error}"))?;
        if !linked.status.success() {
            return Ok(Some(flag.trim_start_matches("-l").to_owned()));
        }
    }
    Ok(None)
}

/// A command that starts a program linked to the library, and finds it.
pub(crate) fn start(workspace: &Workspace, library: &Library, program: &Path) -> Command {
    let mut command = workspace.program(program);
    let variable = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
    command.env(variable, &library.folder);
    command
}

/// Counts a program's `ok` and `skip` lines; a bad end, or not a word, is one failure more.
pub(crate) fn count_program(ended: &Ended, label: &str, journal: &mut Journal) -> Tally {
    let mut tally = Tally::default();
    for line in ended.output.lines() {
        if line.starts_with("ok ") {
            tally += Tally::PASSED;
        } else if line.starts_with("skip ") {
            tally += Tally::SKIPPED;
        }
    }
    if !ended.ok {
        journal.say(format!("FAILED {label}: {}", ended.how));
        tally += Tally::FAILED;
    } else if tally.is_empty() {
        journal.say(format!("FAILED {label}: it printed no `ok NAME` line, so it checked nothing"));
        tally += Tally::FAILED;
    }
    tally
}

/// Runs a program again under valgrind; a leak or a bad access is a failure.
pub(crate) fn under_valgrind(
    workspace: &Workspace,
    journal: &mut Journal,
    library: &Library,
    program: &Path,
    label: &str,
) -> Result<Tally, String> {
    if on_path("valgrind").is_none() {
        journal.say("skip valgrind: not on this machine");
        return Ok(Tally::SKIPPED);
    }
    let mut command = start(workspace, library, Path::new("valgrind"));
    command
        .args([
            "--quiet",
            "--error-exitcode=99",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=definite",
        ])
        .arg(format!("--suppressions={}", workspace.root.join(SUPPRESSIONS).display()))
        .arg(program);
    judge(journal, &mut command, VALGRIND_LIMIT, &format!("valgrind {label}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(ok: bool, output: &str) -> Ended {
        Ended { ok, how: "exit status: 1".to_owned(), output: output.to_owned() }
    }

    #[test]
    fn lines_of_a_program_are_counted_and_a_bad_end_is_a_failure() {
        let mut journal = Journal::quiet();
        let good = count_program(&ended(true, "ok open\nok put\nskip fork: no /proc\nnoise\n"), "a.c", &mut journal);
        assert_eq!(good, Tally { passed: 2, failed: 0, skipped: 1 });
        let bad = count_program(&ended(false, "ok open\n"), "a.c", &mut journal);
        assert_eq!(bad, Tally { passed: 1, failed: 1, skipped: 0 });
        assert_eq!(count_program(&ended(true, "hello\n"), "a.c", &mut journal), Tally::FAILED);
    }

    #[test]
    fn a_programs_own_flags_are_read_from_its_build_line() {
        let text = "// A program.\n// Build: c++ -std=c++17 -fno-exceptions a.cpp -lmccache -lsqlite3 -o a\n";
        assert_eq!(flags_in(text), ["-fno-exceptions", "-lsqlite3"]);
        assert!(flags_in("// A program.\nint main(void) {}\n").is_empty());
    }

    #[test]
    fn a_foreign_export_is_found() {
        let nm = "0000000000001000 T mcc_get\n0000000000002000 T ring_core_aes\n\n0000000000001010 T mcc_put\n";
        assert_eq!(exported_names(nm), (2, vec!["ring_core_aes"]));
        assert_eq!(exported_names(""), (0, Vec::new()));
    }
}
