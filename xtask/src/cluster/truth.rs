//! What every member must hold in the end, from what each says it wrote: of all writes of a key the one with the highest
//! version, and nothing where that is a delete.

use std::collections::BTreeMap;
use std::fmt;

/// A write of a key, or what is held of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    key: String,
    version: (u64, u64),
    put: bool,
}

impl Write {
    /// `KEY HLC ORIGIN put|delete`, the key in hexadecimal.
    pub(crate) fn parse(line: &str) -> Result<Write, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (&words[..], words.get(1).and_then(|w| w.parse().ok()), words.get(2).and_then(|w| w.parse().ok())) {
            ([key, _, _, kind @ ("put" | "delete")], Some(hlc), Some(origin)) => {
                Ok(Write { key: (*key).to_owned(), version: (hlc, origin), put: *kind == "put" })
            }
            _ => Err(format!("`{line}` is no write")),
        }
    }
}

/// The newest write of each key.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    newest: BTreeMap<String, Write>,
}

impl Truth {
    /// Somebody wrote this.
    pub(crate) fn note(&mut self, write: Write) {
        match self.newest.get(&write.key) {
            Some(newest) if newest.version >= write.version => {}
            _ => drop(self.newest.insert(write.key.clone(), write)),
        }
    }

    /// Whether that is what is held; keys with the prefix (text) are not looked at.
    pub(crate) fn check(&self, held: &[Write], but_for: Option<&str>) -> Result<(), String> {
        let prefix = but_for.map(|text| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
        let skipped = |key: &str| prefix.as_ref().is_some_and(|prefix| key.starts_with(prefix));
        let found: BTreeMap<&str, &Write> = held.iter().map(|write| (write.key.as_str(), write)).collect();
        for write in self.newest.values().filter(|write| !skipped(&write.key)) {
            match found.get(write.key.as_str()) {
                None if write.put => return Err(format!("lost: {write} is not held")),
                Some(other) if !write.put => return Err(format!("came back: {write}, but {other} is held")),
                Some(other) if other.version != write.version => {
                    return Err(format!("stale: {write} was written last, but {other} is held"));
                }
                _ => {}
            }
        }
        match found.values().find(|write| !self.newest.contains_key(&write.key) && !skipped(&write.key)) {
            Some(write) => Err(format!("invented: nobody wrote {write}")),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.get(..40).unwrap_or(&self.key);
        let kind = if self.put { "put" } else { "delete" };
        write!(f, "{kind} of {key} at {}/{:x}", self.version.0, self.version.1)
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deleted = self.newest.values().filter(|write| !write.put).count();
        write!(f, "the last write of {} keys, {deleted} of them deletes", self.newest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(line: &str) -> Write {
        Write::parse(line).expect("a write")
    }

    fn truth(lines: &[&str]) -> Truth {
        let mut truth = Truth::default();
        lines.iter().for_each(|line| truth.note(write(line)));
        truth
    }

    fn verdict(lines: &[&str], held: &[&str]) -> String {
        let held: Vec<Write> = held.iter().map(|line| write(line)).collect();
        truth(lines).check(&held, None).err().unwrap_or_default()
    }

    #[test]
    fn every_way_to_be_wrong_is_told_apart() {
        let wrote = ["6b 1 7 put", "6b 3 7 put", "6b 2 9 put", "6c 4 7 put", "6c 5 9 delete"];
        assert_eq!(verdict(&wrote, &["6b 3 7 put"]), "");
        assert!(verdict(&wrote, &[]).starts_with("lost"));
        assert!(verdict(&wrote, &["6b 2 9 put"]).starts_with("stale"));
        assert!(verdict(&wrote, &["6b 3 7 put", "6c 4 7 put"]).starts_with("came back"));
        assert!(verdict(&wrote, &["6b 3 7 put", "6d 1 1 put"]).starts_with("invented"));
    }

    #[test]
    fn equal_clocks_are_ordered_by_origin_and_a_prefix_is_left_out() {
        let truth = truth(&["6b 1 7 put", "6b 1 9 delete", "616263 1 1 put"]);
        assert_eq!(truth.check(&[], Some("ab")), Ok(()));
        assert!(truth.check(&[write("6b 1 7 put")], Some("ab")).is_err());
        assert!(Write::parse("6b 1 put").is_err());
    }
}
