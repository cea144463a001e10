//! The ledger: entries are appended, in sequence, and never changed.

use super::{Action, keys};
use crate::domain::{UserId, ledger::LedgerEntry};

/// Appends an entry at its sequence number; refused if there is one already.
pub fn append(user: &UserId, entry: &LedgerEntry) -> Action {
    Action::create(keys::ledger_entry(user, entry.sequence), entry)
}
