//! `cargo xtask fuzz`: the fuzz targets by a plain driver for some seconds, or by libFuzzer for as long as asked for.
//!
//! The plain driver (`tests/fuzz.rs`) is a stage: it needs no instrumentation and repeats itself exactly. libFuzzer needs
//! the workspace `fuzz/` built with coverage and the address sanitizer, which are not stable features of the compiler:
//! `RUSTC_BOOTSTRAP` lets the stable one have them. That build takes minutes, so it is for runs by hand.

use std::path::Path;
use std::time::Duration;

use crate::cargo::count_results;
use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// Building the targets and running them.
const FUZZ_LIMIT: Duration = Duration::from_secs(3_600);
/// What a run by libFuzzer may take beyond its own time: the input it is at.
const OVERTIME: Duration = Duration::from_secs(60);
/// Inputs that the stage gives each target, beside the seeds.
const STAGE_RUNS: &str = "1000";
/// Coverage as libFuzzer wants it, and the address sanitizer. cargo-fuzz passes the same.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code -Zsanitizer=address --cfg fuzzing";
/// A sanitizer needs a target that is named: build scripts must do without it.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";
/// The longest input that is made up, and the most memory.
const BOUNDS: [&str; 3] = ["-max_len=4096", "-rss_limit_mb=2048", "-timeout=20"];

/// Every seed and some thousands of changed ones, by the plain driver.
pub(crate) fn stage(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    // As `cargo xtask test` builds it, so that nothing is built again; overflow checks and debug assertions are on.
    let arguments = ["test", "--workspace", "--all-features", "--test", "fuzz", "--", "--runs", STAGE_RUNS];
    let ended = journal.run(&mut workspace.cargo(&arguments), FUZZ_LIMIT)?;
    let mut tally = count_results(&ended.output);
    if !ended.ok && tally.failed == 0 {
        journal.say(format!("error: the targets: {}", ended.how));
        tally += Tally::FAILED;
    }
    Ok(tally)
}

/// libFuzzer on one target, or on each in turn: `--seconds N [TARGET]`.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal, arguments: &[&str]) -> Result<Tally, String> {
    let (seconds, only) = match arguments {
        ["--seconds", seconds] => (*seconds, None),
        ["--seconds", seconds, target] => (*seconds, Some(*target)),
        _ => return Err(format!("expected --seconds N [TARGET], not `{}`", arguments.join(" "))),
    };
    let span = seconds.parse().map(Duration::from_secs).map_err(|_| format!("not a number of seconds: {seconds}"))?;
    let targets = targets(&workspace.root.join("fuzz/corpus"))?;
    if let Some(unknown) = only.filter(|only| !targets.iter().any(|target| target == only)) {
        return Err(format!("there is no target `{unknown}`; there are {}", targets.join(", ")));
    }
    let program = build(workspace, journal)?;
    let found = workspace.scratch("fuzz")?;
    let mut tally = Tally::default();
    for target in targets.iter().filter(|target| only.is_none_or(|only| only == *target)) {
        let corpus = found.join(target);
        std::fs::create_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
        let mut command = workspace.program(&program);
        command.env("MCCACHE_FUZZ_TARGET", target).env("ASAN_OPTIONS", "detect_leaks=0").args(BOUNDS);
        command.arg(format!("-max_total_time={seconds}")).args(["-print_final_stats=1", "-verbosity=0"]);
        command.arg(format!("-artifact_prefix={}/{target}-", found.display()));
        command.arg(&corpus).arg(workspace.root.join("fuzz/corpus").join(target));
        let ended = journal.run(&mut command, span + OVERTIME)?;
        if ended.ok {
            tally += Tally::PASSED;
        } else {
            journal.say(format!("error: {target}: {}; the input is in {}", ended.how, found.display()));
            tally += Tally::FAILED;
        }
    }
    Ok(tally)
}

fn build(workspace: &Workspace, journal: &mut Journal) -> Result<std::path::PathBuf, String> {
    let mut command =
        workspace.cargo(&["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", TRIPLE]);
    let target = workspace.target.join("xtask/fuzz-build");
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &target);
    journal.must(&mut command, FUZZ_LIMIT)?;
    Ok(target.join(TRIPLE).join("release/mccache-fuzz"))
}

/// The targets are the folders of seeds; `tests/fuzz.rs` sees to it that each target has one.
fn targets(corpus: &Path) -> Result<Vec<String>, String> {
    let listed = std::fs::read_dir(corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let mut names: Vec<String> = listed
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_seeds_here() {
        let workspace = Workspace::find().expect("the test runs in the repository");
        let names = targets(&workspace.root.join("fuzz/corpus")).expect("the seeds");
        assert_eq!(names, ["abi", "cbor", "config", "control", "datagram", "frames", "reassembly"]);
    }
}
