//! Settings as they are gathered: each with its text, its checked value and where it was given.
//!
//! The invariant: an entry exists only if its value is one of its setting's, and a weaker source never replaces a
//! stronger one, in whatever order they are read.

use std::collections::BTreeMap;
use std::fmt;

use super::table::{Fallback, Setting, known_settings};
use super::value::Value;
use crate::error::{Error, Result};

/// How strong a source is; the greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Force {
    Default,
    File,
    Environment,
    Code,
}

/// One setting that was given.
#[derive(Clone)]
pub(super) struct Entry {
    /// As it was given, for people who may see it.
    pub(super) shown: String,
    pub(super) value: Value,
    /// Where it was given, in words that follow "in".
    pub(super) source: String,
    force: Force,
}

/// At most one entry a setting, so at most as many as the table is long.
pub(super) type Entries = BTreeMap<&'static str, Entry>;

/// What a configuration file says.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    /// Outside of `[cache]`.
    pub(super) node: Entries,
    /// Each `[cache.<name>]`; bounded by the length of a file.
    pub(super) caches: BTreeMap<String, Entries>,
}

impl Entry {
    /// Checks `text` as the value of `setting`.
    pub(super) fn check(setting: &'static Setting, text: &str, source: String, force: Force) -> Result<Entry> {
        match setting.parse(text) {
            Ok(value) => Ok(Entry { shown: setting.shown(text), value, source, force }),
            Err(expected) => Err(Error::BadSetting {
                name: setting.name.to_owned(),
                value: setting.shown(text),
                source_name: source,
                expected,
            }),
        }
    }

    /// Whether this is no more than the default.
    pub(super) fn is_default(&self) -> bool {
        self.force == Force::Default
    }

    /// Whether it was given by a call.
    pub(super) fn is_of_code(&self) -> bool {
        self.force == Force::Code
    }
}

/// Without the value: the text that is shown is never a secret.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in {}", self.shown, self.source)
    }
}

/// Adds `new` to `entries` where nothing stronger is there.
pub(super) fn merge(entries: &mut Entries, new: Entries) {
    for (name, entry) in new {
        if entries.get(name).is_none_or(|old| old.force <= entry.force) {
            entries.insert(name, entry);
        }
    }
}

/// The entries of all settings whose default is a plain value.
pub(super) fn defaults() -> Result<Entries> {
    let mut entries = Entries::new();
    for setting in known_settings() {
        if let Fallback::Value(text) = setting.default {
            let entry = Entry::check(setting, text, "the defaults".to_owned(), Force::Default)?;
            entries.insert(setting.name, entry);
        }
    }
    Ok(entries)
}
