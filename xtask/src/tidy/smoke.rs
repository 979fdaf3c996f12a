//! The smoke test is told the same way in every language: the same names, in the same order.

use super::{File, Finding};

/// The names, one a line.
const NAMES: &str = "tests/smoke.txt";

/// Where each language tells it: the folder, and how the file's name ends.
const TOLD_IN: [(&str, &str); 6] = [
    ("tests/abi/", "smoke.c"),
    ("tests/cpp/", "smoke.cpp"),
    ("bindings/python/", "test_smoke.py"),
    ("bindings/java/", "SmokeTest.java"),
    ("bindings/csharp/", "Smoke.cs"),
    ("bindings/ruby/", "test_smoke.rb"),
];

/// Languages that lack a name, or tell it out of turn.
pub(crate) fn told_alike(files: &[File]) -> Vec<Finding> {
    let Some(list) = files.iter().find(|file| file.path == NAMES) else {
        return vec![Finding::new(NAMES, 0, "does not exist")];
    };
    let names: Vec<&str> = list.text.lines().filter(|line| !line.is_empty()).collect();
    let mut findings = Vec::new();
    for (folder, ending) in TOLD_IN {
        match files.iter().find(|file| file.path.starts_with(folder) && file.path.ends_with(ending)) {
            Some(file) => findings.extend(missing(&names, file)),
            None => findings.push(Finding::new(folder, 0, format!("has no {ending}, which is to tell {NAMES}"))),
        }
    }
    findings
}

/// The first name that does not follow those before it.
fn missing(names: &[&str], file: &File) -> Option<Finding> {
    let told = letters(&file.text);
    let mut rest = told.as_str();
    for name in names {
        let Some(at) = rest.find(&letters(name)) else {
            return Some(Finding::new(&file.path, 0, format!("`{name}` is missing or out of turn; see {NAMES}")));
        };
        rest = &rest[at + name.len() - name.matches('_').count()..];
    }
    None
}

/// Letters and digits in lower case: every language's way to write a name comes to the same.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn all(text: &str) -> Vec<File> {
        let told = TOLD_IN.iter().map(|(folder, ending)| file(&format!("{folder}{ending}"), text));
        std::iter::once(file(NAMES, "put_get\nuse_after_close\n")).chain(told).collect()
    }

    #[test]
    fn every_way_to_write_a_name_counts() {
        for text in ["def test_01_put_get; def test_02_use_after_close", "void putGet() {} void UseAfterClose() {}"] {
            assert_eq!(told_alike(&all(text)), []);
        }
    }

    #[test]
    fn a_name_that_is_missing_or_out_of_turn_is_found_in_each_language() {
        assert_eq!(told_alike(&all("put_get")).len(), TOLD_IN.len());
        let findings = told_alike(&all("use_after_close put_get"));
        assert_eq!(findings.len(), TOLD_IN.len());
        assert!(findings[0].to_string().contains("`use_after_close` is missing or out of turn"), "{}", findings[0]);
    }

    #[test]
    fn a_language_without_the_test_is_found() {
        let mut files = all("put_get use_after_close");
        files.retain(|file| !file.path.ends_with(".rb"));
        assert_eq!(told_alike(&files).len(), 1);
    }
}
