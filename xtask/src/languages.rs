//! The languages, and what each does that all do: its agent, its bench, its package. The verbs that set them side by side
//! read this table, so that a language which is added here is in all of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::journal::Journal;
use crate::workspace::Workspace;
use crate::{cpp, csharp, java, python, ruby};

/// Builds a release package into a folder; its path.
pub(crate) type Package = fn(&Workspace, &mut Journal, &Path) -> Result<PathBuf, String>;

/// Makes the command that starts a program, on what the language's stage installed. `Err`: it was not built.
pub(crate) type Start = fn(&Workspace) -> Result<Command, String>;

/// A language, or a runtime of one.
#[derive(Debug)]
pub(crate) struct Language {
    /// Its name, which its agent says when it is ready.
    pub(crate) name: &'static str,
    /// The member of a cluster that takes orders.
    pub(crate) agent: Option<Start>,
    /// What measures a call.
    pub(crate) bench: Start,
    /// What makes its package; None if another row does.
    pub(crate) package: Option<Package>,
}

/// All of them; C is what the others are compared with.
pub(crate) const LANGUAGES: &[Language] = &[
    Language { name: "c", agent: Some(cpp::agent_in_c), bench: cpp::bench_in_c, package: Some(cpp::package) },
    Language { name: "cpp", agent: Some(cpp::agent), bench: cpp::bench, package: None },
    Language { name: "python", agent: Some(python::agent), bench: python::bench, package: Some(python::package) },
    Language { name: "java", agent: Some(java::agent), bench: java::bench, package: Some(java::package) },
    Language { name: "csharp", agent: Some(csharp::agent), bench: csharp::bench, package: Some(csharp::package) },
    Language { name: "csharp on CoreCLR", agent: None, bench: csharp::bench_on_coreclr, package: None },
    Language { name: "ruby", agent: Some(ruby::agent), bench: ruby::bench, package: Some(ruby::package) },
];
