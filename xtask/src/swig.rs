//! The generators of the bindings' glue: the system's SWIG (Debian's 4.1), and the newest of PyPI, which is installed
//! into a venv of its own. Their internals differ, so each binding is generated and compiled with both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::journal::Journal;
use crate::venv;
use crate::workspace::{Workspace, on_path};

/// pip fetches one wheel.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);
/// SWIG reads a few thousand lines.
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// One generator.
#[derive(Clone, Debug)]
pub(crate) struct Swig {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its version, such as "4.1.0".
    pub(crate) version: String,
}

/// Those that this machine has or can get, the newest last. What is missing is said in the journal; none is an error.
pub(crate) fn generators(workspace: &Workspace, journal: &mut Journal) -> Result<Vec<Swig>, String> {
    let mut found = Vec::new();
    match on_path("swig") {
        Some(program) => found.push(Swig::of(workspace, journal, program)?),
        None => journal.say("skip the system's swig: it is not on PATH (apt-get install swig)"),
    }
    match from_pypi(workspace, journal) {
        Ok(program) => found.push(Swig::of(workspace, journal, program)?),
        Err(problem) => journal.say(format!("skip PyPI's swig: {problem}")),
    }
    if found.is_empty() { Err("no swig, neither on PATH nor from PyPI".to_owned()) } else { Ok(found) }
}

/// PyPI's, from a venv that is made once.
fn from_pypi(workspace: &Workspace, journal: &mut Journal) -> Result<PathBuf, String> {
    let venv = workspace.scratch("swig")?.join("venv");
    let program = venv.join("bin/swig");
    if !program.is_file() {
        let mut pip = venv::pip(workspace, &venv::new(workspace, journal, &venv)?);
        pip.args(["install", "--quiet", "swig>=4.5"]);
        journal.must(&mut pip, INSTALL_LIMIT)?;
    }
    Ok(program)
}

impl Swig {
    fn of(workspace: &Workspace, journal: &mut Journal, program: PathBuf) -> Result<Swig, String> {
        let said = journal.must(workspace.program(&program).arg("-version"), RUN_LIMIT)?;
        let version = version(&said).ok_or_else(|| format!("{}: no version in its answer", program.display()))?;
        Ok(Swig { program, version })
    }

    /// Generates `glue` (C) from `swig/INTERFACE`, and the language's own files into `into`; any warning is an error.
    pub(crate) fn generate(
        &self,
        workspace: &Workspace,
        journal: &mut Journal,
        language: &[&str],
        interface: &str,
        glue: &Path,
        into: &Path,
    ) -> Result<(), String> {
        let swig = workspace.root.join("swig");
        let mut command = workspace.program(&self.program);
        command.args(language).args(["-Wall", "-Werror"]).arg(format!("-I{}", swig.display()));
        command.arg("-outdir").arg(into).arg("-o").arg(glue).arg(swig.join(interface));
        journal.must(&mut command, RUN_LIMIT).map(|_| ())
    }
}

fn version(said: &str) -> Option<String> {
    said.lines().find_map(|line| line.strip_prefix("SWIG Version ")).map(|version| version.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_programs_answer() {
        assert_eq!(version("\nSWIG Version 4.1.0\n\nCompiled with g++\n").as_deref(), Some("4.1.0"));
        assert_eq!(version("command not found"), None);
    }
}
