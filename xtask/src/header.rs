//! `cargo xtask header`: include/mccache.h, generated from src/ffi, committed, and checked to be what the source says.
//!
//! Only files of src/ffi are read, in the order of the `mod` lines of its mod.rs: that is the header's order, and a
//! public constant of another room cannot become a `#define` by accident.

use std::path::Path;

use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// The one generated file in git.
pub(crate) const HEADER: &str = "include/mccache.h";
/// Differing lines shown by `--check`.
const SHOWN_LINES: usize = 10;

/// Writes the header, if it changes.
pub(crate) fn write(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let text = generate(&workspace.root)?;
    let path = workspace.root.join(HEADER);
    if std::fs::read_to_string(&path).is_ok_and(|present| present == text) {
        journal.say(format!("{HEADER} is up to date"));
        return Ok(Tally::PASSED);
    }
    let folder = path.parent().ok_or("the header has a folder")?;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    std::fs::write(&path, &text).map_err(|error| format!("{HEADER}: {error}"))?;
    journal.say(format!("wrote {HEADER}, {} lines", text.lines().count()));
    Ok(Tally::PASSED)
}

/// Fails if the committed header is not what the source generates.
pub(crate) fn check(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let fresh = generate(&workspace.root)?;
    let committed = std::fs::read_to_string(workspace.root.join(HEADER)).unwrap_or_default();
    if committed == fresh {
        journal.say(format!("{HEADER} is what src/ffi says"));
        return Ok(Tally::PASSED);
    }
    journal.say(format!("{HEADER} is not what src/ffi says:"));
    for line in differences(&committed, &fresh) {
        journal.say(line);
    }
    journal.say(format!("cure: cargo xtask header, and commit {HEADER}"));
    Ok(Tally::FAILED)
}

/// The header's text for the crate at `root`.
fn generate(root: &Path) -> Result<String, String> {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let head = root.join("src/ffi/mod.rs");
    modules_exist(&head)?;
    // cbindgen follows the `mod` lines itself.
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(head)
        .generate()
        .map_err(|error| format!("cbindgen: {error}"))?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes).map_err(|error| format!("cbindgen: {error}"))?;
    if !text.lines().any(|line| line.starts_with("MCC_API ") || line.starts_with("MCC_MUST_USE ")) {
        return Err("src/ffi exports no function to C".to_owned());
    }
    Ok(tidied(&text))
}

/// cbindgen passes over a `mod` line without a file, and half of the header would be gone without a word.
fn modules_exist(head: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(head).map_err(|error| format!("src/ffi/mod.rs: {error}"))?;
    for line in text.lines() {
        let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
        let file = head.with_file_name(format!("{name}.rs"));
        if !file.is_file() {
            return Err(format!("src/ffi/mod.rs names `{name}`, but src/ffi/{name}.rs does not exist"));
        }
    }
    Ok(())
}

/// No trailing blanks, no two empty lines in a row, one newline at the end: the house rules hold for the header too.
fn tidied(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

/// The first lines in which two texts differ, and where.
fn differences(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let mut shown = vec![format!("{HEADER}:{}: from here on", same + 1)];
    shown.extend(old.iter().skip(same).take(SHOWN_LINES / 2).map(|line| format!("- {line}")));
    shown.extend(new.iter().skip(same).take(SHOWN_LINES / 2).map(|line| format!("+ {line}")));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOD: &str = "//! The C ABI.
mod status;
mod cache;
pub(crate) mod guard;
";
    const STATUS: &str = "//! Statuses.
/// What a call answers.
#[repr(C)]
pub enum mcc_status_t {
    /// It did what it was asked.
    MCC_OK = 0,
    /// The cache is closed.
    MCC_CLOSED = 1,
}
";
    const CACHE: &str = "//! Caches.
/// A cache.
pub struct mcc_cache_t { inner: u8 }
/// Forgets a key.
///
/// Returns: MCC_OK.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern \"C\" fn mcc_del(cache: *const mcc_cache_t, key: *const u8, key_len: usize) -> mcc_status_t { todo() }
";
    const GUARD: &str = "//! Guards.
/// Not for C.
pub(crate) fn guard() {}
";

    fn crate_with_ffi(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder for the fixture");
        let ffi = root.path().join("src/ffi");
        std::fs::create_dir_all(&ffi).expect("created");
        for (name, text) in files {
            std::fs::write(ffi.join(name), text).expect("written");
        }
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../cbindgen.toml");
        std::fs::copy(config, root.path().join("cbindgen.toml")).expect("copied");
        root
    }

    #[test]
    fn the_header_has_the_sources_names_order_and_words() {
        let root = crate_with_ffi(&[("mod.rs", MOD), ("status.rs", STATUS), ("cache.rs", CACHE), ("guard.rs", GUARD)]);
        let text = generate(root.path()).expect("generated");
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no `{part}` in:\n{text}"));
        assert!(place("#ifndef MCCACHE_H") < place("#include <stdint.h>"));
        assert!(place("#include <stdint.h>") < place("#  define MCC_API"));
        assert!(place("MCC_CLOSED = 1") < place("} mcc_status_t;"));
        assert!(place("} mcc_status_t;") < place("typedef struct mcc_cache_t mcc_cache_t;"));
        assert!(
            place("/// Forgets a key.")
                < place("mcc_del(const mcc_cache_t *cache, const uint8_t *key, size_t key_len);")
        );
        assert!(text.contains("MCC_MUST_USE"));
        assert_eq!(text.matches("mcc_del(const mcc_cache_t").count(), 1, "{text}");
        assert!(!text.contains("guard()"));
        assert!(text.ends_with("#endif  /* MCCACHE_H */\n"), "{text}");
    }

    #[test]
    fn a_module_without_a_file_is_named() {
        let root = crate_with_ffi(&[("mod.rs", "mod gone;\n")]);
        let problem = generate(root.path()).expect_err("no such file");
        assert!(problem.contains("src/ffi/gone.rs does not exist"), "{problem}");
    }

    #[test]
    fn a_crate_without_ffi_or_functions_is_an_error() {
        let root = crate_with_ffi(&[("mod.rs", "mod guard;\n"), ("guard.rs", GUARD)]);
        assert!(generate(root.path()).expect_err("nothing to export").contains("exports no function"));
        std::fs::remove_dir_all(root.path().join("src")).expect("removed");
        assert!(generate(root.path()).expect_err("no ffi").contains("src/ffi/mod.rs"));
    }

    #[test]
    fn the_first_difference_is_shown_with_its_line() {
        let shown = differences("a\nb\nc\n", "a\nx\nc\n");
        assert_eq!(shown[0], format!("{HEADER}:2: from here on"));
        assert!(shown.contains(&"- b".to_owned()) && shown.contains(&"+ x".to_owned()));
    }
}
