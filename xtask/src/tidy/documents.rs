//! Documents that must not lie: what docs/ARCHITECTURE.md names exists, and the README's two commands can be typed.

use std::collections::BTreeSet;

use super::source::{RustFile, Token};
use super::{File, Finding};

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const GUARANTEES: &str = "docs/GUARANTEES.md";
/// The head of the column that names tests.
const PROVED_BY: &str = "proved by";
const README: &str = "README.md";
/// What the README promises, and the file behind each.
const COMMANDS: [(&str, &str); 2] = [("./dev demo", "dev"), ("./dev test", "dev")];
/// Words after which a name begins.
const TYPE_WORDS: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

/// Files, types and functions that the architecture document names and the source does not have.
pub(crate) fn architecture(files: &[File], rust: &[RustFile]) -> Vec<Finding> {
    let Some(document) = files.iter().find(|file| file.path == ARCHITECTURE) else {
        return vec![Finding::new(ARCHITECTURE, 0, "does not exist")];
    };
    let names = Names::of(rust);
    let mut findings = Vec::new();
    let mut fenced = false;
    for (index, line) in document.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        for mention in mentions(line, fenced) {
            if let Some(problem) = missing(mention, files, &names) {
                findings.push(Finding::new(ARCHITECTURE, index + 1, problem));
            }
        }
    }
    findings
}

/// What the source defines.
struct Names<'a> {
    types: BTreeSet<&'a str>,
    functions: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(rust: &'a [RustFile]) -> Names<'a> {
        let mut names = Names { types: BTreeSet::new(), functions: BTreeSet::new() };
        for file in rust.iter().filter(|file| file.path.starts_with("src/")) {
            for two in file.tokens.windows(2) {
                let (Some(word), Some(name)) = (two[0].word(), two[1].word()) else { continue };
                if two.iter().any(|token: &Token| token.test) {
                    continue;
                }
                if word == "fn" {
                    names.functions.insert(name);
                } else if TYPE_WORDS.contains(&word) {
                    names.types.insert(name);
                }
            }
        }
        names
    }
}

/// The words of a line that are code: in a fenced block all, elsewhere those in backticks.
fn mentions(line: &str, fenced: bool) -> Vec<&str> {
    let code: Vec<&str> = if fenced { vec![line] } else { line.split('`').skip(1).step_by(2).collect() };
    let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';' | '&' | '<' | '>' | '"' | '|');
    code.into_iter().flat_map(|span| span.split(is_end)).map(|word| word.trim_end_matches(['.', ':'])).collect()
}

/// What is wrong with one mention, if it is a file or a path to a function.
fn missing(mention: &str, files: &[File], names: &Names<'_>) -> Option<String> {
    if mention.ends_with(".rs") && !mention.contains(['*', '{']) {
        let suffix = format!("/{mention}");
        let exists = files.iter().any(|file| file.path == mention || file.path.ends_with(&suffix));
        return (!exists).then(|| format!("`{mention}`: there is no such file"));
    }
    let (path, function) = mention.rsplit_once("::")?;
    let kind = path.rsplit("::").next()?;
    let is_type = kind.starts_with(|c: char| c.is_ascii_uppercase());
    if !is_type || matches!(kind, "Self") || !kind.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    if !names.types.contains(kind) {
        return Some(format!("`{mention}`: src/ has no type `{kind}`"));
    }
    let is_function = function.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    (is_function && !names.functions.contains(function)).then(|| format!("`{mention}`: src/ has no `fn {function}`"))
}

/// Rows of the guarantees' tables that name no test, or one that does not exist.
pub(crate) fn guarantees(files: &[File], rust: &[RustFile]) -> Vec<Finding> {
    let Some(document) = files.iter().find(|file| file.path == GUARANTEES) else {
        return vec![Finding::new(GUARANTEES, 0, "does not exist")];
    };
    let tests = tests(rust);
    let mut findings = Vec::new();
    let mut is_table = false;
    for (index, line) in document.text.lines().enumerate() {
        if !line.starts_with('|') || line.starts_with("|---") {
            continue;
        }
        let proof = line.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        is_table |= proof.trim() == PROVED_BY;
        if proof.trim() == PROVED_BY {
            continue;
        }
        let named = mentions(proof, false);
        if named.is_empty() {
            findings.push(Finding::new(GUARANTEES, index + 1, "a promise without a test"));
        }
        let is_there = |name: &str| tests.contains(name) || files.iter().any(|file| file.path == name);
        for name in named.into_iter().filter(|name| !is_there(name)) {
            findings.push(Finding::new(GUARANTEES, index + 1, format!("`{name}`: there is no such test")));
        }
    }
    if !is_table {
        findings.push(Finding::new(GUARANTEES, 0, format!("has no table with a column `{PROVED_BY}`")));
    }
    findings
}

/// The functions of test code.
fn tests(rust: &[RustFile]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for file in rust {
        let is_tests = file.path.contains("tests");
        for two in file.tokens.windows(2) {
            if let (Some("fn"), Some(name)) = (two[0].word(), two[1].word()) {
                if is_tests || two[0].test {
                    names.insert(name);
                }
            }
        }
    }
    names
}

/// The README's commands: named in it, and there.
pub(crate) fn readme(files: &[File]) -> Vec<Finding> {
    let Some(readme) = files.iter().find(|file| file.path == README) else {
        return vec![Finding::new(README, 0, "does not exist")];
    };
    let mut findings = Vec::new();
    for (command, script) in COMMANDS {
        if !readme.text.contains(command) {
            findings.push(Finding::new(README, 0, format!("does not tell of `{command}`")));
        }
        let verb = command.rsplit(' ').next().unwrap_or(command);
        let known = files.iter().any(|file| file.path == script && file.text.contains(&format!("    {verb})")));
        if !known {
            findings.push(Finding::new(script, 0, format!("does not know `{command}`, which the README promises")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn check(document: &str) -> Vec<String> {
        let rust = [RustFile::parse("src/store/shard.rs", "pub struct Store; enum Fate { Applied } impl Store { pub fn apply() {} }\n#[cfg(test)]\nmod tests { fn only_in_tests() {} }")
            .expect("the fixture is Rust")];
        let files = [file(ARCHITECTURE, document), file("src/store/shard.rs", "")];
        architecture(&files, &rust).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_exists_may_be_named() {
        let document = "`Store::apply(&update)` in `store/shard.rs` and `shard.rs`, `Fate::Applied`, Gone::gone without ticks.\n\
            `std::time` `wire::encode` `*.rs`\n```\n Store::apply    store/shard.rs\n```\n";
        assert_eq!(check(document), [""; 0]);
    }

    #[test]
    fn what_does_not_exist_is_found_on_its_line() {
        assert_eq!(
            check("fine\n`store/entry.rs`"),
            ["docs/ARCHITECTURE.md:2: `store/entry.rs`: there is no such file"]
        );
        assert_eq!(check("`hard.rs`").len(), 1);
        assert!(check("`Store::remove`")[0].ends_with("src/ has no `fn remove`"));
        assert!(check("`Outbox::mark`")[0].ends_with("src/ has no type `Outbox`"));
        assert!(check("`Store::only_in_tests`")[0].ends_with("src/ has no `fn only_in_tests`"));
        assert_eq!(check("```\n  Driver::turn -> Store::apply   node/driver.rs\n```").len(), 2);
    }

    #[test]
    fn a_promise_names_a_test_that_exists() {
        let source = "fn in_the_product() {}\n#[cfg(test)]\nmod tests { #[test] fn proves_it() {} }";
        let rust = [RustFile::parse("src/hlc.rs", source).expect("the fixture is Rust")];
        let check = |rows: &str| {
            let document = format!("| rely | proved by |\n|---|---|\n{rows}\n");
            guarantees(&[file(GUARANTEES, &document), file("tests/sim.rs", "")], &rust).len()
        };
        assert_eq!(check("| it holds | always (`tests/sim.rs`); `proves_it` |"), 0);
        assert_eq!(check("| it holds | because |"), 1);
        assert_eq!(check("| it holds | `in_the_product`, `no_such_test` |"), 2);
        assert_eq!(guarantees(&[file(GUARANTEES, "no table")], &rust).len(), 1);
        assert_eq!(guarantees(&[], &rust).len(), 1);
    }

    #[test]
    fn the_readme_and_the_script_must_agree() {
        let script = "case $verb in\n    demo)\n    test)\n";
        let good = [file(README, "run `./dev demo` and `./dev test`"), file("dev", script)];
        assert_eq!(readme(&good), []);
        assert_eq!(readme(&[file(README, "run `./dev demo`"), file("dev", script)]).len(), 1);
        assert_eq!(readme(&[file(README, "./dev demo ./dev test")]).len(), 2);
        assert_eq!(readme(&[]).len(), 1);
    }
}
