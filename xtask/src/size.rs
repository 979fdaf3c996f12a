//! `cargo xtask size`: what a user pays in bytes and in crates. A report; nothing fails.

use std::path::Path;
use std::time::Duration;

use crate::cargo::build_library;
use crate::journal::{Journal, Tally};
use crate::workspace::Workspace;

const LIMIT: Duration = Duration::from_secs(60);

/// Prints the figures.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let library = build_library(workspace, journal)?;
    let shared = library.folder.join("libmccache.so");
    let stripped = workspace.scratch("size")?.join("libmccache.so");
    journal.must(workspace.program("strip").arg(&shared).arg("-o").arg(&stripped), LIMIT)?;
    let tree = ["tree", "--package", "mccache", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let crates = count_crates(&journal.must(&mut workspace.cargo(&tree), LIMIT)?);
    journal.say(format!("libmccache.so, stripped  {:>12} bytes", bytes(&stripped)?));
    journal.say(format!("libmccache.so            {:>12} bytes", bytes(&shared)?));
    journal.say(format!("libmccache.a             {:>12} bytes", bytes(&library.folder.join("libmccache.a"))?));
    journal.say(format!("crates besides our own   {crates:>12}"));
    Ok(Tally::default())
}

fn bytes(file: &Path) -> Result<u64, String> {
    let metadata = std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(metadata.len())
}

/// Distinct crates in the output of `cargo tree`, without the first, which is ours. A line is a name, a version and
/// notes: `(*)` on a crate seen before, `(proc-macro)`.
fn count_crates(tree: &str) -> usize {
    let mut crates: Vec<[&str; 2]> = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            crates.push([name, version]);
        }
    }
    crates.retain(|[name, _]| *name != "mccache");
    crates.sort_unstable();
    crates.dedup();
    crates.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_used_twice_counts_once_and_ours_not_at_all() {
        assert_eq!(count_crates("mccache v0.1.0 (/x)\nlibc v0.2.1\nmio v1.0.0\nlibc v0.2.1 (*)\n"), 2);
    }
}
