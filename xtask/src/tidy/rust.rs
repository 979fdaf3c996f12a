//! Rules of the house for Rust files: header, lengths, `unsafe`, `unwrap`.

use super::Finding;
use super::source::{Kind, RustFile, Token};

/// Longest file, in lines. Longer: two nouns live in it.
const FILE_LINES_MAX: usize = 1000;
/// Longest function, in lines, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Where `unsafe` is: the C boundary and what fuzzes it, the handlers that a fork needs, and the memory of an entry.
const UNSAFE_ROOMS: &[&str] = &[
    "src/ffi/",
    "src/node/fork.rs",
    "src/store/block.rs",
    "tests/fork.rs",
    "tests/namespaces/fork.rs",
    "fuzz/src/targets/",
    "benches/peers/src/",
];

/// Folders whose files start with a module header.
const HEADED: &[&str] = &["src/", "cli/src/", "xtask/src/", "fuzz/src/"];

/// Files that do not say what lives in them.
pub(crate) fn header(file: &RustFile) -> Vec<Finding> {
    let ours = HEADED.iter().any(|folder| file.path.starts_with(folder));
    if !ours || file.text.starts_with("//!") {
        return Vec::new();
    }
    let message = "starts without a `//!` header: what lives here, its invariant, what does not live here";
    vec![Finding::new(&file.path, 1, message)]
}

/// Files that are too long.
pub(crate) fn file_length(file: &RustFile) -> Vec<Finding> {
    let lines = file.text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![Finding::new(&file.path, 0, format!("{lines} lines; at most {FILE_LINES_MAX}: which two nouns live here?"))]
}

/// Functions that are too long.
pub(crate) fn function_length(file: &RustFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, token) in file.tokens.iter().enumerate() {
        let Some(name) = file.tokens.get(index + 1).and_then(Token::word) else { continue };
        if !token.is_word("fn") {
            continue;
        }
        let Some(open) = body(file, index + 2) else { continue };
        let lines = file.tokens[file.closing(open)].line - token.line + 1;
        if lines > FUNCTION_LINES_MAX {
            let message = format!("fn {name} has {lines} lines; at most {FUNCTION_LINES_MAX}: split it by ideas");
            findings.push(Finding::new(&file.path, token.line, message));
        }
    }
    findings
}

/// The brace that opens a function's body; None for a declaration.
fn body(file: &RustFile, start: usize) -> Option<usize> {
    let mut index = start;
    loop {
        match file.tokens.get(index)?.kind {
            Kind::Mark(';') | Kind::Close(_) => return None,
            Kind::Open('{') => return Some(index),
            Kind::Open(_) => index = file.closing(index) + 1,
            _ => index += 1,
        }
    }
}

/// `unsafe` outside its rooms. `#[unsafe(no_mangle)]` counts: an exported symbol is of the C boundary too.
pub(crate) fn unsafe_code(file: &RustFile) -> Vec<Finding> {
    if UNSAFE_ROOMS.iter().any(|room| file.path.starts_with(room)) {
        return Vec::new();
    }
    let found = file.tokens.iter().filter(|token| token.is_word("unsafe"));
    let message = format!("`unsafe` lives in {} only", UNSAFE_ROOMS.join(" and "));
    found.map(|token| Finding::new(&file.path, token.line, message.clone())).collect()
}

/// `.unwrap()` in the product.
pub(crate) fn unwrap(file: &RustFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for three in file.tokens.windows(3) {
        let call = three[0].is_mark('.') && three[1].is_word("unwrap") && three[2].kind == Kind::Open('(');
        if call && !three[1].test {
            let message = "`unwrap` outside tests: return the error, or `expect` with its proof on the same screen";
            findings.push(Finding::new(&file.path, three[1].line, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str, text: &str) -> RustFile {
        RustFile::parse(path, text).expect("the fixture is Rust")
    }

    #[test]
    fn a_file_without_a_header_is_found_where_headers_are_owed() {
        assert_eq!(header(&parse("src/wire/x.rs", "use std::fmt;\n")).len(), 1);
        assert_eq!(header(&parse("src/wire/x.rs", "//! X.\n")), []);
        assert_eq!(header(&parse("tests/sim/x.rs", "use std::fmt;\n")), []);
    }

    #[test]
    fn a_file_may_have_a_thousand_lines_and_no_more() {
        assert_eq!(file_length(&parse("src/x.rs", &"\n".repeat(FILE_LINES_MAX))), []);
        assert_eq!(file_length(&parse("src/x.rs", &"\n".repeat(FILE_LINES_MAX + 1))).len(), 1);
    }

    #[test]
    fn a_function_may_have_seventy_lines_and_no_more() {
        let function = |lines: usize| {
            format!(
                "trait T {{ fn declared(&self); }}\nfn long(a: [u8; {{ 3 }}]) -> u8\nwhere u8: Copy {{{}}}\n",
                "\n".repeat(lines - 2)
            )
        };
        assert_eq!(function_length(&parse("src/x.rs", &function(FUNCTION_LINES_MAX))), []);
        let found = function_length(&parse("src/x.rs", &function(FUNCTION_LINES_MAX + 1)));
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("src/x.rs:2: fn long has 71 lines"), "{}", found[0]);
    }

    #[test]
    fn unsafe_is_found_outside_its_rooms_and_only_as_code() {
        let text = "//! unsafe\n#![deny(unsafe_code)]\nfn f() { unsafe { g() } }\n";
        let found = unsafe_code(&parse("src/store/x.rs", text));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
        assert_eq!(unsafe_code(&parse("src/ffi/cache.rs", text)), []);
        assert_eq!(unsafe_code(&parse("src/node/fork.rs", text)), []);
        assert_eq!(unsafe_code(&parse("src/node/forks.rs", text)).len(), 1);
    }

    #[test]
    fn unwrap_is_found_outside_tests_only() {
        let text = "fn f() { a().unwrap(); b.unwrap_or(1); }\n#[cfg(test)]\nmod tests { fn t() { a().unwrap(); } }\n";
        let found = unwrap(&parse("src/x.rs", text));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 1);
    }
}
