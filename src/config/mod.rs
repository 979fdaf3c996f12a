//! Every setting: what it means, where it may be given, what it amounts to.
//!
//! [`Config`] gathers names and texts; [`Settings`] is what they amount to, checked. The invariants: a source never
//! overrides a stronger one (file, then environment, then code), a name or value that cannot be understood is an error
//! that says where it stands and what is accepted, and the key is never shown. What a room does with its settings does
//! not live here, nor does what nobody tunes: that is a constant beside its user.

mod entry;
mod environment;
mod file;
mod hint;
mod host;
mod network;
mod resolve;
mod ring;
mod settings;
mod table;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

pub use self::ring::{RING_KEYS_MAX, parse_key};
pub use self::settings::{
    CacheMode, CachePolicy, CacheSettings, Contact, LoadPolicy, Notice, RingKey, Secret, Settings,
};
pub use self::table::{ENV_PREFIX, Fallback, Level, Origin, Setting, known_setting, known_settings};

use self::entry::{Entries, Entry, Force, Layer, merge};
use self::value::shown;
use crate::error::{Error, Result};

/// Settings being gathered, each with its checked value and where it was given.
///
/// Whatever the order of the calls, code overrides the environment and the environment overrides files. Among files, and
/// among calls, the later one wins.
#[derive(Clone, Debug, Default)]
pub struct Config {
    entries: Entries,
    caches: BTreeMap<String, Entries>,
}

/// A setting as it stands in a [`Config`].
#[derive(Clone, Debug)]
pub struct Described {
    /// The setting.
    pub setting: &'static Setting,
    /// Its value as it was given, the default, or how the default is found; a secret is not shown.
    pub value: String,
    /// Where it was given, in words that follow "in".
    pub source: String,
}

impl Config {
    /// Nothing set: the defaults. Neither a file nor the environment is read.
    #[must_use]
    pub fn new() -> Config {
        Config::default()
    }

    /// The process's own: the file, then the environment.
    ///
    /// The file is the one that the variable `MCCACHE_CONFIG` names (empty: none), else `./mccache.toml`, else the table
    /// `[tool.mccache]` of `./pyproject.toml`. Each other variable that begins with `MCCACHE_` sets the setting of the
    /// rest of its name.
    ///
    /// # Errors
    /// [`Error::ConfigFile`], [`Error::UnknownSetting`] or [`Error::BadSetting`], for the first thing that is wrong.
    pub fn from_environment() -> Result<Config> {
        Config::gather(std::env::vars_os(), Path::new(""))
    }

    /// [`from_environment`](Config::from_environment) with another environment and working directory.
    ///
    /// # Errors
    /// As there.
    pub fn gather(variables: impl IntoIterator<Item = (OsString, OsString)>, directory: &Path) -> Result<Config> {
        let (layer, variables) = environment::gather(variables, directory)?;
        let mut config = Config::new();
        config.take(layer);
        merge(&mut config.entries, variables);
        Ok(config)
    }

    /// Takes in the settings of the TOML file at `path`, of at most 1 MiB, over those of files that were read before.
    ///
    /// In a file called `pyproject.toml` they are those of the table `[tool.mccache]`, in any other those at the top.
    ///
    /// # Errors
    /// [`Error::ConfigFile`] if it cannot be read or parsed, [`Error::UnknownSetting`], [`Error::BadSetting`]; nothing
    /// of the file is taken then.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        self.take(environment::named_file(path)?);
        Ok(())
    }

    /// Sets the setting called `name`, over file and environment.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`] or [`Error::BadSetting`]; nothing is set then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let source = || "the call".to_owned();
        let Some(setting) = known_setting(name) else {
            let hint = hint::nearest(name).map(str::to_owned);
            return Err(Error::UnknownSetting { name: shown(name), source_name: source(), hint });
        };
        let entry = Entry::check(setting, value, source(), Force::Code)?;
        self.entries.insert(setting.name, entry);
        Ok(())
    }

    /// What the settings amount to on this host. Its interfaces and routes are looked up where that is needed; nothing
    /// is sent.
    ///
    /// # Errors
    /// [`Error::BadSetting`] if the interface is none of this host's, or if it is named without a key and without
    /// `insecure`.
    pub fn settings(&self) -> Result<Settings> {
        resolve::settings(&self.entries, &self.caches, &host::ThisHost)
    }

    /// The settings of caches alone, over `base`. Settings of the node that file or environment gave, and
    /// `[cache.<name>]` tables, have no part in it.
    ///
    /// # Errors
    /// [`Error::BadSetting`] for a setting of the node that was given by [`set`](Config::set): to pass over it would hide
    /// a mistake.
    pub fn cache_settings(&self, base: &CacheSettings) -> Result<CacheSettings> {
        let foreign =
            |(name, entry): (&&str, &Entry)| entry.is_of_code() && !known_setting(name).is_some_and(is_of_caches);
        if let Some((name, entry)) = self.entries.iter().find(|one| foreign(*one)) {
            let own: Vec<&str> = known_settings().iter().filter(|one| is_of_caches(one)).map(|one| one.name).collect();
            return Err(Error::BadSetting {
                name: (*name).to_owned(),
                value: entry.shown.clone(),
                source_name: "what a cache is opened with".to_owned(),
                expected: format!(
                    "settings of caches ({}); give others to the node, the file or the environment",
                    own.join(", ")
                ),
            });
        }
        resolve::cache_settings(&self.entries, base)
    }

    /// Every setting in the order of the documents, with its value and source.
    #[must_use]
    pub fn describe(&self) -> Vec<Described> {
        known_settings()
            .iter()
            .map(|setting| {
                let (value, source) = match (self.entries.get(setting.name), setting.default) {
                    (Some(entry), _) => (entry.shown.clone(), entry.source.clone()),
                    (None, Fallback::Value(text) | Fallback::Derived(text)) => {
                        (text.to_owned(), "the defaults".to_owned())
                    }
                };
                Described { setting, value, source }
            })
            .collect()
    }

    fn take(&mut self, layer: Layer) {
        merge(&mut self.entries, layer.node);
        for (name, entries) in layer.caches {
            merge(self.caches.entry(name).or_default(), entries);
        }
    }
}

fn is_of_caches(setting: &Setting) -> bool {
    setting.level == Level::Cache
}

/// The setting called `name`, for who asks about one rather than gives one.
///
/// # Errors
/// [`Error::InvalidArgument`] with the nearest name, if one is near.
pub fn setting_called(name: &str) -> Result<&'static Setting> {
    known_setting(name).ok_or_else(|| {
        let hint = hint::nearest(name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Error::InvalidArgument { name: "name", reason: format!("there is no setting `{}`{hint}", shown(name)) }
    })
}

#[cfg(test)]
mod tests;
