//! Exports: their records, and those of a user that are open.
//!
//! A change of a running export goes through the stream to the function that builds it, so the commit of a part also asks
//! for the next one. The deletion of a user's open exports goes the same way, and has the user's files deleted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, Item, StoreError, keys, table::Cursor};
use crate::{
    domain::{ExportId, UserId, export::Export, ledger::LedgerEntry},
    platform::trace::{self, TraceId},
};

/// An export as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportRecord {
    #[serde(flatten)]
    pub export: Export,
    /// The digest of the request that created it.
    pub payload: String,
    /// The names of its parts, in their order. A name is new for each attempt, so no attempt overwrites the part of another.
    pub parts: Vec<String>,
    /// The place from which the next part goes on; none at the first part, and once all rows are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<ExportCursor>,
    /// Whether all rows are read, so that the parts are to be joined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_read: bool,
    /// The trace of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl ExportRecord {
    /// The record of an export that the current trace asks for.
    pub fn new(export: Export, payload: String) -> Self {
        Self { export, payload, parts: Vec::new(), cursor: None, is_read: false, trace_id: trace::current() }
    }
}

/// The place after the last row of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExportCursor {
    /// In a list: the position of its last row.
    After(String),
    /// In a scan of the table.
    Scan(Cursor),
    /// In the things of a user: the section, and a position in it, if it has begun.
    Section(u16, Option<String>),
}

/// The running exports of a user, each with the instant from which it no longer counts.
///
/// It is there as long as the user may have files. The erasure of the user deletes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserExports {
    pub open: BTreeMap<ExportId, i64>,
    /// Counts the changes, from 1.
    pub version: u64,
}

impl UserExports {
    /// Those that count at an instant.
    pub fn open_at(&self, now: Timestamp) -> BTreeMap<ExportId, i64> {
        let is_open = |(_, end): &(&ExportId, &i64)| **end > now.as_millisecond();
        self.open.iter().filter(is_open).map(|(id, end)| (id.clone(), *end)).collect()
    }
}

/// Adds an export; refused if there is one with this id.
pub fn create(record: &ExportRecord) -> Action {
    let until = record.export.expires_at.as_second();
    Action::create(keys::export(&record.export.export_id), record).expires_at(until)
}

/// Replaces an export that still has the version that was read.
pub fn replace(before: &Export, record: &ExportRecord) -> Action {
    Action::put(keys::export(&record.export.export_id), record)
        .expires_at(record.export.expires_at.as_second())
        .when("#version = :before")
        .value(":before", before.version)
}

/// Replaces the open exports of a user, if nobody has changed them since they were read.
pub fn set_open(user: &UserId, before: Option<&UserExports>, open: BTreeMap<ExportId, i64>) -> Action {
    let key = keys::user_exports(user);
    match before {
        None => Action::create(key, &UserExports { open, version: 1 }),
        Some(before) => {
            let after = UserExports { open, version: before.version.saturating_add(1) };
            Action::put(key, &after).when("#version = :before").value(":before", before.version)
        }
    }
}

/// Forgets the exports of a user, and with that has their files deleted.
pub fn forget(user: &UserId) -> Action {
    Action::delete(keys::user_exports(user))
}

/// A ledger entry with its user, from an item of the table.
///
/// # Errors
/// If the item is no ledger entry.
pub fn ledger_row(item: Item) -> Result<(UserId, LedgerEntry), StoreError> {
    let key = super::table::key_of(&item)?;
    let user = keys::user_of_partition(&key.pk).ok_or_else(StoreError::contradictory)?;
    Ok((user, serde_dynamo::from_item(item)?))
}
