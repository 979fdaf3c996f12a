//! `cargo xtask calls`: what a get and a put cost in each language, beside the same call in C, the language's own map and
//! its favourite cache.
//!
//! Each language's bench prints lines `WHAT<TAB>OPERATION<TAB>NANOSECONDS`, each a median of a few batches in one process.
//! Here they run in turn, round after round, so that what else the machine does meets all of them alike; a figure is the
//! median of the rounds, a ratio that of the ratios within each round.

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
/// What all ratios are to.
const BASELINE: (&str, &str) = ("c", "mccache");
/// The operations, in the order of the table's columns.
const OPERATIONS: [&str; 5] = ["get_100", "put_100", "get_64k", "put_64k", "view_64k"];

/// (language, what) -> operation -> nanoseconds by round; NaN where a round has none.
type Figures = BTreeMap<(usize, String), BTreeMap<String, Vec<f64>>>;

/// Runs all benches and prints the table. `--rounds N`, N from 1 on.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal, arguments: &[&str]) -> Result<Tally, String> {
    let rounds = match arguments {
        [] => ROUNDS,
        ["--rounds", number] => number.parse().ok().filter(|rounds| *rounds > 0).ok_or("--rounds takes 1 or more")?,
        _ => return Err("calls: it takes --rounds N".to_owned()),
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
    let table = table(&figures, rounds);
    print_line(&table);
    for line in skipped.keys() {
        print_line(&format!("skipped: {line}"));
    }
    let file = workspace.scratch("calls")?.join("calls.md");
    std::fs::write(&file, table).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(if figures.is_empty() { Tally::FAILED } else { Tally::PASSED })
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

fn table(figures: &Figures, rounds: usize) -> String {
    let baseline = LANGUAGES.iter().position(|language| language.name == BASELINE.0);
    let baseline = baseline.and_then(|index| figures.get(&(index, BASELINE.1.to_owned())));
    let mut text =
        format!("Nanoseconds a call, medians of {rounds} rounds; in brackets the ratio to the same call in C.\n\n");
    let _infallible = writeln!(text, "| language | what | {} |", OPERATIONS.join(" | "));
    let _infallible = writeln!(text, "|---|---|{}", "---|".repeat(OPERATIONS.len()));
    for ((language, what), row) in figures {
        let _infallible = write!(text, "| {} | {what} |", LANGUAGES[*language].name);
        for operation in OPERATIONS {
            let cell = row.get(operation).and_then(|figures| {
                let ratio = baseline.and_then(|baseline| ratio(figures, baseline.get(operation)?));
                Some(format!("{:.0}{}", median(figures)?, ratio.map(|r| format!(" ({r:.2})")).unwrap_or_default()))
            });
            let _infallible = write!(text, " {} |", cell.unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

/// The median of the ratios within each round.
fn ratio(figures: &[f64], baseline: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = figures.iter().zip(baseline).map(|(figure, base)| figure / base).collect();
    median(&ratios)
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
        assert_eq!(ratio(&[2.0, 6.0, 9.0], &[1.0, 2.0, 3.0]), Some(3.0));
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
        assert!(table(&figures, 2).contains("| mccache | 75 (1.00) | 90 (1.00) |"), "{}", table(&figures, 2));
    }
}
