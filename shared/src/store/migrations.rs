//! Migrations: the progress of each step, so that an interrupted one goes on and a finished one is not repeated.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, keys, table::Cursor};

/// The progress of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationProgress {
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub started_at: Timestamp,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub ended_at: Option<Timestamp>,
    /// The finished passes over the table.
    pub passes: usize,
    /// The last item that the current pass has handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// Counts of the records that the step has handled, by name of the outcome.
    #[serde(default)]
    pub figures: BTreeMap<String, u64>,
    /// Counts the changes of this record: of two concurrent runs of a step, one goes on.
    pub revision: u64,
}

impl MigrationProgress {
    /// The progress of a step that has done nothing yet.
    pub fn new(started_at: Timestamp) -> Self {
        Self { started_at, ended_at: None, passes: 0, after: None, figures: BTreeMap::new(), revision: 0 }
    }
}

/// Records the progress of a step; refused if another run has recorded more since `before` was read.
pub fn advance(step: &str, before: Option<&MigrationProgress>, after: &MigrationProgress) -> Action {
    let key = keys::migration(step);
    match before {
        None => Action::create(key, after),
        Some(before) => Action::put(key, after).when("#revision = :before").value(":before", before.revision),
    }
}
