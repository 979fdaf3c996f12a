//! `cargo xtask sim`: simulated clusters under many seeds, or one seed again.

use std::time::Duration;

use crate::cargo::count_results;
use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// Building with optimisation and running all the seeds.
const SIM_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Seeds of a continuous-integration run.
const CI_SEEDS: u64 = 100;

/// The seeds of continuous integration: another hundred for each commit, the same ones for the same commit.
pub(crate) fn of_commit(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let first = workspace.commit().map_or(1, |commit| seed_of(&commit));
    run(workspace, journal, &["--seeds", &CI_SEEDS.to_string(), "--first", &first.to_string()])
}

/// Runs `tests/sim.rs` with these arguments: `--seeds N`, `--first S`, `--seed S`.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal, arguments: &[&str]) -> Result<Tally, String> {
    check(arguments)?;
    let mut command =
        workspace.cargo(&["test", "--release", "--package", "mccache", "--features", "sim", "--test", "sim", "--"]);
    command.args(arguments);
    let ended = journal.run(&mut command, SIM_LIMIT)?;
    let mut tally = count_results(&ended.output);
    if !ended.ok && tally.failed == 0 {
        journal.say(format!("error: the simulator: {}", ended.how));
        tally += Tally::FAILED;
    }
    Ok(tally)
}

fn check(arguments: &[&str]) -> Result<(), String> {
    for pair in arguments.chunks(2) {
        match pair {
            ["--seeds" | "--first" | "--seed", number] if number.parse::<u64>().is_ok() => {}
            _ => return Err(format!("expected --seeds N, --first SEED or --seed SEED, not `{}`", pair.join(" "))),
        }
    }
    Ok(())
}

/// The first nine hexadecimal digits: numbers that are still pleasant to type.
fn seed_of(commit: &str) -> u64 {
    commit.get(..9).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_gives_its_seed_and_anything_else_the_first() {
        assert_eq!(seed_of("00000000ff00"), 0xf);
        assert_eq!(seed_of("short"), 1);
    }

    #[test]
    fn arguments_are_names_with_numbers() {
        assert!(check(&["--seeds", "5", "--first", "9"]).is_ok());
        assert!(check(&["--seeds"]).is_err());
        assert!(check(&["--seed", "x"]).is_err());
    }
}
