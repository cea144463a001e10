//! The progress of the nightly audit, from one function to the next.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Action, keys};

/// An audit: the one that is under way, or the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// The progress, in the auditor's own JSON.
    pub progress: String,
    /// Until this instant the function that took the next step is at work. Then another may take it.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub leased_until: Timestamp,
    /// Counts the changes of this record: of two concurrent functions, one takes the next step.
    pub revision: u64,
}

impl AuditRecord {
    /// The same progress, leased.
    #[must_use]
    pub fn leased(&self, now: Timestamp, lease: SignedDuration) -> Self {
        let leased_until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        Self { leased_until, revision: self.revision.saturating_add(1), ..self.clone() }
    }
}

/// Replaces a record that is still as it was read; refused if another function was faster.
pub fn replace(seen: Option<&AuditRecord>, now: &AuditRecord) -> Action {
    match seen {
        None => Action::create(keys::audit(), now),
        Some(seen) => Action::put(keys::audit(), now).when("#revision = :seen").value(":seen", seen.revision),
    }
}
