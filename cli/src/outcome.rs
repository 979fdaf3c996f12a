//! How a command ended, and what the shell is told of it.
//!
//! The invariant: a reader that went away (`mccache demo | head -3`) ends a command without a complaint and without a panic.

use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// One line: what is wrong and how to cure it.
    Said(String),
    /// The verdict was printed already, and it was bad.
    Shown,
    /// Nobody reads the output any more.
    NobodyReads,
    /// The user or the system asked to stop.
    Interrupted,
}

/// What the fallible parts of a command return.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// What `main` makes an exit code of.
pub(crate) trait Outcome {
    /// Says what went wrong, if anything did.
    fn report(self) -> ExitCode;
}

/// 128 + SIGINT, as shells have it.
const EXIT_INTERRUPTED: u8 = 130;

impl Outcome for Result<()> {
    fn report(self) -> ExitCode {
        match self {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure::Shown | Failure::NobodyReads) => ExitCode::FAILURE,
            Err(Failure::Interrupted) => ExitCode::from(EXIT_INTERRUPTED),
            Err(Failure::Said(text)) => {
                // Whether stderr can be written or not, the exit code tells.
                let _unheard = writeln!(io::stderr().lock(), "mccache: {text}");
                ExitCode::FAILURE
            }
        }
    }
}

impl From<mccache::error::Error> for Failure {
    fn from(error: mccache::error::Error) -> Failure {
        Failure::Said(error.to_string())
    }
}

/// A failure to write the output: quiet if the reader went away.
pub(crate) fn unwritten(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::NobodyReads,
        _ => Failure::Said(format!("the output cannot be written: {error}")),
    }
}
