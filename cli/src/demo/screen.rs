//! What the user sees: on a terminal a block that is redrawn in place, elsewhere plain lines.
//!
//! The invariants: the block is never higher or wider than the terminal, or moving up over it would miss; the cursor is
//! shown again however the demonstration ends; a plain line is written once, complete.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::stage::Player;
use super::{table, wall};
use crate::figures::{fit, wrap};
use crate::outcome::{Result, unwritten};

/// Lines of the log under the table.
const LOG_LINES_MAX: usize = 8;
/// Where the terminal does not tell its size.
const SIZE_ASSUMED: (usize, usize) = (80, 24);
/// Lines of the block that are neither table nor log: title, act (two lines at most), and two blank ones.
const FRAME_LINES: usize = 5;

/// Of the table and the verdict where lines are plain: wide enough for both on a line each.
const PLAIN_WIDTH: usize = 160;

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const CLEAR_TO_END: &str = "\x1b[J";
const CLEAR_LINE: &str = "\x1b[K";

/// Whether and how text is coloured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    colours: bool,
}

impl Style {
    /// No colours.
    #[cfg(test)]
    pub(super) const PLAIN: Style = Style { colours: false };

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Headings.
    fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What the eye may skip.
    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// All is well.
    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Under way.
    pub(super) fn busy(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Gone or wrong.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }
}

/// A line of the log.
#[derive(Clone, Debug)]
struct Entry {
    at: Duration,
    heading: bool,
    text: String,
}

/// Where the demonstration is shown.
#[derive(Debug)]
pub(super) struct Screen {
    live: bool,
    style: Style,
    began: Duration,
    title: String,
    act: String,
    log: Vec<Entry>,
    /// Lines of the block as it stands on the terminal now, and the width it was made for.
    drawn: (usize, usize),
}

impl Screen {
    /// A screen on stdout; `plain` asks for lines also on a terminal.
    pub(super) fn new(title: &str, plain: bool) -> Screen {
        let variable = |name| std::env::var_os(name).unwrap_or_default();
        let live = !plain && cfg!(unix) && io::stdout().is_terminal() && variable("TERM") != "dumb";
        let style = Style { colours: live && variable("NO_COLOR").is_empty() };
        let (title, act, log) = (title.to_owned(), String::new(), Vec::new());
        Screen { live, style, began: wall(), title, act, log, drawn: (0, 0) }
    }

    /// Announces an act.
    pub(super) fn act(&mut self, text: String) -> Result<()> {
        self.act.clone_from(&text);
        self.log(true, text)
    }

    /// Tells something that happened.
    pub(super) fn say(&mut self, text: String) -> Result<()> {
        self.log(false, text)
    }

    fn log(&mut self, heading: bool, text: String) -> Result<()> {
        let entry = Entry { at: wall().saturating_sub(self.began), heading, text };
        if !self.live {
            write(&format!("{}{}\n", plain_head(&entry), entry.text))?;
        }
        self.log.push(entry);
        Ok(())
    }

    /// Draws the block anew; nothing where lines are plain.
    pub(super) fn draw(&mut self, cast: &[Player]) -> Result<()> {
        if !self.live {
            return Ok(());
        }
        let (columns, rows) = size();
        // The last column stays free: a cursor that waits there to wrap is a thing terminals disagree on.
        let width = columns.saturating_sub(1);
        let block = self.block(cast, width, rows.saturating_sub(1));
        let frame = format!("{HIDE_CURSOR}{}", self.over(&block, width));
        self.drawn = (block.len(), width);
        write(&frame)
    }

    /// Replaces the block by the whole story and the last state of the table, then says `verdict`.
    pub(super) fn end(&mut self, cast: &[Player], verdict: &str, good: bool) -> Result<()> {
        let width = if self.live { size().0.saturating_sub(1) } else { PLAIN_WIDTH };
        let mut lines = Vec::new();
        if self.live {
            lines.push(self.style.strong(&fit(&self.title, width)));
            lines.extend(self.log.iter().flat_map(|entry| self.entry_lines(entry, width)));
        }
        lines.push(String::new());
        lines.extend(table::lines(cast, width, self.style));
        lines.push(String::new());
        let verdict = wrap(verdict, width);
        lines.extend(verdict.iter().map(|line| if good { self.style.good(line) } else { self.style.bad(line) }));
        let mut text = if self.live { self.over(&lines, width) } else { lines.join("\n") + "\n" };
        if self.live {
            text.push_str(SHOW_CURSOR);
        }
        self.drawn = (0, 0);
        write(&text)
    }

    /// What puts `lines` in the place of the block. Line by line, so that nothing flickers.
    fn over(&self, lines: &[String], width: usize) -> String {
        let mut text = self.back(width);
        for line in lines {
            text.push_str(line);
            text.push_str(CLEAR_LINE);
            text.push_str("\r\n");
        }
        text.push_str(CLEAR_TO_END);
        text
    }

    /// Moves to where the block begins; if the terminal was resized, to the top of an empty screen.
    fn back(&self, width: usize) -> String {
        match self.drawn {
            (0, _) => String::new(),
            (_, drawn_width) if drawn_width != width => "\x1b[2J\x1b[H".to_owned(),
            (height, _) => format!("\x1b[{height}A\r"),
        }
    }

    fn block(&self, cast: &[Player], width: usize, height: usize) -> Vec<String> {
        let elapsed = format!("{:.1} s", wall().saturating_sub(self.began).as_secs_f64());
        let room = width.saturating_sub(elapsed.len() + 1);
        let title = format!("{:<room$} {elapsed}", fit(&self.title, room));
        let mut block = vec![self.style.strong(&fit(&title, width))];
        block.extend(wrap(&self.act, width).iter().map(|line| self.style.strong(line)));
        block.push(String::new());
        block.extend(table::lines(cast, width, self.style));
        block.push(String::new());
        let room = height.saturating_sub(cast.len() + 1 + FRAME_LINES).min(LOG_LINES_MAX);
        block.extend(self.newest(room, width));
        block.truncate(height);
        block
    }

    /// As many of the newest entries as fit `room` lines, each whole.
    fn newest(&self, room: usize, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for entry in self.log.iter().rev() {
            let mut more = self.entry_lines(entry, width);
            if more.len() + lines.len() > room {
                break;
            }
            more.append(&mut lines);
            lines = more;
        }
        lines
    }

    fn entry_lines(&self, entry: &Entry, width: usize) -> Vec<String> {
        let head = plain_head(entry);
        let indent = " ".repeat(head.chars().count());
        let room = width.saturating_sub(indent.len());
        wrap(&entry.text, room)
            .iter()
            .enumerate()
            .map(|(at, line)| {
                let head = if at == 0 { self.style.dim(&head) } else { indent.clone() };
                let line = if entry.heading { self.style.strong(line) } else { line.clone() };
                format!("{head}{line}")
            })
            .collect()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.live {
            // The terminal may be gone; then there is no cursor to show.
            let _unseen = write(SHOW_CURSOR);
        }
    }
}

fn plain_head(entry: &Entry) -> String {
    let indent = if entry.heading { "" } else { "  " };
    format!("[{:5.2} s] {indent}", entry.at.as_secs_f64())
}

fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| unwritten(&error))
}

/// Columns and rows.
fn size() -> (usize, usize) {
    terminal_size::terminal_size().map_or(SIZE_ASSUMED, |(columns, rows)| (columns.0.into(), rows.0.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen() -> Screen {
        let style = Style { colours: false };
        let mut log = Vec::new();
        for at in 0..40 {
            let text =
                format!("line {at} of a log whose sentences are longer than a narrow terminal is wide, as is usual");
            log.push(Entry { at: Duration::from_secs(at), heading: at % 7 == 0, text });
        }
        let act =
            "act 6/7: a sentence that does not fit one line of a narrow terminal and goes on in a second one".into();
        Screen { live: false, style, began: wall(), title: "a title".into(), act, log, drawn: (0, 0) }
    }

    #[test]
    fn the_block_fits_the_terminal_whatever_its_size() {
        let cast: Vec<Player> = ["a", "b", "c", "d"].map(Player::named).into();
        for (width, height) in [(79, 23), (119, 39), (40, 12), (20, 5), (1, 1), (0, 0)] {
            let block = screen().block(&cast, width, height);
            assert!(block.len() <= height, "{} lines on {height}", block.len());
            for line in &block {
                assert!(line.chars().count() <= width.max(1), "{width}: {line}");
            }
        }
    }

    #[test]
    fn the_newest_of_the_log_is_at_the_end_of_the_block() {
        let block = screen().block(&[Player::named("a")], 119, 39);
        assert!(block.last().expect("lines").contains("line 39 "), "{block:?}");
    }

    #[test]
    fn colours_are_left_out_where_they_are_not_wanted() {
        assert_eq!(Style::PLAIN.bad("x"), "x");
        assert_eq!(Style { colours: true }.bad("x"), "\x1b[31mx\x1b[0m");
    }
}
