//! `cargo xtask package`: what a release hands out for each language, in one folder.

use crate::journal::{Journal, Tally};
use crate::languages::LANGUAGES;
use crate::workspace::Workspace;

/// Builds every package into `target/packages`. One that cannot be built fails, and the others go on.
pub(crate) fn run(workspace: &Workspace, journal: &mut Journal) -> Result<Tally, String> {
    let out = workspace.target.join("packages");
    std::fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let mut tally = Tally::default();
    let mut made = Vec::new();
    for language in LANGUAGES {
        let Some(package) = language.package else { continue };
        match package(workspace, journal, &out) {
            Ok(path) => {
                let bytes = std::fs::metadata(&path).map_or(0, |known| known.len());
                made.push(format!("ok {}: {} ({} KiB)", language.name, path.display(), bytes / 1024));
                tally += Tally::PASSED;
            }
            Err(problem) => {
                made.push(format!("FAILED {}: {problem}", language.name));
                tally += Tally::FAILED;
            }
        }
    }
    journal.say(made.join("\n"));
    Ok(tally)
}
