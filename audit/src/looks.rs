//! Several looks at a shop that goes on.
//!
//! A table is read item by item, so a concurrent write can look wrong. An order may be read before its sale is counted,
//! or an account before its ledger. A fault is still there at the next look; a write in flight has arrived by then.

use std::collections::BTreeMap;

use crate::{Figures, Invariant, Report, Subject, Violation};

/// The number of looks that must all find a violation before it is a fault.
pub const LOOKS: u32 = 3;

/// A violation without its figures: its identity across looks.
pub type Fault = (Invariant, Subject, String);

/// The reports of several looks, compared.
#[derive(Debug)]
pub struct Looks {
    suspects: BTreeMap<Fault, Suspect>,
    arrived: Vec<Violation>,
    figures: Figures,
    omitted: u64,
    looks: u32,
}

/// A violation that every look so far has found.
#[derive(Debug)]
struct Suspect {
    latest: Violation,
    /// Whether the last two looks found the same figures. After the first look it is false.
    stands_still: bool,
}

/// The outcome of all looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Violations of every look, with the same figures at the last two.
    pub wrong: Vec<Violation>,
    /// Violations of every look with changing figures: a fault of something busy, or its traffic.
    pub moving: Vec<Violation>,
    /// Violations of one look that a later one did not find.
    pub in_flight: Vec<Violation>,
    /// The number of violations that the last look could not keep.
    pub omitted: u64,
    pub figures: Figures,
    pub looks: u32,
}

impl Looks {
    /// After the first look.
    pub fn new(first: Report) -> Self {
        let Report { figures, violations, omitted, .. } = first;
        let suspects = violations.into_iter().map(|latest| (fault(&latest), Suspect { latest, stands_still: true }));
        Self { suspects: suspects.collect(), arrived: Vec::new(), figures, omitted, looks: 1 }
    }

    /// After another look.
    pub fn add(&mut self, next: Report) {
        let Report { figures, violations, omitted, .. } = next;
        let mut now: BTreeMap<Fault, Violation> = violations.into_iter().map(|it| (fault(&it), it)).collect();
        let before = std::mem::take(&mut self.suspects);
        for (fault, suspect) in before {
            match now.remove(&fault) {
                Some(latest) => {
                    let stands_still = latest == suspect.latest;
                    self.suspects.insert(fault, Suspect { latest, stands_still });
                }
                None => self.arrived.push(suspect.latest),
            }
        }
        (self.figures, self.omitted) = (figures, omitted);
        self.looks += 1;
    }

    /// Whether no violation was found by every look so far.
    pub fn is_clean(&self) -> bool {
        self.suspects.is_empty() && self.omitted == 0
    }

    /// The violations that every look found, without their figures.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.suspects.keys()
    }

    pub fn verdict(self) -> Verdict {
        let Self { suspects, arrived, figures, omitted, looks } = self;
        let (wrong, moving): (Vec<_>, Vec<_>) = suspects.into_values().partition(|suspect| suspect.stands_still);
        let violations = |suspects: Vec<Suspect>| suspects.into_iter().map(|suspect| suspect.latest).collect();
        Verdict { wrong: violations(wrong), moving: violations(moving), in_flight: arrived, omitted, figures, looks }
    }
}

fn fault(violation: &Violation) -> Fault {
    (violation.invariant, violation.subject.clone(), violation.rule.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    fn report(wrong: &[(&str, &str)]) -> Report {
        let violation = |(rule, found): &(&str, &str)| Violation {
            invariant: Invariant::Sales,
            subject: Subject::Bestsellers,
            rule: (*rule).to_owned(),
            expected: "7".to_owned(),
            found: (*found).to_owned(),
        };
        let violations = wrong.iter().map(violation).collect();
        Report { scope: Scope::Everything, figures: Figures::default(), violations, omitted: 0 }
    }

    fn rules(violations: &[Violation]) -> Vec<&str> {
        violations.iter().map(|violation| violation.rule.as_str()).collect()
    }

    #[test]
    fn a_fault_stays_and_what_is_in_flight_arrives() {
        let mut looks = Looks::new(report(&[("fault", "3"), ("late", "1"), ("busy", "1")]));
        looks.add(report(&[("fault", "3"), ("busy", "2"), ("new", "1")]));
        assert!(!looks.is_clean());
        looks.add(report(&[("fault", "3"), ("busy", "3"), ("new", "1")]));
        assert_eq!(looks.faults().map(|(_, _, rule)| rule.as_str()).collect::<Vec<_>>(), ["busy", "fault"]);
        let verdict = looks.verdict();
        assert_eq!(rules(&verdict.wrong), ["fault"]);
        assert_eq!(rules(&verdict.moving), ["busy"]);
        assert_eq!(rules(&verdict.in_flight), ["late"]);
        assert_eq!(verdict.looks, 3);
    }

    #[test]
    fn a_shop_that_settles_is_clean() {
        let mut looks = Looks::new(report(&[("late", "1")]));
        looks.add(report(&[("new", "1")]));
        assert!(looks.is_clean());
    }
}
