//! The demonstration, run as its users run it: as a program, with real processes and sockets.
//!
//! Each run has a cluster name, key and port of its own, so tests may run at the same time.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "tests wait for real processes, with deadlines")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a whole demonstration may take on a loaded machine.
const RUN_MAX: Duration = Duration::from_secs(60);
/// How long a process may outlive what should have ended it.
const END_MAX: Duration = Duration::from_secs(10);

/// A demonstration that is killed when the test gives up.
struct Demo(Child);

impl Demo {
    fn start(arguments: &[&str]) -> Demo {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mccache"));
        command.arg("demo").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Demo(command.spawn().expect("the program was built for this test"))
    }

    fn output(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.0.stdout.take().expect("asked for, and taken once"))
    }

    fn complaints(&mut self) -> String {
        let mut text = String::new();
        let mut pipe = self.0.stderr.take().expect("asked for, and taken once");
        pipe.read_to_string(&mut text).expect("a pipe");
        text
    }

    /// Its exit code; None if a signal ended it.
    fn ends_within(&mut self, patience: Duration) -> Option<i32> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it still runs after {patience:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Reads until the processes of act 1 are named; their ids.
fn process_ids(output: &mut impl BufRead) -> Vec<u32> {
    for line in output.lines() {
        let line = line.expect("a line");
        if line.contains("know each other") {
            let ids = line.split("(pid ").skip(1);
            return ids.map(|rest| rest.split(')').next().expect("one").parse().expect("a process id")).collect();
        }
    }
    panic!("the processes did not meet");
}

/// Whether the process runs; one that ended and waits for its new parent to reap it does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| stat.contains("(mccache)") && !stat.contains(") Z "))
}

fn until_gone(pids: &[u32]) {
    let deadline = Instant::now() + END_MAX;
    while let Some(pid) = pids.iter().find(|pid| runs(**pid)) {
        assert!(Instant::now() < deadline, "process {pid} outlives the command");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_whole_run_in_a_pipe_shows_every_act_and_ends_coherent() {
    let mut demo = Demo::start(&["--seconds", "1", "--keys", "20"]);
    let mut text = String::new();
    demo.output().read_to_string(&mut text).expect("text");
    assert_eq!(demo.ends_within(RUN_MAX), Some(0), "{text}{}", demo.complaints());
    for act in 1..=7 {
        assert!(text.contains(&format!(" act {act}/7: ")), "act {act} is missing:\n{text}");
    }
    for said in [
        "know each other",
        "b reads \"hello from a",
        "deletes greeting: gone on a and b",
        "held 2,020 of 2,020 entries",
        "noticed it after",
        "datagrams were dropped",
        "coherent: three processes hold the same",
    ] {
        assert!(text.contains(said), "`{said}` is missing:\n{text}");
    }
    assert!(!text.contains("NOT"), "{text}");
    assert!(!text.contains('\x1b'), "a pipe gets no terminal codes:\n{text}");
}

#[test]
fn the_processes_end_when_the_command_is_killed() {
    let mut demo = Demo::start(&["--nodes", "2"]);
    let pids = process_ids(&mut demo.output());
    assert_eq!(pids.len(), 2);
    demo.0.kill().expect("a running child");
    assert_eq!(demo.ends_within(END_MAX), None, "a signal ended it, not the closed pipe");
    until_gone(&pids);
}

#[test]
fn an_interrupt_ends_the_command_and_its_processes() {
    let mut demo = Demo::start(&["--nodes", "2"]);
    let mut output = demo.output();
    let pids = process_ids(&mut output);
    assert!(pids.iter().all(|pid| runs(*pid)));
    let interrupted = Command::new("kill").arg("-INT").arg(demo.0.id().to_string()).status().expect("kill(1)");
    assert!(interrupted.success());
    assert_eq!(demo.ends_within(END_MAX), Some(130));
    // Already: it reaps them itself before it ends.
    assert!(!pids.iter().any(|pid| runs(*pid)));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut demo = Demo::start(&["--nodes", "2"]);
    let mut output = demo.output();
    let pids = process_ids(&mut output);
    drop(output);
    assert_eq!(demo.ends_within(RUN_MAX), Some(1));
    assert_eq!(demo.complaints(), "");
    assert!(!pids.iter().any(|pid| runs(*pid)));
}

#[test]
fn a_process_started_by_hand_says_what_to_run_instead() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mccache"))
        .arg("demo-node")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built for this test");
    child.stdin.take().expect("asked for").write_all(b"help\n").expect("a pipe");
    let output = child.wait_with_output().expect("a child");
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).expect("text");
    assert!(complaint.contains("mccache demo"), "{complaint}");
}
