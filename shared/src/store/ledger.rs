//! The ledger: entries are added, in sequence, and never changed.

use super::{Action, StoreError, keys};
use crate::domain::{UserId, ledger::LedgerEntry};

/// Adds an entry at its place in the sequence; refused where there is one already.
///
/// # Errors
/// If the record cannot be encoded.
pub fn append(user: &UserId, entry: &LedgerEntry) -> Result<Action, StoreError> {
    Action::create(keys::ledger_entry(user, entry.sequence), entry)
}
