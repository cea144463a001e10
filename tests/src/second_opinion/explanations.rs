//! Explanations of differences between emulators.

use std::{fs, io, path::Path};

use serde::Deserialize;

/// A difference found by a replay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub emulator: String,
    /// The difference in words.
    pub difference: String,
    /// The kind of the request.
    pub kind: String,
    /// The embedded answer in short.
    pub outcome: String,
}

/// The side that answers as AWS does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// The embedded DynamoDB.
    Embedded,
    /// The other emulator: a check at the connector refuses such requests of the shop, or none are made.
    Other,
    /// Both: the documents of AWS leave it open.
    Both,
}

/// An explanation of some differences. `*` stands for any text in a pattern.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    pub emulator: String,
    /// A pattern of the difference.
    pub difference: String,
    /// A pattern of the kind of request; any kind if it is left out.
    #[serde(default = "any")]
    pub kind: String,
    /// A pattern of the outcome; any outcome if it is left out.
    #[serde(default = "any")]
    pub outcome: String,
    pub right: Right,
    /// The reason, by the documents of AWS.
    pub why: String,
}

fn any() -> String {
    "*".to_owned()
}

impl Explanation {
    /// Whether it explains a difference.
    pub fn explains(&self, found: &Difference) -> bool {
        self.emulator == found.emulator
            && matches(&self.difference, &found.difference)
            && matches(&self.kind, &found.kind)
            && matches(&self.outcome, &found.outcome)
    }
}

/// The explanations in a file.
///
/// # Errors
/// If the file cannot be read or has another form.
pub fn read(file: &Path) -> io::Result<Vec<Explanation>> {
    serde_yaml_ng::from_str(&fs::read_to_string(file)?).map_err(io::Error::other)
}

/// The result of a comparison: every difference has an explanation, and every explanation a difference.
#[derive(Debug)]
pub struct Verdict<'a> {
    pub unexplained: Vec<&'a Difference>,
    pub unused: Vec<&'a Explanation>,
}

impl<'a> Verdict<'a> {
    /// Compares differences with the explanations of the emulators that were asked.
    pub fn new(found: &'a [Difference], explanations: &'a [Explanation], asked: &[&str]) -> Self {
        let unexplained = found.iter().filter(|found| !explanations.iter().any(|it| it.explains(found))).collect();
        let unused = explanations
            .iter()
            .filter(|it| asked.contains(&it.emulator.as_str()) && !found.iter().any(|found| it.explains(found)))
            .collect();
        Self { unexplained, unused }
    }

    pub fn is_clean(&self) -> bool {
        self.unexplained.is_empty() && self.unused.is_empty()
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(emulator: &str, text: &str) -> Difference {
        let [kind, outcome] = ["GetItem USER#*/ACCOUNT", "done"].map(str::to_owned);
        Difference { emulator: emulator.to_owned(), difference: text.to_owned(), kind, outcome }
    }

    fn explanation(difference: &str) -> Explanation {
        let [kind, outcome] = ["GetItem *", "*"].map(str::to_owned);
        let (emulator, difference, why) = ("moto".to_owned(), difference.to_owned(), "why".to_owned());
        Explanation { emulator, difference, kind, outcome, right: Right::Embedded, why }
    }

    #[test]
    fn an_unexplained_difference_is_reported() {
        let found = [difference("moto", "answers without Item"), difference("dynalite", "answers without Item")];
        let explanations = [explanation("answers without *")];
        let verdict = Verdict::new(&found, &explanations, &["moto", "dynalite"]);
        assert_eq!(verdict.unexplained, [&found[1]]);
        assert!(verdict.unused.is_empty() && !verdict.is_clean());
    }

    #[test]
    fn an_explanation_without_a_difference_is_reported() {
        let explanations = [explanation("answers without Item")];
        let verdict = Verdict::new(&[], &explanations, &["moto"]);
        assert_eq!(verdict.unused.len(), 1);
        assert!(!verdict.is_clean());
        // An emulator that did not run says nothing.
        assert!(Verdict::new(&[], &explanations, &["dynalite"]).is_clean());
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in [("*", ""), ("a*c", "abc"), ("*b*", "abc"), ("abc", "abc"), ("a*b*b", "abb")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "ab"), ("*d*", "abc"), ("ab*bc", "abc"), ("a*b*b", "ab")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
