//! All automation, in Rust: `cargo xtask help`.
//!
//! One file a verb. A verb is a function from a [`Workspace`] and a [`Journal`] to a [`Tally`] of what passed, and the
//! same function is a stage of `ci`. Nothing here is needed to use the library: cargo alone builds that.

mod abi;
mod calls;
mod cargo;
mod ci;
mod cluster;
mod cmake;
mod counts;
mod cpp;
mod csharp;
mod demo;
mod examples;
mod files;
mod fuzz;
mod header;
mod install;
mod java;
mod journal;
mod languages;
mod lint;
mod loom;
mod mutants;
mod package;
mod polyglot;
mod python;
mod ruby;
mod sim;
mod size;
mod swig;
mod tidy;
mod venv;
mod workspace;

use std::process::ExitCode;

use journal::{Journal, Tally};
use workspace::Workspace;

const HELP: &str = "cargo xtask VERB

  ci                    every stage below up to `demo`, cheapest first, and a summary
  tidy                  the walls between rooms and the house rules, by reading the source
  lint                  rustfmt --check, clippy with warnings as errors
  header [--check]      write include/mccache.h from src/ffi; --check: fail if it would change
  test [FILTER]         cargo test, whole workspace, all features
  sim [--seeds N] [--first SEED] | --seed SEED
                        simulated clusters: N seeds from SEED on (default: a hundred of this commit), or one again
  fuzz                  the fuzz targets on their seeds and on changed ones, by a plain driver
  fuzz --seconds N [TARGET]
                        libFuzzer with the address sanitizer on one target or on each in turn; builds for minutes
  cluster [NAME... | all | --list | --mccache-table [--seconds N]]
                        real processes in network namespaces: what ci runs, some, all, or the original's stress table
  mutants [WORD]...     small breaks of the source, each of which a test must notice; all, or those of these rules
  loom                  every order of threads for what they share without a lock; builds for a minute
  abi                   the header in every C and C++, tests/abi against the .so and the .a, exports, SONAME
  counts [--write WHY]  instructions a call, against benches/counts.tsv; --write: new counts, and why
  cpp                   mccache.hpp in every C++, tests/cpp, the archive of C and C++ by pkg-config and CMake
  python                build the Python package, install it into a venv under target/, run its tests
  csharp                build the NuGet package, unpack it, run tests and examples on mono and CoreCLR
  ruby                  build both gems, install each into a folder under target/, run tests and examples there
  java                  generate with every SWIG, make the jars with Maven, test them and run examples/java on them
  polyglot              one process of each language in one cluster: each reads what every other wrote; one is killed
  examples              build and run examples/ in C, C++ and Python
  demo                  the demo as a reader of the README runs it, in a pipe
  install --prefix DIR [--destdir DIR] [--libdir DIR]
                        library, headers, pkg-config and CMake files (default prefix /usr/local)
  package               the packages of all languages, into target/packages
  calls [--rounds N] [--write]
                        nanoseconds a call in each language, beside C, its own map and its favourite cache; --write: into
                        docs/BINDINGS.md
  size                  bytes of the library, crates in its tree
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let verb = arguments.first().map_or("help", String::as_str);
    match dispatch(verb, &rest) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            journal::print_line(&format!("error: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs a verb. `Ok(false)`: something it checks failed. `Err`: it could not be run.
fn dispatch(verb: &str, rest: &[&str]) -> Result<bool, String> {
    if matches!(verb, "help" | "-h" | "--help") {
        journal::print_line(HELP);
        return Ok(true);
    }
    let workspace = Workspace::find()?;
    if verb == "ci" {
        no_arguments(verb, rest)?;
        return ci::run(&workspace);
    }
    if let Some(stage) = ci::STAGES.iter().find(|stage| stage.verb == verb && rest.is_empty() && verb != "header") {
        return alone(&workspace, stage.run);
    }
    match (verb, rest) {
        ("header", []) => alone(&workspace, header::write),
        ("header", ["--check"]) => alone(&workspace, header::check),
        ("test", filter) => alone(&workspace, |workspace, journal| cargo::test(workspace, journal, filter)),
        ("sim", arguments) => alone(&workspace, |workspace, journal| sim::run(workspace, journal, arguments)),
        ("mutants", words) => alone(&workspace, |workspace, journal| mutants::run(workspace, journal, words)),
        ("loom", []) => alone(&workspace, loom::run),
        ("fuzz", arguments) => alone(&workspace, |workspace, journal| fuzz::run(workspace, journal, arguments)),
        ("cluster", arguments) => alone(&workspace, |workspace, journal| cluster::run(workspace, journal, arguments)),
        ("install", options) => alone(&workspace, |workspace, journal| install::run(workspace, journal, options)),
        ("package", []) => alone(&workspace, package::run),
        ("calls", arguments) => alone(&workspace, |workspace, journal| calls::run(workspace, journal, arguments)),
        ("counts", ["--write", why]) => alone(&workspace, |workspace, journal| counts::write(workspace, journal, why)),
        ("size", []) => alone(&workspace, size::run),
        _ => Err(format!("no such verb or arguments: {verb} {}\n\n{HELP}", rest.join(" "))),
    }
}

fn no_arguments(verb: &str, rest: &[&str]) -> Result<(), String> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(format!("`{verb}` takes no argument, but was given `{extra}`")),
    }
}

/// Runs one verb by itself, showing everything as it happens.
fn alone(
    workspace: &Workspace,
    verb: impl FnOnce(&Workspace, &mut Journal) -> Result<Tally, String>,
) -> Result<bool, String> {
    let mut journal = Journal::live();
    let tally = verb(workspace, &mut journal)?;
    if !tally.is_empty() {
        journal::print_line(&tally.to_string());
    }
    Ok(tally.failed == 0)
}
