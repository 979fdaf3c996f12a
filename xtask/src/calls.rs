//! `cargo xtask calls`: what a get and a put cost in each language, beside the same call in C, the language's own map and
//! its favourite cache.
//!
//! Each language's bench prints lines `WHAT<TAB>OPERATION<TAB>NANOSECONDS`, each of the pass over its keys that took least.
//! Here they run in turn, round after round, so that what else the machine does meets all of them alike. A figure is the least
//! of the rounds, which is what the call costs when nobody else is at work; beside it the median tells how much others
//! were. `--write` puts the table into docs/BINDINGS.md, with
//! what it was measured on and where ours is behind.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::journal::{Journal, Tally, print_line};
use crate::languages::LANGUAGES;
use crate::workspace::Workspace;

/// Rounds unless told otherwise.
const ROUNDS: usize = 5;
/// One bench of one language.
const BENCH_LIMIT: Duration = Duration::from_secs(300);
/// What all ratios are to; for a get there is another form of the call in C, whose ratio comes second.
const BASELINES: [&str; 2] = ["mccache", "mcc_get"];
const C: &str = "c";
/// Rows that are no peers: what a runtime takes for a part of the call.
const FLOORS: [&str; 2] = ["new byte[]", "an empty native call"];
/// The operations, in the order of the table's columns; and for what reason a map of the language's own may do them faster.
const OPERATIONS: [(&str, &str); 5] = [
    (
        "get_100",
        "a get makes bytes of the language's own from memory that all threads share; a map of objects gives a reference",
    ),
    ("put_100", "a put copies the value and draws a version; a map of objects keeps a reference"),
    ("get_64k", "a get makes and fills 64 KiB; a view does not, nor does a map of objects"),
    ("put_64k", "a put copies 64 KiB; a map of objects keeps a reference"),
    ("view_64k", ""),
];
const DOCUMENT: &str = "docs/BINDINGS.md";
const BEGIN: &str = "<!-- written by cargo xtask calls -->\n";
const END: &str = "<!-- end of what cargo xtask calls wrote -->\n";
/// What says which compilers and runtimes there are, by the first line of its answer.
const VERSIONS: [&[&str]; 6] = [
    &["rustc", "--version"],
    &["cc", "--version"],
    &["python3", "--version"],
    &["java", "--version"],
    &["mono", "--version"],
    &["ruby", "--version"],
];

/// (language, what) -> operation -> nanoseconds by round; NaN where a round has none.
type Figures = BTreeMap<(usize, String), BTreeMap<String, Vec<f64>>>;

/// Runs all benches and prints the table. `--rounds N`, N from 1 on; `--write`: into the documentation.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal, arguments: &[&str]) -> Result<Tally, String> {
    let is_number = |word: &str| word.parse().ok().filter(|rounds| *rounds > 0_usize);
    let (rounds, write) = match arguments {
        [] => (ROUNDS, false),
        ["--write"] => (ROUNDS, true),
        ["--rounds", number] => (is_number(number).ok_or("--rounds takes 1 or more")?, false),
        ["--rounds", number, "--write"] => (is_number(number).ok_or("--rounds takes 1 or more")?, true),
        _ => return Err("calls: it takes --rounds N and then --write".to_owned()),
    };
    let mut figures = Figures::new();
    let mut skipped = BTreeMap::new();
    for round in 0..rounds {
        for (index, language) in LANGUAGES.iter().enumerate() {
            let ended = match (language.bench)(workspace) {
                Ok(mut command) => journal.run(&mut command, BENCH_LIMIT)?,
                Err(problem) => {
                    skipped.insert(format!("{}: {problem}", language.name), ());
                    continue;
                }
            };
            if !ended.ok {
                return Err(format!("the bench of {}: {}", language.name, ended.how));
            }
            take(&ended.output, index, round, &mut figures, &mut skipped);
        }
    }
    let mut text = machine(workspace, rounds)?;
    text += &table(&figures);
    for line in skipped.keys() {
        let _infallible = writeln!(text, "\nSkipped: {line}.");
    }
    text += &behind(&figures);
    print_line(&text);
    if write {
        let document = workspace.read(DOCUMENT)?;
        let document =
            replaced(&document, &text).ok_or(format!("{DOCUMENT}: where its table begins and ends is not marked"))?;
        std::fs::write(workspace.root.join(DOCUMENT), document).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    }
    Ok(if figures.is_empty() { Tally::FAILED } else { Tally::PASSED })
}

/// The document with the text between its marks.
fn replaced(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", text.trim_end()))
}

/// What it was measured on.
fn machine(workspace: &Workspace, rounds: usize) -> Result<String, String> {
    let first_line = |words: &[&str]| {
        let output = workspace.program(words[0]).args(&words[1..]).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
    };
    let versions: Vec<String> = VERSIONS.iter().filter_map(|words| first_line(words)).collect();
    let date = first_line(&["date", "-u", "+%F"]).unwrap_or_default();
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_err(|error| error.to_string())?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(1).unwrap_or("?").to_owned();
    Ok(format!(
        "{date}, {cores} cores of {}, others at work too (load {load} at the end); {}.\n\nNanoseconds a call: the least of \
         {rounds} rounds, in square brackets their median; in round ones the ratio to the same call in C, for a get of 100 bytes \
         to `mcc_get_into` and to `mcc_get` with `mcc_value_free`.\n\n",
        model.unwrap_or("an unknown make"),
        versions.join("; "),
    ))
}

/// Which rows of ours are slower than a peer of the same language, and why.
fn behind(figures: &Figures) -> String {
    let mut text = "\nBehind peers in the same language:\n\n".to_owned();
    for (operation, reason) in OPERATIONS {
        let mut found = Vec::new();
        for (index, language) in LANGUAGES.iter().enumerate() {
            let of = |what: &str| least(figures.get(&(index, what.to_owned()))?.get(operation)?);
            let Some(ours) = of("mccache") else { continue };
            let is_peer = |what: &str| !what.starts_with("mcc") && !FLOORS.contains(&what);
            let peers = figures.keys().filter(|(at, what)| *at == index && is_peer(what));
            let ahead = peers.filter_map(|(_, what)| of(what).filter(|theirs| *theirs < ours).map(|_| what.as_str()));
            let ahead: Vec<&str> = ahead.collect();
            if !ahead.is_empty() {
                found.push(format!("{} of {}", language.name, ahead.join(", ")));
            }
        }
        if !found.is_empty() {
            let _infallible = writeln!(text, "* `{operation}`: {}. The reason: {reason}.", found.join("; "));
        }
    }
    text
}

/// Reads what one bench printed.
fn take(output: &str, language: usize, round: usize, figures: &mut Figures, skipped: &mut BTreeMap<String, ()>) {
    for line in output.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            [what, "skipped", reason] => {
                skipped.insert(format!("{} {what}: {reason}", LANGUAGES[language].name), ());
            }
            [what, operation, figure] => {
                let Ok(figure) = figure.parse::<f64>() else { continue };
                let row = figures.entry((language, what.to_owned())).or_default();
                let cells = row.entry(operation.to_owned()).or_default();
                cells.resize(round, f64::NAN);
                cells.push(figure);
            }
            _ => {}
        }
    }
}

fn table(figures: &Figures) -> String {
    let c = LANGUAGES.iter().position(|language| language.name == C).unwrap_or(0);
    let names = OPERATIONS.map(|(operation, _)| operation);
    let mut text = format!("| language | what | {} |\n", names.join(" | "));
    let _infallible = writeln!(text, "|---|---|{}", "---|".repeat(OPERATIONS.len()));
    for ((language, what), row) in figures {
        let _infallible = write!(text, "| {} | {what} |", LANGUAGES[*language].name);
        for operation in names {
            let cell = row.get(operation).and_then(|cells| {
                let ours = least(cells)?;
                let to = |what: &str| Some(ours / least(figures.get(&(c, what.to_owned()))?.get(operation)?)?);
                let ratios: Vec<String> =
                    BASELINES.iter().filter_map(|what| Some(format!("{:.2}", to(what)?))).collect();
                Some(format!("{ours:.0} [{:.0}] ({})", median(cells)?, ratios.join(", ")))
            });
            let _infallible = write!(text, " {} |", cell.unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

/// The least of the figures there are.
fn least(figures: &[f64]) -> Option<f64> {
    figures.iter().copied().filter(|figure| figure.is_finite()).min_by(f64::total_cmp)
}

fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = figures.iter().copied().filter(|figure| figure.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_leave_out_what_is_missing() {
        assert_eq!(median(&[3.0, 1.0, f64::NAN, 2.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
        assert_eq!(median(&[]), None);
        assert_eq!((least(&[f64::NAN, 3.0, 2.0]), least(&[])), (Some(2.0), None));
    }

    #[test]
    fn figures_are_kept_by_round() {
        let (mut figures, mut skipped) = (Figures::new(), BTreeMap::new());
        take("noise\nmccache\tget_100\t70.5\nCaffeine\tskipped\tnot installed\n", 0, 0, &mut figures, &mut skipped);
        take("mccache\tget_100\t80\nmccache\tput_100\t90\n", 0, 1, &mut figures, &mut skipped);
        let row = &figures[&(0, "mccache".to_owned())];
        assert_eq!(row["get_100"], [70.5, 80.0]);
        assert!(row["put_100"][0].is_nan());
        assert_eq!(skipped.len(), 1);
        let text = table(&figures);
        assert!(text.contains("| mccache | 70 [75] (1.00) | 90 [90] (1.00) |"), "{text}");
        take("dict\tget_100\t10\nmccache\tget_100\t20\n", 2, 0, &mut figures, &mut skipped);
        assert!(behind(&figures).contains("`get_100`: python of dict."), "{}", behind(&figures));
        assert!(table(&figures).contains("| python | mccache | 20 [20] (0.28) |"), "{}", table(&figures));
    }

    #[test]
    fn the_table_goes_between_its_marks() {
        let document = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(replaced(&document, "new\n").as_deref(), Some(&*format!("before\n{BEGIN}\nnew\n\n{END}after\n")));
        assert_eq!(replaced("no marks", "new"), None);
    }
}
