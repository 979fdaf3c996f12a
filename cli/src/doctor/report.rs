//! Findings, and how they are printed: a line each, or one JSON object.
//!
//! The invariant: a finding is one line, whatever a member calls itself.

use std::fmt::Write as _;
use std::io::{self, Write};

use mccache::error::Error;

use crate::outcome::{Result, unwritten};

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Ok,
    Note,
    Wrong,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Wrong => "wrong",
        }
    }
}

#[derive(Debug)]
struct Finding {
    level: Level,
    topic: &'static str,
    text: String,
    cure: String,
}

/// All findings, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// As it should be.
    pub(super) fn ok(&mut self, topic: &'static str, text: impl Into<String>) {
        self.add(Level::Ok, topic, text.into(), "");
    }

    /// May be meant, or costs something.
    pub(super) fn note(&mut self, topic: &'static str, text: impl Into<String>, cure: impl AsRef<str>) {
        self.add(Level::Note, topic, text.into(), cure.as_ref());
    }

    /// To be mended.
    pub(super) fn wrong(&mut self, topic: &'static str, text: impl Into<String>, cure: impl AsRef<str>) {
        self.add(Level::Wrong, topic, text.into(), cure.as_ref());
    }

    /// An error of the library, with the cure it knows.
    pub(super) fn failed(&mut self, topic: &'static str, error: &Error) {
        let (what, cure) = super::words(error);
        self.wrong(topic, what, cure);
    }

    fn add(&mut self, level: Level, topic: &'static str, text: String, cure: &str) {
        let one_line = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.findings.push(Finding { level, topic, text: one_line(&text), cure: one_line(cure) });
    }

    /// Whether nothing is wrong.
    pub(super) fn is_well(&self) -> bool {
        self.wrongs() == 0
    }

    fn wrongs(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Wrong).count()
    }

    pub(super) fn print(&self, json: bool) -> Result<()> {
        let text = if json { self.json() } else { self.lines() };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| unwritten(&error))
    }

    fn lines(&self) -> String {
        let mut text = String::new();
        for Finding { level, topic, text: found, cure } in &self.findings {
            let level = if *level == Level::Wrong { "WRONG" } else { level.name() };
            let arrow = if cure.is_empty() { "" } else { " -> " };
            // Writing to a String cannot fail.
            let _written = writeln!(text, "{level:<6}{topic:<11}{found}{arrow}{cure}");
        }
        text.push_str(&match self.wrongs() {
            0 => "Nothing is wrong.\n".to_owned(),
            1 => "One thing is wrong.\n".to_owned(),
            n => format!("{n} things are wrong.\n"),
        });
        text
    }

    fn json(&self) -> String {
        let findings: Vec<String> = self
            .findings
            .iter()
            .map(|finding| {
                format!(
                    "{{\"level\":\"{}\",\"topic\":\"{}\",\"text\":{},\"cure\":{}}}",
                    finding.level.name(),
                    finding.topic,
                    quoted(&finding.text),
                    if finding.cure.is_empty() { "null".to_owned() } else { quoted(&finding.cure) }
                )
            })
            .collect();
        format!("{{\"ok\":{},\"findings\":[{}]}}\n", self.is_well(), findings.join(","))
    }
}

/// `text` as a JSON string (RFC 8259, 7). It has no control characters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_and_json_that_can_be_read() {
        let mut report = Report::default();
        report.ok("members", "a \"node\"\nof\u{7} \\ ours");
        report.wrong("clock", "ahead", "set it");
        assert_eq!(
            report.lines(),
            "ok    members    a \"node\" of  \\ ours\nWRONG clock      ahead -> set it\nOne thing is wrong.\n"
        );
        assert_eq!(
            report.json(),
            "{\"ok\":false,\"findings\":[{\"level\":\"ok\",\"topic\":\"members\",\"text\":\"a \\\"node\\\" of  \\\\ ours\",\
             \"cure\":null},{\"level\":\"wrong\",\"topic\":\"clock\",\"text\":\"ahead\",\"cure\":\"set it\"}]}\n"
        );
    }
}
