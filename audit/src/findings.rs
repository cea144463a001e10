//! The violations that an audit collects.

use std::fmt::{Debug, Display};

use crate::report::{Invariant, Subject, Violation};

/// The number of violations that a report keeps. More than that have one cause, which ten thousand show as well.
const MAX_KEPT: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Findings {
    violations: Vec<Violation>,
    omitted: u64,
}

impl Findings {
    pub(crate) const fn about(&mut self, invariant: Invariant, subject: Subject) -> Checks<'_> {
        Checks { findings: self, invariant, subject }
    }

    /// The violations, in order, and the number of further ones.
    pub(crate) fn into_parts(mut self) -> (Vec<Violation>, u64) {
        self.violations.sort();
        (self.violations, self.omitted)
    }

    fn push(&mut self, violation: Violation) {
        if self.violations.len() < MAX_KEPT {
            self.violations.push(violation);
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
    }
}

/// Checks of one invariant for one subject. A failed check becomes a violation.
#[derive(Debug)]
pub(crate) struct Checks<'a> {
    findings: &'a mut Findings,
    invariant: Invariant,
    subject: Subject,
}

impl Checks<'_> {
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
        self.findings.push(Violation { invariant, subject, rule, expected, found });
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
        let (kept, omitted) = findings.into_parts();
        assert_eq!((kept.len(), omitted), (MAX_KEPT, 1));
    }
}
