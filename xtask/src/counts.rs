//! `cargo xtask counts`: how many instructions a call of the shipped library takes, by callgrind, held against the counts
//! in `benches/counts.tsv`. They do not depend on what else the machine does, so that a few per cent are seen.
//!
//! A count that rose by more than the margin fails until `cargo xtask counts --write WHY` puts the new one into the file,
//! with the reason beside it. Counts are of one compiler; with another one there is nothing to compare with.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::cargo::{Library, build_library};
use crate::journal::{Journal, Tally};
use crate::workspace::{Workspace, on_path};

const PROGRAM: &str = "benches/counts.c";
const FILE: &str = "benches/counts.tsv";
const LIMIT: Duration = Duration::from_secs(300);
/// Per cent that a count may rise without a word. Runs differ by less than half of one.
const MARGIN: u64 = 5;

/// What is counted: its name, and which function calls which (parts of their names). The first two are the two halves of
/// one read.
const COUNTED: &[(&str, &str, &str)] = &[
    ("mcc_get", "count_get", "mcc_get"),
    ("mcc_value_free", "count_get", "mcc_value_free"),
    ("mcc_get_into", "count_get_into", "mcc_get_into"),
    ("mcc_get, nothing there", "count_miss", "mcc_get"),
    ("mcc_put, over a value", "count_put_over", "mcc_put"),
    ("mcc_put, a new key", "count_put_new", "mcc_put"),
    ("mcc_put, evicting", "count_put_evicting", "mcc_put"),
    ("mcc_put, a new key, replicated", "count_put_replicated", "mcc_put"),
    ("mcc_del", "count_delete", "mcc_del"),
    ("a member's update, applied", "Protocol>::apply_judged", "Store>::apply"),
];

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    count: u64,
    why: String,
}

/// The stage.
pub(crate) fn check(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let Some(counts) = measure(workspace, journal)? else { return Ok(Tally::SKIPPED) };
    let compiler = compiler(workspace, journal)?;
    let (of, known) = parse(&workspace.read(FILE)?)?;
    if of != compiler {
        journal.say(format!("skip: {FILE} is of {of}, this is {compiler}"));
        for (name, count) in &counts {
            journal.say(format!("{count:>6}  {name}"));
        }
        return Ok(Tally::SKIPPED);
    }
    let mut tally = Tally::default();
    for (name, count) in counts {
        let before = known.get(name).map(|known| known.count);
        let (verdict, line) = judge(name, count, before);
        journal.say(line);
        tally += verdict;
    }
    Ok(tally)
}

/// `--write WHY`: new counts into the file, the reason beside those that moved.
pub(crate) fn write(workspace: &Workspace, journal: &mut Journal, why: &str) -> Result<Tally, String> {
    let counts = measure(workspace, journal)?.ok_or("counts --write: valgrind is not on this machine")?;
    let compiler = compiler(workspace, journal)?;
    let (of, known) = workspace.read(FILE).and_then(|text| parse(&text)).unwrap_or_default();
    let mut text = format!("# Instructions a call, by `cargo xtask counts`. {compiler}\n# what\tcount\tsince\n");
    for (name, count) in counts {
        let old = known.get(name).filter(|known| of == compiler && known.count.abs_diff(count) * 100 <= known.count);
        let Known { count, why } = old.cloned().unwrap_or(Known { count, why: why.to_owned() });
        let _infallible = writeln!(text, "{name}\t{count}\t{why}");
    }
    std::fs::write(workspace.root.join(FILE), text).map_err(|error| format!("{FILE}: {error}"))?;
    journal.say(format!("wrote {FILE}"));
    Ok(Tally::default())
}

fn judge(name: &str, count: u64, before: Option<u64>) -> (Tally, String) {
    match before {
        None => (Tally::FAILED, format!("FAILED {name}: {count}, and no count in {FILE} (counts --write WHY)")),
        Some(before) if count * 100 > before * (100 + MARGIN) => {
            let line = format!("FAILED {name}: {count}, was {before}; if it has to be: cargo xtask counts --write WHY");
            (Tally::FAILED, line)
        }
        Some(before) if count * (100 + MARGIN) < before * 100 => {
            (Tally::PASSED, format!("ok {name}: {count}, was {before}: write it down (counts --write WHY)"))
        }
        Some(before) => (Tally::PASSED, format!("ok {name}: {count}, was {before}")),
    }
}

/// All counts, or None without valgrind.
fn measure(workspace: &Workspace, journal: &mut Journal) -> Result<Option<Vec<(&'static str, u64)>>, String> {
    if on_path("valgrind").is_none() {
        journal.say("skip: valgrind is not on this machine");
        return Ok(None);
    }
    let Library { folder, .. } = build_library(workspace, journal)?;
    let scratch = workspace.scratch("counts")?;
    let program = scratch.join("counts");
    let mut compile = workspace.program("cc");
    // Functions of one body stay two.
    compile.args(["-O2", "-fno-ipa-icf", "-Iinclude", PROGRAM, "-o"]).arg(&program);
    journal.must(compile.arg("-L").arg(&folder).arg("-lmccache"), LIMIT)?;
    let output = scratch.join("callgrind.out");
    let mut run = workspace.program("valgrind");
    run.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", output.display())).arg(&program);
    journal.must(run.env("LD_LIBRARY_PATH", &folder), LIMIT)?;
    let text = std::fs::read_to_string(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    let calls = calls(&text);
    let counts = COUNTED.iter().map(|(name, caller, callee)| {
        let matching = calls.iter().filter(|((from, to), _)| is_function(from, caller) && is_function(to, callee));
        let (number, cost) = matching.fold((0, 0), |(number, cost), (_, (n, c))| (number + n, cost + c));
        // A function that is inlined, or has another name, is no longer counted: that must not pass for cheap.
        let cost = cost.checked_div(number).ok_or(format!("{name}: callgrind saw no call of {callee} in {caller}"))?;
        Ok((*name, cost))
    });
    counts.collect::<Result<_, String>>().map(Some)
}

/// Whether a function's name is `wanted`, or ends in it, but for what compilers add: `mcc_get` is not `mcc_get_into`.
fn is_function(name: &str, wanted: &str) -> bool {
    let name = name.split_once(".constprop").map_or(name, |(name, _)| name);
    name == wanted || (wanted.contains("::") && name.ends_with(wanted))
}

fn compiler(workspace: &Workspace, journal: &mut Journal) -> Result<String, String> {
    let version = journal.must(workspace.program("rustc").arg("--version"), LIMIT)?;
    let words: Vec<&str> = version.split_whitespace().take(2).collect();
    Ok(format!("{} on {}", words.join(" "), std::env::consts::ARCH))
}

/// (caller, callee) -> number of calls, and instructions in them, from what callgrind writes: `fn=` begins a function,
/// `cfn=` and `calls=` a call, whose inclusive cost is the second word of the line after; `(7) name` names a function
/// once, `(7)` later.
fn calls(text: &str) -> BTreeMap<(String, String), (u64, u64)> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = BTreeMap::<_, (u64, u64)>::new();
    let (mut caller, mut callee, mut number) = ("", "", None);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("fn=") {
            caller = named(&mut names, rest);
        } else if let Some(rest) = line.strip_prefix("cfn=") {
            callee = named(&mut names, rest);
        } else if let Some(rest) = line.strip_prefix("calls=") {
            number = rest.split(' ').next().and_then(|n| n.parse::<u64>().ok());
        } else if let Some(n) = number.take() {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
            let sum = calls.entry((caller.to_owned(), callee.to_owned())).or_default();
            *sum = (sum.0 + n, sum.1 + cost);
        }
    }
    calls
}

/// The name that `(7) name` gives or `(7)` repeats.
fn named<'a>(names: &mut BTreeMap<&'a str, &'a str>, text: &'a str) -> &'a str {
    match text.split_once(' ') {
        Some((number, name)) => {
            names.insert(number, name);
            name
        }
        None => names.get(text).copied().unwrap_or_default(),
    }
}

/// The compiler the counts are of, and the counts.
fn parse(text: &str) -> Result<(String, BTreeMap<String, Known>), String> {
    let mut lines = text.lines();
    let first = lines.next().and_then(|line| line.split_once("`. ")).ok_or(format!("{FILE}: no compiler in line 1"))?;
    let mut known = BTreeMap::new();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, count, why] = cells[..] else { return Err(format!("{FILE}: not three cells: {line}")) };
        let count = count.parse().map_err(|error| format!("{FILE}: {line}: {error}"))?;
        known.insert(name.to_owned(), Known { count, why: why.to_owned() });
    }
    Ok((first.1.to_owned(), known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_summed_by_caller_and_callee() {
        let text = "fn=(1) main\n10 5\ncfn=(2) mcc_get\ncalls=3 0\n11 300\ncfn=(2)\ncalls=1 0\n* 90\nfn=(3) mcc_get_into\n12 7\n";
        let calls = calls(text);
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[&("main".to_owned(), "mcc_get".to_owned())], (4, 390));
    }

    #[test]
    fn a_function_is_known_by_its_whole_name_or_the_end_of_its_path() {
        assert!(is_function("mcc_get", "mcc_get") && !is_function("mcc_get_into", "mcc_get"));
        assert!(is_function("count_put.constprop.0", "count_put"));
        assert!(is_function("a::<impl b::Store>::apply", "Store>::apply"));
        assert!(!is_function("a::<impl b::Store>::apply_clear", "Store>::apply"));
    }

    #[test]
    fn a_rise_beyond_the_margin_fails_and_a_fall_is_to_be_written_down() {
        assert_eq!(judge("get", 105, Some(100)).0, Tally::PASSED);
        assert_eq!(judge("get", 106, Some(100)).0, Tally::FAILED);
        assert_eq!(judge("get", 1, None).0, Tally::FAILED);
        assert!(judge("get", 90, Some(100)).1.contains("--write"));
    }

    #[test]
    fn the_file_is_read_as_it_is_written() {
        let text = "# Instructions a call, by `cargo xtask counts`. rustc 1.95.0 on x86_64\n# what\tcount\tsince\nget\t7\tit is so\n";
        let (of, known) = parse(text).expect("well-formed");
        assert_eq!(
            (of.as_str(), &known["get"]),
            ("rustc 1.95.0 on x86_64", &Known { count: 7, why: "it is so".to_owned() })
        );
        assert!(parse("# of\nget\t7\n").is_err());
    }
}
