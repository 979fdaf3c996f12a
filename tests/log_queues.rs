//! The log as queues, in a process that has no subscriber of its own. One story, as the log is the process's.

use std::time::Duration;

use mccache::config::Config;
use mccache::logging::{self, Record, Records, Waited};
use tracing::Level;

const LONG: Duration = Duration::from_secs(20);

fn next(records: &Records) -> Record {
    match records.wait(LONG) {
        Waited::Record(record) => record,
        other => panic!("{other:?} instead of a record"),
    }
}

fn has_none(records: &Records) -> bool {
    records.wait(Duration::ZERO) == Waited::TimedOut
}

#[test]
fn each_queue_gets_what_it_asked_for_beside_the_file_and_drops_its_oldest() {
    tracing::info!(target: "mccache::node", "nobody listens yet");
    let warnings = Records::new(Level::WARN);
    let mut config = Config::new();
    config.set("daemon_sleep", "1").expect("a known name");
    logging::start(&config.settings().expect("settings that go together")).expect("nothing to open");
    let notice = next(&warnings);
    assert_eq!((notice.level, notice.target, notice.dropped), (Level::WARN, "mccache::logging", 0));
    assert!(
        notice.message.contains("`daemon_sleep`") && notice.message.ends_with("setting=\"daemon_sleep\""),
        "{notice:?}"
    );
    assert!(notice.time.0 > 1_700_000_000_000, "{notice:?}");

    // A second, finer one; and the file, opened when the queues are there, has a level of its own.
    let all = Records::new(Level::TRACE);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("mccache.log");
    config.set("log_filename", file.to_str().expect("a path of text")).expect("a path");
    config.set("log_level", "info").expect("a level");
    logging::start(&config.settings().expect("settings that go together")).expect("a file that can be written");
    tracing::info!(target: "mccache::node", members = 3, "joined");
    tracing::trace!(target: "mccache::node", "a step");
    tracing::error!(target: "application", "not ours");
    assert_eq!(next(&all).message, "joined members=3");
    assert_eq!(next(&all).message, "a step");
    assert!(has_none(&all) && has_none(&warnings));
    let text = std::fs::read_to_string(&file).expect("the log");
    assert!(text.contains("joined members=3") && !text.contains("a step") && !text.contains("not ours"), "{text}");

    // A level that changes: what is queued stays, and what the others want is not touched.
    tracing::trace!(target: "mccache", "queued before");
    all.set_level(Level::WARN);
    tracing::info!(target: "mccache", "too fine now");
    warnings.set_level(Level::DEBUG);
    tracing::debug!(target: "mccache", "fine enough now");
    warnings.set_level(Level::WARN);
    assert_eq!((next(&all).message.as_str(), has_none(&all)), ("queued before", true));
    assert_eq!((next(&warnings).message.as_str(), has_none(&warnings)), ("fine enough now", true));
    assert!(!tracing::enabled!(target: "mccache", Level::DEBUG), "what nobody wants any more costs nothing");
    all.set_level(Level::TRACE);

    // It is bounded, and counts what it lost.
    for number in 0..1_030 {
        tracing::debug!(target: "mccache", "{number}");
    }
    let first = next(&all);
    assert_eq!((first.message.as_str(), first.dropped), ("6", 6));
    assert_eq!((next(&all).dropped, has_none(&warnings)), (0, true));

    // Woken, closed, drained; then nothing is collected any more.
    warnings.wake();
    assert_eq!(warnings.wait(LONG), Waited::Woken);
    tracing::warn!(target: "mccache", "the last");
    warnings.close();
    warnings.close();
    warnings.set_level(Level::TRACE);
    tracing::warn!(target: "mccache", "too late");
    assert_eq!(next(&warnings).message, "the last");
    assert_eq!(warnings.wait(LONG), Waited::Closed);
    drop((all, warnings));
    a_wait_ends_when_a_record_comes_and_when_the_queue_is_closed();
    assert!(!tracing::enabled!(target: "mccache", Level::DEBUG), "it costs nothing when nobody listens");
}

fn a_wait_ends_when_a_record_comes_and_when_the_queue_is_closed() {
    let records = Records::new(Level::ERROR);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| records.wait(LONG));
        tracing::error!(target: "mccache::node", "now");
        assert!(matches!(waiter.join().expect("it returns"), Waited::Record(_)));
        let waiter = scope.spawn(|| records.wait(LONG));
        records.close();
        assert_eq!(waiter.join().expect("it returns"), Waited::Closed);
    });
}
