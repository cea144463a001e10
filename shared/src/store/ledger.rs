//! The ledger: entries are added, in sequence, and never changed.

use super::{Action, keys};
use crate::domain::{UserId, ledger::LedgerEntry};

/// Adds an entry at its place in the sequence; refused where there is one already.
pub fn append(user: &UserId, entry: &LedgerEntry) -> Action {
    Action::create(keys::ledger_entry(user, entry.sequence), entry)
}
