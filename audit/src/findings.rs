//! The violations that an audit collects.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Display},
};

use shared::store::Key;

use crate::{
    relation::{Relation, Selection},
    report::{Invariant, Subject, Violation},
};

/// The number of violations that a report keeps. More than that have one cause, which ten thousand show as well.
const MAX_KEPT: usize = 10_000;

/// The number of suspects that a report keeps: some 20 MB.
const MAX_SUSPECTS: usize = 100_000;

/// Relations that look wrong, each with the keys of items that only the reader of the whole table can have found.
pub(crate) type Suspects = BTreeMap<Relation, BTreeSet<Key>>;

#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Violations of one item by itself, which no other write can explain.
    certain: Vec<Violation>,
    /// Violations of a relation. In a shop that goes on its items may be of different instants.
    apparent: Vec<(Relation, Violation)>,
    suspects: Suspects,
    omitted: u64,
    /// The number of suspects beyond those that are kept.
    unnamed: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) certain: Vec<Violation>,
    pub(crate) apparent: Vec<Violation>,
    pub(crate) suspects: Suspects,
    pub(crate) omitted: u64,
    pub(crate) unnamed: u64,
}

impl Findings {
    /// Checks of one item.
    pub(crate) const fn about(&mut self, invariant: Invariant, subject: Subject) -> Checks<'_> {
        Checks { findings: self, invariant, subject, relation: None, keys: Vec::new() }
    }

    /// Checks of a relation.
    pub(crate) const fn between(&mut self, invariant: Invariant, subject: Subject, relation: Relation) -> Checks<'_> {
        Checks { findings: self, invariant, subject, relation: Some(relation), keys: Vec::new() }
    }

    /// Drops the findings of relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.apparent.retain(|(relation, _)| selection.has_relation(relation));
        self.suspects.retain(|relation, _| selection.has_relation(relation));
    }

    pub(crate) fn into_found(self) -> Found {
        let Self { certain, apparent, suspects, omitted, unnamed } = self;
        let apparent = apparent.into_iter().map(|(_, violation)| violation).collect();
        Found { certain, apparent, suspects, omitted, unnamed }
    }

    fn push(&mut self, violation: Violation, of: Option<&Relation>, keys: &[Key]) {
        if let Some(relation) = of {
            let is_known = self.suspects.contains_key(relation);
            if is_known || self.suspects.len() < MAX_SUSPECTS {
                self.suspects.entry(relation.clone()).or_default().extend(keys.iter().cloned());
            } else {
                self.unnamed = self.unnamed.saturating_add(1);
            }
        }
        if self.certain.len() + self.apparent.len() >= MAX_KEPT {
            self.omitted = self.omitted.saturating_add(1);
            return;
        }
        match of {
            Some(relation) => self.apparent.push((relation.clone(), violation)),
            None => self.certain.push(violation),
        }
    }
}

/// Checks of one invariant for one subject. A failed check becomes a violation.
#[derive(Debug)]
pub(crate) struct Checks<'a> {
    findings: &'a mut Findings,
    invariant: Invariant,
    subject: Subject,
    relation: Option<Relation>,
    keys: Vec<Key>,
}

impl Checks<'_> {
    /// The keys of items that a second look cannot find from the relation.
    #[must_use]
    pub(crate) fn with(mut self, keys: Vec<Key>) -> Self {
        self.keys = keys;
        self
    }

    /// Requires `found` to be `expected`. Both values are printed, so they must not be personal data.
    pub(crate) fn equal<T: PartialEq + Debug>(&mut self, rule: impl Display, expected: T, found: T) {
        if expected != found {
            self.violated(rule, format_args!("{expected:?}"), format_args!("{found:?}"));
        }
    }

    /// Requires `found` to be zero or more.
    pub(crate) fn not_negative(&mut self, rule: impl Display, found: i64) {
        if found < 0 {
            self.violated(rule, "at least 0", found);
        }
    }

    /// Requires `found` to be `most` or less.
    pub(crate) fn at_most<T: PartialOrd + Display>(&mut self, rule: impl Display, most: T, found: T) {
        if found > most {
            self.violated(rule, format_args!("at most {most}"), found);
        }
    }

    /// Adds a violation that no other check describes.
    pub(crate) fn violated(&mut self, rule: impl Display, expected: impl Display, found: impl Display) {
        let (rule, expected, found) = (rule.to_string(), expected.to_string(), found.to_string());
        let (invariant, subject) = (self.invariant, self.subject.clone());
        let violation = Violation { invariant, subject, rule, expected, found };
        self.findings.push(violation, self.relation.as_ref(), &self.keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_to_keep_is_still_counted() {
        let mut findings = Findings::default();
        for number in 0..=MAX_KEPT {
            findings.about(Invariant::Sales, Subject::Bestsellers).equal("numbers", 0, number + 1);
        }
        let found = findings.into_found();
        assert_eq!((found.certain.len(), found.omitted), (MAX_KEPT, 1));
    }
}
