//! The mends of the past that a command takes back, `tests/reverted.yaml`.

use std::fs;

use serde::Deserialize;

use crate::template::project_file;

/// The variable that names the mend which is switched off. Entries write it where its value is asked for.
pub const SWITCH: &str = "REVERTED";

/// A mend, its reversal, and the tests that miss it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mend {
    pub id: String,
    /// What it does.
    pub mend: String,
    /// The file of the change, from the root of the tree.
    pub file: String,
    from: String,
    to: String,
    and: Option<Change>,
    /// Each as `package/target name`.
    pub tests: Vec<String>,
}

/// A second change of the same file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    from: String,
    to: String,
}

impl Mend {
    /// The text of the file with a switch for this mend.
    ///
    /// # Errors
    /// The text that is not in the file exactly once.
    pub fn switched(&self, mut text: String) -> Result<String, &str> {
        let is_off = format!("std::env::var_os(\"{SWITCH}\").is_some_and(|id| id == \"{}\")", self.id);
        let first = (&self.from, &self.to);
        for (from, to) in std::iter::once(first).chain(self.and.iter().map(|change| (&change.from, &change.to))) {
            if text.matches(from).count() != 1 {
                return Err(from);
            }
            text = text.replace(from, &to.replace(SWITCH, &is_off));
        }
        Ok(text)
    }
}

/// All mends.
pub fn mends() -> Vec<Mend> {
    let mends = fs::read_to_string(project_file("tests/reverted.yaml")).expect("the mends are there");
    serde_yaml_ng::from_str(&mends).expect("the mends are well-formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command itself runs at night: a mend would move by day, and its entry stay behind.
    #[test]
    fn every_mend_is_where_its_entry_says() {
        for mend in mends() {
            let file = fs::read_to_string(project_file(&mend.file));
            let file = file.unwrap_or_else(|error| panic!("{}: {}: {error}", mend.id, mend.file));
            let switched = mend.switched(file);
            assert!(switched.is_ok(), "{}: {} does not have once: {}", mend.id, mend.file, switched.unwrap_err());
        }
    }
}
