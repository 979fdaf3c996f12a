//! Who may import whom: the picture of docs/ARCHITECTURE.md as data. A new edge is a reviewed line in `ROOMS`.
//!
//! Every path that starts at the crate's root is looked at, not only those of `use`: `crate::x`, `$crate::x`, groups
//! (`use crate::{x, y::z}`), and chains of `super` long enough to reach the root.

use super::Finding;
use super::source::{Kind, RustFile};

/// Modules that everyone may import, and that import only each other.
const FOUNDATIONS: &[&str] =
    &["atomic", "config", "error", "ids", "time", "hlc", "update", "metrics", "group", "lock", "logging", "rng"];

/// Each room, and the rooms it may import besides the foundations.
const ROOMS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("crypto", &[]),
    ("store", &[]),
    ("transport", &[]),
    ("protocol", &["wire", "crypto", "store"]),
    ("node", &["protocol", "store", "transport", "crypto"]),
    ("ffi", &["node"]),
    ("sim", &["protocol", "store", "crypto"]),
];

/// Edges that test code has and the product does not: (room, imported room).
const TEST_EDGES: &[(&str, &str)] = &[];

/// Imports across a wall.
pub(crate) fn imports(file: &RustFile) -> Vec<Finding> {
    let Some(room) = file.room() else { return Vec::new() };
    if !is_known(room) {
        let message =
            format!("`{room}` is not in the table of rooms (xtask/src/tidy/layers.rs): add it with its edges");
        return vec![Finding::new(&file.path, 0, message)];
    }
    let mut findings = Vec::new();
    for import in root_paths(file) {
        if let Some(problem) = problem(room, &import) {
            findings.push(Finding::new(&file.path, import.line, problem));
        }
    }
    findings
}

/// One name directly under the crate's root that a file mentions.
struct Import {
    name: String,
    line: usize,
    test: bool,
}

fn is_known(name: &str) -> bool {
    FOUNDATIONS.contains(&name) || ROOMS.iter().any(|(room, _)| *room == name)
}

fn problem(room: &str, import: &Import) -> Option<String> {
    let name = import.name.as_str();
    if name == room || FOUNDATIONS.contains(&name) {
        return None;
    }
    if !is_known(name) {
        return Some(format!("`crate::{name}` hides which room it is of: import it from its module"));
    }
    let allowed = ROOMS.iter().find(|(own, _)| *own == room).is_some_and(|(_, edges)| edges.contains(&name));
    let in_tests = import.test && TEST_EDGES.contains(&(room, name));
    if allowed || in_tests {
        return None;
    }
    Some(format!("{room} may not import {name} (docs/ARCHITECTURE.md, layers)"))
}

fn root_paths(file: &RustFile) -> Vec<Import> {
    let tokens = &file.tokens;
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let starts_path = index == 0 || !tokens[index - 1].is_mark(':');
        let after = if tokens[index].is_word("crate") {
            Some(index + 1)
        } else if starts_path && (tokens[index].is_word("super") || tokens[index].is_word("self")) {
            after_supers(file, index)
        } else {
            None
        };
        let Some(after) = after else { continue };
        if is_path_separator(file, after) {
            collect(file, after + 2, &mut found);
        }
    }
    found
}

/// Past a chain of `super::super`, if it reaches the crate's root.
fn after_supers(file: &RustFile, start: usize) -> Option<usize> {
    let mut index = start;
    let mut levels = 0;
    if file.tokens[index].is_word("self") && is_path_separator(file, index + 1) {
        index += 3;
    }
    while file.tokens.get(index)?.is_word("super") {
        levels += 1;
        index += 1;
        if levels == file.depth() + file.tokens[start].modules {
            return Some(index);
        }
        if !is_path_separator(file, index) {
            return None;
        }
        index += 2;
    }
    None
}

fn is_path_separator(file: &RustFile, index: usize) -> bool {
    let mark = |at: usize| file.tokens.get(at).is_some_and(|token| token.is_mark(':'));
    mark(index) && mark(index + 1)
}

/// The name at `index`, or the first names of a group.
fn collect(file: &RustFile, index: usize, found: &mut Vec<Import>) {
    let Some(token) = file.tokens.get(index) else { return };
    if let Some(name) = token.word() {
        found.push(Import { name: name.to_owned(), line: token.line, test: token.test });
    } else if token.is_mark('*') {
        found.push(Import { name: "*".to_owned(), line: token.line, test: token.test });
    } else if token.kind == Kind::Open('{') {
        let close = file.closing(index);
        let mut member = index + 1;
        while member < close {
            collect(file, member, found);
            member = next_member(file, member, close);
        }
    }
}

/// Past the next comma of a group, on its own level.
fn next_member(file: &RustFile, start: usize, close: usize) -> usize {
    let mut index = start;
    while index < close {
        match file.tokens[index].kind {
            Kind::Mark(',') => return index + 1,
            Kind::Open(_) => index = file.closing(index) + 1,
            _ => index += 1,
        }
    }
    close
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let file = RustFile::parse(path, text).expect("the fixture is Rust");
        imports(&file).iter().map(ToString::to_string).collect()
    }

    const WALL: &str = "may not import store (docs/ARCHITECTURE.md, layers)";

    #[test]
    fn an_import_across_a_wall_is_found_on_its_line() {
        assert_eq!(
            findings("src/wire/x.rs", "//! X.\n\nuse crate::store::Store;\n"),
            [format!("src/wire/x.rs:3: wire {WALL}")]
        );
        assert_eq!(findings("src/time.rs", "use crate::store::Store;"), [format!("src/time.rs:1: time {WALL}")]);
    }

    #[test]
    fn every_way_to_write_the_path_is_seen() {
        for text in [
            "use crate::{ids::NodeId, store};",
            "use crate::{error::{Error, Result}, store::Store};",
            "fn f() { let a = crate::store::Store::new(); }",
            "use super::super::store::Store;",
            "use super::super::{store};",
            "use self::super::super::store;",
            "mod tests { use super::super::super::store; }",
            "macro_rules! m { () => { $crate::store::f() }; }",
            "pub(in crate::store) fn f() {}",
        ] {
            assert_eq!(findings("src/wire/x.rs", text), [format!("src/wire/x.rs:1: wire {WALL}")], "{text}");
        }
        assert_eq!(findings("src/wire/mod.rs", "use super::store;"), [format!("src/wire/mod.rs:1: wire {WALL}")]);
    }

    #[test]
    fn own_room_foundations_and_edges_of_the_table_are_allowed() {
        for (path, text) in [
            ("src/wire/x.rs", "use crate::wire::y; use crate::ids::NodeId; use crate::{error::Result, hlc};"),
            ("src/wire/x.rs", "use super::store; // a file of wire's own\npub(crate) fn f() {}"),
            ("src/wire/x.rs", "mod tests { use super::super::store; }"),
            ("src/protocol/mod.rs", "use crate::wire::Frame; use crate::store::Store; use crate::crypto::Keyring;"),
            ("src/ffi/cache.rs", "use crate::node::Cache; use crate::config::Config;"),
            ("src/lib.rs", "pub use crate::node::Node; pub use crate::store::Value;"),
            ("cli/src/main.rs", "use crate::demo;"),
            ("src/wire/x.rs", "// use crate::store::Store;\nconst A: &str = \"crate::store\";"),
        ] {
            assert_eq!(findings(path, text), [""; 0], "{path}: {text}");
        }
    }

    #[test]
    fn the_crates_root_and_unknown_rooms_are_no_way_round() {
        let hidden = findings("src/wire/x.rs", "use crate::Store;");
        assert!(hidden[0].contains("`crate::Store` hides which room"), "{hidden:?}");
        let unknown = findings("src/gossip/mod.rs", "fn f() {}");
        assert!(unknown[0].contains("`gossip` is not in the table"), "{unknown:?}");
    }

    #[test]
    fn the_table_names_only_rooms_it_has() {
        for (room, edges) in ROOMS {
            assert!(!FOUNDATIONS.contains(room));
            for edge in *edges {
                assert!(is_known(edge) && edge != room, "{room} -> {edge}");
            }
        }
        for (room, edge) in TEST_EDGES {
            assert!(is_known(room) && is_known(edge));
        }
    }
}
