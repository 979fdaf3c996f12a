//! Python's virtual environments below target/: for what PyPI has, and for the package that is tested.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::journal::Journal;
use crate::workspace::Workspace;

/// The standard library is there; pip is unpacked.
const MAKE_LIMIT: Duration = Duration::from_secs(600);

/// Makes one anew; its python.
pub(crate) fn new(workspace: &Workspace, journal: &mut Journal, folder: &Path) -> Result<PathBuf, String> {
    let creator = if cfg!(windows) { "python" } else { "python3" };
    journal.must(workspace.program(creator).args(["-m", "venv", "--clear"]).arg(folder), MAKE_LIMIT)?;
    Ok(python_of(folder))
}

/// The python of one.
pub(crate) fn python_of(folder: &Path) -> PathBuf {
    if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") }
}

/// Its pip, which asks nobody.
pub(crate) fn pip(workspace: &Workspace, python: &Path) -> Command {
    let mut pip = workspace.program(python);
    pip.args(["-m", "pip", "--no-input", "--disable-pip-version-check"]);
    pip
}
