//! `cargo xtask cluster`: real processes in network namespaces, under what networks, machines and strangers do to them.
//!
//! Each scenario is a function from a [`Lab`] to what went wrong, can be run alone, and prints what it saw. In the end all
//! members must hold the same bytes: for every key what was written last, nothing that was deleted, nothing that nobody
//! wrote; and soon. It takes root, `ip` and `nft`; without them the stage is skipped.
#![expect(clippy::disallowed_methods, reason = "a scenario's line says how long it took")]

mod attack;
mod cast;
mod data;
mod member;
mod net;
mod network;
mod process;
mod table;
mod truth;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::cast::Lab;
use crate::cargo::BUILD_LIMIT;
use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// Building a library of fifty lines of C.
const COMPILE_LIMIT: Duration = Duration::from_secs(60);

struct Scenario {
    name: &'static str,
    about: &'static str,
    /// Whether continuous integration runs it.
    ci: bool,
    run: fn(&mut Lab<'_>) -> Result<(), String>,
}

macro_rules! scenarios {
    ($($name:literal, $ci:literal, $run:expr, $about:literal;)*) => {
        &[$(Scenario { name: $name, about: $about, ci: $ci, run: $run }),*]
    };
}

/// In the order they run.
const SCENARIOS: &[Scenario] = scenarios! {
    "nodes-3", false, |lab| network::lossy(lab, 3, 0, 3), "3 nodes, no loss";
    "nodes-9", false, |lab| network::lossy(lab, 9, 0, 3), "9 nodes, no loss";
    "loss-1", false, |lab| network::lossy(lab, 9, 10, 4), "9 nodes, 1 % lost";
    "loss-5", true, |lab| network::lossy(lab, 9, 50, 4), "9 nodes, 5 % lost";
    "loss-20", false, |lab| network::lossy(lab, 9, 200, 4), "9 nodes, 20 % lost";
    "fast-0", false, |lab| network::flat_out(lab, 3, 0), "3 nodes write as fast as they can";
    "fast-1", false, |lab| network::flat_out(lab, 3, 10), "the same, 1 % lost, trains as one";
    "fast-5", false, |lab| network::flat_out(lab, 3, 50), "the same, 5 % lost, trains as one";
    "fast-20", false, |lab| network::flat_out(lab, 3, 200), "the same, 20 % lost, trains as one";
    "single-1", false, |lab| network::lossy_without_trains(lab, 3, 10), "the same, 1 % lost, each datagram by itself";
    "single-5", false, |lab| network::lossy_without_trains(lab, 3, 50), "the same, 5 % lost, each datagram by itself";
    "single-20", false, |lab| network::lossy_without_trains(lab, 3, 200), "the same, 20 % lost, each datagram by itself";
    "halves", false, network::halves, "two halves apart for 10 s, all write and delete";
    "one-node", true, network::one_node, "one node cut off for 10 s, all write and delete";
    "deaf", false, network::deaf, "one node hears nobody for 10 s";
    "mute", false, network::mute, "nobody hears one node for 10 s";
    "interface", true, |lab| network::interface_remade(lab, &[]), "an interface is removed and made again";
    "interface-ipv6", false, |lab| network::interface_remade(lab, &[network::IPV6]), "the same on IPv6";
    "no-querier", false, network::no_querier, "a bridge that snoops IGMP without a querier";
    "stock-buffers", false, network::stock_buffers, "receive buffers of 212,992 B, written to as fast as possible";
    "killed", true, process::killed, "kill -9, and a new process of the same name";
    "frozen", false, process::frozen, "SIGSTOP for 10 s";
    "joiner", true, process::joiner, "a joiner into 2,000 keys under load";
    "joiner-million", false, process::joiner_million, "a joiner into 1,000,000 keys under load";
    "prefork", true, process::prefork, "children that a member forks";
    "one-host", false, process::one_host, "three members on one host, two on another, 5 % lost";
    "burst", false, data::burst, "10,000 puts at once into stock buffers, by one, then by three";
    "large-values", false, data::large_values, "65,535 B, 300 KB, 1 MB, 50 MiB, with and without loss";
    "not-text", true, data::not_text, "keys and values that are no text";
    "conflicts", true, data::conflicts, "all write and delete the same twenty keys, 5 % lost";
    "iteration", false, data::iteration, "iteration while others write";
    "clock-behind", true, data::clock_behind, "a member whose clock is 2 s behind";
    "noise", true, attack::noise, "a stranger sends noise and forged headers at full speed";
    "wrong-key", false, attack::wrong_key, "a node with another key at full speed";
};

/// What continuous integration runs.
pub(crate) fn of_ci(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    run(workspace, journal, &["--ci"])
}

/// Runs scenarios by name, all of them (`all`), those of continuous integration (`--ci`), or the stress table.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal, arguments: &[&str]) -> Result<Tally, String> {
    if arguments == ["--list"] {
        SCENARIOS.iter().for_each(|scenario| journal.say(format!("{:<16}{}", scenario.name, scenario.about)));
        return Ok(Tally::default());
    }
    let table = table_seconds(arguments)?;
    let chosen = if table.is_some() { Vec::new() } else { choose(arguments)? };
    if let Some(obstacle) = net::obstacle() {
        journal.say(format!("skip cluster: {obstacle}"));
        return Ok(Tally::SKIPPED);
    }
    let program = build_member(workspace, journal)?;
    let behind = build_clock(workspace, journal);
    let mut lab = Lab { journal, program, behind };
    if let Some(seconds) = table {
        return Ok(table::run(&mut lab, seconds));
    }
    let mut tally = Tally::default();
    for scenario in chosen {
        lab.say(format!("{}: {}", scenario.name, scenario.about));
        let begun = Instant::now();
        let result = (scenario.run)(&mut lab);
        let took = begun.elapsed().as_secs_f64();
        tally += if result.is_ok() { Tally::PASSED } else { Tally::FAILED };
        match result {
            Ok(()) => lab.say(format!("ok {} ({took:.1} s)", scenario.name)),
            Err(problem) => lab.say(format!("FAILED {} ({took:.1} s): {problem}", scenario.name)),
        }
    }
    Ok(tally)
}

fn table_seconds(arguments: &[&str]) -> Result<Option<u64>, String> {
    match arguments {
        ["--mccache-table"] => Ok(Some(table::SECONDS)),
        ["--mccache-table", "--seconds", seconds] => {
            seconds.parse().map(Some).map_err(|_| format!("`{seconds}` is no number of seconds"))
        }
        _ => Ok(None),
    }
}

fn choose(arguments: &[&str]) -> Result<Vec<&'static Scenario>, String> {
    match arguments {
        ["all"] => return Ok(SCENARIOS.iter().collect()),
        ["--ci"] => return Ok(SCENARIOS.iter().filter(|scenario| scenario.ci).collect()),
        _ => {}
    }
    let find = |name: &&str| {
        let unknown = || format!("no scenario `{name}`; `cargo xtask cluster --list` names them");
        SCENARIOS.iter().find(|scenario| scenario.name == *name).ok_or_else(unknown)
    };
    arguments.iter().map(find).collect()
}

fn build_member(workspace: &Workspace, journal: &mut Journal) -> Result<PathBuf, String> {
    let arguments = ["build", "--release", "--package", "mccache", "--example", "member"];
    journal.must(&mut workspace.cargo(&arguments), BUILD_LIMIT)?;
    Ok(workspace.release().join("examples").join("member"))
}

/// The library that puts a clock behind. Without a C compiler the one scenario that needs it fails, and says so.
fn build_clock(workspace: &Workspace, journal: &mut Journal) -> Result<PathBuf, String> {
    let library = workspace.scratch("cluster")?.join("behind.so");
    let mut command = workspace.program("cc");
    command
        .args(["-O1", "-Wall", "-Wextra", "-shared", "-fPIC", "tests/namespaces/behind.c", "-ldl", "-o"])
        .arg(&library);
    journal.must(&mut command, COMPILE_LIMIT)?;
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_chosen_by_name_and_names_are_unique() {
        assert_eq!(choose(&["killed", "burst"]).expect("they exist").len(), 2);
        assert!(choose(&["killed", "no-such"]).is_err_and(|problem| problem.contains("no-such")));
        assert_eq!(choose(&["all"]).expect("all").len(), SCENARIOS.len());
        assert!(!choose(&["--ci"]).expect("some").is_empty());
        for (at, scenario) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[..at].iter().all(|earlier| earlier.name != scenario.name), "{}", scenario.name);
        }
    }

    #[test]
    fn the_table_takes_seconds_and_nothing_else() {
        assert_eq!(table_seconds(&["--mccache-table"]), Ok(Some(table::SECONDS)));
        assert_eq!(table_seconds(&["--mccache-table", "--seconds", "5"]), Ok(Some(5)));
        assert_eq!(table_seconds(&["burst"]), Ok(None));
        assert!(table_seconds(&["--mccache-table", "--seconds", "x"]).is_err());
    }
}
