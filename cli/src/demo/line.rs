//! The text on the pipes between the command and its processes: one line a message, words of the form `name=value`.
//!
//! The invariant: what is written here is read back the same, and a line that nobody here wrote is refused as a whole.
//! `text=` comes last and may hold anything but a line break.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

/// The value that takes the rest of the line.
const TEXT: &str = "text";

/// A verb and its named values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// What the reply belongs to; 0 for what was not asked.
    pub(super) id: u64,
    /// What is asked or told.
    pub(super) verb: String,
    values: BTreeMap<String, String>,
}

impl Line {
    /// A line without values.
    pub(super) fn new(id: u64, verb: &str) -> Line {
        Line { id, verb: verb.to_owned(), values: BTreeMap::new() }
    }

    /// The same with one value more. Names and values are this program's own: without spaces, but for `text`.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Display) -> Line {
        self.values.insert(name.to_owned(), value.to_string().replace(['\n', '\r'], " "));
        self
    }

    /// The same with a duration.
    #[must_use]
    pub(super) fn with_ns(self, name: &str, value: Duration) -> Line {
        self.with(name, value.as_nanos())
    }

    /// Reads what [`Display`] wrote; None if it is not such a line.
    pub(super) fn parse(line: &str) -> Option<Line> {
        let (head, text) = match line.split_once(" text=") {
            Some((head, text)) => (head, Some(text)),
            None => (line, None),
        };
        let mut words = head.split(' ');
        let id = words.next()?.parse().ok()?;
        let verb = words.next()?.to_owned();
        let mut values = BTreeMap::new();
        for word in words {
            let (name, value) = word.split_once('=')?;
            values.insert(name.to_owned(), value.to_owned());
        }
        values.extend(text.map(|text| (TEXT.to_owned(), text.to_owned())));
        Some(Line { id, verb, values })
    }

    /// The value called `name`; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The value called `name`; the type's zero if there is none or it is of another form.
    pub(super) fn number<N: FromStr + Default>(&self, name: &str) -> N {
        self.text(name).parse().unwrap_or_default()
    }

    /// A duration written by [`Line::with_ns`].
    pub(super) fn span(&self, name: &str) -> Duration {
        Duration::from_nanos(self.number(name))
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.verb)?;
        for (name, value) in self.values.iter().filter(|(name, _)| *name != TEXT) {
            write!(f, " {name}={value}")?;
        }
        self.values.get(TEXT).map_or(Ok(()), |text| write!(f, " {TEXT}={text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_as_it_was_written() {
        let line = Line::new(7, "put").with("zone", 3).with("key", "k").with(TEXT, "hello = from a\nb");
        let written = line.to_string();
        assert_eq!(written, "7 put key=k zone=3 text=hello = from a b");
        assert_eq!(Line::parse(&written), Some(line));
    }

    #[test]
    fn foreign_lines_are_refused() {
        for foreign in ["", "x", "thread main panicked", "1", "1 put key"] {
            assert_eq!(Line::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn durations_keep_their_nanoseconds() {
        let at = Duration::new(1_800_000_000, 123_456_789);
        assert_eq!(Line::new(0, "x").with_ns("at", at).span("at"), at);
    }
}
