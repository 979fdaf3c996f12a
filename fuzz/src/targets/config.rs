//! Settings of any file and environment: an error that says where, or settings that are in range; never the secret.

use std::cell::RefCell;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use mccache::config::{Config, known_settings};

use super::input::Input;

thread_local! {
    /// One folder a thread, removed with it.
    static FOLDER: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

/// Runs one input: some variables, then the file.
pub(super) fn run(input: &[u8]) {
    let mut input = Input(input);
    let mut variables = Vec::new();
    let mut secret = String::new();
    for _ in 0..input.below(8) {
        let which = usize::from(input.u8());
        let name = match known_settings().get(which) {
            Some(setting) => OsString::from(setting.variable()),
            None => OsString::from_vec(input.string().to_vec()),
        };
        let value = input.string().to_vec();
        if name == "MCCACHE_CRYPTO_KEY" {
            secret = String::from_utf8_lossy(&value).trim().to_owned();
        }
        // A file elsewhere is none of this target's business.
        if name != "MCCACHE_CONFIG" {
            variables.push((name, OsString::from_vec(value)));
        }
    }
    let folder = folder();
    let shared = input.u8() & 1 == 1;
    for (name, here) in [("mccache.toml", !shared), ("pyproject.toml", shared)] {
        let path = folder.join(name);
        if here {
            std::fs::write(&path, input.0).expect("a file in a temporary folder");
        } else {
            let _absent = std::fs::remove_file(&path);
        }
    }
    let said = match Config::gather(variables, &folder) {
        Ok(config) => outcome(&config),
        Err(error) => format!("{error} {error:?}"),
    };
    // Shorter ones are part of words that are said anyway.
    assert!(secret.len() < 20 || !said.contains(&secret), "the secret is told: {said}");
}

/// All that is ever said of settings.
fn outcome(config: &Config) -> String {
    let mut said = format!("{config:?}");
    for described in config.describe() {
        said.push_str(&described.value);
    }
    match config.settings() {
        Ok(settings) => {
            assert!((1..=64).contains(&settings.cluster.len()), "{}", settings.cluster);
            assert!((1..=64).contains(&settings.node_name.len()), "{}", settings.node_name);
            assert!((640..=1472).contains(&settings.max_payload), "{}", settings.max_payload);
            assert!(settings.drop_percent <= 90, "{}", settings.drop_percent);
            assert!(settings.multicast.is_none_or(|group| group.ip().is_multicast()), "{:?}", settings.multicast);
            assert!(settings.cache.max_entries > 0);
            said.push_str(&format!("{settings:?}"));
            for setting in known_settings() {
                said.push_str(&settings.text_of(setting.name).unwrap_or_default());
            }
        }
        Err(error) => said.push_str(&error.to_string()),
    }
    said
}

fn folder() -> PathBuf {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("a temporary folder"));
        folder.path().to_owned()
    })
}
