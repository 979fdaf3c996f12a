//! The one error type. Each variant says what it did to the state: where nothing is said, nothing was changed.

use std::path::PathBuf;
use std::time::Duration;

/// Why a call did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting's name is unknown.
    #[error("unknown setting `{name}` in {source_name}{}", hint.as_ref().map(|h| format!("; did you mean `{h}`?")).unwrap_or_default())]
    UnknownSetting {
        /// The name as it was given.
        name: String,
        /// Where it was given: a file's path, "the environment" or "the call".
        source_name: String,
        /// The nearest known name, if one is near.
        hint: Option<String>,
    },
    /// A setting's value is out of range or unreadable.
    #[error("setting `{name}` = `{value}` in {source_name}: expected {expected}")]
    BadSetting {
        /// The setting.
        name: String,
        /// The value as it was given (never the value of a secret).
        value: String,
        /// Where it was given.
        source_name: String,
        /// Range or form, in words.
        expected: String,
    },
    /// A configuration file could not be read or parsed.
    #[error("configuration file {path}: {reason}")]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An argument is out of range.
    #[error("{name}: {reason}")]
    InvalidArgument {
        /// The argument's name.
        name: &'static str,
        /// What is wrong and what is accepted.
        reason: String,
    },
    /// The key or the value is longer than accepted, or the cache cannot hold both of them.
    #[error("{what} of {len} bytes is too long: the limit is {limit} bytes")]
    TooLarge {
        /// "key", "value", or "entry": both, with what it costs to keep them.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// The cache or node was closed.
    #[error("the {what} is closed")]
    Closed {
        /// "cache" or "node".
        what: &'static str,
    },
    /// The time allowed ran out. What was waited for may still happen.
    #[error("timed out after {} ms: {what}", waited.as_millis())]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// The network could not be set up or used.
    #[error("{what}: {source}; {cure}")]
    Network {
        /// What was tried.
        what: String,
        /// What the system answered.
        source: std::io::Error,
        /// What to do about it.
        cure: String,
    },
    /// Something this crate promised did not hold; a bug.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What fallible calls return.
pub type Result<T> = std::result::Result<T, Error>;
