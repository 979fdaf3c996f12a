//! Where things are: the root of the repository, the target directory, the files that belong to the source.
//!
//! Paths come from here only; a verb that writes anything but `include/mccache.h` writes under the target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Environment variables cargo sets for `cargo run`. Inherited by a nested cargo they look like changed inputs to
/// build scripts that watch them (`ring` does), and every alternation would build those crates again.
const CARGO_RUN_VARIABLES: [&str; 6] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];

/// Folders that never hold source, for a checkout without git.
const NOT_SOURCE: [&str; 6] = [".git", "target", ".venv", "__pycache__", "build", "dist"];

/// The repository on this machine.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever the environment or the configuration put it.
    pub(crate) target: PathBuf,
    /// The version in the root Cargo.toml.
    pub(crate) version: String,
}

impl Workspace {
    /// Finds the repository this xtask was built from, and asks cargo for its target directory.
    pub(crate) fn find() -> Result<Workspace, String> {
        // Cargo says where it runs this from: a binary shared by two checkouts must not check the other one.
        let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root =
            Path::new(&own).parent().ok_or("xtask has no parent folder: it must be in the repository")?.to_path_buf();
        let mut workspace = Workspace { target: root.join("target"), root, version: String::new() };
        let manifest = workspace.read("Cargo.toml")?;
        workspace.version = manifest
            .lines()
            .find_map(|line| line.strip_prefix("version = \"")?.split('"').next())
            .ok_or("Cargo.toml has no version line")?
            .to_owned();

        let output = workspace
            .cargo(&["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .map_err(|error| format!("cargo metadata: {error}"))?;
        let metadata = String::from_utf8_lossy(&output.stdout);
        workspace.target = json_text(&metadata, "target_directory")
            .ok_or_else(|| format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)))?
            .into();
        Ok(workspace)
    }

    /// A program that starts at the root, without what `cargo run` added to this process's environment.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let cargos_own = name.to_str().is_some_and(|name| CARGO_RUN_VARIABLES.iter().any(|v| name.starts_with(v)));
            if cargos_own {
                command.env_remove(&name);
            }
        }
        command
    }

    /// The cargo that runs this xtask, with arguments.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }

    /// The compiler that cargo uses, unless the environment names another.
    pub(crate) fn rustc(&self) -> Command {
        self.program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
    }

    /// The text of a file, by its path from the root.
    pub(crate) fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.root.join(path)).map_err(|error| format!("{path}: {error}"))
    }

    /// A folder for a verb's own products, created if absent.
    pub(crate) fn scratch(&self, verb: &str) -> Result<PathBuf, String> {
        let folder = self.target.join("xtask").join(verb);
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }

    /// The folder of the release build.
    pub(crate) fn release(&self) -> PathBuf {
        self.target.join("release")
    }

    /// Files below a folder with one of the extensions, sorted, as full paths. Absent folder: an error naming it.
    pub(crate) fn files_below(&self, folder: &str, extensions: &[&str]) -> Result<Vec<PathBuf>, String> {
        let start = self.root.join(folder);
        if !start.is_dir() {
            return Err(format!("{folder}/ does not exist"));
        }
        let mut found = Vec::new();
        walk(&start, &mut found).map_err(|error| format!("{folder}: {error}"))?;
        found.retain(|path| path.extension().is_some_and(|have| extensions.iter().any(|want| have == *want)));
        found.sort();
        Ok(found)
    }

    /// Every file of the source, by path from the root: tracked or about to be. Without git (a release's archive):
    /// every file outside the folders where builds put things.
    pub(crate) fn source_files(&self) -> Result<Vec<String>, String> {
        if let Some(listed) = self.git_files(&["--cached", "--others", "--exclude-standard"]) {
            return Ok(listed);
        }
        let mut found = Vec::new();
        walk(&self.root, &mut found).map_err(|error| format!("{}: {error}", self.root.display()))?;
        let mut relative: Vec<String> = found
            .iter()
            .filter_map(|path| path.strip_prefix(&self.root).ok())
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        relative.sort();
        Ok(relative)
    }

    /// Files that git tracks, or None without git.
    pub(crate) fn tracked_files(&self) -> Option<Vec<String>> {
        self.git_files(&["--cached"])
    }

    /// The commit that is checked out, or None without git.
    pub(crate) fn commit(&self) -> Option<String> {
        let output = self
            .program("git")
            .args(["-c", "safe.directory=*", "rev-parse", "HEAD"])
            .output()
            .ok()
            .filter(|o| o.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    }

    fn git_files(&self, which: &[&str]) -> Option<Vec<String>> {
        // The checkout may belong to another user (a container's root): reading its list is harmless.
        let output = self
            .program("git")
            .args(["-c", "safe.directory=*", "ls-files", "-z"])
            .args(which)
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?;
        let present = text.split('\0').filter(|path| !path.is_empty() && self.root.join(path).is_file());
        let mut files: Vec<String> = present.map(str::to_owned).collect();
        files.sort();
        files.dedup();
        if files.is_empty() { None } else { Some(files) }
    }
}

/// All files below a folder, but for what is built.
pub(crate) fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if !NOT_SOURCE.iter().any(|skip| name == *skip) && !path.join("CACHEDIR.TAG").exists() {
                walk(&path, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// The first string value of a name in JSON that cargo printed. Enough for a path: escapes are `\\` and `\"` only.
fn json_text(json: &str, name: &str) -> Option<String> {
    let after = json.split(&format!("\"{name}\":\"")).nth(1)?;
    let mut value = String::new();
    let mut characters = after.chars();
    loop {
        match characters.next()? {
            '"' => return Some(value),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

/// Finds a program on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_text_undoes_escapes_and_stops_at_the_closing_quote() {
        let json = r#"{"packages":[],"target_directory":"C:\\a \"b\"","version":1}"#;
        assert_eq!(json_text(json, "target_directory").as_deref(), Some(r#"C:\a "b""#));
        assert_eq!(json_text(json, "workspace_root"), None);
    }

    #[test]
    fn the_workspace_knows_its_version_and_lists_its_own_source() {
        let workspace = Workspace::find().expect("the test runs in the repository");
        assert!(workspace.version.split('.').count() == 3, "{}", workspace.version);
        let files = workspace.source_files().expect("listable");
        assert!(files.iter().any(|file| file == "xtask/src/workspace.rs"), "{files:?}");
        assert!(!files.iter().any(|file| file.starts_with("target/")));
    }
}
