//! `cargo xtask tidy`: the walls and the house rules, checked by reading the source. Nothing is built.
//!
//! Every rule is a function from the files to findings, and each finding has a place and a cure. One rule is one
//! check in the tally, so that a rule which is never broken is still seen to exist.

mod documents;
mod layers;
mod rust;
mod smoke;
mod source;
mod text;

use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

/// A broken rule, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path from the root.
    path: String,
    /// Line, from 1; 0 for the file as a whole.
    line: usize,
    /// What is wrong, and the rule or the cure.
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, message: message.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// One file of the source.
#[derive(Debug)]
pub(crate) struct File {
    /// Path from the root, with `/`.
    path: String,
    /// Its text; empty for a file that is not UTF-8.
    text: String,
}

/// The whole source, read once.
#[derive(Debug)]
struct Tree {
    files: Vec<File>,
    /// Rust files, as tokens, in the order of `files`.
    rust: Vec<source::RustFile>,
    /// Paths that git tracks; None without git.
    tracked: Option<Vec<String>>,
}

type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

const RULES: &[Rule] = &[
    ("imports keep to the layers", |tree| each_rust(tree, layers::imports)),
    ("files have a header", |tree| each_rust(tree, rust::header)),
    ("files are short", |tree| each_rust(tree, rust::file_length)),
    ("functions are short", |tree| each_rust(tree, rust::function_length)),
    ("unsafe keeps to its room", |tree| each_rust(tree, rust::unsafe_code)),
    ("no unwrap outside tests", |tree| each_rust(tree, rust::unwrap)),
    ("no unfinished work", |tree| each_file(tree, text::unfinished)),
    ("no path of one machine", |tree| each_file(tree, text::machine_paths)),
    ("no tabs, no trailing blanks", |tree| each_file(tree, text::blanks)),
    ("names say something", |tree| each_file(tree, text::names)),
    ("no generated file in git", |tree| text::generated(tree.tracked.as_deref(), &tree.files)),
    ("the architecture document is true", |tree| documents::architecture(&tree.files, &tree.rust)),
    ("every guarantee has its tests", |tree| documents::guarantees(&tree.files, &tree.rust)),
    ("every language tells the smoke test and the bad inputs", |tree| smoke::told_alike(&tree.files)),
    ("the README's commands exist", |tree| documents::readme(&tree.files)),
];

/// Checks every rule.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let (tree, unreadable) = read(workspace)?;
    let mut tally = Tally::default();
    for finding in &unreadable {
        journal.say(finding.to_string());
        tally += Tally::FAILED;
    }
    for (name, rule) in RULES {
        let findings = rule(&tree);
        tally += if findings.is_empty() { Tally::PASSED } else { Tally::FAILED };
        if !findings.is_empty() {
            journal.say(format!("{name}:"));
        }
        for finding in findings {
            journal.say(format!("  {finding}"));
        }
    }
    Ok(tally)
}

fn read(workspace: &Workspace) -> Result<(Tree, Vec<Finding>), String> {
    let mut tree = Tree { files: Vec::new(), rust: Vec::new(), tracked: workspace.tracked_files() };
    let mut unreadable = Vec::new();
    for path in workspace.source_files()? {
        let bytes = std::fs::read(workspace.root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        let text = String::from_utf8(bytes).unwrap_or_default();
        if path.ends_with(".rs") {
            match source::RustFile::parse(&path, &text) {
                Ok(file) => tree.rust.push(file),
                Err((line, problem)) => unreadable.push(Finding::new(&path, line, problem)),
            }
        }
        tree.files.push(File { path, text });
    }
    Ok((tree, unreadable))
}

fn each_rust(tree: &Tree, rule: fn(&source::RustFile) -> Vec<Finding>) -> Vec<Finding> {
    tree.rust.iter().flat_map(rule).collect()
}

fn each_file(tree: &Tree, rule: fn(&File) -> Vec<Finding>) -> Vec<Finding> {
    tree.files.iter().flat_map(rule).collect()
}
