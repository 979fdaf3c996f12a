//! `cargo xtask ruby`: the gems of bindings/ruby, built, installed into clean folders under target/, and tested there.
//!
//! Two gems: the precompiled one, of the newest SWIG, has the core inside; the source gem, of the oldest, builds against
//! an installed libmccache. So both generators' glue is compiled and run, and both ways of linking.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cargo::{Library, build_library};
use crate::files::{copy, fresh};
use crate::install;
use crate::journal::{Ended, Journal, Tally};
use crate::swig::{self, Swig};
use crate::workspace::{Workspace, on_path};

/// The package's folder; its tests are in `tests/` below it.
const PACKAGE: &str = "bindings/ruby";
/// The extension's own C, which the generated glue is put beside.
const EXTENSION: &str = "ext/mccache_native";
/// The generated glue, as extconf.rb knows it.
const GLUE: &str = "mccache_ruby.c";
/// What the extension may show to the process it is loaded into.
const EXPORT: &str = "Init_mccache_native";
/// The test files that say something of the way a gem was built; the others do not differ.
const TESTS_OF_A_BUILD: [&str; 2] = ["test_smoke.rb", "test_package.rb"];
/// The glue is compiled with these in CI; what SWIG's own runtime code is known for is left out.
const C_WARNINGS: &str =
    "warnflags=-Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers -Wno-cast-function-type";
/// The compiler reads 7,000 lines of C.
const BUILD_LIMIT: Duration = Duration::from_secs(300);
const TEST_LIMIT: Duration = Duration::from_secs(600);
const EXAMPLE_LIMIT: Duration = Duration::from_secs(120);

/// A gem in a folder of its own, where nothing else of ours is.
#[derive(Debug)]
struct Installed {
    home: PathBuf,
    /// Where Ruby looks for gems: here, and in the system's folders.
    path: String,
}

/// Builds, installs and tests both gems, and runs the examples.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    if let Some(missing) = missing() {
        journal.say(format!("skip ruby: {missing}"));
        return Ok(Tally::SKIPPED);
    }
    let generators = swig::generators(workspace, journal)?;
    let (Some(oldest), Some(newest)) = (generators.first(), generators.last()) else {
        return Err("no swig".to_owned());
    };
    let out = fresh(&workspace.scratch("ruby/gems")?)?;
    let library = build_library(workspace, journal)?;

    let gem = precompiled_gem(workspace, journal, newest, &library, &out)?;
    let installed = Installed::new(workspace, journal, "ruby/installed", &gem, &[])?;
    let mut tally = check_exports(workspace, journal, &installed)?;
    tally += run_tests(workspace, journal, &installed, &[])?;
    tally += run_examples(workspace, journal, &installed)?;
    tally += check_signatures(workspace, journal)?;

    let gem = source_gem(workspace, journal, oldest, &out)?;
    tally += test_source_gem(workspace, journal, &gem)?;
    Ok(tally)
}

/// The release's gem, with the core inside.
pub(crate) fn package(workspace: &Workspace, journal: &mut Journal, out: &Path) -> Result<PathBuf, String> {
    if let Some(missing) = missing() {
        return Err(missing);
    }
    let generators = swig::generators(workspace, journal)?;
    let newest = generators.last().ok_or("no swig")?;
    let library = build_library(workspace, journal)?;
    precompiled_gem(workspace, journal, newest, &library, out)
}

/// The matrix's agent, on the gem that `cargo xtask ruby` installed.
pub(crate) fn agent(workspace: &Workspace) -> Result<Command, String> {
    script(workspace, "tests/agent.rb")
}

/// The bench, on the gem that `cargo xtask ruby` installed.
pub(crate) fn bench(workspace: &Workspace) -> Result<Command, String> {
    script(workspace, "bench.rb")
}

fn script(workspace: &Workspace, script: &str) -> Result<Command, String> {
    let home = workspace.scratch("ruby")?.join("installed");
    if !home.join("specifications").is_dir() {
        return Err("no gem installed yet: run `cargo xtask ruby`".to_owned());
    }
    let path = gem_path(workspace, &home)?;
    let mut command = Installed { home, path }.ruby(workspace)?;
    command.arg(workspace.root.join(PACKAGE).join(script));
    Ok(command)
}

/// What this machine lacks for the stage.
fn missing() -> Option<String> {
    let absent = ["ruby", "gem", "make", "cc"].into_iter().find(|program| on_path(program).is_none());
    if let Some(program) = absent {
        return Some(format!("`{program}` is not on PATH (apt-get install ruby ruby-dev gcc make)"));
    }
    // mkmf is there with the interpreter, the headers are not.
    let finds_header = "exit File.exist?(File.join(RbConfig::CONFIG['rubyhdrdir'], 'ruby.h'))";
    let found = Command::new("ruby").args(["-e", finds_header]).status().is_ok_and(|status| status.success());
    (!found).then(|| "Ruby's headers are missing (apt-get install ruby-dev)".to_owned())
}

/// What every gem has: Ruby's files, the signatures, the README and the licence.
fn stage(workspace: &Workspace, name: &str) -> Result<PathBuf, String> {
    let folder = fresh(&workspace.scratch(name)?)?;
    let package = workspace.root.join(PACKAGE);
    for part in ["lib", "sig"] {
        for file in workspace.files_below(&format!("{PACKAGE}/{part}"), &["rb", "rbs"])? {
            let inside = file.strip_prefix(&package).map_err(|error| error.to_string())?;
            copy(&file, &folder.join(inside))?;
        }
    }
    for file in ["mccache.gemspec", "README.md"] {
        copy(&package.join(file), &folder.join(file))?;
    }
    copy(&workspace.root.join("LICENSE"), &folder.join("LICENSE"))?;
    Ok(folder)
}

/// The extension's sources with the glue that a generator makes.
fn stage_extension(workspace: &Workspace, journal: &mut Journal, swig: &Swig, into: &Path) -> Result<(), String> {
    for file in workspace.files_below(&format!("{PACKAGE}/{EXTENSION}"), &["rb", "c", "h"])? {
        let name = file.file_name().ok_or("a file without a name")?;
        copy(&file, &into.join(name))?;
    }
    let language = ["-ruby", "-initname", "mccache_native"];
    swig.generate(workspace, journal, &language, "ruby.i", &into.join(GLUE), into)
}

/// Compiles the extension with the core inside, and packs it for this platform and this Ruby.
fn precompiled_gem(
    workspace: &Workspace,
    journal: &mut Journal,
    swig: &Swig,
    library: &Library,
    out: &Path,
) -> Result<PathBuf, String> {
    let build = fresh(&workspace.scratch("ruby/build")?)?;
    stage_extension(workspace, journal, swig, &build)?;
    let mut configure = workspace.program("ruby");
    configure.current_dir(&build).arg("extconf.rb");
    configure.arg(format!("--with-mccache-static={}", library.folder.join("libmccache.a").display()));
    configure.arg(format!("--with-mccache-include={}", workspace.root.join("include").display()));
    configure.arg(format!("--with-mccache-libs={}", library.native_libs.join(" ")));
    journal.must(&mut configure, BUILD_LIMIT)?;
    journal.must(workspace.program("make").current_dir(&build).args(["--silent", C_WARNINGS]), BUILD_LIMIT)?;

    let stage = stage(workspace, "ruby/stage")?;
    let told = "print RUBY_VERSION[/\\d+\\.\\d+/], ' ', RbConfig::CONFIG['DLEXT']";
    let told = journal.must(workspace.program("ruby").args(["-e", told]), BUILD_LIMIT)?;
    let (version, extension) = told.trim().split_once(' ').ok_or("Ruby did not tell its version")?;
    let native = format!("mccache_native.{extension}");
    copy(&build.join(&native), &stage.join("lib/mccache").join(version).join(&native))?;
    build_gem(workspace, journal, &stage, out)
}

/// Packs the sources with the generated glue: whoever installs it needs libmccache, and no swig.
fn source_gem(workspace: &Workspace, journal: &mut Journal, swig: &Swig, out: &Path) -> Result<PathBuf, String> {
    let stage = stage(workspace, "ruby/stage-source")?;
    let extension = stage.join(EXTENSION);
    std::fs::create_dir_all(&extension).map_err(|error| format!("{}: {error}", extension.display()))?;
    stage_extension(workspace, journal, swig, &extension)?;
    build_gem(workspace, journal, &stage, out)
}

/// The path of the gem that `gem build` made.
fn build_gem(workspace: &Workspace, journal: &mut Journal, stage: &Path, out: &Path) -> Result<PathBuf, String> {
    let mut command = workspace.program("gem");
    command.current_dir(stage).args(["build", "mccache.gemspec"]);
    let said = journal.must(&mut command, BUILD_LIMIT)?;
    let name =
        said.lines().find_map(|line| line.trim().strip_prefix("File: ")).ok_or("gem did not tell what it built")?;
    let gem = out.join(name);
    copy(&stage.join(name), &gem)?;
    Ok(gem)
}

impl Installed {
    /// Installs a gem where nothing else is, without asking any server.
    fn new(
        workspace: &Workspace,
        journal: &mut Journal,
        name: &str,
        gem: &Path,
        environment: &[(&str, PathBuf)],
    ) -> Result<Installed, String> {
        let home = fresh(&workspace.scratch(name)?)?;
        let mut command = workspace.program("gem");
        command.args(["install", "--local", "--no-document", "--install-dir"]).arg(&home).arg(gem);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        journal.must(&mut command, BUILD_LIMIT)?;
        let path = gem_path(workspace, &home)?;
        Ok(Installed { home, path })
    }

    /// Ruby, started where no source folder can be required in place of the gem.
    fn ruby(&self, workspace: &Workspace) -> Result<Command, String> {
        let mut command = workspace.program("ruby");
        command.current_dir(workspace.scratch("ruby")?).env_remove("RUBYLIB").env_remove("RUBYOPT");
        command.env("GEM_HOME", &self.home).env("GEM_PATH", &self.path).env("TEST_GEM_HOME", &self.home);
        command.env("TEST_TABLES", workspace.root.join("tests")).arg("-w");
        Ok(command)
    }

    /// The extension in it.
    fn extension(&self, workspace: &Workspace, journal: &mut Journal) -> Result<PathBuf, String> {
        let tell = "require 'mccache'; print $LOADED_FEATURES.grep(/mccache_native/).first";
        let told = journal.must(self.ruby(workspace)?.args(["-e", tell]), BUILD_LIMIT)?;
        Ok(told.trim().into())
    }
}

/// The folders where Ruby looks for gems by itself, behind the one that is tested.
fn gem_path(workspace: &Workspace, home: &Path) -> Result<String, String> {
    let mut ruby = workspace.program("ruby");
    ruby.env_remove("GEM_HOME").env_remove("GEM_PATH").args(["-e", "print Gem.path.join(File::PATH_SEPARATOR)"]);
    let output = ruby.output().map_err(|error| format!("ruby: {error}"))?;
    Ok(format!("{}:{}", home.display(), String::from_utf8_lossy(&output.stdout)))
}

/// Another library in the process may have a mccache of its own: only the entry is to be seen.
fn check_exports(workspace: &Workspace, journal: &mut Journal, installed: &Installed) -> Result<Tally, String> {
    let extension = installed.extension(workspace, journal)?;
    if on_path("nm").is_none() {
        journal.say("skip exports: no nm on this machine");
        return Ok(Tally::SKIPPED);
    }
    let listed = journal.must(workspace.program("nm").args(["-D", "--defined-only"]).arg(&extension), BUILD_LIMIT)?;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().last()).collect();
    if names == [EXPORT] {
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED exports of {}: {names:?}, not {EXPORT} alone", extension.display()));
    Ok(Tally::FAILED)
}

/// Runs the tests, or those of them that are named, in one process.
fn run_tests(
    workspace: &Workspace,
    journal: &mut Journal,
    installed: &Installed,
    only: &[&str],
) -> Result<Tally, String> {
    let folder = workspace.root.join(PACKAGE).join("tests");
    let mut files = workspace.files_below(&format!("{PACKAGE}/tests"), &["rb"])?;
    files.retain(|file| {
        let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.starts_with("test_") && (only.is_empty() || only.contains(&name.as_ref()))
    });
    if files.is_empty() {
        return Err(format!("{PACKAGE}/tests/ has no test"));
    }
    let mut command = installed.ruby(workspace)?;
    command.arg("-I").arg(&folder).args(["-e", "ARGV.each { |file| require file }; ARGV.replace(['--verbose'])"]);
    let ended = journal.run(command.args(&files), TEST_LIMIT)?;
    Ok(count_minitest(&ended, journal))
}

/// Every example, as its reader would run it.
fn run_examples(workspace: &Workspace, journal: &mut Journal, installed: &Installed) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for example in workspace.files_below("examples/ruby", &["rb"])? {
        let name = example.strip_prefix(&workspace.root).unwrap_or(&example).display().to_string();
        let mut command = installed.ruby(workspace)?;
        let ended = journal.run(command.arg(&example), EXAMPLE_LIMIT)?;
        tally += match (ended.ok, ended.output.lines().find(|line| line.starts_with("skip "))) {
            (true, Some(reason)) => {
                journal.say(format!("skip {name}: {reason}"));
                Tally::SKIPPED
            }
            (true, None) => Tally::PASSED,
            (false, _) => {
                journal.say(format!("FAILED {name}: {}", ended.how));
                Tally::FAILED
            }
        };
    }
    Ok(tally)
}

/// The signatures are what they claim to be: readable, and of types that exist.
fn check_signatures(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let has_rbs =
        workspace.program("ruby").args(["-e", "require 'rbs'"]).output().is_ok_and(|said| said.status.success());
    if !has_rbs {
        journal.say("skip signatures: Ruby has no rbs here (it comes with Ruby's bundled gems)");
        return Ok(Tally::SKIPPED);
    }
    let sig = workspace.root.join(PACKAGE).join("sig");
    let mut command = workspace.program("ruby");
    command.args(["-r", "rbs", "-r", "rbs/cli", "-e"]);
    command.arg("RBS::CLI.new(stdout: $stdout, stderr: $stderr).run(ARGV)").args(["--"]);
    command.args(["-r", "timeout", "-I"]).arg(&sig).args(["validate", "--silent"]);
    let ended = journal.run(&mut command, BUILD_LIMIT)?;
    if ended.ok {
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED signatures: {}", ended.how));
    Ok(Tally::FAILED)
}

/// Installs the library as a distribution would, builds the source gem against it, and tests that.
fn test_source_gem(workspace: &Workspace, journal: &mut Journal, gem: &Path) -> Result<Tally, String> {
    if on_path("pkg-config").is_none() {
        journal.say("skip the source gem: no pkg-config on this machine (apt-get install pkg-config)");
        return Ok(Tally::SKIPPED);
    }
    let prefix = fresh(&workspace.scratch("ruby/prefix")?)?;
    install::run(workspace, journal, &["--prefix", &prefix.to_string_lossy()])?;
    let environment = [("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))];
    let installed = Installed::new(workspace, journal, "ruby/installed-source", gem, &environment)?;
    let mut tally = run_tests(workspace, journal, &installed, &TESTS_OF_A_BUILD)?;

    // Where the library is not, the build says so, and what to do.
    let home = fresh(&workspace.scratch("ruby/installed-nowhere")?)?;
    let mut command = workspace.program("gem");
    command.args(["install", "--local", "--no-document", "--install-dir"]).arg(&home).arg(gem);
    command.env("PKG_CONFIG_PATH", "/nonexistent").env("PKG_CONFIG_LIBDIR", "/nonexistent");
    let ended = journal.run(&mut command, BUILD_LIMIT)?;
    let clear = !ended.ok && ended.output.contains("cargo xtask install --prefix");
    if !clear {
        journal.say("FAILED the source gem without libmccache: no clear error");
    }
    tally += if clear { Tally::PASSED } else { Tally::FAILED };
    Ok(tally)
}

/// Reads `12 runs, 40 assertions, 1 failures, 0 errors, 2 skips`.
fn count_minitest(ended: &Ended, journal: &mut Journal) -> Tally {
    let figures = |line: &str| -> Option<[u64; 4]> {
        let mut words = line.split(", ").map(|figure| figure.split_once(' '));
        let mut figure = |kind: &str| words.next()?.filter(|(_, name)| *name == kind)?.0.parse().ok();
        let (runs, _assertions) = (figure("runs")?, figure("assertions")?);
        Some([runs, figure("failures")?, figure("errors")?, figure("skips")?])
    };
    let Some([runs, failures, errors, skipped]) = ended.output.lines().rev().find_map(figures) else {
        journal.say(format!("error: the tests: {}", ended.how));
        return Tally::FAILED;
    };
    journal.count_suite(ended, runs, failures + errors, skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(ok: bool, output: &str) -> Tally {
        let ended = Ended { ok, how: "exit status: 1".to_owned(), output: output.to_owned() };
        count_minitest(&ended, &mut Journal::quiet())
    }

    #[test]
    fn minitests_summary_is_read() {
        let mixed = "noise\n12 runs, 40 assertions, 1 failures, 2 errors, 3 skips\n\nYou have skipped tests.\n";
        assert_eq!(count(false, mixed), Tally { passed: 6, failed: 3, skipped: 3 });
        assert_eq!(count(true, "17 runs, 3 assertions, 0 failures, 0 errors, 0 skips\n").passed, 17);
    }

    #[test]
    fn a_crash_or_no_test_at_all_is_a_failure() {
        assert_eq!(count(false, "[BUG] Segmentation fault\n"), Tally::FAILED);
        assert_eq!(count(true, "0 runs, 0 assertions, 0 failures, 0 errors, 0 skips\n"), Tally::FAILED);
        let crashed = "3 runs, 3 assertions, 0 failures, 0 errors, 0 skips\n[BUG] in a finalizer\n";
        assert_eq!(count(false, crashed), Tally { passed: 3, failed: 1, skipped: 0 });
    }
}
