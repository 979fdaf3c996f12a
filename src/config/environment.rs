//! Settings from environment variables and the file they may name.
//!
//! The invariant: each variable that begins like ours is a setting, the reserved [`FILE_VARIABLE`], or an error; a slip
//! in a name is never silently without effect.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::entry::{Entries, Entry, Force, Layer};
use super::file::{self, SHARED_FILE};
use super::hint;
use super::table::{ENV_PREFIX, Setting, known_settings};
use super::value::shown;
use crate::error::{Error, Result};

/// The variable that names the configuration file; empty: none is read.
pub(super) const FILE_VARIABLE: &str = "MCCACHE_CONFIG";
/// The file that is read where the variable is not set.
const OWN_FILE: &str = "mccache.toml";
const SOURCE: &str = "the environment";

/// What file and environment say: the file's layer, and the entries of the variables.
pub(super) fn gather(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    directory: &Path,
) -> Result<(Layer, Entries)> {
    let mut entries = Entries::new();
    let mut file = None;
    for (name, value) in variables {
        if !name.as_encoded_bytes().starts_with(ENV_PREFIX.as_bytes()) {
            continue;
        }
        if name == FILE_VARIABLE {
            file = Some(value);
            continue;
        }
        let setting = setting_of(&name)?;
        let entry = Entry::check(setting, text_of(setting, &value)?, SOURCE.to_owned(), Force::Environment)?;
        entries.insert(setting.name, entry);
    }
    Ok((file_layer(file.as_deref(), directory)?, entries))
}

fn setting_of(variable: &OsStr) -> Result<&'static Setting> {
    let text = variable.to_string_lossy();
    known_settings().iter().find(|setting| setting.variable() == text).ok_or_else(|| Error::UnknownSetting {
        name: shown(&text),
        source_name: SOURCE.to_owned(),
        hint: hint::nearest(&text).map(|name| format!("{ENV_PREFIX}{}", name.to_ascii_uppercase())),
    })
}

fn text_of<'v>(setting: &Setting, value: &'v OsStr) -> Result<&'v str> {
    value.to_str().ok_or_else(|| Error::BadSetting {
        name: setting.name.to_owned(),
        value: setting.shown(&value.to_string_lossy()),
        source_name: SOURCE.to_owned(),
        expected: format!("UTF-8: {}", setting.expected()),
    })
}

/// The file that the variable names, which must exist; else the first of the usual ones, if any exists.
fn file_layer(named: Option<&OsStr>, directory: &Path) -> Result<Layer> {
    match named {
        Some(path) if path.is_empty() => Ok(Layer::default()),
        Some(path) => named_file(&directory.join(path)),
        None => match file::read(&directory.join(OWN_FILE))? {
            Some(layer) => Ok(layer),
            None => Ok(file::read(&directory.join(SHARED_FILE))?.unwrap_or_default()),
        },
    }
}

/// What the file at `path` says.
pub(super) fn named_file(path: &Path) -> Result<Layer> {
    file::read(path)?.ok_or_else(|| {
        let shared = path.file_name().is_some_and(|name| name == SHARED_FILE);
        let reason = if shared { "does not exist or has no [tool.mccache]" } else { "does not exist" };
        Error::ConfigFile { path: path.to_owned(), reason: reason.to_owned() }
    })
}
