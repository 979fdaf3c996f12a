//! What is told the same way in every language: the smoke test, and what is answered to bad inputs. The same names, in
//! the same order.

use super::{File, Finding};

/// A list that every language is held to.
struct Told {
    /// The names: the first word of each line that is no comment.
    list: &'static str,
    /// Where each language tells it: the folder, and how the file's name ends.
    told_in: [(&'static str, &'static str); 6],
}

const SMOKE: Told = Told {
    list: "tests/smoke.txt",
    told_in: [
        ("tests/abi/", "smoke.c"),
        ("tests/cpp/", "smoke.cpp"),
        ("bindings/python/", "test_smoke.py"),
        ("bindings/java/", "SmokeTest.java"),
        ("bindings/csharp/", "Smoke.cs"),
        ("bindings/ruby/", "test_smoke.rb"),
    ],
};
const BAD_INPUTS: Told = Told {
    list: "tests/bad_inputs.tsv",
    told_in: [
        ("tests/abi/", "bad_inputs.c"),
        ("tests/cpp/", "bad_inputs.cpp"),
        ("bindings/python/", "test_bad_inputs.py"),
        ("bindings/java/", "BadInputsTest.java"),
        ("bindings/csharp/", "BadInputTests.cs"),
        ("bindings/ruby/", "test_bad_inputs.rb"),
    ],
};

/// Languages that lack a name, or tell it out of turn.
pub(crate) fn told_alike(files: &[File]) -> Vec<Finding> {
    [SMOKE, BAD_INPUTS].iter().flat_map(|told| told.findings(files)).collect()
}

impl Told {
    fn findings(&self, files: &[File]) -> Vec<Finding> {
        let Some(list) = files.iter().find(|file| file.path == self.list) else {
            return vec![Finding::new(self.list, 0, "does not exist")];
        };
        let names: Vec<&str> = list.text.lines().filter_map(name_of).collect();
        let mut findings = Vec::new();
        for (folder, ending) in self.told_in {
            match files.iter().find(|file| file.path.starts_with(folder) && file.path.ends_with(ending)) {
                Some(file) => findings.extend(self.missing(&names, file)),
                None => {
                    findings.push(Finding::new(folder, 0, format!("has no {ending}, which is to tell {}", self.list)));
                }
            }
        }
        findings
    }

    /// The first name that does not follow those before it.
    fn missing(&self, names: &[&str], file: &File) -> Option<Finding> {
        let told = letters(&file.text);
        let mut rest = told.as_str();
        for name in names {
            let Some(at) = rest.find(&letters(name)) else {
                let problem = format!("`{name}` is missing or out of turn; see {}", self.list);
                return Some(Finding::new(&file.path, 0, problem));
            };
            rest = &rest[at + name.len() - name.matches('_').count()..];
        }
        None
    }
}

/// The name on a line.
fn name_of(line: &str) -> Option<&str> {
    let line = line.split('#').next()?;
    line.split('\t').next().map(str::trim).filter(|name| !name.is_empty())
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
        let of = |told: &Told| {
            let list = file(told.list, "# A comment.\nput_get\twhat\tfine\nuse_after_close\n");
            told.told_in.iter().map(|(folder, ending)| file(&format!("{folder}{ending}"), text)).chain([list]).collect()
        };
        [SMOKE, BAD_INPUTS].iter().flat_map::<Vec<File>, _>(of).collect()
    }

    #[test]
    fn every_way_to_write_a_name_counts() {
        for text in ["def test_01_put_get; def test_02_use_after_close", "void putGet() {} void UseAfterClose() {}"] {
            assert_eq!(told_alike(&all(text)), []);
        }
    }

    #[test]
    fn a_name_that_is_missing_or_out_of_turn_is_found_in_each_language() {
        let languages = SMOKE.told_in.len() + BAD_INPUTS.told_in.len();
        assert_eq!(told_alike(&all("put_get")).len(), languages);
        let findings = told_alike(&all("use_after_close put_get"));
        assert_eq!(findings.len(), languages);
        assert!(findings[0].to_string().contains("`use_after_close` is missing or out of turn"), "{}", findings[0]);
    }

    #[test]
    fn a_language_without_the_test_is_found() {
        let mut files = all("put_get use_after_close");
        files.retain(|file| !file.path.ends_with("test_bad_inputs.rb"));
        assert_eq!(told_alike(&files).len(), 1);
    }

    #[test]
    fn a_list_that_is_not_there_is_found() {
        let mut files = all("put_get use_after_close");
        files.retain(|file| file.path != BAD_INPUTS.list);
        assert_eq!(told_alike(&files).len(), 1);
    }
}
