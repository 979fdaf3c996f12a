//! A Rust file as a flat list of tokens with their lines, each knowing how many inline modules enclose it and whether
//! it is test code. The compiler's own token rules (proc-macro2): a word in a comment or a string is never mistaken
//! for code.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word(String),
    /// One character of punctuation.
    Mark(char),
    /// An opening bracket.
    Open(char),
    /// A closing bracket.
    Close(char),
    /// A literal.
    Literal,
}

/// A token and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Inline modules around it.
    pub(crate) modules: usize,
    /// Under `#[cfg(test)]`, or in a file of tests.
    pub(crate) test: bool,
}

impl Token {
    /// It is this name or keyword.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(own) if own == word)
    }

    /// It is this punctuation.
    pub(crate) fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    /// Its name, if it is one.
    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// A Rust file.
#[derive(Debug)]
pub(crate) struct RustFile {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// Its tokens in order.
    pub(crate) tokens: Vec<Token>,
}

impl RustFile {
    /// Reads a file. `Err`: the line that is not Rust, and why.
    pub(crate) fn parse(path: &str, text: &str) -> Result<RustFile, (usize, String)> {
        let stream: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
            (error.span().start().line, format!("not readable as Rust: {error}"))
        })?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        let all_test = is_test_path(path);
        for token in &mut tokens {
            token.test = all_test;
        }
        mark_tests(&mut tokens);
        mark_modules(&mut tokens);
        Ok(RustFile { path: path.to_owned(), text: text.to_owned(), tokens })
    }

    /// The room of a file of the library: `src/wire/frame.rs` and `src/wire/mod.rs` and `src/wire.rs` are of `wire`.
    /// None for lib.rs and for files outside src/.
    pub(crate) fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let room = inside.split('/').next()?;
        let room = room.strip_suffix(".rs").unwrap_or(room);
        if matches!(room, "lib" | "main" | "bin") { None } else { Some(room) }
    }

    /// How many modules down from the crate's root the file itself is: 1 for src/wire/mod.rs, 2 for src/wire/frame.rs.
    pub(crate) fn depth(&self) -> usize {
        let folders = self.path.matches('/').count();
        if self.path.ends_with("/mod.rs") { folders - 1 } else { folders }
    }

    /// The index of the bracket that closes the one at `open`.
    pub(crate) fn closing(&self, open: usize) -> usize {
        closing(&self.tokens, open)
    }
}

/// Files that are tests as a whole.
fn is_test_path(path: &str) -> bool {
    path.starts_with("tests/")
        || path.starts_with("benches/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let start = tree.span().start().line;
        match tree {
            TokenTree::Ident(word) => tokens.push(token(Kind::Word(word.to_string()), start)),
            TokenTree::Punct(mark) => tokens.push(token(Kind::Mark(mark.as_char()), start)),
            TokenTree::Literal(_) => tokens.push(token(Kind::Literal, start)),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    // Text has no groups without brackets; only macros make those.
                    Delimiter::Parenthesis | Delimiter::None => ('(', ')'),
                };
                tokens.push(token(Kind::Open(open), start));
                flatten(group.stream(), tokens);
                tokens.push(token(Kind::Close(close), group.span_close().start().line));
            }
        }
    }
}

fn token(kind: Kind, line: usize) -> Token {
    Token { kind, line, modules: 0, test: false }
}

fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len() - 1
}

/// Marks the item after every `#[cfg(test)]` and `#[cfg(all(test, ..))]`.
fn mark_tests(tokens: &mut [Token]) {
    let mut index = 0;
    while index + 1 < tokens.len() {
        if tokens[index].is_mark('#') && tokens[index + 1].kind == Kind::Open('[') {
            let close = closing(tokens, index + 1);
            if is_cfg_test(&tokens[index + 2..close]) {
                let end = item_end(tokens, close + 1);
                for token in &mut tokens[index..end] {
                    token.test = true;
                }
                index = end;
                continue;
            }
        }
        index += 1;
    }
}

fn is_cfg_test(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().filter_map(Token::word).collect();
    matches!(words[..], ["cfg", "test"] | ["cfg", "all", "test", ..])
}

/// One past the end of the item that begins at `start`: past its `;`, or its body.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut index = start;
    while index < tokens.len() {
        match tokens[index].kind {
            Kind::Mark(';') => return index + 1,
            Kind::Open('{') => return closing(tokens, index) + 1,
            Kind::Open(_) => index = closing(tokens, index) + 1,
            _ => index += 1,
        }
    }
    tokens.len()
}

/// Counts, for each token, the inline `mod name { .. }` around it.
fn mark_modules(tokens: &mut [Token]) {
    for index in 0..tokens.len().saturating_sub(2) {
        let inline = tokens[index].is_word("mod")
            && tokens[index + 1].word().is_some()
            && tokens[index + 2].kind == Kind::Open('{');
        if inline {
            let close = closing(tokens, index + 2);
            for token in &mut tokens[index + 2..close] {
                token.modules += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str, text: &str) -> RustFile {
        RustFile::parse(path, text).expect("the fixture is Rust")
    }

    fn find<'a>(file: &'a RustFile, word: &str) -> &'a Token {
        file.tokens.iter().find(|token| token.is_word(word)).expect("the word is in the fixture")
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        let file =
            parse("src/x.rs", "// hidden1\n/* hidden2 */\nconst A: &str = r#\"hidden3\"#; // hidden4\nfn seen() {}\n");
        assert!(!file.tokens.iter().any(|token| token.word().is_some_and(|word| word.starts_with("hidden"))));
        assert_eq!(find(&file, "seen").line, 4);
    }

    #[test]
    fn test_code_is_the_item_after_the_attribute_and_no_more() {
        let text = "#[cfg(test)]\n#[path = \"x\"]\nmod tests { fn inside() {} }\nfn outside() {}\n#[cfg(all(test, unix))]\nuse a::imported;\n#[cfg(not(test))]\nfn real() {}\n";
        let file = parse("src/x.rs", text);
        assert!(find(&file, "inside").test && find(&file, "imported").test);
        assert!(!find(&file, "outside").test && !find(&file, "real").test);
        assert!(find(&parse("src/store/tests.rs", "fn all() {}"), "all").test);
    }

    #[test]
    fn inline_modules_are_counted() {
        let file = parse("src/x.rs", "fn a() {}\nmod m { fn b() {} mod n { fn c() {} } }\nfn d() {}");
        let modules = |word| find(&file, word).modules;
        assert_eq!((modules("a"), modules("b"), modules("c"), modules("d")), (0, 1, 2, 0));
    }

    #[test]
    fn rooms_and_depths_come_from_paths() {
        let facts = |path| {
            let file = parse(path, "");
            (file.room().map(str::to_owned), file.depth())
        };
        assert_eq!(facts("src/wire/mod.rs"), (Some("wire".to_owned()), 1));
        assert_eq!(facts("src/wire/frame.rs"), (Some("wire".to_owned()), 2));
        assert_eq!(facts("src/time.rs"), (Some("time".to_owned()), 1));
        assert_eq!(facts("src/lib.rs").0, None);
        assert_eq!(facts("cli/src/main.rs").0, None);
    }

    #[test]
    fn a_file_that_is_not_rust_is_an_error_with_its_line() {
        let (line, problem) = RustFile::parse("src/x.rs", "fn a() {}\nfn b( {}\n").expect_err("unbalanced");
        assert!(line >= 1 && problem.starts_with("not readable as Rust"), "{line} {problem}");
    }
}
