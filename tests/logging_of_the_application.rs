//! The log file in a process whose application has its own subscriber.

use std::io;
use std::sync::{Arc, Mutex};

use mccache::config::Config;
use mccache::logging;

/// What the application's own subscriber was told.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl io::Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no holder panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_application_s_subscriber_stays_and_hears_the_notices() {
    let heard = Heard::default();
    let own = {
        let heard = heard.clone();
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || heard.clone()).finish()
    };
    tracing::subscriber::set_global_default(own).expect("the first of this process");

    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("mccache.log");
    let mut config = Config::new();
    config.set("log_filename", file.to_str().expect("a path of text")).expect("a path");
    config.set("daemon_sleep", "1").expect("a known name");
    logging::start(&config.settings().expect("settings that go together")).expect("nothing is wrong");
    tracing::info!(target: "application", "still here");

    let text = String::from_utf8(heard.0.lock().expect("no holder panics").clone()).expect("text");
    assert!(text.contains("`daemon_sleep`") && text.contains("still here"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).expect("made when it was tried"), "");
}
