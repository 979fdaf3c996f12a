//! The log file in a process that has no subscriber of its own. One story, as a process has one subscriber.

use std::path::Path;

use mccache::config::{Config, Settings};
use mccache::error::Error;
use mccache::logging;

fn settings(given: &[(&str, &str)]) -> Settings {
    let mut config = Config::new();
    for (name, value) in given {
        config.set(name, value).expect("a setting within its range");
    }
    config.settings().expect("settings that go together")
}

fn logging_to(file: &Path, given: &[(&str, &str)]) -> Settings {
    let path = file.to_str().expect("a path of text");
    settings(&[&[("log_filename", path)], given].concat())
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[test]
fn the_first_file_named_is_appended_to_and_each_notice_is_said_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, other) = (directory.path().join("a.log"), directory.path().join("b.log"));
    std::fs::write(&file, "older line\n").expect("a log with something in it");

    logging::start(&settings(&[])).expect("no file is wanted");

    let nowhere = directory.path().join("missing").join("a.log");
    let error = logging::start(&logging_to(&nowhere, &[("daemon_sleep", "1")])).expect_err("no such folder");
    assert!(matches!(&error, Error::BadSetting { name, .. } if name == "log_filename"), "{error}");
    assert!(error.to_string().contains("missing"), "{error}");

    let settings = logging_to(&file, &[("daemon_sleep", "1"), ("log_format", "json"), ("log_level", "info")]);
    logging::start(&settings).expect("a file that can be written");
    logging::start(&settings).expect("once more");
    logging::start(&logging_to(&other, &[("daemon_sleep", "2")])).expect("another node of the process");
    tracing::info!(target: "mccache::node", members = 3, "joined");
    tracing::debug!(target: "mccache::node", "too fine");
    tracing::error!(target: "application", "not ours");

    let text = std::fs::read_to_string(&file).expect("the log");
    assert!(text.starts_with("older line\n"), "{text}");
    assert_eq!((count(&text, "`daemon_sleep`"), count(&text, "`log_format`")), (1, 1), "{text}");
    assert!(text.contains("INFO") && text.contains("joined members=3"), "{text}");
    assert!(!text.contains("too fine") && !text.contains("not ours") && !text.contains('\u{1b}'), "{text}");
    assert!(!other.exists(), "the process logs to its first file");
}
