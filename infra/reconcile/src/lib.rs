//! Reconciliation: compares a payment provider's statement of one day with the shop's payments and ledger, both ways.
//!
//! | module | contents |
//! |---|---|
//! | [`statement`] | reads the lines of a statement |
//! | [`reconciliation`] | takes lines and items, and finishes into a report; several passes if memory is short |
//! | [`payment`] | one payment: its lines, its session, its order and its part of the ledger, and their checks |
//! | [`report`] | differences and hints, each as a sentence |
//!
//! Only `main.rs` does I/O. The lines of a payment, its session, its ledger entries and its order share one id, which is
//! `merchantOrderId` at the provider. So a pass that has not enough memory can leave half of the ids to the next one.

mod payment;
mod reconciliation;
mod report;
pub mod statement;

pub use reconciliation::{DayOutOfRange, Passes, Reconciliation};
pub use report::{Difference, Figures, Hint, Problem, Report};

/// The default memory of a pass, about, in bytes. Each pass over a table costs a scan, so a laptop's share is used.
pub const MEMORY: usize = 500_000_000;

#[cfg(test)]
mod tests;
