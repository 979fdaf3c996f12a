//! `cargo xtask ci`: every stage, cheapest first, one line each, and a summary that a script can read.
//!
//! A failed stage does not stop the others; only those that build on it are skipped. The exit code is 0 only if
//! nothing failed. The last line is always `N passed, N failed, N skipped`.
#![expect(clippy::disallowed_methods, reason = "a stage's line says how long it took")]

use std::time::Instant;

use crate::journal::{Journal, Tally, print_line};
use crate::workspace::Workspace;
use crate::{
    abi, cargo, cluster, counts, cpp, csharp, demo, examples, fuzz, header, java, lint, polyglot, python, ruby, sim,
    tidy,
};

/// One step of `ci`, and a verb of its own.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Its verb.
    pub(crate) verb: &'static str,
    /// Stages without which this one can only repeat their failure.
    pub(crate) needs: &'static [&'static str],
    /// What it does. `Err` counts as one failure.
    pub(crate) run: fn(&Workspace, &mut Journal) -> Result<Tally, String>,
}

/// In the order they run. Simulated seeds (`sim`) come after `test`.
pub(crate) const STAGES: &[Stage] = &[
    Stage { verb: "tidy", needs: &[], run: tidy::run },
    Stage { verb: "lint", needs: &[], run: lint::run },
    Stage { verb: "header", needs: &[], run: header::check },
    Stage { verb: "test", needs: &[], run: |workspace, journal| cargo::test(workspace, journal, &[]) },
    Stage { verb: "sim", needs: &[], run: sim::of_commit },
    Stage { verb: "fuzz", needs: &["test"], run: fuzz::stage },
    Stage { verb: "cluster", needs: &[], run: cluster::of_ci },
    Stage { verb: "abi", needs: &["header"], run: abi::run },
    Stage { verb: "counts", needs: &["header"], run: counts::check },
    Stage { verb: "cpp", needs: &["abi"], run: cpp::run },
    Stage { verb: "python", needs: &["header"], run: python::run },
    Stage { verb: "csharp", needs: &["header"], run: csharp::run },
    Stage { verb: "ruby", needs: &["header"], run: ruby::run },
    Stage { verb: "java", needs: &["header"], run: java::run },
    Stage { verb: "polyglot", needs: &["cpp", "python", "csharp", "ruby", "java"], run: polyglot::run },
    Stage { verb: "examples", needs: &["header", "python"], run: examples::run },
    Stage { verb: "demo", needs: &[], run: demo::run },
];

/// Runs them all. `Ok(true)`: nothing failed.
pub(crate) fn run(workspace: &Workspace) -> Result<bool, String> {
    let logs = workspace.scratch("logs")?;
    let mut total = Tally::default();
    let mut broken: Vec<&str> = Vec::new();
    for stage in STAGES {
        if let Some(missing) = stage.needs.iter().find(|needed| broken.contains(needed)) {
            print_line(&format!("{:<9} skipped: `{missing}` did not pass", stage.verb));
            broken.push(stage.verb);
            total += Tally::SKIPPED;
            continue;
        }
        let mut journal = Journal::quiet();
        let (begun, worked) = (Instant::now(), processor_seconds());
        let tally = verdict((stage.run)(workspace, &mut journal), &mut journal);
        let spent = processor_seconds().zip(worked).map_or(0.0, |(now, before)| now - before);
        print_line(&format!(
            "{:<9} {tally}, {:.1} s, {spent:.0} s of processors",
            stage.verb,
            begun.elapsed().as_secs_f64()
        ));
        let log = logs.join(format!("{}.log", stage.verb));
        std::fs::write(&log, journal.text()).map_err(|error| format!("{}: {error}", log.display()))?;
        if tally.failed > 0 {
            broken.push(stage.verb);
            print_failure(stage.verb, &journal);
        }
        total += tally;
    }
    if !broken.is_empty() {
        print_line(&format!("not passed: {}. One by itself: cargo xtask {}", broken.join(", "), broken[0]));
    }
    print_line(&total.to_string());
    Ok(total.failed == 0)
}

/// How long processors worked for the programs that have ended: on a busy machine this tells what a stage costs, and the
/// clock does not. None where there is no /proc.
fn processor_seconds() -> Option<f64> {
    children_seconds(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// cutime and cstime of a line of /proc/PID/stat, in hundredths of seconds; the name before them may have spaces.
fn children_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(13)? + ticks(14)?) / 100.0)
}

/// A stage that could not be run, or that found nothing to check, has failed: silence is not success.
fn verdict(result: Result<Tally, String>, journal: &mut Journal) -> Tally {
    match result {
        Ok(tally) if tally.is_empty() => {
            journal.say("error: nothing was checked");
            Tally::FAILED
        }
        Ok(tally) => tally,
        Err(problem) => {
            journal.say(format!("error: {problem}"));
            Tally::FAILED
        }
    }
}

fn print_failure(verb: &str, journal: &Journal) {
    print_line(&format!("---- {verb}: the end of what it said"));
    for line in journal.tail() {
        print_line(&format!("| {line}"));
    }
    print_line(&format!("---- {verb}: end"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_checks_nothing_or_cannot_run_has_failed() {
        let mut journal = Journal::quiet();
        assert_eq!(verdict(Ok(Tally::default()), &mut journal), Tally::FAILED);
        assert_eq!(verdict(Err("tests/abi/ does not exist".to_owned()), &mut journal), Tally::FAILED);
        assert_eq!(verdict(Ok(Tally::PASSED), &mut journal), Tally::PASSED);
        assert!(journal.text().contains("error: tests/abi/ does not exist"));
    }

    #[test]
    fn what_programs_cost_is_read_from_the_system() {
        let stat = "77 (a b) c) S 1 77 77 0 -1 4194560 9 8 0 0 1 2 350 50 20 0 1 0 99 1 2";
        assert_eq!(children_seconds(stat), Some(4.0));
        assert_eq!(children_seconds("77 (a"), None);
    }

    #[test]
    fn stages_need_only_stages_before_them() {
        for (index, stage) in STAGES.iter().enumerate() {
            for needed in stage.needs {
                assert!(STAGES[..index].iter().any(|earlier| earlier.verb == *needed), "{} needs {needed}", stage.verb);
            }
        }
    }
}
