//! The settings of a configuration file, as text with the line each stands in.
//!
//! The invariant: a file is taken whole or not at all, at most [`FILE_BYTES_MAX`] of it is ever in memory, and no error
//! repeats a line of it, as any line may hold the key. What the settings mean does not live here.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{Entries, Entry, Force, Layer};
use super::hint;
use super::table::{Level, known_setting};
use super::value::shown;
use crate::error::{Error, Result};

/// Longest configuration file in bytes; a long one is a thousand times shorter.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;
/// Longest name of a cache in bytes.
const CACHE_NAME_BYTES_MAX: usize = 255;
/// The file that other tools share: the settings are in a table of their own there.
pub(super) const SHARED_FILE: &str = "pyproject.toml";
/// The table of per-cache tables.
const CACHES: &str = "cache";

/// The settings of the file at `path`; `None` if there is no such file.
///
/// A file called pyproject.toml that has no `[tool.mccache]` is as good as none.
pub(super) fn read(path: &Path) -> Result<Option<Layer>> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let document = DeTable::parse(&text).map_err(|error| syntax_error(path, &text, &error))?;
    let reader = Reader { path, text: &text };
    if path.file_name().is_some_and(|name| name == SHARED_FILE) {
        return reader.shared(document.get_ref());
    }
    reader.layer(document.get_ref()).map(Some)
}

fn read_text(path: &Path) -> Result<Option<String>> {
    let refuse = |reason: String| Error::ConfigFile { path: path.to_owned(), reason };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(refuse(format!("cannot be read: {error}"))),
    };
    // Opening a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err(refuse("is not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(|error| refuse(format!("cannot be opened: {error}")))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > FILE_BYTES_MAX) {
        return Err(refuse(format!("is longer than the limit of {FILE_BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| refuse(format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to())))?;
    Ok(Some(text))
}

/// Only the parser's sentence and the line's number: its own display quotes the line.
fn syntax_error(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().map(|span| format!("line {}: ", line_of(text, span.start))).unwrap_or_default();
    Error::ConfigFile { path: path.to_owned(), reason: format!("{at}{}", error.message()) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// A file that was parsed, while its settings are gathered.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

impl Reader<'_> {
    /// The settings of `[tool.mccache]`, if there is one.
    fn shared(&self, document: &DeTable<'_>) -> Result<Option<Layer>> {
        let Some(ours) = document.get("tool").and_then(|tool| tool.get_ref().get("mccache")) else {
            return Ok(None);
        };
        match ours.get_ref() {
            DeValue::Table(table) => self.layer(table).map(Some),
            other => Err(Error::ConfigFile {
                path: self.path.to_owned(),
                reason: format!("tool.mccache is {}, expected a table", article(other)),
            }),
        }
    }

    fn layer(&self, table: &DeTable<'_>) -> Result<Layer> {
        let mut layer = Layer::default();
        for (key, value) in table {
            if key.get_ref() == CACHES {
                self.caches(key, value.get_ref(), &mut layer)?;
            } else {
                self.setting(key, value.get_ref(), None, &mut layer.node)?;
            }
        }
        Ok(layer)
    }

    fn caches(&self, key: &Key<'_>, value: &DeValue<'_>, layer: &mut Layer) -> Result<()> {
        for (name, settings) in self.table(key, value)? {
            if !(1..=CACHE_NAME_BYTES_MAX).contains(&name.get_ref().len()) {
                return Err(Error::BadSetting {
                    name: CACHES.to_owned(),
                    value: shown(name.get_ref()),
                    source_name: self.source(name),
                    expected: format!("a cache's name of 1 to {CACHE_NAME_BYTES_MAX} bytes"),
                });
            }
            let mut entries = Entries::new();
            for (key, value) in self.table(name, settings.get_ref())? {
                self.setting(key, value.get_ref(), Some(name.get_ref()), &mut entries)?;
            }
            layer.caches.insert(name.get_ref().to_string(), entries);
        }
        Ok(())
    }

    fn table<'v, 'i>(&self, key: &Key<'_>, value: &'v DeValue<'i>) -> Result<&'v DeTable<'i>> {
        value.as_table().ok_or_else(|| Error::BadSetting {
            name: key.get_ref().to_string(),
            value: article(value).to_owned(),
            source_name: self.source(key),
            expected: "a table of settings for each cache, like [cache.users]".to_owned(),
        })
    }

    /// Checks one setting and adds it to `entries`. `cache`: the cache whose table it stands in.
    fn setting(&self, key: &Key<'_>, value: &DeValue<'_>, cache: Option<&str>, entries: &mut Entries) -> Result<()> {
        let name = key.get_ref();
        let source = self.source(key);
        let Some(setting) = known_setting(name) else {
            let hint = hint::nearest(name).map(str::to_owned);
            return Err(Error::UnknownSetting { name: shown(name), source_name: source, hint });
        };
        if let Some(cache) = cache.filter(|_| setting.level == Level::Node) {
            return Err(Error::BadSetting {
                name: name.to_string(),
                value: setting.shown(&scalar(value).unwrap_or_else(|| article(value).to_owned())),
                source_name: source,
                expected: format!("it outside of [{CACHES}.{}], as it is a setting of the node", shown(cache)),
            });
        }
        let Some(text) = text_of(value, setting.takes_lists()) else {
            return Err(Error::BadSetting {
                name: name.to_string(),
                value: article(value).to_owned(),
                source_name: source,
                expected: setting.expected(),
            });
        };
        entries.insert(setting.name, Entry::check(setting, &text, source, Force::File)?);
        Ok(())
    }

    fn source(&self, key: &Key<'_>) -> String {
        format!("{}, line {}", self.path.display(), line_of(self.text, key.span().start))
    }
}

/// A value as the text that the other sources would have; a list, where one is accepted, with commas.
fn text_of(value: &DeValue<'_>, takes_lists: bool) -> Option<String> {
    match value {
        DeValue::Array(items) if takes_lists => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            texts.collect::<Option<Vec<String>>>().map(|texts| texts.join(", "))
        }
        value => scalar(value),
    }
}

/// A single value as the text that the other sources would have; `None` for what is not a single value.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(integer) => Some(match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => number.to_string(),
            // Out of every setting's range, whose error then shows it as it was written.
            Err(_too_large) => integer.to_string(),
        }),
        DeValue::Float(float) => Some(float.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
