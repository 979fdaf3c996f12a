//! `cargo xtask cpp`: mccache.hpp in every C++ there is, the programs of tests/cpp linked both ways and under valgrind,
//! and the release's archive as its users have it: unpacked in a clean folder, found by pkg-config and by CMake.
//!
//! The programs speak as those of tests/abi do: `ok NAME`, `skip NAME: reason`. C and C++ share the archive; the agents
//! and benches of both are built on what was unpacked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::abi::{
    COMPILE_LIMIT, CXX_WARNINGS, Linkage, RUN_LIMIT, build_program, compile, count_program, judge, start,
    under_valgrind,
};
use crate::cargo::{Library, SONAME, build_library};
use crate::files::{copy_into, created, fresh, write};
use crate::install::{Destination, install};
use crate::journal::{Journal, Tally};
use crate::workspace::{Workspace, on_path};

const COMPILERS: [&str; 2] = ["g++", "clang++"];
/// Each dialect, and what older compilers call it.
const DIALECTS: [(&str, &str); 3] = [("c++17", "c++1z"), ("c++20", "c++2a"), ("c++23", "c++2b")];
/// The one in which every compiler reads the tests, too.
const FULL_DIALECT: &str = "c++20";
/// Included twice on purpose: the second time must be silent.
const HEADER_ALONE: &str = "#include <mccache.hpp>\n#include <mccache.hpp>\nint main() {}\n";
/// What uses most of the header, and what uses it without exceptions.
const FACADE: &str = "tests/cpp/facade.cpp";
const NO_EXCEPTIONS: &str = "tests/cpp/no_exceptions.cpp";
/// The one that is also linked to the static library, and run under valgrind.
const SMOKE: &str = "tests/cpp/smoke.cpp";
/// strip, tar.
const PACK_LIMIT: Duration = Duration::from_secs(300);

/// The programs that other verbs start, by the name of what is built of each.
const AGENT_C: (&str, &str) = ("agent-c", "tests/agents/agent.c");
const AGENT_CXX: (&str, &str) = ("agent-cpp", "tests/agents/agent.cpp");
const BENCH_C: (&str, &str) = ("calls-c", "benches/calls.c");
const BENCH_CXX: (&str, &str) = ("calls-cpp", "benches/calls.cpp");

/// The project of somebody who uses CMake: each example with either target.
const CMAKE_PROJECT: &str = "cmake_minimum_required(VERSION 3.13)
project(outside LANGUAGES C CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(mccache 0.1 REQUIRED)
foreach(linkage IN ITEMS mccache static)
  add_executable(two_nodes_${linkage} two_nodes.c)
  target_compile_definitions(two_nodes_${linkage} PRIVATE _POSIX_C_SOURCE=200809L)
  add_executable(hello_${linkage} hello.cpp)
  target_link_libraries(two_nodes_${linkage} PRIVATE mccache::${linkage})
  target_link_libraries(hello_${linkage} PRIVATE mccache::${linkage})
endforeach()
";
/// A project that asks for a version there is not.
const CMAKE_WRONG_VERSION: &str = "cmake_minimum_required(VERSION 3.13)
project(outside LANGUAGES C)
find_package(mccache 99.0 REQUIRED)
";

/// Checks all of it.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let tests = workspace.files_below("tests/cpp", &["cpp"])?;
    if tests.is_empty() {
        return Err("tests/cpp/ has no .cpp file".to_owned());
    }
    let library = build_library(workspace, journal)?;
    let mut jobs: Vec<Job> = tests.into_iter().map(|source| Job::Program(source, Linkage::Shared)).collect();
    jobs.push(Job::Program(workspace.root.join(SMOKE), Linkage::Static));
    let mut tally = dialects(workspace, journal, &mut jobs)?;
    tally += journal.side_by_side(&jobs, |job, journal| match job {
        Job::Compile(compilation) => compilation.judge(workspace, journal),
        Job::Program(source, linkage) => program(workspace, journal, &library, source, *linkage),
    })?;
    if cfg!(target_os = "linux") {
        tally += outside(workspace, journal)?;
    } else {
        journal.say("skip the archive: only Linux's layout is known");
        tally += Tally::SKIPPED;
    }
    Ok(tally)
}

// --- The header in every dialect ----------------------------------------------------------------------------------

/// What is done beside others.
enum Job {
    Compile(Compilation),
    Program(PathBuf, Linkage),
}

/// Some files, read by a compiler in a dialect.
struct Compilation {
    compiler: &'static str,
    dialect: &'static str,
    exceptions: bool,
    files: Vec<PathBuf>,
}

impl Compilation {
    fn judge(&self, workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
        let mut command = compile(workspace, self.compiler, self.dialect, &CXX_WARNINGS);
        command.args(["-D_POSIX_C_SOURCE=200809L", "-fsyntax-only"]);
        command.args((!self.exceptions).then_some("-fno-exceptions")).args(&self.files);
        let mode = if self.exceptions { "with exceptions" } else { "-fno-exceptions" };
        judge(journal, &mut command, COMPILE_LIMIT, &format!("{} -std={} {mode}", self.compiler, self.dialect))
    }
}

/// The header alone, with exceptions and without, in every dialect of every compiler; what uses most of it, and thus has the
/// compiler look into its templates, in one: the tests themselves are built as C++17 by the machine's own compiler.
fn dialects(workspace: &Workspace, journal: &mut Journal, jobs: &mut Vec<Job>) -> Result<Tally, String> {
    let alone = workspace.scratch("cpp")?.join("alone.cpp");
    write(&alone, HEADER_ALONE)?;
    let mut tally = Tally::default();
    for compiler in COMPILERS {
        if on_path(compiler).is_none() {
            journal.say(format!("skip {compiler}: not on this machine"));
            tally += Tally::SKIPPED;
            continue;
        }
        for (dialect, older) in DIALECTS {
            let Some(spelt) = [dialect, older].into_iter().find(|name| knows(workspace, compiler, name)) else {
                journal.say(format!("skip {compiler} -std={dialect}: older than that"));
                tally += Tally::SKIPPED;
                continue;
            };
            for (exceptions, user) in [(true, FACADE), (false, NO_EXCEPTIONS)] {
                let mut files = vec![alone.clone()];
                if dialect == FULL_DIALECT {
                    files.push(workspace.root.join(user));
                }
                jobs.push(Job::Compile(Compilation { compiler, dialect: spelt, exceptions, files }));
            }
        }
    }
    Ok(tally)
}

fn knows(workspace: &Workspace, compiler: &str, dialect: &str) -> bool {
    let mut command = workspace.program(compiler);
    command.arg(format!("-std={dialect}")).args(["-fsyntax-only", "-x", "c++", "/dev/null"]);
    command.output().is_ok_and(|output| output.status.success())
}

// --- The tests ----------------------------------------------------------------------------------------------------

fn program(
    workspace: &Workspace,
    journal: &mut Journal,
    library: &Library,
    source: &Path,
    linkage: Linkage,
) -> Result<Tally, String> {
    let path = source.strip_prefix(&workspace.root).unwrap_or(source).display();
    let label = format!("{path} {linkage:?}").to_lowercase();
    let Some(program) = build_program(workspace, journal, library, source, linkage)? else {
        journal.say(format!("FAILED {label}: it does not build"));
        return Ok(Tally::FAILED);
    };
    let ended = journal.run(&mut start(workspace, library, &program), RUN_LIMIT)?;
    let mut tally = count_program(&ended, &label, journal);
    if linkage == Linkage::Shared && source.ends_with(SMOKE) {
        tally += under_valgrind(workspace, journal, library, &program, &label)?;
    }
    Ok(tally)
}

// --- The archive --------------------------------------------------------------------------------------------------

/// Builds the release's archive into a folder: the install tree, without debug information, to be unpacked anywhere.
pub(crate) fn package(workspace: &Workspace, journal: &mut Journal, out: &Path) -> Result<PathBuf, String> {
    let name = format!("libmccache-{}-linux-{}", workspace.version, std::env::consts::ARCH);
    let staging = fresh(&workspace.scratch("cpp")?.join("staging"))?;
    let tree = staging.join(&name);
    let destination =
        Destination { prefix: tree.clone(), destdir: PathBuf::new(), libdir: "lib".into(), relocatable: true };
    install(workspace, journal, &destination)?;
    let lib = tree.join("lib");
    let mut strip = workspace.program("strip");
    journal.must(strip.arg("--strip-unneeded").arg(lib.join(SONAME)), PACK_LIMIT)?;
    let mut strip = workspace.program("strip");
    journal.must(strip.arg("--strip-debug").arg(lib.join("libmccache.a")), PACK_LIMIT)?;
    let doc = tree.join("share/doc/mccache");
    created(&doc)?;
    for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
        copy_into(&workspace.root.join(file), &doc)?;
    }
    created(out)?;
    let archive = out.join(format!("{name}.tar.gz"));
    let mut tar = workspace.program("tar");
    // The same files make the same archive: no dates, no owners, no order of the disk.
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-czf"]).arg(&archive);
    journal.must(tar.arg("-C").arg(&staging).arg(&name), PACK_LIMIT)?;
    Ok(archive)
}

/// Unpacks the archive in a clean folder, and uses it as somebody who has nothing else.
fn outside(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let scratch = workspace.scratch("cpp")?;
    let archive = package(workspace, journal, &scratch)?;
    let prefix = prefix(workspace)?;
    fresh(&prefix)?;
    let mut tar = workspace.program("tar");
    journal.must(tar.args(["--strip-components=1", "-xzf"]).arg(&archive).arg("-C").arg(&prefix), PACK_LIMIT)?;

    let sources = fresh(&scratch.join("outside"))?;
    for file in
        ["examples/c/two_nodes.c", "examples/cpp/hello.cpp", SMOKE, "tests/cpp/check.hpp", "tests/cpp/matrix.hpp"]
    {
        copy_into(&workspace.root.join(file), &sources)?;
    }
    // Where its programs look for it: from where they are started.
    created(&sources.join("tests"))?;
    copy_into(&workspace.root.join("tests/values.tsv"), &sources.join("tests"))?;

    let user = User { workspace, sources, prefix: prefix.clone() };
    let mut tally = user.with_pkg_config(journal)?;
    tally += user.with_cmake(journal)?;
    tally += user.with_make(journal)?;
    tally += user.installed(journal)?;
    for (name, source) in [AGENT_C, AGENT_CXX, BENCH_C, BENCH_CXX] {
        tally += tool(workspace, journal, name, source)?;
    }
    for (language, (name, _)) in [("c", AGENT_C), ("cpp", AGENT_CXX)] {
        tally += agent_answers(journal, &mut built(workspace, name)?, language)?;
    }
    Ok(tally)
}

/// Somebody with a few sources in a folder and the library in a prefix.
struct User<'a> {
    workspace: &'a Workspace,
    sources: PathBuf,
    prefix: PathBuf,
}

impl User<'_> {
    /// A program in the sources' folder, which knows the prefix by what a user would set.
    fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.workspace.program(program);
        command.current_dir(&self.sources).env("PKG_CONFIG_PATH", self.prefix.join("lib/pkgconfig"));
        command.env("LD_LIBRARY_PATH", self.prefix.join("lib"));
        command
    }

    fn with_pkg_config(&self, journal: &mut Journal) -> Result<Tally, String> {
        if on_path("pkg-config").is_none() {
            journal.say("skip pkg-config: not on this machine");
            return Ok(Tally::SKIPPED);
        }
        let version = journal.must(self.program("pkg-config").args(["--modversion", "mccache"]), RUN_LIMIT)?;
        if version.trim() != self.workspace.version {
            return Err(format!("pkg-config tells version {}", version.trim()));
        }
        let mut tally = Tally::PASSED;
        // -std=c11 and -std=c++17 hide what POSIX adds.
        let shared = "-D_POSIX_C_SOURCE=200809L $(pkg-config --cflags --libs mccache)";
        // What a linker is told who wants the archive alone: -lmccache in one group, all it needs in the other.
        let fixed = "-D_POSIX_C_SOURCE=200809L $(pkg-config --static --cflags --libs-only-L mccache) -Wl,-Bstatic \
                     -lmccache -Wl,-Bdynamic $(pkg-config --static --libs-only-l mccache | sed s/-lmccache//)";
        for (program, compiler, flags, name) in [
            ("two_nodes_pc", "cc -std=c11 two_nodes.c", shared, "two_nodes.c by pkg-config"),
            ("hello_pc", "c++ -std=c++17 hello.cpp", shared, "hello.cpp by pkg-config"),
            ("two_nodes_pc_static", "cc -std=c11 two_nodes.c", fixed, "two_nodes.c by pkg-config --static"),
            ("hello_pc_static", "c++ -std=c++17 hello.cpp", fixed, "hello.cpp by pkg-config --static"),
        ] {
            let script = format!("{compiler} {flags} -o {program}");
            journal.must(self.program("sh").args(["-c", &script]), COMPILE_LIMIT)?;
            tally += self.judge_linked(journal, &self.sources.join(program), flags == fixed, name)?;
        }
        let script = format!("c++ -std=c++17 -O1 smoke.cpp {shared} -o smoke");
        journal.must(self.program("sh").args(["-c", &script]), COMPILE_LIMIT)?;
        let ended = journal.run(&mut self.program(self.sources.join("smoke")), RUN_LIMIT)?;
        tally += count_program(&ended, "smoke.cpp by pkg-config", journal);
        Ok(tally)
    }

    /// Runs a program that must succeed, and must be linked as it was meant to.
    fn judge_linked(&self, journal: &mut Journal, program: &Path, fixed: bool, name: &str) -> Result<Tally, String> {
        let needed = journal.must(self.program("readelf").arg("-d").arg(program), RUN_LIMIT)?;
        if needed.contains(SONAME) == fixed {
            journal.say(format!("FAILED {name}: it is linked the other way"));
            return Ok(Tally::FAILED);
        }
        judge(journal, &mut self.program(program), RUN_LIMIT, name)
    }

    fn with_cmake(&self, journal: &mut Journal) -> Result<Tally, String> {
        if on_path("cmake").is_none() {
            journal.say("skip CMake: not on this machine");
            return Ok(Tally::SKIPPED);
        }
        write(&self.sources.join("CMakeLists.txt"), CMAKE_PROJECT)?;
        let build = self.sources.join("build");
        let prefix = format!("-DCMAKE_PREFIX_PATH={}", self.prefix.display());
        let mut configure = self.program("cmake");
        configure.args(["-S", ".", "-B", "build", &prefix]).env_remove("LD_LIBRARY_PATH");
        journal.must(&mut configure, COMPILE_LIMIT)?;
        journal.must(self.program("cmake").args(["--build", "build"]), COMPILE_LIMIT)?;
        let mut tally = Tally::default();
        for (program, fixed) in
            [("two_nodes_mccache", false), ("hello_mccache", false), ("two_nodes_static", true), ("hello_static", true)]
        {
            tally += self.judge_linked(journal, &build.join(program), fixed, &format!("{program} by CMake"))?;
        }
        let other = self.sources.join("other");
        created(&other)?;
        write(&other.join("CMakeLists.txt"), CMAKE_WRONG_VERSION)?;
        let ended =
            journal.run(self.program("cmake").args(["-S", "other", "-B", "other/build", &prefix]), COMPILE_LIMIT)?;
        let refused = !ended.ok && ended.output.contains(&format!("version: {}", self.workspace.version));
        journal.say(if refused { "ok CMake refuses another version" } else { "FAILED CMake takes any version" });
        tally += if refused { Tally::PASSED } else { Tally::FAILED };
        Ok(tally)
    }

    /// The Makefiles beside the examples, as their first lines say.
    fn with_make(&self, journal: &mut Journal) -> Result<Tally, String> {
        if on_path("make").is_none() {
            journal.say("skip make: not on this machine");
            return Ok(Tally::SKIPPED);
        }
        let mut tally = Tally::default();
        for language in ["c", "cpp"] {
            let folder = fresh(&self.sources.join(language))?;
            for file in self.workspace.files_below(&format!("examples/{language}"), &["c", "h", "cpp", "hpp"])? {
                copy_into(&file, &folder)?;
            }
            copy_into(&self.workspace.root.join("examples").join(language).join("Makefile"), &folder)?;
            let mut make = self.program("make");
            make.arg("-C").arg(&folder).env("CPATH", self.prefix.join("include"));
            tally += judge(
                journal,
                make.env("LIBRARY_PATH", self.prefix.join("lib")),
                COMPILE_LIMIT,
                &format!("make in examples/{language}"),
            )?;
        }
        Ok(tally)
    }

    /// `cargo xtask install`, with a folder of the library's own, and the program once more from there.
    fn installed(&self, journal: &mut Journal) -> Result<Tally, String> {
        if on_path("pkg-config").is_none() {
            journal.say("skip install: there is no pkg-config on this machine to find it with");
            return Ok(Tally::SKIPPED);
        }
        let prefix = fresh(&self.sources.join("prefix"))?;
        let libdir = Path::new("lib/of-its-own");
        let destination =
            Destination { prefix: prefix.clone(), destdir: PathBuf::new(), libdir: libdir.into(), relocatable: false };
        install(self.workspace, journal, &destination)?;
        let mut build = self.program("sh");
        let script = "c++ -std=c++17 hello.cpp $(pkg-config --cflags --libs mccache) -o hello_installed";
        build.args(["-c", script]).env("PKG_CONFIG_PATH", prefix.join(libdir).join("pkgconfig"));
        journal.must(&mut build, COMPILE_LIMIT)?;
        let mut hello = self.program(self.sources.join("hello_installed"));
        judge(journal, hello.env("LD_LIBRARY_PATH", prefix.join(libdir)), RUN_LIMIT, "hello.cpp from `install`")
    }
}

// --- What other verbs start ---------------------------------------------------------------------------------------

/// The member of a cluster that takes commands, in C++, on what the stage unpacked.
pub(crate) fn agent(workspace: &Workspace) -> Result<Command, String> {
    built(workspace, AGENT_CXX.0)
}

/// The same in C.
pub(crate) fn agent_in_c(workspace: &Workspace) -> Result<Command, String> {
    built(workspace, AGENT_C.0)
}

/// The bench in C++, on what the stage unpacked.
pub(crate) fn bench(workspace: &Workspace) -> Result<Command, String> {
    built(workspace, BENCH_CXX.0)
}

/// The bench in C.
pub(crate) fn bench_in_c(workspace: &Workspace) -> Result<Command, String> {
    built(workspace, BENCH_C.0)
}

/// Where the archive is unpacked.
fn prefix(workspace: &Workspace) -> Result<PathBuf, String> {
    Ok(workspace.scratch("cpp")?.join("prefix"))
}

fn built(workspace: &Workspace, name: &str) -> Result<Command, String> {
    let program = workspace.scratch("cpp/bin")?.join(name);
    if !program.is_file() {
        return Err("not built yet: run `cargo xtask cpp`".to_owned());
    }
    let mut command = workspace.program(program);
    command.env("LD_LIBRARY_PATH", prefix(workspace)?.join("lib"));
    Ok(command)
}

/// Builds an agent or a bench against the unpacked archive.
fn tool(workspace: &Workspace, journal: &mut Journal, name: &str, source: &str) -> Result<Tally, String> {
    let (compiler, dialect) = if source.ends_with(".c") { ("cc", "-std=c11") } else { ("c++", "-std=c++17") };
    let prefix = prefix(workspace)?;
    let mut command = workspace.program(compiler);
    command.args([dialect, "-D_POSIX_C_SOURCE=200809L", "-O2"]).args(CXX_WARNINGS);
    command.arg("-I").arg(prefix.join("include")).arg(source).arg("-L").arg(prefix.join("lib"));
    command.args(["-lmccache", "-pthread", "-o"]).arg(workspace.scratch("cpp/bin")?.join(name));
    judge(journal, &mut command, COMPILE_LIMIT, name)
}

/// An agent says that it is there, and goodbye when nobody talks to it.
fn agent_answers(journal: &mut Journal, command: &mut Command, language: &str) -> Result<Tally, String> {
    command.arg("agent").env("MCCACHE_CLUSTER", format!("{language}-agent-{}", std::process::id()));
    let ended = journal.run(command, RUN_LIMIT)?;
    if ended.ok && ended.output == format!("ready {language}\nbye\n") {
        journal.say(format!("ok the agent in {language}"));
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED the agent in {language}: {}", ended.how));
    Ok(Tally::FAILED)
}
