//! `cargo xtask java`: generates the glue with every SWIG, links it and the core into one library, has Maven make the jars
//! and test them, installs the jar into a clean folder, and runs the examples on that with plain `java`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cargo::build_library;
use crate::files::{copy_into, created, fresh, write};
use crate::journal::{Journal, Tally};
use crate::swig;
use crate::workspace::{Workspace, on_path};

/// The Maven project's folder.
const PROJECT: &str = "bindings/java";
/// The Java package, and SWIG's, and the resources'.
const JAVA_PACKAGE: &str = "io/github/mccache";
/// Maven fetches its plugins, once.
const MAVEN_LIMIT: Duration = Duration::from_secs(1800);
const COMPILE_LIMIT: Duration = Duration::from_secs(300);
const RUN_LIMIT: Duration = Duration::from_secs(240);
/// What Java's own checker of JNI calls says of a wrong one.
const JNI_COMPLAINTS: [&str; 3] = ["in native method", "WARNING: JNI", "JNI call made"];
/// Examples, and what each shows when it has run as it should.
const EXAMPLES: [(&str, &str); 2] = [("Hello", "gone"), ("WebApp", "every answer")];
/// Libraries of the tests that examples and the bench need, by the beginnings of their names.
const BORROWED: [&str; 2] = ["sqlite-jdbc", "caffeine"];

/// Builds, packages, tests.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    if let Some(missing) = ["javac", "mvn"].iter().find(|program| on_path(program).is_none()) {
        journal.say(format!("skip java: `{missing}` is not on PATH (apt-get install default-jdk-headless maven)"));
        return Ok(Tally::SKIPPED);
    }
    let folders = Folders::of(workspace)?;
    glue(workspace, journal, &folders)?;
    let mut tally = exports(journal, &folders)?;
    tally += maven(workspace, journal, &folders, "verify", &[])?;
    install(workspace, &folders)?;
    tally += under_jni_check(workspace, journal, &folders)?;
    tally += examples(workspace, journal, &folders)?;
    tally += agent_answers(workspace, journal)?;
    compile(workspace, journal, &folders, &format!("{PROJECT}/bench/Bench.java"), &folders.bench)?;
    Ok(tally)
}

/// Builds the jars into `out`, and returns that of the classes, with the native library in it.
pub(crate) fn package(workspace: &Workspace, journal: &mut Journal, out: &Path) -> Result<PathBuf, String> {
    let folders = Folders::of(workspace)?;
    glue(workspace, journal, &folders)?;
    let packaged = maven(workspace, journal, &folders, "package", &["-DskipTests"])?;
    if packaged.failed > 0 {
        return Err("Maven did not make the jars; its messages are above".to_owned());
    }
    for kind in ["-sources", "-javadoc", ""] {
        copy_into(&folders.jar(workspace, kind), out)?;
    }
    copy_into(&workspace.root.join(PROJECT).join("pom.xml"), out)?;
    Ok(out.join(format!("mccache-{}.jar", workspace.version)))
}

/// The agent of the tests, on the installed jar.
pub(crate) fn agent(workspace: &Workspace) -> Result<Command, String> {
    let folders = Folders::of(workspace)?;
    let classes = folders.maven.join("test-classes");
    folders.built(&classes.join(JAVA_PACKAGE).join("Agent.class"))?;
    let mut command = folders.java(workspace, &[&classes]);
    command.arg("io.github.mccache.Agent");
    Ok(command)
}

/// The bench, on the installed jar and beside Caffeine.
pub(crate) fn bench(workspace: &Workspace) -> Result<Command, String> {
    let folders = Folders::of(workspace)?;
    folders.built(&folders.bench.join("Bench.class"))?;
    let mut command = folders.java(workspace, &[&folders.bench, &folders.borrowed.join("*")]);
    command.arg("Bench");
    Ok(command)
}

/// Where things are, all under the target directory.
#[derive(Debug)]
struct Folders {
    /// This verb's own; the others are in it.
    root: PathBuf,
    /// What Maven takes: `java/` has SWIG's classes, `native/` the library as it lies in the jar.
    glue: PathBuf,
    /// Maven's products.
    maven: PathBuf,
    /// The jar and what it needs, as a user has them: nothing else is on the class path of what runs on it.
    installed: PathBuf,
    /// Libraries that examples and the bench need, and mccache does not.
    borrowed: PathBuf,
    /// Compiled examples.
    examples: PathBuf,
    /// The compiled bench.
    bench: PathBuf,
}

impl Folders {
    fn of(workspace: &Workspace) -> Result<Folders, String> {
        let root = workspace.scratch("java")?;
        let below = |name: &str| root.join(name);
        Ok(Folders {
            glue: below("glue"),
            maven: below("maven"),
            installed: below("installed"),
            borrowed: below("borrowed"),
            examples: below("examples"),
            bench: below("bench"),
            root,
        })
    }

    /// One of Maven's jars: "" for the classes.
    fn jar(&self, workspace: &Workspace, kind: &str) -> PathBuf {
        self.maven.join(format!("mccache-{}{kind}.jar", workspace.version))
    }

    /// The native library where Maven takes it from.
    fn library(&self) -> PathBuf {
        let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        self.glue.join("native").join(JAVA_PACKAGE).join("native").join(platform).join("libmccache_jni.so")
    }

    /// A plain `java` outside the source tree, on the installed jar, with more behind it on the class path.
    fn java(&self, workspace: &Workspace, more: &[&Path]) -> Command {
        let mut command = workspace.program("java");
        command.current_dir(&self.installed);
        let path: Vec<PathBuf> =
            std::iter::once(self.installed.join("*")).chain(more.iter().map(|path| path.to_path_buf())).collect();
        command.arg("-cp").arg(joined(&path));
        command
    }

    fn built(&self, needed: &Path) -> Result<(), String> {
        if needed.is_file() { Ok(()) } else { Err("not built yet: run `cargo xtask java`".to_owned()) }
    }
}

/// A class path. None of the parts has a colon: they are folders of ours and jars of Maven's.
fn joined(parts: &[PathBuf]) -> String {
    parts.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(":")
}

// ---- The native library ---------------------------------------------------------------------------------------------

/// Generates with every SWIG, compiles each, and links the last one's with the core.
fn glue(workspace: &Workspace, journal: &mut Journal, folders: &Folders) -> Result<(), String> {
    let core = build_library(workspace, journal)?;
    let headers = jni_headers()?;
    let mut last = None;
    for swig in swig::generators(workspace, journal)? {
        let into = folders.root.join(format!("swig-{}", swig.version));
        // A class that an older interface had would go into the jar.
        let classes = fresh(&into.join("java").join(JAVA_PACKAGE))?;
        let source = into.join("mccache_java.c");
        let language = ["-java", "-package", "io.github.mccache"];
        swig.generate(workspace, journal, &language, "java.i", &source, &classes)?;
        let object = into.join("mccache_java.o");
        let mut compiler = c_compiler(workspace, &headers);
        // SWIG keeps pointers in jlong by casts that strict aliasing forbids.
        compiler.args(["-fno-strict-aliasing", "-DMCC_STATIC", "-c", "-o"]).arg(&object).arg(&source);
        journal.must(&mut compiler, COMPILE_LIMIT)?;
        last = Some((into, object));
    }
    let (from, object) = last.ok_or("no swig")?;
    fresh(&folders.glue)?;
    copy_tree(&from.join("java"), &folders.glue.join("java"))?;
    link(workspace, journal, folders, &object, &core.folder.join("libmccache.a"), &core.native_libs)?;
    other_abi(workspace, journal, folders, &headers)
}

/// Only Java's entries are to be seen: another library in the process may have a mccache of its own.
fn link(
    workspace: &Workspace,
    journal: &mut Journal,
    folders: &Folders,
    object: &Path,
    core: &Path,
    native_libs: &[String],
) -> Result<(), String> {
    let library = folders.library();
    created(library.parent().unwrap_or(&folders.glue))?;
    let map = folders.root.join("exports.map");
    write(&map, "{ global: Java_io_github_mccache_*; local: *; };\n")?;
    let mut linker = workspace.program("cc");
    linker.args(["-shared", "-o"]).arg(&library).arg(object).arg(core);
    linker.arg(format!("-Wl,--version-script={}", map.display()));
    linker.args(["-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,-z,defs", "-Wl,-s"]).args(native_libs);
    journal.must(&mut linker, COMPILE_LIMIT).map(|_| ())
}

/// A library that says it has another ABI, for the test that it is refused.
fn other_abi(
    workspace: &Workspace,
    journal: &mut Journal,
    folders: &Folders,
    headers: &[PathBuf],
) -> Result<(), String> {
    let into = created(&folders.root.join("other-abi"))?;
    let mut compiler = c_compiler(workspace, headers);
    compiler.args(["-shared", "-o"]).arg(into.join("libmccache_jni.so"));
    compiler.arg(workspace.root.join(PROJECT).join("src/test/native/other_abi.c"));
    journal.must(&mut compiler, COMPILE_LIMIT).map(|_| ())
}

fn c_compiler(workspace: &Workspace, headers: &[PathBuf]) -> Command {
    let mut compiler = workspace.program("cc");
    compiler.args(["-std=c11", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"]);
    compiler.arg(format!("-I{}", workspace.root.join("include").display()));
    compiler.args(headers.iter().map(|folder| format!("-I{}", folder.display())));
    compiler
}

/// The folders of jni.h and jni_md.h: JAVA_HOME's, else those beside the javac on PATH.
fn jni_headers() -> Result<Vec<PathBuf>, String> {
    let beside = on_path("javac").and_then(|javac| javac.canonicalize().ok());
    let beside = beside.and_then(|javac| Some(javac.parent()?.parent()?.to_path_buf()));
    let homes = std::env::var_os("JAVA_HOME").map(PathBuf::from).into_iter().chain(beside);
    for home in homes {
        let include = home.join("include");
        if include.join("jni.h").is_file() {
            return Ok(vec![include.join(std::env::consts::OS), include]);
        }
    }
    Err("no jni.h, neither in JAVA_HOME nor beside javac: a JDK is needed, not a JRE".to_owned())
}

fn exports(journal: &mut Journal, folders: &Folders) -> Result<Tally, String> {
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only"]).arg(folders.library());
    let ended = journal.run(&mut nm, COMPILE_LIMIT)?;
    let names: Vec<&str> = ended.output.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let foreign: Vec<&&str> = names.iter().filter(|name| !name.starts_with("Java_io_github_mccache_")).collect();
    if ended.ok && !names.is_empty() && foreign.is_empty() {
        journal.say(format!("ok exports: {} entries of Java's, and nothing else", names.len()));
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED exports: {foreign:?} among {}", names.len()));
    Ok(Tally::FAILED)
}

// ---- Maven ----------------------------------------------------------------------------------------------------------

/// Runs a phase, with what Maven has already or, if that is not all, from Maven Central.
fn maven(
    workspace: &Workspace,
    journal: &mut Journal,
    folders: &Folders,
    phase: &str,
    options: &[&str],
) -> Result<Tally, String> {
    fresh(&folders.maven)?;
    let mut command = maven_command(workspace, folders, phase, options);
    let mut ended = journal.run(command.arg("--offline"), MAVEN_LIMIT)?;
    if !ended.ok && is_not_all_there(&ended.output) {
        journal.say("something was never fetched before: again with Maven Central");
        fresh(&folders.maven)?;
        ended = journal.run(&mut maven_command(workspace, folders, phase, options), MAVEN_LIMIT)?;
    }
    let mut tally = surefire(&folders.maven.join("surefire-reports"))?;
    if !ended.ok && tally.failed == 0 {
        journal.say(format!("FAILED maven: {}", ended.how));
        tally += Tally::FAILED;
    }
    for kind in ["", "-sources", "-javadoc"] {
        let jar = folders.jar(workspace, kind);
        tally += if jar.is_file() { Tally::PASSED } else { Tally::FAILED };
        journal.say(format!("{} {}", if jar.is_file() { "ok" } else { "FAILED: no" }, jar.display()));
    }
    Ok(tally)
}

fn maven_command(workspace: &Workspace, folders: &Folders, phase: &str, options: &[&str]) -> Command {
    let mut command = workspace.program("mvn");
    command.args(["--batch-mode", "--quiet", "-Dstyle.color=never", "--file"]);
    command.arg(workspace.root.join(PROJECT).join("pom.xml"));
    command.arg(format!("-Dmccache.target={}", folders.root.display())).arg(phase).args(options);
    command
}

fn is_not_all_there(output: &str) -> bool {
    output.contains("offline mode")
        || output.contains("Could not resolve")
        || output.contains("has not been downloaded")
}

/// Sums what the test classes' reports say.
fn surefire(reports: &Path) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let Ok(entries) = std::fs::read_dir(reports) else { return Ok(tally) };
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            tally += count_report(&text);
        }
    }
    Ok(tally)
}

/// Reads `Tests run: 17, Failures: 1, Errors: 0, Skipped: 2, Time elapsed: 5.1 s`.
fn count_report(text: &str) -> Tally {
    let figure = |line: &str, name: &str| -> u64 {
        let after = line.split(name).nth(1).and_then(|rest| rest.split([',', ' ']).next());
        after.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let Some(line) = text.lines().find(|line| line.starts_with("Tests run: ")) else { return Tally::default() };
    let failed = figure(line, "Failures: ") + figure(line, "Errors: ");
    let skipped = figure(line, "Skipped: ");
    Tally { passed: figure(line, "Tests run: ").saturating_sub(failed + skipped), failed, skipped }
}

// ---- What is installed ----------------------------------------------------------------------------------------------

/// The jar and the libraries it needs into a folder of their own, and what examples need beside into another.
fn install(workspace: &Workspace, folders: &Folders) -> Result<(), String> {
    fresh(&folders.installed)?;
    copy_into(&folders.jar(workspace, ""), &folders.installed)?;
    for jar in jars(&folders.maven.join("lib"))? {
        copy_into(&jar, &folders.installed)?;
    }
    fresh(&folders.borrowed)?;
    for jar in jars(&folders.maven.join("test-lib"))? {
        let name = jar.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if BORROWED.iter().any(|borrowed| name.starts_with(borrowed)) {
            copy_into(&jar, &folders.borrowed)?;
        }
    }
    Ok(())
}

/// The smoke test once more, with every JNI call checked by Java.
fn under_jni_check(workspace: &Workspace, journal: &mut Journal, folders: &Folders) -> Result<Tally, String> {
    let tests = folders.maven.join("test-classes");
    let mut command = folders.java(workspace, &[&tests, &folders.maven.join("test-lib").join("*")]);
    command.args(["-Xcheck:jni", "-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch"]);
    let header = workspace.root.join("include/mccache.h");
    command.arg(format!("-Dmccache.test.header={}", header.display())).env("MCCACHE_CONFIG", "");
    command.args(["org.junit.platform.console.ConsoleLauncher", "execute", "--disable-banner", "--details=tree"]);
    command.args(["--disable-ansi-colors", "--select-class", "io.github.mccache.SmokeTest"]);
    let ended = journal.run(&mut command, RUN_LIMIT)?;
    let complaint = ended.output.lines().find(|line| JNI_COMPLAINTS.iter().any(|words| line.contains(words)));
    if ended.ok && complaint.is_none() {
        journal.say("ok the smoke test under -Xcheck:jni, without a complaint");
        return Ok(Tally::PASSED);
    }
    journal.say(format!("FAILED -Xcheck:jni: {}: {}", ended.how, complaint.unwrap_or("a test failed")));
    Ok(Tally::FAILED)
}

/// Compiles each example as its reader would, and runs it.
fn examples(workspace: &Workspace, journal: &mut Journal, folders: &Folders) -> Result<Tally, String> {
    fresh(&folders.examples)?;
    let mut tally = Tally::default();
    for (name, shown) in EXAMPLES {
        compile(workspace, journal, folders, &format!("examples/java/{name}.java"), &folders.examples)?;
        let mut command = folders.java(workspace, &[&folders.examples, &folders.borrowed.join("*")]);
        let ended = journal.run(command.arg(name), RUN_LIMIT)?;
        let good = ended.ok && ended.output.contains(shown);
        journal.say(format!("{} examples/java/{name}.java: {}", if good { "ok" } else { "FAILED" }, ended.how));
        tally += if good { Tally::PASSED } else { Tally::FAILED };
    }
    Ok(tally)
}

fn compile(
    workspace: &Workspace,
    journal: &mut Journal,
    folders: &Folders,
    source: &str,
    into: &Path,
) -> Result<(), String> {
    created(into)?;
    let path = joined(&[folders.installed.join("*"), folders.borrowed.join("*")]);
    let mut compiler = workspace.program("javac");
    compiler.args([
        "--release",
        "11",
        "-encoding",
        "UTF-8",
        "-Xlint:all,-classfile,-path",
        "-Werror",
        "-cp",
        &path,
        "-d",
    ]);
    compiler.arg(into).arg(workspace.root.join(source));
    journal.must(&mut compiler, COMPILE_LIMIT).map(|_| ())
}

/// The agent starts on the installed jar, and ends with its input.
fn agent_answers(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let mut command = agent(workspace)?;
    command.arg("agent").env("MCCACHE_CLUSTER", format!("java-agent-{}", std::process::id())).env("MCCACHE_CONFIG", "");
    let ended = journal.run(&mut command, RUN_LIMIT)?;
    let good = ended.ok && ended.output == "ready java\nbye\n";
    journal.say(if good { "ok agent" } else { "FAILED agent: it should say that it is ready, and goodbye" });
    Ok(if good { Tally::PASSED } else { Tally::FAILED })
}

// ---- Files ----------------------------------------------------------------------------------------------------------

fn copy_tree(from: &Path, into: &Path) -> Result<(), String> {
    created(into)?;
    for entry in std::fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        match path.file_name() {
            Some(name) if path.is_dir() => copy_tree(&path, &into.join(name))?,
            _ => {
                copy_into(&path, into)?;
            }
        }
    }
    Ok(())
}

/// The jars in a folder, sorted.
fn jars(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "jar"));
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_surefire_is_read() {
        let report = "-----\nTest set: io.github.mccache.SmokeTest\n-----\n\
            Tests run: 17, Failures: 1, Errors: 2, Skipped: 3, Time elapsed: 5.1 s <<< FAILURE!\n";
        assert_eq!(count_report(report), Tally { passed: 11, failed: 3, skipped: 3 });
        assert_eq!(count_report("no report"), Tally::default());
    }

    #[test]
    fn what_maven_lacks_offline_is_seen() {
        assert!(is_not_all_there("Cannot access central in offline mode and the artifact x has not been downloaded"));
        assert!(!is_not_all_there("There are test failures."));
    }
}
