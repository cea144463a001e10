//! Several passes over one table or export, in bounded memory.

use jiff::Timestamp;

use crate::{
    Auditor, Report, Scope,
    relation::{HashRange, Selection},
};

/// An audit in as many passes as its memory needs. Each pass reads every item again and checks the relations that the
/// passes before left.
#[derive(Debug)]
pub struct Passes {
    scope: Scope,
    memory: usize,
    /// The first hash of the relations that are left.
    next: Option<u64>,
    report: Option<Report>,
    done: u32,
}

impl Passes {
    /// `memory` bounds the relations of a pass, about, in bytes.
    pub fn new(scope: Scope, memory: usize) -> Self {
        Self { scope, memory, next: Some(0), report: None, done: 0 }
    }

    /// The auditor of the next pass; nothing after the last.
    pub fn next_auditor(&self) -> Option<Auditor> {
        let selection = Selection::Hashes(HashRange::from_first(self.next?));
        Some(Auditor::of(self.scope, selection, self.memory))
    }

    /// Adds a pass that has read every item.
    pub fn add(&mut self, auditor: Auditor, now: Timestamp) {
        let (report, rest) = auditor.finish_pass(now);
        match &mut self.report {
            Some(all) => all.add(report),
            None => self.report = Some(report),
        }
        self.next = rest;
        self.done += 1;
    }

    /// The number of passes so far.
    pub fn done(&self) -> u32 {
        self.done
    }

    /// The part of all relations that the passes so far were about, from 0 to 1.
    pub fn share(&self) -> f64 {
        self.next.map_or(1.0, |next| next as f64 / u64::MAX as f64)
    }

    /// The report of all passes.
    pub fn into_report(self) -> Report {
        let auditor = || Auditor::of(self.scope, Selection::ALL, self.memory);
        let mut report = self.report.unwrap_or_else(|| auditor().finish_pass(Timestamp::UNIX_EPOCH).0);
        report.close();
        report
    }
}
