//! The table of processes: columns, what stands in them, how they fit the terminal.
//!
//! The invariant: a line is never longer than the width it was made for, so the screen can be redrawn in place.

use super::node::TOLD;
use super::screen::Style;
use super::stage::{Player, State};
use crate::figures::{fit, short};

/// From this width on the whole checksum and the hits are shown.
const WIDE: usize = 104;
/// Digits of a checksum that fit a narrow terminal.
const CHECKSUM_DIGITS: usize = 8;
/// All of its digits.
const CHECKSUM_DIGITS_WIDE: usize = 16;

/// One column.
struct Column {
    head: &'static str,
    width: usize,
    value: fn(&Player) -> String,
}

const NARROW_COLUMNS: [Column; 10] = [
    Column { head: "node:pid", width: 9, value: name },
    Column { head: "state", width: 8, value: |player| player.state.word().to_owned() },
    Column { head: "sees", width: 4, value: |player| player.status.text("sees").to_owned() },
    Column { head: "entries", width: 7, value: |player| told(player, "entries") },
    Column { head: "checksum", width: CHECKSUM_DIGITS, value: |player| checksum(player, CHECKSUM_DIGITS) },
    Column { head: "writes", width: 6, value: writes },
    Column { head: "received", width: 8, value: |player| told(player, "updates_applied") },
    Column { head: "gaps", width: 5, value: |player| told(player, "gaps") },
    Column { head: "repaired", width: 8, value: |player| told(player, "repaired") },
    Column { head: "dropped", width: 7, value: |player| told(player, "dropped_on_purpose") },
];

const WIDE_CHECKSUM: Column =
    Column { head: "checksum", width: CHECKSUM_DIGITS_WIDE, value: |player| checksum(player, CHECKSUM_DIGITS_WIDE) };

const HITS: Column = Column { head: "hits", width: 6, value: |player| told(player, "cache_hits") };

/// The position of the checksum among the columns.
const CHECKSUM_AT: usize = 4;
/// The columns that read better flush left: name and state.
const LEFT: usize = 2;

/// Heading and one line a process, at most `width` wide.
pub(super) fn lines(cast: &[Player], width: usize, style: Style) -> Vec<String> {
    let wide = width >= WIDE;
    let mut columns: Vec<&Column> = NARROW_COLUMNS.iter().collect();
    if wide {
        columns.push(&HITS);
        if let Some(checksum) = columns.get_mut(CHECKSUM_AT) {
            *checksum = &WIDE_CHECKSUM;
        }
    }
    let gap = if wide { "  " } else { " " };
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells: Vec<String> =
            columns.iter().enumerate().map(|(at, column)| padded(&cell(column), column.width, at < LEFT)).collect();
        fit(cells.join(gap).trim_end(), width)
    };
    let heading = style.dim(&line(&|column| column.head.to_owned()));
    let rows = cast.iter().map(|player| coloured(&line(&|column| (column.value)(player)), player.state, style));
    std::iter::once(heading).chain(rows).collect()
}

fn padded(text: &str, width: usize, left: bool) -> String {
    if left { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

fn coloured(line: &str, state: State, style: Style) -> String {
    match state {
        State::Ready | State::Writes => line.replacen(state.word(), &style.good(state.word()), 1),
        State::Starts | State::Joins | State::Reopens => line.replacen(state.word(), &style.busy(state.word()), 1),
        State::Killed => style.bad(line),
    }
}

fn name(player: &Player) -> String {
    format!("{}:{}", player.name, player.pid)
}

fn told(player: &Player, name: &str) -> String {
    debug_assert!(name == "entries" || TOLD.contains(&name), "{name}");
    if player.status.text(name).is_empty() { String::new() } else { short(player.status.number(name)) }
}

fn writes(player: &Player) -> String {
    if player.status.text("cache_puts").is_empty() {
        return String::new();
    }
    short(player.status.number::<u64>("cache_puts") + player.status.number::<u64>("cache_deletes"))
}

fn checksum(player: &Player, digits: usize) -> String {
    player.status.text("checksum").chars().take(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::super::line::Line;
    use super::*;

    fn player(state: State) -> Player {
        let status =
            TOLD.iter().fold(Line::new(1, "ok").with("sees", 3), |line, name| line.with(name, 1_999_999_999_u64));
        let status = status.with("entries", 123_456).with("checksum", "0123456789abcdef");
        let mut player = Player::named("a");
        (player.state, player.status, player.pid) = (state, status, 4_194_304);
        player
    }

    #[test]
    fn a_row_of_large_figures_fits_eighty_columns_and_holds_every_column() {
        let lines = lines(&[player(State::Reopens)], 79, Style::PLAIN);
        assert_eq!(lines.len(), 2);
        for line in &lines {
            assert!(line.chars().count() <= 79, "{line}");
        }
        for column in &NARROW_COLUMNS {
            assert!(lines[0].contains(column.head), "{}", column.head);
        }
        assert!(lines[1].starts_with("a:4194304 reopens"), "{}", lines[1]);
        assert!(lines[1].contains("123k 01234567 "), "{}", lines[1]);
    }

    #[test]
    fn a_wide_terminal_shows_the_whole_checksum_and_the_hits() {
        let lines = lines(&[player(State::Ready)], 119, Style::PLAIN);
        assert!(lines[0].trim_end().ends_with("hits"), "{}", lines[0]);
        assert!(lines[1].contains("0123456789abcdef"), "{}", lines[1]);
    }

    #[test]
    fn what_was_not_told_yet_is_left_blank() {
        let lines = lines(&[Player::named("a")], 79, Style::PLAIN);
        assert_eq!(lines[1].trim_end(), "a:0       starts");
    }
}
