//! Files and folders that verbs make: each failure names the path.

use std::path::{Path, PathBuf};

/// An empty folder: what an older build left must not be what is tested.
pub(crate) fn fresh(folder: &Path) -> Result<PathBuf, String> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    created(folder)
}

/// A folder, made if it is not there.
pub(crate) fn created(folder: &Path) -> Result<PathBuf, String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder.to_path_buf())
}

/// Writes a text.
pub(crate) fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Copies a file to another path, whose folder is made.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if let Some(folder) = to.parent() {
        created(folder)?;
    }
    std::fs::copy(from, to).map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))?;
    Ok(())
}

/// Copies a file into a folder, under its own name; the copy.
pub(crate) fn copy_into(file: &Path, folder: &Path) -> Result<PathBuf, String> {
    let copied = folder.join(file.file_name().ok_or_else(|| format!("{}: no name", file.display()))?);
    copy(file, &copied)?;
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_folder_is_empty_and_copies_make_theirs() {
        let root = std::env::temp_dir().join(format!("mccache-xtask-files-{}", std::process::id()));
        let text = fresh(&root).expect("a folder").join("a.txt");
        write(&text, "a").expect("a file");
        let copied = copy_into(&text, &root.join("deep/er")).expect("a copy");
        assert_eq!(std::fs::read_to_string(&copied).expect("it is there"), "a");
        fresh(&root).expect("emptied");
        assert_eq!(std::fs::read_dir(&root).expect("it is there").count(), 0);
        let problem = copy(&text, &root.join("b.txt")).expect_err("there is nothing to copy");
        assert!(problem.contains("a.txt") && problem.contains("b.txt"), "{problem}");
        std::fs::remove_dir_all(&root).expect("removed");
    }
}
